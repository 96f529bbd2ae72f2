"""The judge of the pages' HTML finds what it is there to find."""

from __future__ import annotations

import pytest

from tests.handout.validity import problems

START = '<!doctype html><html lang="en"><head><title>A page</title></head><body><h1>A</h1>'


def test_a_page_without_a_mistake():
    """Nothing is found where nothing is wrong."""
    body = '<p id="a"><code>x</code></p><details><summary>S</summary><p>T</p></details>'
    assert problems(f'{START}{body}<a href="#a">a</a></body></html>') == []


@pytest.mark.parametrize(
    "body",
    [
        "<p><div></div></p>",
        "<table><div>x</div></table>",
        "<span><div>x</div></span>",
        "<ul><p>x</p></ul>",
        '<p id="a">x</p><p id="a">y</p>',
        '<a href="#nowhere">x</a>',
        '<img src="data:,">',
        '<p onclick="x()">x</p>',
        '<p style="color: red">x</p>',
        "<details><p>x</p></details>",
        "<iframe></iframe>",
        "<h3>x</h3>",
        "<h1>x</h1>",
        "<p>&foo;</p>",
        "<p",
    ],
)
def test_mistakes(body):
    """Each mistake is found."""
    assert problems(f"{START}{body}</body></html>")
