"""``check``: what a verdict says, that it comes soon, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import WebsocketConsumer
from django.urls import path
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from server.exercises import Verdict, check, progress, reset
from server.exercises.check import Unsolved, checked, is_empty
from server.exercises.ran import session
from server.exercises.scenario import Patience

LIMIT = 60.0
"""Seconds within which every check has ended, on a machine that does other things as well."""


class Shout(WebsocketConsumer):
    def receive(self, text_data: str) -> None:
        self.send(text_data.upper())


class Whisper(WebsocketConsumer):
    def receive(self, text_data: str) -> None:
        print("I heard", text_data)
        self.send(text_data)


@pytest.fixture
def progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


@pytest.fixture
def clean() -> Iterator[None]:
    """See that no thread and no socket is left."""
    before = set(threading.enumerate())
    sockets = len(psutil.Process().net_connections("tcp"))
    yield
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        left = [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]
        if not left and len(psutil.Process().net_connections("tcp")) <= sockets:
            return
        time.sleep(0.05)
    raise AssertionError(f"left behind: {left}")


# What it says


def test_passed(clean: None) -> None:
    """A verdict of an answer that passes is true and lists what was expected."""
    verdict = check("1.1", Shout)
    assert verdict
    assert repr(verdict) == (
        "Exercise 1.1, Shout back: ✓ solved\n"
        "\n"
        "  ✓ ok       the connection opens\n"
        '  ✓ ok       "hello" is answered with "HELLO"\n'
        '  ✓ ok       "Is anybody there?" is answered with "IS ANYBODY THERE?"\n'
        "  ✓ ok       so is a text that is not in the table\n"
        "  ✓ ok       the consumer ends when its client leaves"
    )


def test_not_yet(clean: None) -> None:
    """A verdict of an answer that does not says what came, what was printed, and why."""
    verdict = check("1.1", Whisper)
    assert not verdict
    assert repr(verdict) == (
        "Exercise 1.1, Shout back: ✗ not yet\n"
        "\n"
        "  ✓ ok       the connection opens\n"
        '  ✗ not yet  "hello" is answered with "HELLO"\n'
        '               expected: "HELLO"\n'
        '               came:     "hello"\n'
        "\n"
        "This was printed:\n"
        "  I heard hello\n"
        "\n"
        "The message came back as it was.\n"
        "The answer is the client's text, unchanged.\n"
        "A str has a method that returns it in capital letters."
    )
    assert "open /ws/shout/" in str(verdict.transcript)


def test_many_prints() -> None:
    """Only the first of many printed lines are shown."""

    class Talks(WebsocketConsumer):
        def receive(self, text_data: str) -> None:
            for number in range(100):
                print(number)

    assert check("1.1", Talks).prints[-2:] == ("9", "… and 90 lines more")


def test_exception_is_the_learners() -> None:
    """An exception is shown with the learner's own lines, and none of the server's."""

    class Fails(WebsocketConsumer):
        def receive(self, text_data: str) -> None:
            raise LookupError("where is it?")

    verdict = check("1.1", Fails)
    assert verdict.raised[0] == "LookupError: where is it?"
    assert verdict.raised[1].endswith("in receive")
    assert verdict.raised[2] == '    raise LookupError("where is it?")'
    assert len(verdict.raised) == 3
    assert verdict.mistake is None
    assert verdict.advice == ()


def test_html_escapes() -> None:
    """What an answer sends does not become part of the page."""

    class Marked(WebsocketConsumer):
        def receive(self, text_data: str) -> None:
            self.send("<b>HELLO</b>")

    html = check("1.1", Marked)._repr_html_()
    assert "&lt;b&gt;HELLO&lt;/b&gt;" in html
    assert "<b>HELLO" not in html


@pytest.mark.parametrize("passes", [True, False])
def test_html_says_the_same(passes: bool) -> None:
    """HTML has a sign and a word, as the text has."""
    verdict = check("1.1", Shout if passes else Whisper)
    html = verdict._repr_html_()
    assert verdict.headline in html
    assert ("✗ not yet" in html) == (not passes)
    assert html.count("<li") == len(verdict.steps)


def test_unknown_exercise() -> None:
    """A wrong number is told the right ones."""
    with pytest.raises(ValueError) as raised:
        check("1.9", Shout)
    assert str(raised.value).startswith("there is no exercise '1.9'; there are 1.1, 1.2, ")
    with pytest.raises(TypeError) as untyped:
        check(1.1, Shout)  # type: ignore[arg-type] # as learners do
    assert str(untyped.value) == 'an exercise is named by a text: write "1.1", in quotes'


@pytest.mark.parametrize(
    ("id", "answer", "came"),
    [
        ("1.1", 7, "check() takes a consumer class, a list of URL patterns or an ASGI application"),
        ("1.1", int, "check() takes a consumer class, and int is none"),
        ("1.1", ["ws/"], "check() takes a list of URL patterns, and 'ws/' is none"),
        (
            "1.1",
            Shout(),
            "check() takes the class, and a consumer for each connection is made from it: "
            'write check("1.1", Shout), without parentheses after the name.',
        ),
        (
            "1.2",
            Shout(),
            "check() takes the class, and a consumer for each connection is made from it: "
            "write Countdown = Shout, without parentheses after the name.",
        ),
        (
            "2.1",
            path("ws/", Shout.as_asgi()),
            'check() takes a list of URL patterns: write check("2.1", [path(...)]).',
        ),
    ],
)
def test_no_application(id: str, answer: Any, came: str) -> None:
    """What cannot be served is no crash but a verdict, which speaks of the check."""
    verdict = check(id, answer)
    assert not verdict
    assert verdict.steps[0].came.startswith(came)


def test_no_answer(shell: InteractiveShell) -> None:
    """A check that is given nothing says how, with the name that the learner's cell makes."""
    verdict = checked_in(shell, 'check("1.1")')
    assert (verdict.steps[0].expected, verdict.steps[0].came) == ("what your cell makes", "nothing")
    assert verdict.advice == ('Write check("1.1", ...).',)
    run(shell, SHOUT, "stub-1-1")
    assert checked_in(shell, 'check("1.1")').advice == ('Write check("1.1", ShoutBack).',)


def test_class_of_a_middleware() -> None:
    """The class instead of what was made with it is not told to become a consumer."""

    class TokenRequired:
        pass

    assert check("2.2", TokenRequired()).advice == (
        "TokenRequired has no method __call__(self, scope, receive, send): it is what makes an "
        "application of it.",
    )
    verdict = check("2.2", TokenRequired)
    assert verdict.steps[0].came == "the class TokenRequired"
    assert verdict.advice == (
        "This is the class itself: check the application that is made with it, guarded.",
    )


# That it ends


def timed(id: str, answer: Any) -> Verdict:
    start = time.monotonic()
    verdict = check(id, answer)
    assert time.monotonic() - start < LIMIT
    assert not verdict.passed
    return verdict


def test_blocked_loop(clean: None) -> None:
    """A handler that blocks the event loop is named, and left behind until it ends."""
    free = threading.Event()

    class Blocks(AsyncConsumer):  # type: ignore[misc]
        async def websocket_connect(self, event: Any) -> None:
            await self.send({"type": "websocket.accept"})

        async def websocket_receive(self, event: Any) -> None:
            free.wait(3600)

    try:
        for id in ("1.1", "1.4"):
            verdict = timed(id, Blocks)
            assert verdict.mistake is not None and verdict.mistake.id == "blocking"
    finally:
        free.set()


def test_endless_handler(clean: None) -> None:
    """A handler that never returns is not waited for."""
    free = threading.Event()

    class Hangs(SyncConsumer):  # type: ignore[misc]
        def websocket_connect(self, event: Any) -> None:
            self.send({"type": "websocket.accept"})

        def websocket_receive(self, event: Any) -> None:
            free.wait(3600)

    try:
        came = timed("1.1", Hangs).steps[-1].came
        assert came == "nothing yet: the handler is still at work"
    finally:
        free.set()


def test_endless_disconnect(clean: None) -> None:
    """A consumer that does not end when its client leaves is not waited for."""

    class Stays(SyncConsumer):  # type: ignore[misc]
        def websocket_connect(self, event: Any) -> None:
            self.send({"type": "websocket.accept"})

        def websocket_receive(self, event: Any) -> None:
            self.send({"type": "websocket.send", "text": event["text"].upper()})

        def websocket_disconnect(self, event: Any) -> None:
            pass

    verdict = timed("1.1", Stays)
    assert verdict.mistake is not None and verdict.mistake.id == "no-stop-consumer"


def test_flood(clean: None) -> None:
    """A consumer that never stops sending is not listened to for ever."""

    class Floods(AsyncConsumer):  # type: ignore[misc]
        async def websocket_connect(self, event: Any) -> None:
            await self.send({"type": "websocket.accept"})
            while True:
                await self.send({"type": "websocket.send", "text": "HELLO"})
                await asyncio.sleep(0)

    timed("1.1", Floods)


def test_system_exit(clean: None) -> None:
    """A consumer that calls exit() ends itself and nothing else."""

    class Exits(SyncConsumer):  # type: ignore[misc]
        def websocket_connect(self, event: Any) -> None:
            raise SystemExit(1)

    timed("1.1", Exits)


def test_nothing_stays_behind(clean: None) -> None:
    """Many checks leave no thread and no socket."""
    for _ in range(20):
        assert check("1.1", Shout)


class Sleepless(AsyncConsumer):  # type: ignore[misc]
    async def websocket_connect(self, event: Any) -> None:
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, event: Any) -> None:
        asyncio.run(asyncio.sleep(0))


def test_no_coroutine_stays_behind() -> None:
    """What nobody awaits is told of during the check, and not when Python collects it."""
    gc.disable()
    try:
        assert not check("1.1", Sleepless)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            gc.collect()
    finally:
        gc.enable()
    assert [str(one.message) for one in told if "never awaited" in str(one.message)] == []


class Kept:
    """Keeps itself in a cycle, and a coroutine that nobody awaits."""

    def __init__(self) -> None:
        self.own = self
        self.forgotten = Sleepless().websocket_connect({})


def test_a_coroutine_of_before() -> None:
    """What was forgotten before a check is no mistake of the answer that it tries."""

    class Collects(Whisper):
        def websocket_receive(self, event: Any) -> None:
            gc.collect()

    gc.disable()
    try:
        Kept()
        verdict = check("1.1", Collects)
    finally:
        gc.enable()
    assert verdict.mistake is not None and verdict.mistake.id == "no-answer", verdict


def test_late_is_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not answered yet may be right for more than the examples, and is called busy."""
    monkeypatch.setattr(sys.modules["server.exercises.check"], "PATIENCE", Patience(answer=0.3))
    release = threading.Event()

    class Late(Shout):
        def receive(self, text_data: str) -> None:
            if text_data not in ("hello", "Is anybody there?"):
                release.wait(60)
            super().receive(text_data)

    verdict = check("1.1", Late)
    release.set()
    assert verdict.steps[-1].came == "nothing yet: the handler is still at work"
    assert verdict.mistake is not None and verdict.mistake.id == "still-busy"


# What counts


def test_solved_is_remembered(progress_file: Path) -> None:
    """An answer that passes is written down; the course's own solution is not."""
    check("1.1", Whisper)
    check("1.1", Shout, solution=True)
    assert not progress_file.exists()
    # The same class again, now without the word.
    assert check("1.1", Shout).headline == "✓ the solution passes"
    assert not progress_file.exists()

    class Own(Shout):
        pass

    assert check("1.1", Own).headline == "✓ solved"
    assert list(json.loads(progress_file.read_text())["solved"]) == ["1.1"]
    reset()


def test_solution_in_a_list(progress_file: Path) -> None:
    """A list of routes that is the course's own does not count either."""
    from tests.exercises.cells import run_solution

    routes = run_solution("2.1")
    for _ in range(2):
        check("2.1", routes, solution=True)
    assert check("2.1", routes).solution
    assert not progress_file.exists()


def test_cannot_be_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, progress_file: Path
) -> None:
    """Where progress cannot be written, the verdict stands, with a sentence."""

    class Own(Shout):
        pass

    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "nowhere" / "progress.json"))
    verdict = check("1.1", Own)
    assert verdict.passed
    assert verdict.remark.startswith("It counts, and it could not be written down. ")
    assert verdict.remark.endswith("progress.json cannot be written: No such file or directory.")
    assert verdict.remark in repr(verdict)
    assert verdict.remark in verdict._repr_html_()
    assert "0 of" in progress(1).headline


def test_cell_that_has_failed(no_history: Config) -> None:
    """After a cell that ended in an error, a verdict begins with that: the answer may be older.

    A cell that defines nothing cannot hold the answer.

    """
    shell = InteractiveShell.instance(config=no_history)
    try:
        for source, remark in (
            ("class Whisper(:", "The cell that you ran just before has failed: SyntaxError."),
            ("one = nobody", "The cell that you ran just before has failed: NameError."),
            ("nobody", ""),
            ("1 + 1", ""),
        ):
            with redirect_stdout(StringIO()):
                shell.run_cell(source)
            notes = check("1.1", type("Own", (Whisper,), {})).notes
            assert [note.startswith(remark) for note in notes] == [True] * bool(remark)
            assert check("1.1", Shout, solution=True).notes == ()
    finally:
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """A shell whose cells are known to a check from the first one on."""
    checked.clear()
    session.watch()
    yield shell
    InteractiveShell.clear_instance()
    session.watch()
    checked.clear()


def run(shell: InteractiveShell, source: str, cell: str = "") -> None:
    """Run a cell, with the id that JupyterLab tells."""
    with redirect_stdout(StringIO()):
        shell.run_cell(source, store_history=True, cell_id=cell or None)


CONSUMER = "from channels.generic.websocket import WebsocketConsumer\n"
SHOUT = (
    CONSUMER + "class ShoutBack(WebsocketConsumer):\n"
    "    def receive(self, text_data=None, bytes_data=None):\n"
    "        self.send(text_data.upper())\n"
)
STUB = (
    "from channels.consumer import SyncConsumer\nclass ShoutBack(SyncConsumer):\n"
    "    def websocket_connect(self, event):\n"
    "        self.send({'type': 'websocket.accept'})\n"
    "    def websocket_receive(self, event):\n        pass\n"
    "    def websocket_disconnect(self, event):\n        pass\n"
)
ROUTES = (
    CONSUMER
    + """
from django.urls import path
class ChatRoom(WebsocketConsumer):
    def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["name"]
        self.count = 0
        self.accept()
        self.send(f"welcome to {self.room}")
    def receive(self, text_data=None, bytes_data=None):
        self.count += 1
        self.send(f"{self.room} {self.count}: {text_data}")
routes = [path("ws/room/<str:name>/", ChatRoom.as_asgi())]
"""
)


def checked_in(shell: InteractiveShell, call: str) -> Verdict:
    """Return the verdict of a check, made as a cell makes it."""
    run(shell, f"from server.exercises import check\nverdict = {call}", "the-check")
    verdict: Verdict = shell.user_ns["verdict"]
    return verdict


def test_broken_after_it_was_solved(shell: InteractiveShell) -> None:
    """A cell that has failed is named first, under a verdict that passes as well."""
    run(shell, SHOUT, "stub-1-1")
    assert checked_in(shell, 'check("1.1", ShoutBack)').notes == ()
    run(shell, "class ShoutBack(:", "stub-1-1")
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert verdict.passed
    assert repr(verdict).split("\n")[2] == (
        "The cell that you ran just before has failed: SyntaxError. "
        "If your answer is in it, what was checked is an older one."
    )
    assert verdict._repr_html_().index("SyntaxError") < verdict._repr_html_().index("<ul")
    run(shell, "1 + 1", "elsewhere")
    assert checked_in(shell, 'check("1.1", ShoutBack)').notes == (
        "The cell of this exercise has failed when it was run last: SyntaxError. "
        "What was checked is an older answer.",
    )
    run(shell, SHOUT, "elsewhere")
    assert checked_in(shell, 'check("1.1", ShoutBack)').notes == ()


def test_not_run(shell: InteractiveShell) -> None:
    """A stub, and an answer that was checked before, are asked whether their cell was run."""
    run(shell, STUB, "stub-1-1")
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert verdict.advice == (
        "websocket_receive has nothing in it yet: send the client's text back in capital letters.",
        "If you have written it already, run that cell first, and then the check.",
    )
    assert verdict.notes == ()
    again = checked_in(shell, 'check("1.1", ShoutBack)')
    assert again.notes == (
        "This is the same answer as at the last check. If you have changed your cell since, "
        "run it first, and then the check.",
    )
    run(shell, STUB, "stub-1-1")
    assert checked_in(shell, 'check("1.1", ShoutBack)').notes == ()


@pytest.mark.parametrize(
    ("source", "twice"),
    [
        (SHOUT + STUB, "ShoutBack"),
        (SHOUT + "    def receive(self, text_data=None):\n        pass\n", "ShoutBack.receive"),
    ],
)
def test_defined_twice(shell: InteractiveShell, source: str, twice: str) -> None:
    """Of two definitions in a cell, it is said which one counts."""
    run(shell, source, "stub-1-1")
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert not verdict.passed
    assert verdict.notes == (
        f"Your cell defines {twice} twice, and only the last definition counts.",
    )


@pytest.mark.parametrize("cell", ["stub-2-1", ""])
def test_another_name(shell: InteractiveShell, cell: str) -> None:
    """What the learner's cell makes under another name is not passed over for an older one."""
    run(shell, ROUTES, cell)
    assert checked_in(shell, 'check("2.1", routes)').passed
    run(shell, ROUTES.replace("routes =", "urlpatterns ="), cell)
    verdict = checked_in(shell, 'check("2.1", routes)')
    assert not verdict.passed
    assert (verdict.steps[0].expected, verdict.steps[0].came) == ("routes", "urlpatterns")
    assert verdict.advice == (
        "Your cell makes urlpatterns, and routes is what an older cell has made.",
        "Give yours the name routes, run the cell, and check again.",
    )
    run(shell, "routes = urlpatterns", cell)
    assert checked_in(shell, 'check("2.1", routes)').passed


def test_a_cell_that_is_no_plain_python(shell: InteractiveShell) -> None:
    """Magics, annotations and decorated methods in other cells do no harm."""
    run(shell, SHOUT, "stub-1-1")
    run(shell, "%who_ls", "magic")
    run(shell, "count: int = 1\ndef helper(): ...\nlist().append(count)", "more")
    run(
        shell,
        "class Own:\n    @property\n    def a(self): ...\n    @a.setter\n    def a(self, b): ...",
    )
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert verdict.passed and verdict.notes == ()


def test_cells_in_between(shell: InteractiveShell) -> None:
    """What a learner tries out between the answer and its check takes nothing away."""
    run(shell, ROUTES, "stub-2-1")
    run(shell, "mine = [path('ws/', ChatRoom.as_asgi())]\nprint(len(mine))", "scratch")
    verdict = checked_in(shell, 'check("2.1", routes)')
    assert verdict.passed and verdict.notes == ()


def test_cell_without_an_id(shell: InteractiveShell) -> None:
    """Where the front end tells no ids, a cell with another class is named, and no more."""
    run(shell, SHOUT)
    run(shell, SHOUT.replace("ShoutBack", "Loud"))
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert verdict.passed
    assert verdict.notes == (
        "The cell that you ran just before makes Loud. "
        "What was checked is what an older cell has made.",
    )


def test_answer_and_check_in_one_cell(shell: InteractiveShell) -> None:
    """What the cell of the check makes itself is nobody's older answer, whatever came before."""
    run(shell, "class ShoutBack(:", "stub-1-1")
    verdict = checked_in(shell, f'None\n{SHOUT}verdict = check("1.1", ShoutBack)')
    assert verdict.passed and verdict.notes == ()
    run(shell, SHOUT.replace("ShoutBack", "Loud"), "stub-1-1")
    verdict = checked_in(shell, f'None\n{SHOUT}verdict = check("1.1", ShoutBack)')
    assert verdict.passed and verdict.notes == ()
    verdict = checked_in(shell, f'None\n{SHOUT}{SHOUT}verdict = check("1.1", ShoutBack)')
    assert verdict.notes == (
        "Your cell defines ShoutBack twice, and only the last definition counts.",
    )
    shout = SHOUT.replace("ShoutBack", "countdown")
    verdict = checked_in(shell, f'None\n{shout}verdict = check("1.2")')
    assert verdict.steps[0].came == "countdown"


def test_answer_of_another_cell(shell: InteractiveShell) -> None:
    """Of a name that many cells use, it is asked whether the exercise's own cell was run."""
    run(shell, ROUTES, "stub-2-1")
    question = "There is no NotHere in the notebook: has the cell of this exercise been run?"
    assert checked_in(shell, 'check("2.3", routes)').notes == (question,)
    run(shell, f"{ROUTES}\nclass NotHere(WebsocketConsumer): ...", "stub-2-3")
    assert checked_in(shell, 'check("2.3", routes)').notes == ()


def test_empty_cell(shell: InteractiveShell) -> None:
    """Of an exercise that starts from an empty cell, the notebook is asked for the answer."""
    verdict = checked_in(shell, 'check("1.2")')
    assert verdict.advice[0] == "Countdown is not there yet: write it into the cell above."
    run(shell, SHOUT.replace("ShoutBack", "CountDown"), "stub-1-2")
    verdict = checked_in(shell, 'check("1.2")')
    assert verdict.steps[0].came == "CountDown"
    assert verdict.advice[0] == (
        "Countdown is not there yet: give that name to what your cell makes."
    )
    run(shell, SHOUT.replace("ShoutBack", "Countdown"), "stub-1-2")
    verdict = checked_in(shell, 'check("1.2")')
    assert verdict.steps[0].what == "the connection opens"


def test_answer_that_is_none(shell: InteractiveShell) -> None:
    """A name that a function without a return has given is not said to be missing."""
    run(shell, "def token_required(app): ...\nguarded = token_required(1)", "stub-2-2")
    verdict = checked_in(shell, 'check("2.2")')
    assert verdict.steps[0].came == "None"
    assert verdict.advice[0] == "guarded is None: what it was made with returns nothing."


def test_nobody_is_asked(shell: InteractiveShell) -> None:
    """input() in an answer asks nobody, exit() ends no kernel, and both are as before then."""
    before = input
    shell.ask_exit = lambda: None  # type: ignore[attr-defined]
    run(shell, SHOUT.replace("text_data.upper()", "input()"), "stub-1-1")
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert verdict.mistake is not None and verdict.mistake.id == "input"
    run(shell, SHOUT.replace("text_data.upper()", "get_ipython().ask_exit()"), "stub-1-1")
    verdict = checked_in(shell, 'check("1.1", ShoutBack)')
    assert verdict.mistake is not None and verdict.mistake.id == "exit"
    assert before is input


# What a stub is


def empty(self: Any, event: Any) -> None: ...


def empty_with_words(self: Any, event: Any) -> None:
    """Say nothing."""
    pass


async def empty_async(self: Any, event: Any) -> None:
    pass


def stops(self: Any, event: Any) -> None:
    raise StopConsumer()


def test_is_empty() -> None:
    """A body of pass, ... or a docstring is empty."""
    assert is_empty(empty) and is_empty(empty_with_words) and is_empty(empty_async)
    assert not is_empty(stops)
    assert not is_empty(print)
    assert not is_empty("text")


def test_graded_by_nbgrader(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    """Where nbgrader runs it, a check that fails ends its cell with the verdict, and shows no code.

    An answer that passes is nobody's progress there.
    """
    failed = repr(check("1.1", Whisper))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")

    class Again(Whisper):
        pass

    with pytest.raises(Unsolved) as raised:
        check("1.1", Again)
    assert str(raised.value) == failed
    assert raised.value._render_traceback_() == failed.splitlines()

    class Own(Shout):
        pass

    assert check("1.1", Own).headline == "✓ solved"
    assert not progress_file.exists()
