"""Prose and outputs become HTML that asks nothing of a network and runs nothing."""

from __future__ import annotations

import base64
import re

import pytest

from server.handout.formulas import formula
from server.handout.markup import Heading, Prose, clean_output, hints, plain, terminal
from server.handout.preprocessors import RenderProse
from server.handout.reading import HandoutError

HINTS = """\
<details><summary>Hint 1</summary>

Look at `event`.

<details><summary>Hint 2</summary>

Call `upper()`.

</details>
</details>
"""


def output(markup: str) -> str:
    return Prose("", "").html_to_page(markup, 1)


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
    sentence = re.compile(r'<span class="lost">[^<]*(<a [^<]*</a>[^<]*)?</span>')
    for shown in (prose(f"<p>a</p>{live}<p>b</p>"), output(f"<p>a</p>{live}<p>b</p>")):
        rest = re.sub(
            r'<img alt="A drawing" src="data:image/svg[^>]*>', "", sentence.sub("", shown)
        )
        assert rest == "<p>a</p><p>b</p>"


SITE = '<a href="https://example.org/x">https://example.org/x</a>'


@pytest.mark.parametrize(
    ("live", "sentence"),
    [
        ("<script>alert(1)</script>", "JavaScript"),
        ("<script>Plotly.newPlot()</script>", "an interactive chart (Plotly)"),
        ("<script>Bokeh.embed()</script>", "an interactive chart (Bokeh)"),
        (
            "<iframe src='https://example.org/x'></iframe>",
            f"a frame with another page ({SITE})",
        ),
        ("<video src='https://example.org/x'></video>", f"a film ({SITE})"),
        ("<video><source src='x.mp4'></video>", "a film"),
        ("<audio src='x.mp3'></audio>", "a sound (x.mp3)"),
        ("<canvas></canvas>", "a drawing that a script makes"),
        ("<form><input></form>", "a form"),
        ("<object data='x.swf'><embed src='x.swf'></object>", "an embedded file (x.swf)"),
        ("<svg><a></svg>", "a drawing that is not sound"),
        (
            "<img src='https://example.org/x' alt='a  dot'>",
            f"a picture from another site: a dot ({SITE})",
        ),
        ("<img src='x.png'>", "a picture that is not with the notebook (x.png)"),
        ("<img src='data:image/png;base64,A' alt='a dot'>", "a picture that is not sound: a dot"),
    ],
)
def test_a_sentence_for_what_is_lost(live, sentence):
    """In the place of what a page cannot show stands what it was, and where it is."""
    expected = f'<p>a <span class="lost">Not on this page: {sentence}.</span> b</p>'
    assert output(f"<p>a {live} b</p>") == expected
    assert prose(f"a {live} b") == expected


def test_a_drawing_in_html_is_a_picture():
    """A drawing stays, as a picture, in which nothing runs."""
    shown = output('<div><svg viewBox="0 0 1 1"><svg/><path d="M0 0"/></svg> and text</div>')
    source = re.fullmatch(
        r'<div><img alt="A drawing" src="data:image/svg\+xml;base64,(.*)"> .*', shown
    )
    assert base64.b64decode(source[1]).decode() == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><svg/><path d="M0 0"/></svg>'
    )
    for source in ("<svg><!ENTITY a 'b'></svg>", "</svg>x", "<svg><g>"):
        assert "<img" not in output(f"<p>{source}</p>")


def test_a_drawing_as_an_address_is_a_picture():
    """A drawing that is written out in an address stays too."""
    assert 'src="data:image/svg+xml;base64,' in prose("![x](data:image/svg+xml;utf8,%3Csvg%2F%3E)")
    assert "not sound" in prose("![x](data:image/svg+xml;utf8,%3Cp%2F%3E)")


def test_a_long_table_is_cut():
    """Of a table of many pages the beginning and the end stay, and a sentence between them."""
    rows = "".join(f"<tr><td>{number}</td></tr>" for number in range(1000))
    renderer = Prose("", "")
    shown = renderer.html_to_page(f"<table>{rows}</table>", 3)
    assert re.findall(r"<td>(\d+)</td>", shown) == [
        *map(str, range(100)),
        *map(str, range(950, 1000)),
    ]
    assert shown.endswith("</table>850 rows are left out in the middle.")
    assert list(renderer.notes) == [
        "cell 3: rows of a long table are left out, and the page says so"
    ]


def test_attributes_that_act_do_not_survive():
    """An event handler, a style and a foreign id go; what says something stays."""
    markup = '<td class="x" id="y" style="color: red" onclick="z()" colspan="2">a</td>'
    assert clean_output(f"<table><tbody><tr>{markup}</tr></tbody></table>") == (
        '<table><tbody><tr><td class="x" colspan="2">a</td></tr></tbody></table>'
    )


def test_a_short_table_beside_a_long_one():
    """A table that fits on a page stays whole, also where another one is cut."""
    long = f"<table>{'<tr><td>long</td></tr>' * 1000}</table>"
    short = f"<table>{'<tr><td>short</td></tr>' * 20}</table>"
    shown = Prose("", "").html_to_page(short + long, 3)
    assert (shown.count("short"), shown.count("<td>long")) == (20, 150)
    assert shown.count("rows are left out") == 1


def test_links_of_an_output():
    """Links to a server that is gone go with their brackets; links to sites stay."""
    card = '<p>live at <code>ws://x/</code> (<a href="http://127.0.0.1:8000/">try it</a>)</p>'
    assert clean_output(card) == "<p>live at <code>ws://x/</code></p>"
    table = '<table><tbody><tr><td><a href="https://example.org/">a</a></td></tr></tbody></table>'
    assert clean_output(table) == table
    assert clean_output('<a href="#x">a</a> <a href="x.txt">b</a>') == "a b"


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
        '<p><img alt="a dot" src="data:image/png;base64,cGljdHVyZQ=="></p>'
    )
    assert prose('<img src="dot.png" alt="a dot">', path=str(tmp_path)) == (
        '<img alt="a dot" src="data:image/png;base64,cGljdHVyZQ==">'
    )


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


def test_task_boxes():
    """A box of a list of tasks is a sign, and nothing to press."""
    shown = re.sub(r"\s*\n\s*", "", prose("- [ ] open\n- [x] done\n"))
    assert shown == "<ul><li>☐ open</li><li>☑ done</li></ul>"


def test_formulas():
    """Formulas in prose are MathML, wherever they stand."""
    shown = prose("The sum $x_1$:\n\n$$\\frac{a}{b}$$\n\n| $y$ |\n|---|\n| 1 |")
    assert '<p>The sum <math display="inline"><mrow><msub>' in shown
    assert '<math display="block"><mrow><mfrac>' in shown
    assert "<th><math" in shown
    assert '<mtable displaystyle="true">' in prose("\\begin{align}\na &= b\n\\end{align}")


def test_parts_of_a_formula_that_draw_nothing():
    """What a browser does not draw of a formula goes, and what is in it stays."""
    assert formula(r"\cancel{x}").html == (
        '<math display="inline"><mrow><mrow><mrow><mi>x</mi></mrow></mrow></mrow></math>'
    )
    assert formula(r"\label{a}").html == ""


def test_links_to_notebooks_that_have_a_page(tmp_path):
    """Where the pages are known, a link leads to one of them, or is its text."""
    renderer = Prose("-teacher", str(tmp_path), pages={tmp_path / "a b.ipynb": "a b"})
    assert renderer.to_html("[x](a%20b.ipynb)").strip() == (
        '<p><a href="a%20b-teacher.html">x</a></p>'
    )
    assert renderer.to_html("[x](b.ipynb) [y](%00.ipynb)").strip() == "<p>x y</p>"


def test_attachments():
    """A picture that is attached to its cell is in the page."""
    attached = {"a b.png": {"text/plain": "x", "image/png": "iVBORw0KGgo="}}
    shown = Prose("", "").to_html('![x](attachment:a%20b.png "y")', attached, 2)
    assert shown == '<p><img alt="x" src="data:image/png;base64,iVBORw0KGgo=" title="y"></p>\n'


def test_attachments_that_are_none():
    """A picture whose attachment is none is a sentence."""
    renderer = Prose("", "")
    sentence = "Not on this page: a picture that is missing: x."
    assert sentence in renderer.to_html("![x](attachment:x.png)", {"x.png": 3}, 2)
    assert list(renderer.notes) == ["cell 2: an attachment is missing, and the page says so"]


def test_a_formula_stays_where_text_is():
    """What stands for a formula in an attribute, or that nobody wrote, becomes none."""
    shown = prose('<p title="\n\n$$x$$\n\n">y</p>')
    assert "<math" not in shown
    assert prose('<span class="formula-7"></span>') == "<p></p>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", '<span class="ansi-red-fg">red</span>'),
        ("\x1b[38;2;1;2;3m<b>\x1b[0m", "<span>&lt;b&gt;</span>"),
        ("\x1b]8;;https://example.org/\x07a link\x1b]8;;\x07", "a link"),
        ("a\x08\x00b\tc\n", "ab\tc\n"),
    ],
)
def test_terminal(text, shown):
    """What is printed has its colours, and nothing else that a terminal obeys."""
    assert terminal(text) == shown


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
