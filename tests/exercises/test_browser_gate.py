"""The exercises of lesson 3, done in a real browser: stubs, solutions, right and wrong answers."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from server.exercises import Verdict, check, practice
from server.exercises.answers import Answer, answers, told_stub
from server.exercises.practice import SERVER
from server.exercises.registry import EXERCISES, BrowserExercise
from server.exercises.visit import recorded
from server.mistakes.registry import MISTAKES
from server.notebook.launch import LiveServer
from server.notebook.runs import Run, runs
from server.template import fill
from tests.browser import finding
from tests.browser.driving import Page, browser
from tests.exercises.cells import BROWSER, cells

QUIET = 0.2
"""Seconds of rest after which nothing more is expected of a page."""

ANSWERS = [(id, answer) for id in BROWSER for answer in answers(id)]

# One frame for each exercise, in the place of the one before.
SHOW = """
const frame = document.createElement("iframe");
frame.src = args[0];
frame.id = args[1];
document.getElementById(frame.id)?.remove();
document.body.append(frame);
"""

# A clock of the page's, and timers that keep to it: a minute of its time takes six seconds.
HURRY = """<script>
{
  const { setTimeout } = window;
  const now = performance.now.bind(performance);
  window.setTimeout = (handler, delay, ...args) => setTimeout(handler, delay / 10, ...args);
  performance.now = () => 10 * now();
}
</script>
"""

one_at_a_time = threading.Lock()
"""Selenium takes one command after the other."""

UNHURRIED = re.compile(r"setInterval|Date\.now|onerror = again|for \(const wait of")
"""What is in an answer that is on time or not: nothing waits for its timers but the clock."""


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    live = practice()
    yield live
    live.close()


@pytest.fixture(scope="module")
def notebook(server: LiveServer) -> Iterator[Page]:
    """A page in which the frames of one cell after the other are shown."""
    with browser(isolated=False) as started:
        page = started.open(server.http_url)
        # Nobody looks at it: the less there is to paint, the less a processor has to do.
        page.size(60, 60)
        yield page


@pytest.fixture(scope="module")
def lanes() -> Iterator[Mapping[str, ThreadPoolExecutor]]:
    """What is tried of one exercise is tried one after the other; the exercises, side by side.

    Each has a path of its own, and nearly all that they do is to wait. Firefox has one process for
    all frames, where a busy one holds up the others: there everything comes one after the other.
    """
    side_by_side = finding.browser_name() == "chromium"
    threads = [ThreadPoolExecutor(1) for _ in (BROWSER if side_by_side else BROWSER[:1])]
    yield dict(zip(BROWSER, itertools.cycle(threads), strict=False))
    for thread in threads:
        thread.shutdown(cancel_futures=True)


def named(value: object) -> str | None:
    return value.title if isinstance(value, Answer) else None


def hurried(name: str, **values: Any) -> str:
    """Fill in a template; a page has another clock if its cell can do with it."""
    page = fill(name, **values)
    if name == "browser/run.html" and may_hurry(values["cell"]):
        page = page.replace("<script", f"{HURRY}<script", 1)
    return page


def may_hurry(cell: Mapping[str, Any]) -> bool:
    """Tell whether a page waits for seconds, with one timer after the other."""
    return cell["name"].startswith("come-back") and not UNHURRIED.search(cell["code"])


def show(id: str, code: str, server: LiveServer, notebook: Page, suffix: str = "") -> Run:
    """Run a cell's code as the browser cell of an exercise."""
    exercise = EXERCISES[id]
    assert isinstance(exercise, BrowserExercise)
    run = Run(exercise.cell + suffix, code, QUIET, False, SERVER)
    runs.add(run)
    with one_at_a_time:
        notebook.run(SHOW, f"{server.http_url}{run.path}", exercise.cell)
    assert run.attached.wait(60)
    return run


def do(id: str, code: str, server: LiveServer, notebook: Page, suffix: str = "") -> Verdict:
    """Run a cell's code as the browser cell of an exercise, and check it."""
    show(id, code, server, notebook, suffix)
    return check(id)


def code(source: str) -> str:
    """Return a cell's code without its first line."""
    first, _, rest = source.partition("\n")
    assert first.startswith("%%browser ")
    return rest


Do = Callable[..., Verdict]


def do_stub(do: Do, id: str) -> list[Verdict]:
    return [do(id, code(cells(id).stub))]


def do_solution(do: Do, id: str) -> list[Verdict]:
    return [do(id, code(cells(id).solution), suffix="-solution") for _ in range(2)]


def do_answer(do: Do, id: str, answer: Answer) -> list[Verdict]:
    return [do(id, answer.source)]


Verdicts = Callable[[], list[Verdict]]


@pytest.fixture(scope="module")
def all_verdicts(
    request: pytest.FixtureRequest,
    server: LiveServer,
    notebook: Page,
    lanes: Mapping[str, ThreadPoolExecutor],
) -> Iterator[Mapping[str, Future[list[Verdict]]]]:
    """The verdicts of the tests that are going to be run, by their names, as they come in."""
    work: dict[str, Callable[..., list[Verdict]]] = {
        "test_stub": do_stub,
        "test_solution": do_solution,
        "test_answer": do_answer,
    }
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.notebook.runs.fill", hurried)
        here = partial(do, server=server, notebook=notebook)
        yield {
            test.name: lanes[test.callspec.params["id"]].submit(
                work[test.originalname], here, **test.callspec.params
            )
            for test in tests
            if test.module is request.module and test.originalname in work
        }


@pytest.fixture
def verdicts(
    request: pytest.FixtureRequest, all_verdicts: Mapping[str, Future[list[Verdict]]]
) -> list[Verdict]:
    """What came of what a test is about."""
    return all_verdicts[request.node.name].result()


@pytest.mark.parametrize("id", BROWSER)
def test_stub(id: str, verdicts: list[Verdict]) -> None:
    """The untouched stub fails with its intended message."""
    [verdict] = verdicts
    assert not verdict.passed
    assert verdict.advice[0] == told_stub(id)


@pytest.mark.parametrize("id", BROWSER)
def test_solution(id: str, verdicts: list[Verdict]) -> None:
    """The solution passes twice in a row, and does not count as the learner's."""
    assert len(verdicts) == 2
    for verdict in verdicts:
        assert verdict.passed, verdict
        assert verdict.solution


@pytest.mark.busy
@pytest.mark.parametrize("id", BROWSER)
def test_solution_under_load(
    id: str, server: LiveServer, notebook: Page, busy_machine: None
) -> None:
    """The solution passes ten times in a row while the machine is busy."""
    for _ in range(10):
        verdict = do(id, code(cells(id).solution), server, notebook, "-solution")
        assert verdict.passed, verdict


@pytest.mark.parametrize(("id", "answer"), ANSWERS, ids=named)
def test_answer(id: str, answer: Answer, verdicts: list[Verdict]) -> None:
    """Another right answer passes; a known wrong one gets its diagnosis."""
    [verdict] = verdicts
    assert verdict.passed == (answer.kind == "right"), verdict
    assert (verdict.mistake.id if verdict.mistake else "") == answer.diagnosis, verdict
    assert len(str(verdict)) < 1_000


BUSY = """
const mySocket = new WebSocket(`ws://${window.location.host}/ws/greet/`);
while (mySocket.readyState !== WebSocket.OPEN) {}
mySocket.send("hello");
"""


def do_busy(server: LiveServer) -> Verdict:
    with browser() as started:
        notebook = started.open(server.http_url.replace("127.0.0.1", "localhost"))
        run = show("3.1", BUSY, server, notebook)
        # Its WebSocket is the last that it does.
        deadline = time.monotonic() + 60
        while run.page is None or not recorded("/ws/greet/", run.page.began):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return check("3.1")


def test_page_that_never_ends(
    server: LiveServer,
    lanes: Mapping[str, ThreadPoolExecutor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page with an endless loop, in a frame of another origin, is named when it does not answer.

    However long it is waited for: nothing else comes.
    """
    monkeypatch.setattr("server.exercises.visit.PATIENCE", 0.1)
    verdict = lanes["3.1"].submit(do_busy, server).result()
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
