"""Lesson 4: JSON conversion."""

TITLE = "JSON conversion"
