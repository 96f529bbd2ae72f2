"""Known mistakes, and what makes one out of an exception, a close code or an entry."""

from . import general  # noqa: F401 (it enters its mistakes)
