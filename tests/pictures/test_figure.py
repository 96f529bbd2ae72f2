"""A picture as HTML."""

from __future__ import annotations

from base64 import b64encode

from server.pictures.figure import figure

from .test_table import Page


def test_figure() -> None:
    """An SVG becomes an image of itself that has a text alternative; what it says stays text."""
    svg = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    page = Page(figure(svg, 'A "picture" <b>', "1 < 2\n2 > 1"))
    [image] = [attributes for tag, attributes in page.tags if tag == "img"]
    assert image == {
        "alt": 'A "picture" <b>. The same as text follows.',
        "src": f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}",
    }
    assert "1 < 2\n2 > 1" in page.text
    assert "b" not in [tag for tag, _ in page.tags]
