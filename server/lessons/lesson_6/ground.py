"""Where the answers of lesson 6 are tried: the finished project, run as processes."""

from __future__ import annotations

import json
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from ...exercises.check import Verdict
from ...exercises.registry import ProjectExercise, enter
from ...exercises.scenario import ENDED, NOTHING, NotYet, Sheet
from ...mistakes.registry import Mistake, diagnose_text, mistake
from ...project import Project, Server
from ...project.folder import copy_template
from ...project.processes import child_process, complete, watchman
from .observed import OVER, QUIET, RESTS, UNANSWERED

__all__ = ["NOT_AWAITED", "NO_ANSWER", "Ear", "Ground", "came_from_start", "project_exercise"]

PATIENCE = 10.0
"""Seconds to wait for a message that a right answer sends at once."""

GRACE = 2.0
"""Seconds to wait for the same once the consumer rests: only the layer is still on its way."""

NO_ANSWER = "no answer to the handshake"

UVICORN = "uvicorn --host 127.0.0.1 --port {port} mysite.asgi:application"
VALKEY = 'valkey-server --bind 127.0.0.1 --port {port} --save ""'

EXCEPTION = re.compile(r"^([\w.]+(Error|Exception|Operation|Configured|Full|NotReady)\b.*)")
NEVER_AWAITED = "was never awaited"


NOT_AWAITED = mistake(
    "coroutine-not-awaited",
    "A coroutine that nobody awaits",
    cause="Without await, or async_to_sync in a view, nothing is done; and a coroutine counts as "
    "true.",
    fix="Put await before the call; in a view that is no coroutine, async_to_sync around the "
    "function.",
)
NO_PYTHON = mistake(
    "no-python",
    "The file is not Python yet",
    cause="Python reads the whole file before it runs any of it, and it stopped at that line.",
    fix="Look at the end of that line and of the one above: a colon, a comma, a bracket, a quote.",
)
NOT_GIVEN = mistake(
    "answer-not-given",
    "There is no answer yet",
    cause="The check takes the file from the cell that was run last.",
    fix="Run the cell above that begins with %%answer, then check again.",
)
NO_NAME = mistake(
    "asked-name-missing",
    "The name that was asked for is not in the file",
    cause="The project imports it from your file, letter by letter as the exercise says.",
    fix="Compare the name of your class or function with the exercise.",
)

numbers = count(1)
"""Each check has a project of its own."""


@cache
def prepared() -> tuple[Path, dict[str, str]]:
    """Return a folder with the project and its database, and the users' cookies."""
    folder = Path(tempfile.mkdtemp(prefix="channels-exercises-")).resolve()
    watchman().tell(f"remove {folder}")
    project = folder / "prepared"
    copy_template(project)
    # Uvicorn serves it; daphne among the apps brings runserver, and half of what a start imports.
    settings_file = project / "mysite" / "settings.py"
    lines = settings_file.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.lstrip().startswith('"daphne"')]
    settings_file.write_text("".join(kept), "utf-8")
    shutil.copy(Path(__file__).with_name("observed.py"), project / "chat")
    script = Path(__file__).with_name("prepare.py")
    settings = {"PYTHONPATH": str(project), "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    with child_process(complete(f"python '{script}'"), project, settings) as child:
        child.wait(120.0)
    return project, json.loads(child.lines[-1])


@dataclass
class Ground(Sheet):
    """A project with an answer in it: its servers, its clients, and what is expected of them."""

    project: Project
    cookies: dict[str, str]
    file: str
    """The file that is the answer."""

    steps: list[Any] = field(default_factory=list)
    mistake: Mistake | None = None

    def start(self, command: str = UVICORN, **settings: str) -> Server:
        """Start a server, which is an expectation."""
        server = self.project.start(command, None, **settings)
        what = f"{server.name} starts"
        if not server.running:
            self.fail(what, "a server that answers", came_from_start(server), self.logged())
        if what not in [step.what for step in self.steps]:
            self.passed(what)
        return server

    def start_valkey(self) -> dict[str, str]:
        """Start a Valkey; return the settings that tell a server where it is."""
        return {"VALKEY_URL": f"redis://{self.start(VALKEY).address}"}

    @contextmanager
    def join(self, server: Server, path: str, name: str = "", **options: Any) -> Iterator[Ear]:
        """Open a connection for somebody; what comes of it is heard through an Ear."""
        headers = {"Cookie": self.cookies[name]} if name else None
        options.setdefault("origin", server.page().rstrip("/"))
        port = 0
        try:
            sock = socket.create_connection(("127.0.0.1", server.port), 30.0)
            port = sock.getsockname()[1]
            ws = connect(
                server.url(path),
                sock=sock,
                additional_headers=headers,
                open_timeout=30.0,
                close_timeout=2.0,
                compression=None,
                max_queue=None,  # what nobody reads keeps no close waiting
                **options,
            ).__enter__()
        except InvalidStatus as error:
            status = error.response.status_code
            why = NO_ANSWER if status == UNANSWERED else f"refused with HTTP {status}"
            yield Ear(None, why, port)
            return
        except (ConnectionClosed, InvalidHandshake, OSError, EOFError):
            yield Ear(None, NO_ANSWER, port)
            return
        try:
            yield Ear(ws, "", port)
        finally:
            ws.close()

    # What the servers wrote

    @property
    def log(self) -> list[str]:
        """The lines of all servers."""
        return [line for server in self.project.servers for line in server.lines()]

    @property
    def raised(self) -> str:
        """The last exception in a log; empty: there is none."""
        found = [match[1] for line in self.log if (match := EXCEPTION.match(line.strip()))]
        return found[-1] if found else ""

    def logged(self) -> Mistake | None:
        """Return the mistake behind what the servers wrote."""
        if any(NEVER_AWAITED in line for line in self.log):
            return NOT_AWAITED
        module = self.file.removesuffix(".py").replace("/", ".")
        if "cannot import name" in self.raised and f"from '{module}'" in self.raised:
            return NO_NAME
        return diagnose_text(self.raised) if self.raised else None

    def wait_for_log(self, text: str, ear: Ear | None = None) -> None:
        """Give the servers a moment to write a line that is on its way.

        None is once the consumer at the other end is quiet, or over.

        """
        ends = ear.last_lines if ear else ()
        for server in self.project.servers:
            if server.child is not None and server.name != "valkey-server":
                server.child.find_line(text, 0, 0.3, *ends)


def came_from_start(server: Server) -> str:
    """Say why a server is not there."""
    text = server.state or f"it ended: {server.last_words()}"
    for line in reversed(server.lines()):
        if "(" in line and ".E0" in line:
            return line.strip().removeprefix("?: ")
    return text.removeprefix("ended at once: ")


class Ear:
    """One connection: what comes over it, in words that are the same on every run."""

    def __init__(self, ws: ClientConnection | None, refused: str, port: int = 0) -> None:
        self.ws = ws
        self.refused = refused
        self.port = port
        """The client's, by which the server knows it."""
        self.said = self.rests = 0
        self.handled = 0
        """After how many events nothing more was on its way."""

    @property
    def last_lines(self) -> tuple[str, str]:
        """What is in the log when the consumer is quiet, and when it is over."""
        return f"{QUIET}{self.said + 1} {self.port}", f"{OVER} {self.port}"

    def next(self, patience: float = PATIENCE) -> Any:
        """Return the next message as a value, or how it ended, or that nothing came, as a text."""
        if self.ws is None:
            return self.refused
        try:
            return json.loads(self.receive(self.ws, time.monotonic() + patience))
        except TimeoutError:
            return NOTHING
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else 1006
            return f"{ENDED}, with {code}"
        except ValueError:
            return "a text that is no JSON"

    def receive(self, ws: ClientConnection, deadline: float) -> str | bytes:
        """Return the next message of the consumer's own; soon, where the consumer rests."""
        while True:
            # It rests once after the handshake, and once after each message.
            if self.handled > self.said:
                deadline = 0.0
            elif self.rests > self.said:
                deadline = min(deadline, time.monotonic() + GRACE)
            text = ws.recv(timeout=max(0.0, deadline - time.monotonic()))
            if text == RESTS:
                self.rests += 1
            elif isinstance(text, str) and text.startswith(QUIET):
                self.handled = int(text.removeprefix(QUIET))
            else:
                return text

    def text(self, patience: float = PATIENCE) -> str:
        """Return the text of the next message, or what came instead."""
        value = self.next(patience)
        return str(value.get("text", value)) if isinstance(value, dict) else str(value)

    def texts(self, last: str) -> list[str]:
        """Return the texts up to one of them, or to the end."""
        found: list[str] = []
        while last not in found:
            text = self.text()
            found.append(text)
            if text.startswith((NOTHING, ENDED, "refused", "no answer")):
                break
        return found

    def say(self, text: str) -> None:
        """Say something; that the connection is gone shows at the next message."""
        self.said += 1
        if self.ws is not None:
            with suppress(ConnectionClosed):
                self.ws.send(json.dumps({"text": text}))


def project_exercise(
    id: str, title: str, file: str, more: dict[str, str]
) -> Callable[[Callable[[Ground, str], None]], Callable[[Ground, str], None]]:
    """Register the judge of a file as an exercise.

    Args:
        id: The exercise.
        title: Its name.
        file: The file of the project that is the answer.
        more: Files that lead to it: a route, a consumer.

    """

    def register(scenario: Callable[[Ground, str], None]) -> Callable[[Ground, str], None]:
        def judge(text: str, solution: bool) -> Verdict:
            folder, cookies = prepared()
            project = Project(f"exercise-{id}-{next(numbers)}", within=folder.parent)
            shutil.copytree(folder, project.folder, dirs_exist_ok=True)
            for name, content in {**more, file: text}.items():
                project.write(name, content)
            # A copy: who logs in again has another session, in this project only.
            ground = Ground(project, dict(cookies), file)
            try:
                can_be_read(ground, text)
                scenario(ground, text)
                passed = True
            except NotYet:
                passed = False
            finally:
                # The other way round: what misses Valkey would write of that.
                for server in reversed(project.servers):
                    server.kill()
                shutil.rmtree(project.folder, ignore_errors=True)
            return verdict(exercise, ground, passed, solution)

        exercise = ProjectExercise(id, title, judge, Path(__file__).parent)
        enter(exercise)
        return scenario

    return register


def can_be_read(ground: Ground, text: str) -> None:
    """Expect that a file is there and is Python, which is known before anything starts."""
    if not text.strip():
        ground.fail("there is an answer", ground.file, NOTHING, NOT_GIVEN)
    try:
        compile(text, ground.file, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        came = f"{getattr(error, 'msg', error)}, in line {line}"
        ground.fail(f"{ground.file} can be read", "Python", came, NO_PYTHON)


def verdict(exercise: ProjectExercise, ground: Ground, passed: bool, solution: bool) -> Verdict:
    """Say what came of it."""
    mistake = None if passed else ground.mistake
    return Verdict(
        exercise,
        passed,
        solution,
        tuple(ground.steps),
        advice=(f"{mistake.name}.", mistake.cause, mistake.fix) if mistake is not None else (),
        raised=(ground.raised,) if ground.raised and not passed else (),
        mistake=mistake,
    )
