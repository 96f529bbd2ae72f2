"""The exporter: two editions of a lesson, through nbconvert's own commands."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment
from nbconvert.exporters import get_exporter
from traitlets.config import Application, Config

from server.handout.exporter import (
    HandoutExporter,
    css_string,
    heading_first,
    picture_texts,
    without_colourless_marks,
)
from server.handout.reading import HandoutError
from tests.handout.samples import code, lesson, printed, prose, recorded, shown


def export(notebook: nbformat.NotebookNode, edition: str = "student") -> str:
    """Return the page of a notebook."""
    resources = {"metadata": {"name": "1", "path": ""}}
    return HandoutExporter(edition=edition).from_notebook_node(notebook, resources)[0]


def main(page: str) -> BeautifulSoup:
    """Return what stands between the head and the foot of a page."""
    return BeautifulSoup(page, "html.parser").main


@pytest.fixture(scope="module")
def student() -> BeautifulSoup:
    return main(export(lesson()))


@pytest.fixture(scope="module")
def teacher() -> BeautifulSoup:
    return main(export(lesson(), "teacher"))


def nbconvert(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``jupyter nbconvert --to handout``."""
    command = [sys.executable, "-m", "nbconvert", "--to", "handout", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_registered():
    """nbconvert knows the exporter by its name."""
    assert get_exporter("handout") is HandoutExporter


def test_templates_are_compiled_once(monkeypatch):
    """A second exporter takes the templates as the first has compiled them."""
    page = export(lesson())

    def compile_again(*arguments):
        raise AssertionError(arguments)

    monkeypatch.setattr(Environment, "compile", compile_again)
    assert export(lesson()) == page


# The two editions


def test_students_answers_come_at_the_end(student):
    """Beside a question stands where its answer is, and not the answer."""
    question = student.find(id="question-1")
    assert "What does the client get?" in question.text
    assert question.find("a")["href"] == "#answer-1"
    answer = student.find(id="answer-1")
    assert "it is an echo" in answer.text
    assert answer.find_parent(class_="end")
    assert student.text.count("it is an echo") == 1


def test_students_hints_are_folded(student):
    """Hints unfold on the screen; on paper they come at the end."""
    hints = student.find(class_="hints")
    assert [fold.summary.text for fold in hints("details")] == ["Hint 1", "Hint 2", "Hint 3"]
    assert not hints.find("details", open=True)
    assert len(student.find(class_="on-paper")("li")) == 3


def test_student_has_room_to_write(student):
    """Below a question and below a stub there are lines to write on, which nobody hears."""
    assert len(student(class_="write", attrs={"aria-hidden": "true"})) == 3


def test_student_has_nothing_of_the_teachers(student):
    """No minutes, no notes, no solution, no check."""
    assert "Teacher" not in student.text
    assert "minutes" not in student.text.replace("30 minutes", "")
    assert "answer_in_capitals" not in student.text
    assert "Not yet" not in student.text


def test_teachers_answers_stand_where_they_belong(teacher):
    """A question is followed by its cell and its answer."""
    assert not teacher.find(id="answer-1")
    assert "it is an echo" in teacher.find(class_="answer").text
    assert not teacher.find(class_="end")


def test_teachers_notes(teacher):
    """The teacher reads minutes for each section, and what to say."""
    notes = [note.get_text(" ", strip=True) for note in teacher(class_="say")]
    assert notes == [
        "Teacher: 6 minutes Draw the two sides on the board.",
        "Teacher Let them vote.",
        "Teacher: 10 minutes",
        "Teacher: 8 minutes",
    ]
    plan = [[cell.text for cell in row("td")] for row in teacher.find(class_="plan")("tr")]
    assert plan == [
        [],
        ["A first consumer & more", "6", "6"],
        ["In the browser", "10", "16"],
        ["Exercise 1.1: shout back", "8", "24"],
    ]


def test_minutes_of_a_subsection_and_of_the_title():
    """All minutes count, each in the section in which they are spent."""
    notebook = lesson()
    notebook.cells[0].metadata.teacher = {"minutes": 2}
    notebook.cells.insert(2, prose("### More", teacher={"minutes": 3}))
    plan = main(export(notebook, "teacher")).find(class_="plan")
    assert plan.caption.text == "Plan of 29 minutes"
    assert [cell.text for cell in plan("td")][:6] == [
        *("Introduction", "2", "2"),
        *("A first consumer & more", "9", "11"),
    ]


def test_teachers_solution(teacher):
    """The teacher has the solution, and the wrong answers with what the check says of them."""
    assert teacher.find(string=re.compile("answer_in_capitals"))
    wrong = teacher(class_="wrong")
    assert any(
        "The message came back as it was: The answer is the client's text" in part.summary.text
        for part in wrong
    )
    assert all(part.find(class_="highlight") for part in wrong)
    said = [part.summary.text.partition(". ")[2] for part in wrong]
    assert len(set(said)) == len(said)


def test_edition_is_named(student):
    """Whoever holds a page sees which edition it is."""
    assert "<title>Lesson 1: consumers · Teacher" in export(lesson(), "teacher")
    assert "<title>Lesson 1: consumers · Student" in export(lesson())


# What the cells show


def test_contents(student):
    """The list of contents leads to each section, and to the answers."""
    page = BeautifulSoup(export(lesson()), "html.parser")
    assert [link.text for link in page.nav("a")] == [
        *("A first consumer & more", "In the browser"),
        *("Exercises", "Exercise 1.1: shout back", "Recap"),
        "Answers",
    ]


def test_outputs(student):
    """Text is escaped, a table stays, live parts go."""
    assert student.find("pre", string="<b>nobody</b>\n")
    assert student.find(class_="channels-transcript").caption.text.startswith("Transcript")
    assert student.find(class_="card").text.strip() == "is liveNot on this page: JavaScript."
    assert not student.find(["script", "button", "iframe", "style", "form", "svg"])


def test_pictures_have_a_text(student):
    """A drawing has its text below it; a picture of pixels has an alternative text."""
    drawing, pixels = student("img")[:2]
    assert drawing["alt"] == "Sequence diagram. The same as text follows."
    assert drawing.find_next("pre").text == "client to Echo: hello"
    assert pixels["alt"] == "Four bars, one after the other"


def test_drawing_without_a_text():
    """The plain text of a drawing that says nothing of itself stands in."""
    output = shown({"image/svg+xml": "<svg></svg>", "text/plain": "a line"})
    assert picture_texts(output) == ("A picture", "a line")


def test_cell_of_use_only_where_it_runs(student):
    """A cell with the tag ``live`` is left out."""
    assert "progress(1)" not in student.text


def test_browser_cell(student):
    """A browser cell shows its console, and what crossed the wire."""
    diagram = student.find("img", alt=re.compile("browser cell"))
    assert diagram["alt"] == (
        "Sequence diagram of the browser cell first-socket: 7 steps. The same as text follows."
    )
    console = student.find("p", string="Console of the browser").find_next("pre")
    assert console.text.startswith("received: hello\n")
    table = diagram.find_next("table")
    assert [row.td.find_next("td").text for row in table.tbody("tr")][2] == "↑ sent hello"


@pytest.mark.parametrize(
    ("lines", "seen", "unseen"),
    [
        ([], "The browser showed nothing.", "Console"),
        ([{"kind": "log", "text": "alone"}], "alone", "Between"),
        ([{"kind": "open", "text": "", "socket": 1}], "Between", "Console of"),
    ],
)
def test_browser_cell_that_shows_little(lines, seen, unseen):
    """What did not happen has no place on the page."""
    notebook = lesson()
    notebook.cells.append(code("%%browser x\n", recorded(lines), id="x"))
    notebook.cells[-1].execution_count = 99
    text = main(export(notebook))(class_="cell")[-1].text
    assert seen in text
    assert unseen not in text


def test_stderr_and_errors():
    """What goes wrong on purpose is shown, without a terminal's colours."""
    notebook = lesson()
    output = nbformat.v4.new_output
    cell = code(
        "x",
        output("stream", name="stderr", text="a warning"),
        output("error", ename="E", evalue="v", traceback=["\x1b[31mE\x1b[0m: v"]),
        output("execute_result", data={"text/plain": "1 < 2"}, execution_count=9),
        output("display_data", data={"application/javascript": "x()"}),
        printed("done"),
    )
    cell.execution_count = 9
    notebook.cells.append(cell)
    outputs = main(export(notebook))(class_="outputs")[-1]
    assert [part.text for part in outputs("pre")] == ["a warning", "E: v", "1 < 2", "done"]
    assert "x()" not in outputs.text


def test_jpeg():
    """A photograph comes into the page as it is."""
    notebook = lesson()
    cell = code("x", shown({"image/jpeg": "YQ==\n", "text/plain": "a photograph"}))
    cell.execution_count = 9
    notebook.cells.append(cell)
    picture = main(export(notebook))("img")[-1]
    assert (picture["src"], picture["alt"]) == ("data:image/jpeg;base64,YQ==", "a photograph")


def test_a_page_may_have_no_question():
    """A lesson without questions and exercises has nothing at its end."""
    notebook = lesson()
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("tags")]
    assert not main(export(notebook)).find(class_="end")


@pytest.mark.parametrize(
    ("output", "long"),
    [
        (printed("x\n" * 15), False),
        (printed("x\n" * 70), True),
        (recorded([{"kind": "sent", "text": "x", "socket": 1}] * 40), True),
        (shown({"image/svg+xml": '<svg width="1" height="1500"></svg>'}), True),
        (shown({"image/svg+xml": "<svg></svg>"}), False),
        (shown({"text/html": "<table><tbody>" + "<tr><td>x</td></tr>" * 60 + "</table>"}), True),
    ],
)
def test_cell_that_no_page_holds(output, long):
    """Only a cell that takes a good part of a page may be split between pages."""
    notebook = lesson()
    notebook.cells.append(code("x", output))
    notebook.cells[-1].execution_count = 99
    assert ("long" in main(export(notebook))(class_="cell")[-1]["class"]) == long


def test_own_configuration_adds_to_what_is_left_out():
    """Tags that a teacher's configuration removes are removed too; solutions stay out."""
    config = Config({"TagRemovePreprocessor": {"remove_cell_tags": {"recap"}}})
    page, _ = HandoutExporter(config=config).from_notebook_node(
        lesson(), {"metadata": {"name": "1", "path": ""}}
    )
    assert "Recap" not in page
    assert "answer_in_capitals" not in page


# Bad input


@pytest.mark.parametrize(("chosen", "name"), [("1", "1-teacher"), ("mine", "mine")])
def test_name_of_the_file(chosen, name):
    """The teacher's file is named so, unless somebody has chosen a name."""
    resources = {"metadata": {"name": "1", "path": ""}, "unique_key": chosen}
    exporter = HandoutExporter(edition="teacher")
    assert exporter.from_notebook_node(lesson(), resources)[1]["unique_key"] == name


def test_unknown_edition():
    """An edition that there is not is refused in a sentence."""
    with pytest.raises(HandoutError, match=r"expected any of \['student', 'teacher'\], not"):
        HandoutExporter(edition="parent")


def test_command(sample, tmp_path):
    """nbconvert's command writes a page, named after its edition."""
    done = nbconvert("--HandoutExporter.edition=teacher", f"--output-dir={tmp_path}", str(sample))
    assert done.returncode == 0, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["00_sample-teacher.html"]


def test_a_file(sample):
    """A file becomes a page in Python as well."""
    page, _ = HandoutExporter().from_filename(str(sample))
    assert "<h1" in page


def test_not_a_text(tmp_path):
    """A file that is no text is no notebook."""
    file = tmp_path / "bad.ipynb"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(
        HandoutError, match=r"^bad\.ipynb is not a notebook: it is no text in UTF-8$"
    ):
        HandoutExporter().from_filename(str(file))


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("", "bad.ipynb is not a notebook: it does not say which format it has"),
        ("--HandoutExporter.edition=parent", "expected any of ['student', 'teacher']"),
    ],
)
def test_command_with_bad_input(tmp_path, option, sentence):
    """Bad input ends in one sentence and leaves nothing behind."""
    file = tmp_path / "bad.ipynb"
    file.write_text("{}")
    done = nbconvert(*filter(None, [option, str(file)]))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "Converting" not in line]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert list(tmp_path.iterdir()) == [file]


def test_other_applications_are_not_ended(monkeypatch):
    """In JupyterLab a mistake is an exception, as elsewhere in Python."""
    other = SimpleNamespace(name="jupyter-lab")
    monkeypatch.setattr("server.handout.exporter.Application.initialized", lambda: True)
    monkeypatch.setattr("server.handout.exporter.Application.instance", lambda: other)
    with pytest.raises(HandoutError):
        HandoutExporter(edition="parent")


def test_nbconvert_is_ended(monkeypatch, caplog):
    """In nbconvert's command a mistake ends the command."""
    app = Application()
    app.name = "jupyter-nbconvert"
    app.log = logging.getLogger("nbconvert-test")
    monkeypatch.setattr("server.handout.exporter.Application.initialized", lambda: True)
    monkeypatch.setattr("server.handout.exporter.Application.instance", lambda: app)
    with pytest.raises(SystemExit) as info:
        HandoutExporter(edition="parent")
    assert info.value.code == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("first", ["%%write chat/views.py", "%%answer 6.2"])
def test_a_file_in_a_cell(first):
    """A cell that becomes a file has the colours of Python, as any other cell."""
    notebook = nbformat.v4.new_notebook(cells=[prose("# 1"), code(f"{first}\nclass A: pass")])
    assert main(export(notebook)).find("span", class_="k").text == "class"


# Small parts


def test_css_string():
    """A title cannot end the string, the style or the page that it stands in."""
    assert css_string("A, b!") == '"A, b!"'
    assert css_string('"</style>\\') == r'"\22 \3c \2f style\3e \5c "'


def test_marks_without_colour():
    """Only words that the style colours are marked."""
    page = '<pre><span></span><span class="k">if</span><span class="w"> </span><b>x</b></pre>'
    assert without_colourless_marks(page, ".highlight .k { color: red }") == (
        '<pre><span class="k">if</span> <b>x</b></pre>'
    )


def test_heading_first():
    """A cell is parted after its first heading."""
    assert heading_first("<h2>a</h2><p>b</p>") == ("<h2>a</h2>", "<p>b</p>")
    assert heading_first("<p>b</p>") == ("", "<p>b</p>")
