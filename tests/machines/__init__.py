"""Other machines to try the course on: a fresh Debian, and every Python."""
