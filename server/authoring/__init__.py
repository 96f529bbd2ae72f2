"""For those who write lessons: run, record and normalise them, and make the page of mistakes."""
