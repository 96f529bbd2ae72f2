"""Lesson 5: a chat room and notifications."""

TITLE = "A chat room and notifications"
