"""Notebooks that are no lessons become pages: a small one for each kind, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from server.handout.build import build, main
from server.handout.exporter import HandoutExporter, highlighter
from server.handout.reading import HandoutError, read_notebook
from tests.handout.samples import png, shown
from tests.handout.test_hostile import faults

LOST = "Not on this page: "


def ran(*outputs: NotebookNode, source: str = "x", **metadata: Any) -> NotebookNode:
    """Return a code cell that was run."""
    cell = new_code_cell(source, outputs=list(outputs), execution_count=1)
    cell.metadata.update(metadata)
    return cell


def said(text: str, **metadata: Any) -> NotebookNode:
    """Return a Markdown cell."""
    cell = new_markdown_cell(text)
    cell.metadata.update(metadata)
    return cell


def page(*cells: NotebookNode, edition: str = "student", **metadata: Any) -> tuple[Tag, list[str]]:
    """Return the page of a notebook that begins with a title, and what is noted of it."""
    end = said("The *end*.")
    notebook = new_notebook(cells=[said("# A title"), *cells, end], metadata=metadata)
    html, resources = HandoutExporter(edition=edition).from_notebook_node(
        notebook, {"metadata": {"name": "mine", "path": ""}}
    )
    assert faults(html) == []
    found = BeautifulSoup(html, "html.parser").main
    assert found is not None
    return found, list(resources["notes"])


def output(*outputs: NotebookNode) -> tuple[Tag, list[str]]:
    """Return what a page shows of outputs, and what is noted of them."""
    found, notes = page(ran(*outputs))
    shown = found.find(class_="outputs")
    assert isinstance(shown, Tag)
    return shown, notes


# Formats


def old(major: int) -> dict[str, Any]:
    """Return a notebook of an old format, with a heading and a code cell."""
    heading = {"cell_type": "heading", "level": 1, "source": ["An old one"], "metadata": {}}
    run = {"output_type": "stream", "stream": "stdout", "text": ["4\n"]}
    code = {
        "cell_type": "code",
        "input": ["print 2 + 2"],
        "language": "python",
        "outputs": [run],
        "prompt_number": 1,
    }
    if major == 1:
        return {"nbformat": 1, "cells": [{"cell_type": "code", "code": "2", "prompt_number": 1}]}
    cells = [heading, code] if major == 3 else [code]
    return {"nbformat": major, "metadata": {}, "worksheets": [{"cells": cells, "metadata": {}}]}


@pytest.mark.parametrize(
    ("major", "text"),
    [(1, "old 2"), (2, "old print 2 + 2 4"), (3, "An old one print 2 + 2 4")],
)
def test_old_formats(major, text):
    """Notebooks of the formats 1 to 3 are pages as any other."""
    notebook = read_notebook(json.dumps(old(major)), "old")
    html, _ = HandoutExporter().from_notebook_node(notebook, {"metadata": {"name": "old"}})
    assert " ".join(BeautifulSoup(html, "html.parser").main.get_text().split()) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x.ipynb is empty"),
        (" \n", "x.ipynb is empty"),
        ("no JSON", "x.ipynb is not a notebook: it is no JSON from line 1 on"),
        ('{\n"a": 1\n"b": 2}', "x.ipynb is not a notebook: it is no JSON from line 3 on"),
        ("[" * 100_000, "x.ipynb is not a notebook: its parts are nested too deeply"),
        ("[]", "x.ipynb is not a notebook: it does not say which format it has"),
        ("3", "x.ipynb is not a notebook: it does not say which format it has"),
        ('{"cells": 1}', "x.ipynb is not a notebook: it does not say which format it has"),
        ('{"nbformat": true}', "x.ipynb is not a notebook: it does not say which format it has"),
        ('{"nbformat": 5}', "x.ipynb has the format 5, and the newest known one is 4"),
        (
            '{"nbformat": 3, "worksheets": 1}',
            "x.ipynb is not a notebook: its structure is not that of format 3",
        ),
    ],
)
def test_refused(text, sentence):
    """What is no notebook is refused, in one sentence that is true."""
    with pytest.raises(HandoutError) as info:
        read_notebook(text, "x.ipynb")
    assert str(info.value) == sentence


def test_no_list_of_cells():
    """A notebook whose cells are none is refused."""
    for cells, sentence in (
        (1, "x is not a notebook: it has no list of cells"),
        ([], None),
    ):
        notebook = nbformat.from_dict({"nbformat": 4, "metadata": {}, "cells": cells})
        try:
            html, _ = HandoutExporter().from_notebook_node(notebook, {"metadata": {"name": "x"}})
            assert sentence is None and "<h1" in html
        except HandoutError as error:
            assert str(error) == sentence


def test_a_structure_that_cannot_be_mended():
    """A notebook that is wrong in another way is refused, and so is a broken lesson."""
    notebook = new_notebook(cells=[ran()])
    notebook.cells[0].execution_count = -1
    with pytest.raises(HandoutError) as info:
        HandoutExporter().from_notebook_node(notebook, {"metadata": {"name": "x"}})
    assert str(info.value) == "x is not a notebook: its structure is not that of format 4"
    broken = nbformat.from_dict({"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "raw"}]})
    with pytest.raises(HandoutError) as info:
        HandoutExporter(strict=True).from_notebook_node(broken, {"metadata": {"name": "x"}})
    assert str(info.value) == "x: cell 1 has not the structure of a cell"


def test_byte_order_mark():
    """A mark that some editors put at the beginning is no part of a notebook."""
    assert read_notebook("\ufeff" + nbformat.writes(new_notebook()), "x").cells == []


def test_cells_without_a_structure():
    """What can be read of broken cells is on the page, and the cells are named."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# A title"},
        {"cell_type": "markdown"},
        {"cell_type": "code", "source": ["a\n", "b"], "outputs": "x", "metadata": 3},
        {"cell_type": "dance", "source": "x"},
        "x",
        {
            "cell_type": "code",
            "source": "c",
            "metadata": {"tags": None},
            "execution_count": "x",
            "outputs": [
                1,
                {"output_type": "x"},
                {"output_type": "stream", "text": "printed"},
                {"output_type": "error"},
                {"output_type": "display_data", "data": {"text/plain": 3}},
            ],
        },
        {
            "cell_type": "markdown",
            "id": "twice",
            "metadata": {},
            "source": "![x](attachment:x.png)",
            "attachments": 3,
        },
        {"cell_type": "raw", "id": "twice", "metadata": {}, "source": "raw"},
        {"cell_type": "raw", "id": "$", "metadata": {}, "source": "The *end*."},
    ]
    notebook = read_notebook(
        json.dumps({"nbformat": 4, "metadata": {"kernelspec": "x"}, "cells": cells}), "x"
    )
    html, resources = HandoutExporter().from_notebook_node(notebook, {"metadata": {"name": "x"}})
    text = BeautifulSoup(html, "html.parser").main.get_text()
    assert all(word in text for word in ("a\nb", "c", "printed", "raw"))
    assert next(iter(resources["notes"])) == (
        "cells 2, 3, 4, 5, 6 and 7: has not the structure of a cell; the page has what can be "
        "read of it"
    )


# Titles and headings


def headings(notebook: NotebookNode) -> tuple[list[tuple[str, str]], list[str]]:
    html, resources = HandoutExporter().from_notebook_node(
        notebook, {"metadata": {"name": "my_notes"}}
    )
    found = BeautifulSoup(html, "html.parser").main
    return (
        [(heading.name, heading.text) for heading in found(["h1", "h2", "h3", "h4"])],
        list(resources["notes"]),
    )


@pytest.mark.parametrize(
    ("source", "metadata", "found"),
    [
        ("Title\n=====\n\nb\n-\n", {}, [("h1", "Title"), ("h2", "b")]),
        ("no title", {}, [("h1", "my notes")]),
        ("no title", {"title": "A *title*"}, [("h1", "A title")]),
        ("no title", {"title": 3}, [("h1", "my notes")]),
        ("## a\n\n#### b", {}, [("h1", "my notes"), ("h2", "a"), ("h3", "b")]),
        ("# a\n\n# b\n\n## c\n\n# d", {}, [("h1", "a"), ("h2", "b"), ("h3", "c"), ("h2", "d")]),
        ("<h1 align='center'>a</h1>\n\n### b", {}, [("h1", "a"), ("h2", "b")]),
    ],
)
def test_titles(source, metadata, found):
    """A page has one title and its headings in order, whatever the notebook has."""
    notebook = new_notebook(cells=[said(source)])
    notebook.metadata.update(metadata)
    assert headings(notebook)[0] == found


def test_headings_out_of_order():
    """Of headings out of order the first is named."""
    notebook = new_notebook(cells=[said("# a\n\n### b\n\n# c")])
    assert headings(notebook)[1][-1] == (
        "'b' leaves out a level of headings, and so on, 2 times; the page has its headings in order"
    )


def test_links_within_a_page():
    """A link leads to its heading however it is written, and is text where there is none."""
    main, _ = page(said("## My Part\n\n[a](#my-part) [b](#My-Part) [c](#nowhere)"))
    assert [(link.text, link["href"]) for link in main("a")] == [
        ("a", "#My-Part"),
        ("b", "#My-Part"),
    ]


# Outputs


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (
            {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "IntSlider(value=3)"},
            f"{LOST}an interactive widget.",
            "an interactive widget is not on the page, which says so",
        ),
        (
            {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Half of it: 50 %"},
            f"{LOST}an interactive widget. Half of it: 50 %",
            "an interactive widget is not on the page, which says so",
        ),
        (
            {
                "application/vnd.plotly.v1+json": {"data": []},
                "text/html": "<div></div><script>Plotly.newPlot()</script>",
            },
            f"{LOST}an interactive chart (Plotly).",
            "an interactive chart (Plotly) is not on the page, which says so",
        ),
        (
            {"application/javascript": "alert(1)", "text/plain": "<IPython.Javascript object>"},
            f"{LOST}JavaScript.",
            "JavaScript is not on the page, which says so",
        ),
        (
            {"application/pdf": "AAAA"},
            f"{LOST}a PDF.",
            "a PDF is not on the page, which says so",
        ),
        (
            {"application/x-own": "a", "image/tiff": "b"},
            f"{LOST}an output of the kind application/x-own.",
            "an output of the kind application/x-own is not on the page, which says so",
        ),
        (
            {"image/png": "no base64!", "text/plain": "<Figure>"},
            f"{LOST}a picture that is not sound.",
            "a picture that is not sound is not on the page, which says so",
        ),
        (
            {"image/svg+xml": "<svg><g></svg>"},
            f"{LOST}a drawing that is not sound.",
            "a drawing that is not sound is not on the page, which says so",
        ),
        (
            {"text/latex": r"$\frac$"},
            r"\frac",
            "a formula cannot be typeset, and stands there as TeX",
        ),
        (
            {"text/latex": r"$\foo$"},
            r"\foo",
            r"the command \foo in a formula is not known, and stands there as it is",
        ),
    ],
)
def test_what_is_lost(data, text, note):
    """What no page can show is a sentence on the page, and a line on the terminal."""
    found, notes = output(shown(data))
    assert " ".join(found.get_text(" ").split()) == text
    assert notes == [f"cell 2: {note}"]


@pytest.mark.parametrize(
    ("data", "source"),
    [
        ({"image/gif": "R0lGODlh", "text/plain": "a film"}, "data:image/gif;base64,R0lGODlh"),
        ({"image/webp": "UklGRg=="}, "data:image/webp;base64,UklGRg=="),
        (
            {
                "application/vnd.plotly.v1+json": {},
                "text/html": "<script></script>",
                "image/png": png(),
            },
            f"data:image/png;base64,{png()}",
        ),
        (
            {"application/vnd.jupyter.widget-view+json": {}, "image/png": png()},
            f"data:image/png;base64,{png()}",
        ),
        ({"text/html": "<script></script>", "image/jpeg": "YQ=="}, "data:image/jpeg;base64,YQ=="),
    ],
)
def test_static_form(data, source):
    """A picture of any kind is shown, and instead of what is interactive too."""
    found, _ = output(shown(data))
    assert [picture["src"] for picture in found("img")] == [source]
    assert LOST not in found.text


@pytest.mark.parametrize(
    ("data", "html"),
    [
        ({"text/latex": "$x$"}, '<math display="inline"><mrow><mi>x</mi></mrow></math>'),
        ({"text/latex": "a \\[x\\] b"}, 'a <math display="block"><mrow><mi>x</mi></mrow></math> b'),
        ({"text/latex": "x"}, '<math display="block"><mrow><mi>x</mi></mrow></math>'),
        ({"text/latex": "$ $", "text/plain": "x"}, "<p></p>"),
        (
            {"text/markdown": "# a\n\n**b** [c](#d)"},
            "<p><strong>a</strong></p>\n<p><strong>b</strong> c",
        ),
        ({"application/json": {"a": ["ä"]}}, '{\n  "a": [\n    "ä"\n  ]\n}'),
        ({"text/plain": "\x1b[1mx\x1b[0m"}, '<span class="ansi-bold">x</span>'),
    ],
)
def test_kinds_of_text(data, html):
    """LaTeX, Markdown, JSON and a terminal's colours are shown as what they are."""
    found, notes = output(shown(data))
    assert html in str(found)
    assert notes == []


def test_long_outputs():
    """Of 200,000 lines a page has the first and the last, and says how many are left out."""
    lines = "".join(f"{number}\n" for number in range(200_000)) + "y" * 9_000
    found, notes = output(new_output("stream", text=lines))
    text = found.get_text()
    assert text.strip().startswith("0\n1\n2\n")
    assert "199\n… 199,701 lines are left out here …\n199901\n" in text
    assert text.strip().endswith("yyy … 5,000 signs are left out …")
    assert notes == [
        "cell 2: lines of a long output are left out, and the page says so",
        "cell 2: most of a long line is left out, and the page says so",
    ]


def test_formula_without_end():
    """A formula that would take for ever, or more than the stack, stays as TeX."""
    for tex in ("{" * 4_000, "x" * 6_000):
        found, notes = page(said(f"$${tex}$$"))
        assert found.find("code", class_="tex").text == tex
        assert notes[-1] == "cell 2: a formula cannot be typeset, and stands there as TeX"


# Other languages and other tools


@pytest.mark.parametrize(
    ("metadata", "classes"),
    [
        ({"language_info": {"name": "R"}}, {"o"}),
        ({"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}, {"o"}),
        ({"language_info": {"name": "x", "pygments_lexer": "nobody-knows"}}, set()),
        ({}, {"o"}),
    ],
)
def test_language(metadata, classes):
    """Code is coloured in the language of the notebook."""
    notebook = new_notebook(metadata=metadata)
    code = str(highlighter(notebook, HandoutExporter())("x <- 1"))
    soup = BeautifulSoup(code, "html.parser")
    assert {name for span in soup("span") for name in span.get("class", [])} & {"o"} == classes


def test_marks_of_other_tools():
    """What Jupyter Book and slides leave out is left out, and notes of slides for students."""
    cells = [
        said("skipped", slideshow={"slide_type": "skip"}),
        said("a note", slideshow={"slide_type": "notes"}),
        said("a slide", slideshow={"slide_type": "slide"}),
        said("a strange slide", slideshow=3),
        ran(new_output("stream", text="kept"), source="hidden", tags=["hide-input"]),
        ran(new_output("stream", text="dropped"), source="stays", tags=["remove_output"]),
        ran(source="gone", tags=["remove-cell"]),
    ]
    student, notes = page(*cells)
    words = student.get_text()
    assert [
        word for word in ("skipped", "a note", "hidden", "dropped", "gone") if word in words
    ] == []
    assert all(word in words for word in ("a slide", "a strange slide", "kept", "stays"))
    assert notes == [
        "cell 2: the type of slide 'skip' is left out",
        "cell 3: the type of slide 'notes' is left out",
    ]
    assert "a note" in page(*cells, edition="teacher")[0].get_text()


def test_solutions_of_nbgrader():
    """No solution or hidden test of an assignment is on a student's page; a teacher's has all."""
    grading = {"nbgrader": {"solution": True, "grade": False}}
    hidden = "a = 1\n### BEGIN SOLUTION\nb = 2\n### END SOLUTION\n# BEGIN HIDDEN TESTS\nc = 3"
    cells = [
        ran(new_output("stream", text="seen"), source=hidden),
        ran(source="d = 4", **grading),
        said("because", **grading),
        said("a text", nbgrader={"solution": False}),
    ]
    student, notes = page(*cells)
    text = student.get_text()
    assert [word for word in ("b = 2", "c = 3", "d = 4", "because", "seen") if word in text] == []
    assert all(word in text for word in ("a = 1", "# Your code", "Your answer", "a text"))
    assert "cells 2, 3 and 4: a solution is left out of the student's page" in notes
    teacher = page(*cells, edition="teacher")[0].get_text()
    assert all(word in teacher for word in ("b = 2", "c = 3", "d = 4", "because", "seen"))


def test_tags_of_lessons_used_otherwise():
    """Tags that mean something in a lesson do no harm where they mean something else."""
    cells = [
        said("an answer", tags=["answer"]),
        said("a question", tags=["predict"]),
        ran(source="code", tags=["hint", "own"]),
        said("no fold", tags=["hint"]),
        ran(source="solved", tags=["solution"], exercise=3),
    ]
    student, notes = page(*cells)
    text = student.get_text()
    assert all(word in text for word in ("an answer", "a question", "code", "no fold"))
    assert "is at the end" not in text
    assert "solved" not in text
    assert "Solution\n" in page(*cells, edition="teacher")[0].get_text()
    assert "cell 4: has the tag 'own', which no lesson has" in notes
    assert "cell 4: has the tag 'hint' and is not Markdown" in notes


# As a teacher does it


def write(path: Path, *cells: NotebookNode) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def test_names(tmp_path):
    """Notebooks of one name, and one called index, each have a page, and links lead to it."""
    text = said("[a](../b/Intro.ipynb) [b](../index.ipynb) [c](lost.ipynb) [d](intro.ipynb#x)")
    files = [
        write(tmp_path / "a" / "intro.ipynb", text),
        write(tmp_path / "b" / "Intro.ipynb", said("b")),
        write(tmp_path / "c" / "b" / "intro.ipynb", said("c")),
        write(tmp_path / "index.ipynb", said("d")),
    ]
    out = tmp_path / "out"
    build(files, out)
    index = f"{tmp_path.name}-index"
    assert {file.name for file in (out / "student").iterdir()} == {
        *("index.html", "intro.html", "b-Intro.html", "b-intro-2.html", f"{index}.html"),
    }
    main = BeautifulSoup((out / "teacher" / "intro-teacher.html").read_text(), "html.parser").main
    assert [(link.text, link["href"]) for link in main("a")] == [
        ("a", "b-Intro-teacher.html"),
        ("b", f"{index}-teacher.html"),
        ("d", "intro-teacher.html#x"),
    ]
    assert "WebSockets" not in (out / "index.html").read_text()


def test_command(tmp_path, capsys):
    """A teacher is told what of which notebook is not on its page."""
    film = said("# A film\n\n<video src='https://example.org/x.mp4'></video>")
    file = write(tmp_path / "film.ipynb", film, ran())
    main([str(file), "--out", str(tmp_path / "out"), "--no-pdf"])
    assert capsys.readouterr().out.splitlines() == [
        "film.ipynb: no cell has an output; run the lesson and save it with its outputs",
        "film.ipynb: cell 1: a film is not on the page, which says so",
        f"2 handouts and 0 PDFs are in {tmp_path / 'out'}",
    ]
