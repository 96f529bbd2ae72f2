"""Fill a template of ``static/exercises/``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["fill"]

FOLDER = Path(__file__).resolve().parents[2] / "static" / "exercises"


def fill(name: str, **values: Any) -> str:
    """Return a template's text with its values, which are escaped."""
    return environment().get_template(name).render(values)


@cache
def environment() -> Environment:
    """Return jinja2's environment; imported late, because a launch does not need it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
