"""The exercises of lesson 3, done in a real browser: stubs, solutions, right and wrong answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from server.exercises import Verdict, check, practice
from server.exercises.answers import Answer, answers, told_stub
from server.exercises.practice import SERVER
from server.exercises.registry import EXERCISES, BrowserExercise
from server.mistakes.registry import MISTAKES
from server.notebook.launch import LiveServer
from server.notebook.runs import Run, runs
from tests.browser import finding
from tests.browser.driving import Page, browser
from tests.exercises.cells import BROWSER, cells

QUIET = 0.2
"""Seconds of rest after which nothing more is expected of a page."""

ANSWERS = [(id, answer) for id in BROWSER for answer in answers(id)]


SHOW = """
const frame = document.createElement("iframe");
frame.src = args[0];
document.body.replaceChildren(frame);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    live = practice()
    yield live
    live.close()


@pytest.fixture(scope="module")
def notebook(server: LiveServer) -> Iterator[Page]:
    """A page in which the frame of one cell after the other is shown."""
    with browser() as started:
        yield started.open(server.http_url)


def named(value: object) -> str | None:
    return value.title if isinstance(value, Answer) else None


def do(id: str, code: str, server: LiveServer, notebook: Page, suffix: str = "") -> Verdict:
    """Run a cell's code as the browser cell of an exercise, and check it."""
    exercise = EXERCISES[id]
    assert isinstance(exercise, BrowserExercise)
    run = Run(exercise.cell + suffix, code, QUIET, False, SERVER)
    runs.add(run)
    notebook.run(SHOW, f"{server.http_url}{run.path}")
    assert run.attached.wait(10)
    return check(id)


def code(source: str) -> str:
    """Return a cell's code without its first line."""
    first, _, rest = source.partition("\n")
    assert first.startswith("%%browser ")
    return rest


@pytest.mark.parametrize("id", BROWSER)
def test_stub(id: str, server: LiveServer, notebook: Page) -> None:
    """The untouched stub fails with its intended message."""
    verdict = do(id, code(cells(id).stub), server, notebook)
    assert not verdict.passed
    assert verdict.advice[0] == told_stub(id)


@pytest.mark.parametrize("id", BROWSER)
def test_solution(id: str, server: LiveServer, notebook: Page) -> None:
    """The solution passes ten times in a row, and does not count as the learner's."""
    for _ in range(10):
        verdict = do(id, code(cells(id).solution), server, notebook, "-solution")
        assert verdict.passed, verdict
        assert verdict.solution


@pytest.mark.parametrize("id", BROWSER)
def test_solution_under_load(
    id: str, server: LiveServer, notebook: Page, busy_machine: None
) -> None:
    """The solution passes while the machine is busy."""
    verdict = do(id, code(cells(id).solution), server, notebook, "-solution")
    assert verdict.passed, verdict


@pytest.mark.parametrize(("id", "answer"), ANSWERS, ids=named)
def test_answer(id: str, answer: Answer, server: LiveServer, notebook: Page) -> None:
    """Another right answer passes; a known wrong one gets its diagnosis."""
    verdict = do(id, answer.source, server, notebook)
    assert verdict.passed == (answer.kind == "right"), verdict
    assert (verdict.mistake.id if verdict.mistake else "") == answer.diagnosis, verdict
    assert len(str(verdict)) < 1_000


BUSY = """
const mySocket = new WebSocket(`ws://${window.location.host}/ws/greet/`);
while (mySocket.readyState !== WebSocket.OPEN) {}
mySocket.send("hello");
"""


def test_page_that_never_ends(server: LiveServer) -> None:
    """A page with an endless loop, in a frame of another origin, is named within seconds."""
    with browser() as started:
        notebook = started.open(server.http_url.replace("127.0.0.1", "localhost"))
        verdict = do("3.1", BUSY, server, notebook)
        assert verdict.steps[-1].came == "a page that does not answer"
        assert verdict.mistake is not None and verdict.mistake.id == "runaway"


WORDS = {
    "send-before-open": "new WebSocket(`ws://${location.host}/ws/greet/`).send('hello');",
    "invalid-close-code": "new WebSocket(`ws://${location.host}/ws/greet/`).close(1001);",
    "no-such-method": "const event = {}; event.send('hello');",
    "no-such-name": "socket.send('hello');",
    "const-assigned": "const delay = 200; delay *= 2;",
    "nan": "JSON.parse('NaN');",
    "python-method": "const event = {data: 'ping'}; event.data.startswith('p');",
    "no-connect": "const mySocket = new WebSocket('/ws/greet/'); mySocket.connect();",
    "arrow-this": "this.send('hello');",
    "whose-method": "document.getElementById('send')?.remove(); send('hello');",
    "python-name": "str(1);",
    "python-words": "(0, eval)('if (true and true) {}');",
    "import-in-a-cell": "(0, eval)('import x from \"y\"');",
    "require-in-a-browser": "require('ws');",
    "await-outside": "(0, eval)('await Promise.resolve();');",
    "html-in-a-cell": "(0, eval)('<script>');",
    "class-name": "new Websocket('/ws/greet/');",
    "new-missing": "WebSocket('/ws/greet/');",
    "declared-twice": "(0, eval)('const mySocket = 1; let mySocket;');",
    "text-parsed": "JSON.parse('ping 1');",
    "parsed-already": "JSON.parse({});",
    "event-for-text": "const event = {}; event.startsWith('ping');",
}


@pytest.mark.parametrize("id", WORDS)
def test_words(id: str, notebook: Page) -> None:
    """The browser's words in the catalogue of mistakes are Chromium's."""
    if finding.browser_name() != "chromium":
        pytest.skip("the catalogue quotes Chromium")
    words = notebook.run(
        f"try {{ {WORDS[id]} }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }}"
    )
    quoted = re.findall("`(.+?)`", MISTAKES[id].symptom)[-1]
    assert quoted in words, f"row {id!r}: {quoted!r} is not in what came: {words}"
