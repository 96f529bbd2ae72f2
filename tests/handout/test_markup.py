"""Prose and outputs become HTML that asks nothing of a network and runs nothing."""

from __future__ import annotations

import pytest

from server.handout.lesson import HandoutError
from server.handout.markup import Heading, Prose, clean_output, hints, plain
from server.handout.preprocessors import RenderProse

HINTS = """\
<details><summary>Hint 1</summary>

Look at `event`.

<details><summary>Hint 2</summary>

Call `upper()`.

</details>
</details>
"""


def prose(source: str, suffix: str = "", path: str = "") -> str:
    return Prose(suffix, path).to_html(source).strip()


@pytest.mark.parametrize(
    "live",
    [
        "<script>alert(1)</script>",
        "<style>p { color: red }</style>",
        "<iframe src='https://example.org/'>x</iframe>",
        "<button onclick='x()'>Stop</button>",
        "<form><input value='x'></form>",
        "<svg onload='x()'><script>x()</script></svg>",
        "<object data='x'>y</object>",
        "<link rel='stylesheet' href='https://example.org/x.css'>",
        "<img src='https://example.org/x.png' onerror='x()'>",
        "<video src='x'></video>",
        "<!-- a remark -->",
        "<template><p>x</p></template>",
    ],
)
def test_nothing_live_survives(live):
    """What acts or loads is gone, together with what is in it."""
    assert clean_output(f"<p>a</p>{live}<p>b</p>") == "<p>a</p><p>b</p>"
    assert prose(f"<p>a</p>{live}<p>b</p>") == "<p>a</p><p>b</p>"


def test_attributes_that_act_do_not_survive():
    """An event handler, a style and a foreign id go; what says something stays."""
    markup = '<td class="x" id="y" style="color: red" onclick="z()" colspan="2">a</td>'
    assert clean_output(f"<table><tbody><tr>{markup}</tr></tbody></table>") == (
        '<table><tbody><tr><td class="x" colspan="2">a</td></tr></tbody></table>'
    )


def test_links_of_an_output_go():
    """An output's links lead to a server that is gone; they go with their brackets."""
    card = '<p>live at <code>ws://x/</code> (<a href="http://127.0.0.1:8000/">try it</a>)</p>'
    assert clean_output(card) == "<p>live at <code>ws://x/</code></p>"


def test_links_of_prose():
    """Links to other pages and other handouts stay; a link to a file of the course is its text."""
    assert prose("[a](https://example.org/)") == '<p><a href="https://example.org/">a</a></p>'
    assert prose("[a](#Leaving)") == '<p><a href="#Leaving">a</a></p>'
    assert prose("[a](02_routing.ipynb)") == '<p><a href="02_routing.html">a</a></p>'
    assert prose("[a](02_routing.ipynb#Scope)", "-teacher") == (
        '<p><a href="02_routing-teacher.html#Scope">a</a></p>'
    )
    assert prose("[a](../server/notebook/launch.py)") == "<p>a</p>"
    assert prose("[a](javascript:alert)") == "<p>a</p>"
    assert prose("[a](//[)") == "<p>a</p>"
    assert prose('<a href="//[">a</a>') == "<p><a>a</a></p>"


def test_pictures_of_prose(tmp_path):
    """A picture that lies beside the lesson comes into the page; one from elsewhere does not."""
    (tmp_path / "dot.png").write_bytes(b"picture")
    assert prose("![a dot](dot.png)", path=str(tmp_path)) == (
        '<p><img src="data:image/png;base64,cGljdHVyZQ==" alt="a dot"></p>'
    )
    assert prose("![a dot](https://example.org/dot.png)") == "<p></p>"


def test_headings():
    """Headings have the anchors that Jupyter gives them, each its own."""
    renderer = Prose("", "")
    markup = renderer.to_html("## Get *ready* & go\n\n### Again\n\n### Again\n")
    assert renderer.headings == [
        Heading(2, "Get-ready-&-go", "Get ready & go"),
        Heading(3, "Again", "Again"),
        Heading(3, "Again-2", "Again"),
    ]
    assert '<h3 id="Again-2">Again</h3>' in markup


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("# A\n\n### B", "1: 'B' leaves out a level of headings"),
        ("# A\n\n# B", "1: 'B' is a second title"),
    ],
)
def test_headings_out_of_order(source, sentence):
    """Headings that are not in order are refused."""
    renderer = Prose("", "")
    renderer.to_html(source)
    with pytest.raises(HandoutError) as info:
        RenderProse.check_headings(renderer, "1")
    assert str(info.value) == sentence


def test_code_of_prose():
    """A block of code is coloured; entities are written once."""
    markup = prose("```python\na -> b < c\n```\n\n`<b> & c`")
    assert '<span class="o">-&gt;</span>' in markup
    assert "<code>&lt;b&gt; &amp; c</code>" in markup


def test_a_table_has_a_frame_to_scroll_in():
    """A table of Markdown stands in an element of its own."""
    assert prose("| a | b |\n| - | - |\n| c | d |\n").startswith('<div class="wide"><table>')


def test_a_note_shows_the_tags_that_it_speaks_of():
    """In a teacher's note a tag is text."""
    renderer = Prose("", "")
    assert renderer.note_to_html("What if somebody sends <img>?").strip() == (
        "<p>What if somebody sends &lt;img&gt;?</p>"
    )
    assert renderer.note_to_html("<hr>").strip() == "&lt;hr&gt;"
    assert not renderer.only_text


def test_hints_that_lie_in_one_another():
    """Each hint is found once, without the one that is folded away in it."""
    assert [(title, plain(text)) for title, text in hints(prose(HINTS))] == [
        ("Hint 1", "Look at event."),
        ("Hint 2", "Call upper()."),
    ]
    assert hints("<details><p>x</p></details>") == [("Hint", "<p>x</p>")]


@pytest.mark.parametrize("cleaned", [prose, clean_output])
def test_no_attribute_has_marks_of_a_tag(cleaned):
    """What a title says is never taken for a tag, whoever looks for one in the cleaned HTML."""
    assert cleaned('<p title="</h1><b>">x</p>') == '<p title="&lt;/h1&gt;&lt;b&gt;">x</p>'
