"""Lesson 6: going live."""

TITLE = "Going live"
