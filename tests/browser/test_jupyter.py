"""Lessons inside JupyterLab: restarts, two notebooks at once, themes, a notebook reopened.

And a learner's copy: what is folded is not seen before it is asked for.
"""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from server.authoring.notebooks import METADATA
from server.classroom.student import student_notebook
from server.lessons import lessons
from server.notebook.recordings import Recording, save
from server.notebook.runs import digest
from tests.browser.driving import HUB
from tests.browser.lab import READY, SHUT_DOWN, Frame, Lab, Lesson, errors
from tests.browser.record import SAMPLE, read

LAUNCH = """
%load_ext server
from channels.generic.websocket import WebsocketConsumer
from server import launch

class Greeter(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.send(GREETING)

GREETING = "hello"
live = launch(Greeter)
"""

# A frame that nobody answers needs not look for long.
HASTY = "from server.notebook import runs\nruns.RETRIES = [50, 100]\n"

GREETED = """%%browser greeted
const mySocket = new WebSocket(`ws://${window.location.host}/ws/sc/`);
mySocket.onmessage = (event) => console.log(event.data);
"""

# What the outputs say where no frame came.
NOTES = """
const found = () => document.querySelectorAll("[data-browser-cell] > p:first-child");
while (found().length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
return [...found()].map((note) => note.textContent);
"""


def write(lab: Lab, name: str, *sources: str) -> None:
    """Write a notebook whose cells are called a, b, c and so on."""
    cells = [
        new_code_cell(source.strip("\n"), id=id)
        for id, source in zip("abcdef", sources, strict=False)
    ]
    # With a kernel's name, or JupyterLab asks for one.
    metadata = read(SAMPLE / "sample.ipynb").metadata
    nbformat.write(new_notebook(cells=cells, metadata=metadata), lab.folder / name)


def when(lesson: Lesson, name: str, **wanted: Any) -> Frame:
    """Return what a frame shows once it shows this."""
    deadline = time.monotonic() + 90
    while True:
        frame = lesson.frame(name, late=True)
        if all(getattr(frame, key) == value for key, value in wanted.items()):
            return frame
        assert time.monotonic() < deadline, frame
        time.sleep(0.1)


def test_kernel_restart(jupyter: Lab) -> None:
    """A frame whose kernel has restarted says so, rests, and lives again with its cell."""
    write(jupyter, "restart.ipynb", HASTY + LAUNCH, GREETED)
    lesson = jupyter.open("restart.ipynb")
    lesson.run_all()
    assert lesson.frame("greeted").lines[-1]["text"] == "hello"
    lesson.restart()
    gone = "The server of this cell is gone: run the launch cell, then this one."
    # That its socket is closed, a page may hear after that its server is gone.
    closed = 'code 1012, reason "the server restarts", clean'
    when(lesson, "greeted", state="lost", status=gone, last=closed)
    lesson.run("a")
    lesson.run("b")
    frame = lesson.frame("greeted")
    assert [line["text"] for line in frame.lines] == ["/ws/sc/", "", "hello", "hello"]
    assert frame.status == ""
    lesson.close()


def test_two_notebooks(jupyter: Lab) -> None:
    """Cells of the same name in two notebooks talk to their own servers.

    Where JupyterLab has a name that is not loopback's, cells are reached through its server.
    """
    write(jupyter, "first.ipynb", LAUNCH, GREETED)
    write(jupyter, "second.ipynb", LAUNCH, 'GREETING = "good day"', GREETED)
    first = jupyter.open("first.ipynb")
    first.run_all()
    foreign = replace(jupyter, url=jupyter.url.replace("127.0.0.1", HUB), idle=[])
    second = foreign.open("second.ipynb")
    second.run_all()
    first.run("b")
    assert first.frame("greeted").lines[-1]["text"] == "hello"
    assert second.frame("greeted").lines[-1]["text"] == "good day"
    assert first.frame("greeted").host != second.frame("greeted").host
    assert first.frame("greeted").prefix == ""
    assert second.frame("greeted").prefix.startswith("/channels-notebooks/")
    first.close()
    assert second.frame("greeted").status == ""
    second.close()
    second.page.close()


def test_theme(jupyter: Lab) -> None:
    """A frame follows JupyterLab's theme, from the start and when it changes."""
    write(jupyter, "theme.ipynb", LAUNCH, GREETED)
    lesson = jupyter.open("theme.ipynb")
    lesson.run_all()
    assert ground(lesson, "rgb(255, 255, 255)")
    lesson.change_theme("JupyterLab Dark")
    assert ground(lesson, "rgb(22, 25, 29)")
    lesson.run("b")
    lesson.frame("greeted")
    assert ground(lesson, "rgb(22, 25, 29)")
    lesson.change_theme("JupyterLab Light")
    assert ground(lesson, "rgb(255, 255, 255)")
    lesson.close()


def ground(lesson: Lesson, color: str) -> bool:
    """Wait until the only frame of a lesson has this ground."""
    [changed] = lesson.page.run_in_frames(
        """
        const started = Date.now();
        while (getComputedStyle(document.body).backgroundColor !== args[0]) {
            if (Date.now() - started > 60000) return false;
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return true;
        """,
        color,
    )
    return bool(changed)


PICTURE = """
from server.pictures import Timeline
from server.live.record import Snapshot, Span

Timeline(Snapshot((), (Span(1, "working", "websocket.receive", 0.0, 1.0),), 0))
"""

# The colour of a picture's ground, once it is there and is no longer the one before.
GROUND = """
const started = Date.now();
while (Date.now() - started < 60000) {
    const image = document.querySelector(".channels-picture img");
    if (image?.complete) {
        const canvas = new OffscreenCanvas(20, 20).getContext("2d");
        canvas.drawImage(image, 0, 0);
        const colour = canvas.getImageData(10, 10, 1, 1).data.join(" ");
        if (colour !== args[0]) return colour;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
}
"""


def test_picture_follows_the_theme(jupyter: Lab) -> None:
    """A picture is light or dark as JupyterLab's theme is, and changes with it."""
    write(jupyter, "picture.ipynb", PICTURE)
    lesson = jupyter.open("picture.ipynb")
    lesson.run_all()
    light = "251 251 250 255"
    dark = "29 34 41 255"
    assert lesson.page.run(GROUND, "") == light
    lesson.change_theme("JupyterLab Dark")
    assert lesson.page.run(GROUND, light) == dark
    lesson.change_theme("JupyterLab Light")
    assert lesson.page.run(GROUND, dark) == light
    lesson.close()


DOLLARS = """
with connect(live.url("ws/$a$/")) as ws:
    ws.recv()
live.transcript
"""

TYPESET = """
const started = Date.now();
while (!document.querySelector(".control mjx-container")) {
    if (Date.now() - started > 20000) throw new Error("MathJax does not come");
    await new Promise((resolve) => setTimeout(resolve, 50));
}
const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
return [
    outputs.filter((output) => output.querySelector("mjx-container")).length,
    ...["table", "figure summary", ".channels-verdict"].map(
        (found) => document.querySelectorAll(`.jp-OutputArea-output ${found}`).length > 0
    ),
];
"""


def test_no_formulas(jupyter: Lab) -> None:
    """JupyterLab takes no dollars in our outputs for TeX."""
    write(
        jupyter,
        "dollars.ipynb",
        LAUNCH.replace('"hello"', '"costs $5, was $6"'),
        "from websockets.sync.client import connect\n" + DOLLARS,
        "live.sequence",
        "from server.exercises import check\ncheck('1.1', Greeter)",
        "from server import explain\nexplain('costs $5, was $6')",
        "from IPython.display import HTML\nHTML('<p class=control>$x^2$</p>')",
    )
    lesson = jupyter.open("dollars.ipynb")
    lesson.run_all()
    assert lesson.page.run(TYPESET) == [1, True, True, True]
    lesson.close()


def test_opened_is_not_changed(jupyter: Lab) -> None:
    """A lesson that is opened is not marked as changed, and its file says no more than before."""
    cell = new_code_cell("1 + 1", id="a")
    nbformat.write(new_notebook(cells=[cell], metadata=METADATA), jupyter.folder / "opened.ipynb")
    before = (jupyter.folder / "opened.ipynb").read_bytes()
    lesson = jupyter.open("opened.ipynb")
    dirty, version = lesson.page.run(
        READY
        + """
        const info = await sessionContext.session.kernel.info;
        await new Promise((resolve) => setTimeout(resolve, 500));
        return [context.model.dirty, info.language_info.version];
        """
    )
    assert not dirty
    assert version == platform.python_version()
    assert (jupyter.folder / "opened.ipynb").read_bytes() == before
    lesson.close()


def test_folded_solution(jupyter: Lab) -> None:
    """Of a solution that is folded away, the word Solution shows."""
    write(jupyter, "folded.ipynb", "# Solution\nanswer = 42")
    path = jupyter.folder / "folded.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata = nbformat.from_dict({"jupyter": {"source_hidden": True}})
    nbformat.write(notebook, path)
    lesson = jupyter.open("folded.ipynb")
    shown = lesson.page.run(
        READY
        + """
        while (!document.querySelector(".jp-InputPlaceholder")) await pause();
        return document.querySelector(".jp-InputPlaceholder").innerText;
        """
    )
    assert shown.strip() == "# Solution"
    lesson.close()


def test_reopened_without_a_server(jupyter: Lab) -> None:
    """A notebook that is opened with no server running shows the recording, and what to do."""
    code = GREETED.partition("\n")[2]
    lines = [{"kind": "log", "text": "recorded before"}]
    recording = Recording("greeted", digest(code), lines)
    environment = f'import os; os.environ["COURSE_RECORDINGS"] = {str(jupyter.folder)!r}'
    save(jupyter.folder / "reopened.json", {"greeted": recording})
    write(jupyter, "reopened.ipynb", environment, LAUNCH, GREETED)
    lesson = jupyter.open("reopened.ipynb")
    lesson.run_all()
    is_open = "return document.querySelector('[data-browser-cell] details').open"
    assert lesson.frame("greeted").lines
    assert lesson.page.run(is_open) is False
    lesson.saved()
    lesson.close()
    lesson = jupyter.open("reopened.ipynb", anew=True)
    assert lesson.page.run(NOTES) == [
        "The server of this cell is not running: run the launch cell, then this one."
    ]
    shown = lesson.page.run("return document.querySelector('[data-browser-cell]').innerText")
    assert "recorded before" in shown
    assert lesson.page.run(is_open) is True
    lesson.close()


def test_next_cell_does_not_race(jupyter: Lab) -> None:
    """Run All: the cell after a browser cell sees all that the browser has done."""
    slow = """%%browser slow
    const mySocket = new WebSocket(`ws://${window.location.host}/ws/sc/`);
    mySocket.onopen = () => setTimeout(() => mySocket.close(4001, "at last"), 1000);
    """
    write(jupyter, "race.ipynb", LAUNCH, slow, "print(live.transcript)")
    lesson = jupyter.open("race.ipynb")
    lesson.run_all()
    assert "at last" in lesson.saved().cells[-1].outputs[0].text
    lesson.close()


@pytest.mark.parametrize("code", ["", "%%browser\n1", "%%browser a/b\n1"])
def test_cells_that_cannot_run(jupyter: Lab, code: str) -> None:
    """Without a server, a name, or a good name, the cell says in one sentence what is wrong."""
    first = LAUNCH if code else "%load_ext server"
    write(jupyter, "wrong.ipynb", first, code or GREETED)
    lesson = jupyter.open("wrong.ipynb")
    lesson.run_all()
    [output] = lesson.saved().cells[-1].outputs
    assert output.output_type == "stream"
    assert output.text.startswith("UsageError: ")
    assert len(output.text.strip().splitlines()) == 1
    lesson.close()


def test_interrupt(jupyter: Lab) -> None:
    """Kernel, Interrupt ends the waiting for a page that does not come to rest."""
    endless = "%%browser endless\nsetInterval(() => console.log('tick'), 1000);"
    patient = "from server.notebook import cell\ncell.SETTLE_TIMEOUT = 3600"
    write(jupyter, "endless.ipynb", f"{patient}\n{LAUNCH}", endless, 'print("free")')
    lesson = jupyter.open("endless.ipynb")
    lesson.run("a")
    spent = lesson.interrupt_in("b")
    assert spent < 60
    lesson.run("c")
    ran = lesson.saved()
    assert errors(ran) == ["b: KeyboardInterrupt: "]
    assert ran.cells[-1].outputs[0].text == "free\n"
    lesson.close()


SEEN = (
    READY
    + """
const cells = () => [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
while (cells().length < args[0]) await pause();
while (!document.querySelector(".jp-Notebook summary")) await pause();
return cells().map((cell) => cell.innerText).join("\\n");
"""
)

UNFOLD = (
    READY
    + """
const summary = () => [...document.querySelectorAll(".jp-Notebook summary")].find(
    (found) => found.textContent.startsWith(args[0])
);
while (!summary()) await pause();
summary().click();
"""
)


def test_a_learners_copy(jupyter: Lab) -> None:
    """An answer and a solution are seen once they are unfolded, and a cell is run for the solution.

    Before that neither is on the page, nor is what the question is about.
    """
    lesson = nbformat.read(lessons()[0].notebook, as_version=4)
    places = {
        tag: next(
            number
            for number, cell in enumerate(lesson.cells)
            if tag in cell.metadata.get("tags", [])
        )
        for tag in ("predict", "answer", "solution")
    }
    answer = lesson.cells[places["answer"]].source.split(",")[0]
    code = next(
        line for line in lesson.cells[places["solution"]].source.splitlines() if "upper()" in line
    ).strip()
    copy = student_notebook(lesson)
    copy.cells = [
        *copy.cells[places["predict"] : places["answer"] + 1],
        copy.cells[places["solution"]],
    ]
    nbformat.write(copy, jupyter.folder / "mine.ipynb")
    opened = jupyter.open("mine.ipynb")

    def seen() -> str:
        text: str = opened.page.run(SEEN, len(copy.cells))
        return text

    question = "Where does that line end up?"
    assert question in seen()
    assert answer not in seen()
    opened.page.run(UNFOLD, "Answer")
    assert answer in seen()
    assert "Solution of exercise" not in seen()
    opened.run(copy.cells[-1].id)
    opened.page.run(SEEN.replace("summary", "details pre"), len(copy.cells))
    assert "Solution of exercise" in seen()
    assert code not in seen()
    opened.page.run(UNFOLD, "Solution of exercise")
    assert code in seen()
    opened.close()


def test_an_endless_loop_stops_its_frame_only(jupyter: Lab) -> None:
    """A page that never ends does not stop JupyterLab, although both come from 127.0.0.1."""
    endless = "%%browser endless\nnew WebSocket('/ws/sc/'); for (;;);"
    begun = (
        "while not any(entry.connection for entry in live.host.record.snapshot().entries):\n"
        "    time.sleep(0.02)"
    )
    hasty = "from server.notebook import cell\ncell.SETTLE_TIMEOUT = 1"
    write(
        jupyter, "loop.ipynb", f"{hasty}\n{LAUNCH}", endless, f"import time\n{begun}\nprint('next')"
    )
    lesson = jupyter.open("loop.ipynb")
    lesson.run_all()
    assert lesson.page.run("return document.querySelectorAll('[data-browser-cell] iframe').length")
    assert lesson.saved().cells[-1].outputs[0].text == "next\n"
    lesson.page.run(SHUT_DOWN)
    lesson.page.close()
