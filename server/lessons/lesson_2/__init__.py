"""Lesson 2: routing."""

TITLE = "Routing"
