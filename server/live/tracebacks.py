"""Whose code raised an exception: the learner's own, or a library's."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from traceback import FrameSummary, TracebackException

__all__ = ["is_library", "learner_frames"]

LIBRARIES = tuple(
    {
        str(Path(path).resolve())
        for name, path in sysconfig.get_paths().items()
        if name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    | {str(Path(__file__).resolve().parents[1])}
)
"""Where code lives that is not the learner's: Python, what is installed, and ``server/``."""


def learner_frames(exception: TracebackException) -> list[FrameSummary]:
    """Return the frames of a traceback that are the learner's own code."""
    return [frame for frame in exception.stack if not is_library(frame.filename)]


def is_library(filename: str) -> bool:
    """Tell whether a file belongs to Python, to an installed package or to this server."""
    if filename.startswith("<frozen"):
        return True
    path = Path(filename)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return any(path.is_relative_to(folder) for folder in LIBRARIES)
