"""Lesson 3: browser handlers."""

TITLE = "Browser handlers"
