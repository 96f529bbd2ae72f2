"""Where the files of the course are: in a checkout beside ``server/``, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CHECKOUT", "NOTEBOOKS", "RECORDINGS", "STATIC"]


def locate(package: Path) -> tuple[Path, Path | None]:
    """Return the folder that holds the course's files, and the checkout, where it is one."""
    # pyproject.toml says which folders a wheel has there.
    installed = package / "course"
    return (installed, None) if installed.is_dir() else (package.parent, package.parent)


COURSE, CHECKOUT = locate(Path(__file__).resolve().parent)

STATIC = COURSE / "static"
"""What a browser loads, and the templates."""

NOTEBOOKS = COURSE / "notebooks"
"""The lessons."""

RECORDINGS = NOTEBOOKS / "recordings"
"""What a browser showed for the browser cells of the lessons."""
