"""For who learns and who teaches: a learner's own lessons, a class set, who has solved what."""
