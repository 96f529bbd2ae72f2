"""Where the files of the course are."""

from __future__ import annotations

from pathlib import Path

from server import paths


def test_checkout(tmp_path: Path) -> None:
    """In a checkout they are beside the package."""
    assert paths.locate(tmp_path / "server") == (tmp_path, tmp_path)


def test_installed(tmp_path: Path) -> None:
    """In an installed wheel they are inside it, and there is no checkout."""
    installed = tmp_path / "server" / "course"
    installed.mkdir(parents=True)
    assert paths.locate(tmp_path / "server") == (installed, None)


def test_here() -> None:
    """The tests run on the checkout."""
    assert Path(__file__).resolve().parents[1] == paths.CHECKOUT
    assert paths.STATIC == paths.CHECKOUT / "static"
    assert paths.RECORDINGS == paths.CHECKOUT / "notebooks" / "recordings"
