"""A picture as HTML, for a notebook."""

from __future__ import annotations

from base64 import b64encode

from ..template import fill

__all__ = ["figure"]


def figure(svg: str, title: str, text: str) -> str:
    """Return an SVG as an image with its text alternative.

    JupyterLab shows an SVG only in a trusted notebook and without a text alternative; an image
    in HTML it always shows. The color-scheme that JupyterLab sets with its theme decides for the
    image as well whether it is light or dark.

    """
    data = b64encode(svg.encode()).decode()
    return fill("pictures/picture.html", svg=data, title=title, text=text)
