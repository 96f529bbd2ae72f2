"""Fill a template of ``static/``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .paths import STATIC

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["fill"]


def fill(name: str, **values: Any) -> str:
    """Return a template's text with its values, which are escaped."""
    return environment().get_template(name).render(values)


@cache
def environment() -> Environment:
    """Return jinja2's environment; imported late, because a launch does not need it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(STATIC),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
