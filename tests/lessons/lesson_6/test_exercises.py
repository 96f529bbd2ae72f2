"""The exercises of lesson 6: stubs fail as intended, right answers pass, wrong ones do not."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from server.exercises import check
from server.exercises.answers import Answer, answers, told_stub
from server.exercises.registry import EXERCISES, ProjectExercise
from server.lessons.lesson_6.ground import GRACE, Ear, Ground, prepared
from server.lessons.lesson_6.judges import missed
from server.lessons.lesson_6.magic import answer, offer_answer
from server.lessons.lesson_6.observed import QUIET, RESTS
from server.project.project import Server, projects
from tests.exercises.cells import PROJECT, cells

ALL = [(id, answer) for id in PROJECT for answer in answers(id)]


def file_of(cell: str) -> str:
    """Return the file that an answer's cell holds."""
    first, _, rest = cell.partition("\n")
    assert first.startswith("%%answer ")
    return rest + "\n"


def named(value: object) -> str | None:
    return value.title if isinstance(value, Answer) else None


def nothing_is_left() -> None:
    """Expect that the projects of checks are gone, and so are their servers."""
    for project in [project for name, project in projects.items() if "exercise-6" in name]:
        assert not any(server.running for server in project.servers)
    assert [path.name for path in prepared()[0].parent.iterdir()] == ["prepared"]


def test_there_are_four() -> None:
    """Each has two other right answers, and eight wrong ones at least."""
    assert PROJECT == ["6.1", "6.2", "6.3", "6.4"]
    for id in PROJECT:
        kinds = [answer.kind for answer in answers(id)]
        assert kinds.count("right") == 2
        assert kinds.count("wrong") >= 8


@pytest.mark.parametrize("id", PROJECT)
def test_stub(id: str) -> None:
    """The untouched stub fails with exactly its intended message, and no server is left."""
    verdict = check(id, file_of(cells(id).stub))
    assert not verdict.passed
    assert verdict.advice[0] == told_stub(id)
    nothing_is_left()


@pytest.mark.parametrize("id", PROJECT)
def test_solution(id: str) -> None:
    """The solution passes, and is not the learner's; the lesson's tests hold its words."""
    verdict = check(id, file_of(cells(id).solution), solution=True)
    assert verdict.passed, verdict
    assert f"Exercise {id}, {EXERCISES[id].title}: ✓ the solution passes" in repr(verdict)


@pytest.mark.parametrize(("id", "answer"), ALL, ids=named)
def test_answer(id: str, answer: Answer) -> None:
    """A right answer in another style passes; a known wrong one gets its diagnosis."""
    verdict = check(id, answer.source)
    assert verdict.passed == (answer.kind == "right"), verdict
    assert (verdict.mistake.id if verdict.mistake else "") == answer.diagnosis, verdict
    if answer.kind == "wrong":
        assert len(verdict.advice) == 3


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("6.1", "from .consumers import Chatroom\n"),
        ("6.2", "class CatchUp:\n    pass\n"),
        ("6.3", "# later\n"),
        ("6.4", "SECRET_KEY = 'alone'\n"),
    ],
)
def test_file_that_is_none(id: str, text: str) -> None:
    """A file that cannot be used ends the check in a verdict, which says what was raised."""
    verdict = check(id, text)
    assert not verdict.passed
    assert verdict.steps[-1].came not in ("", "it answers")
    assert verdict.raised


def test_file_that_ends_the_server() -> None:
    """A server that ends in silence is said to have written nothing, and nothing is left of it."""
    assert check("6.1", "raise SystemExit").steps[-1].came == "it has written nothing."
    nothing_is_left()


@pytest.mark.parametrize(
    ("text", "came"),
    [("class CatchUp\n    pass\n", "expected ':', in line 1"), ("\0", "")],
)
def test_file_that_is_no_python(text: str, came: str) -> None:
    """A file that Python cannot read starts nothing, and its line is named."""
    verdict = check("6.2", text)
    assert [step.what for step in verdict.steps] == ["chat/catchup.py can be read"]
    assert came in verdict.steps[0].came and verdict.steps[0].came.endswith(", in line 1")
    assert verdict.mistake is not None and verdict.mistake.id == "no-python"


def test_no_answer_yet() -> None:
    """A check that comes before the cell names the cell, and starts nothing."""
    exercise = EXERCISES["6.2"]
    assert isinstance(exercise, ProjectExercise)
    exercise.answers.clear()
    verdict = check("6.2")
    assert [(step.what, step.came) for step in verdict.steps] == [("there is an answer", "nothing")]
    assert verdict.advice[-1] == "Run the cell above that begins with %%answer, then check again."


STRANGERS = """
        if not user.is_authenticated:
            await super().connect()
            return
        room ="""


@pytest.mark.parametrize(
    ("strangers", "steps"), [("        room =", 2), (STRANGERS.lstrip("\n"), 5)]
)
def test_handshake_without_answer(strangers: str, steps: int) -> None:
    """A connect that awaits nothing is found out without waiting for the client's patience."""
    source = file_of(cells("6.1").solution).replace("await super().connect()", "super().connect()")
    verdict = check("6.1", source.replace("        room =", strangers))
    assert len(verdict.steps) == steps
    assert verdict.steps[-1].came == "no answer to the handshake"
    assert verdict.mistake is not None and verdict.mistake.id == "coroutine-not-awaited"


def test_other_texts() -> None:
    """Messages that are others are no known mistake."""
    source = file_of(cells("6.2").solution)
    verdict = check("6.2", source.replace("send_json(message)", 'send_json({"text": "tea"})'))
    assert verdict.steps[-1].came.endswith('messages, from "tea" to "tea"')
    assert verdict.mistake is None


def test_port_that_is_taken_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program takes the port of a server that has ended, the next one has another."""
    stop = Server.stop
    with ExitStack() as others:

        def stop_and_lose(server: Server) -> None:
            stop(server)
            others.enter_context(socket.create_server(("127.0.0.1", server.port)))

        monkeypatch.setattr(Server, "stop", stop_and_lose)
        verdict = check("6.2", file_of(cells("6.2").solution))
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    "came", [["no answer to the handshake"], ["live", "the end of the connection, with 1012"]]
)
def test_connection_without_history(came: list[str]) -> None:
    """What ends before its history has been told says nothing of what is stored."""
    ground = Ground(SimpleNamespace(servers=[]), {}, "chat/catchup.py")  # type: ignore[arg-type]
    for expected in (["live", "while away"], ["long 1", "long 2"]):
        assert missed(ground, "", came, expected, "after=66") is None


def test_speaker_who_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that does not come at the other server is not said to be missing in the table."""
    say = Ear.say
    monkeypatch.setattr(Ear, "say", lambda ear, text: say(ear, text) if text == "live" else None)
    verdict = check("6.2", file_of(cells("6.2").solution))
    assert verdict.steps[-1].what == "what is said meanwhile comes to those who are there"
    assert verdict.steps[-1].came == "nothing"
    assert verdict.mistake is None


class Told:
    """A connection that brings some texts, and then nothing for as long as somebody waits."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.waited: list[float] = []

    def recv(self, timeout: float) -> str:
        self.waited.append(timeout)
        if not self.texts:
            raise TimeoutError
        return self.texts.pop(0)

    def send(self, text: str) -> None:
        self.texts.append(RESTS)


def test_ear() -> None:
    """Once the consumer rests, nothing is waited for that could have come before."""
    told: Any = Told('{"text": "tea"}', RESTS)
    ear = Ear(told, "")
    assert ear.text(600) == "tea"
    assert ear.text(600) == ear.text(600) == "nothing"
    assert min(told.waited[:2]) > 500
    assert max(told.waited[2:]) <= GRACE
    ear.say("milk")
    told.waited.clear()
    assert ear.text(600) == "nothing"
    assert told.waited[0] > 500 and told.waited[1] <= GRACE


def test_quiet_ear() -> None:
    """Once the consumer is quiet, nothing is waited for at all."""
    told: Any = Told('{"text": "tea"}', RESTS, f"{QUIET}1")
    ear = Ear(told, "")
    assert ear.text(600) == "tea"
    assert ear.text(600) == ear.text(600) == "nothing"
    assert told.waited[3:] == [0.0, 0.0]
    ear.say("milk")
    told.waited.clear()
    assert ear.text(600) == "nothing"
    assert told.waited[0] > 500


def test_ear_that_hears_no_more() -> None:
    """What is no JSON is said to be none; what is refused is refused, whatever one says."""
    told: Any = Told("tea", RESTS)
    assert Ear(told, "").text() == "a text that is no JSON"
    refused = Ear(None, "refused with HTTP 403")
    refused.say("tea")
    assert refused.texts("tea") == ["refused with HTTP 403"]


def test_server_that_hangs_up() -> None:
    """A connection that is cut in the handshake has no answer."""
    server: Any = SimpleNamespace()
    ground = Ground(SimpleNamespace(servers=[]), {}, "chat/members.py")  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        server.url = server.page = lambda path="": f"ws://127.0.0.1:{server.port}/"
        hangs_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hangs_up.start()
        with ground.join(server, "ws/") as ear:
            assert ear.text() == "no answer to the handshake"
        hangs_up.join()


DIES = """

def die(get_response):
    print("goodbye", flush=True)
    return lambda request: os._exit(3)


MIDDLEWARE.append("mysite.settings.die")
"""


def test_runserver_that_ends_at_a_request() -> None:
    """A runserver that takes a connection and ends then is said to have ended."""
    verdict = check("6.4", file_of(cells("6.4").solution) + DIES)
    assert verdict.steps[-1].what == "manage.py runserver starts"
    assert verdict.steps[-1].came == "it ended: goodbye"


def test_answer_cell() -> None:
    """%%answer keeps the cell for the check, and checks a solution at once."""
    exercise = EXERCISES["6.1"]
    assert isinstance(exercise, ProjectExercise)
    exercise.answers.clear()
    assert answer("6.1", "no python yet") is None
    assert check("6.1").steps[-1].came == "invalid syntax, in line 1"
    verdict = answer("6.1 --solution", "no python")
    assert verdict is not None and verdict.solution


@pytest.mark.parametrize("line", ["", "6.5", "1.1", "6.1 --sulotion"])
def test_answer_to_nothing(line: str) -> None:
    """Another number gets a sentence."""
    with pytest.raises(UsageError) as raised:
        answer(line, "x = 1")
    assert str(raised.value) == (
        "%%answer takes the number of an exercise: one of 6.1, 6.2, 6.3, 6.4."
    )


def test_magic_in_a_notebook(shell: InteractiveShell) -> None:
    """A notebook has %%answer once the exercises are imported."""
    offer_answer()
    assert shell.find_cell_magic("answer") is not None
