"""Where the files of the course are: what a browser loads, and the lessons."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NOTEBOOKS", "RECORDINGS", "ROOT", "STATIC"]

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

STATIC = ROOT / "static"
"""What a browser loads, and the templates of pictures, verdicts and handouts."""

NOTEBOOKS = ROOT / "notebooks"
"""The lessons."""

RECORDINGS = NOTEBOOKS / "recordings"
"""What a browser showed for the browser cells of the lessons."""
