"""Lesson 1: consumers."""

TITLE = "Consumers"
