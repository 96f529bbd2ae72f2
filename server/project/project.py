"""``Project("going_live")``: a folder in which a lesson writes files and runs servers."""

from __future__ import annotations

import atexit
import re
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.getipython import get_ipython

from .folder import TEMPLATE, note_processes, take
from .logs import plain
from .processes import (
    MODULES,
    CannotStart,
    Child,
    child_process,
    complete,
    free_port,
    interrupt_held_back,
    is_taken,
)

__all__ = ["Project", "Server"]

START = 30.0
"""Seconds that a server may take until it answers."""

RUN = 120.0
"""Seconds that a command may take."""

NEWS = 10.0
"""Seconds to wait for a line of a log."""

READY = {"daphne": "Listening on TCP address", "uvicorn": "Uvicorn running on"}
"""The last line that a server writes of its start."""

UNREADABLE = re.compile(r"(Syntax|Indentation|Tab)Error: ")
PLACE = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+)$')
"""Where Python could not read on; other frames name a function."""

NO_PORT = "the command does not say on which port; write {port} where it belongs."
"""What a server is told that would listen where nobody looks."""

IN_USE = re.compile("address (is )?already in use|only one usage of each socket", re.IGNORECASE)

projects: dict[str, Project] = {}
"""The projects of this kernel by name."""


class Server:
    """A process of a project that listens on a port of loopback."""

    def __init__(
        self, project: Project, command: str, port: int | None, settings: dict[str, str]
    ) -> None:
        self.project = project
        self.command = command
        self.settings = settings
        self.chosen = port
        self.has_place = port is not None or "{port}" in command
        self.port = port or free_port()
        self.name = command.split()[0] if command.split() else "nothing"
        self.child: Child | None = None
        self.shown = 0
        self.state = ""
        self.read: dict[Path, bytes] = {}
        """The files that it found when it started."""

    def start(self) -> Server:
        """Start it, again where it has ended: same command, same port."""
        if self.running:
            return self
        for _ in range(3):
            self.attempt()
            # Somebody was faster, on a port that was free a moment ago.
            if self.running or self.chosen or not self.lost_its_port():
                break
            self.port = free_port()
        self.chosen = self.port
        self.project.note()
        return self

    def restart(self) -> Server:
        """End it and start it again: a server reads the files of its project once."""
        self.stop()
        return self.start()

    def attempt(self) -> None:
        """Start the process once, and wait until it answers."""
        self.child, self.shown = None, 0
        if is_taken(self.port):
            self.state = f"did not start: port {self.port} is taken by another program."
            return
        try:
            words = complete(self.command, port=self.port)
            if not self.has_place:
                raise CannotStart(NO_PORT)
            self.read = self.project.sources() if self.reads_sources else {}
            with interrupt_held_back():
                self.child = Child(words, self.project.folder, self.settings)
            self.project.note()
            answers = self.child.wait_for_port(self.port, START)
        except CannotStart as error:
            self.state = f"did not start: {error}"
            return
        except BaseException:
            # An interrupt; nobody has the server yet who could end it.
            if self.child is not None:
                self.child.kill()
            self.state = "was ended: its start was interrupted."
            raise
        if answers:
            self.state = ""
            self.skip_start(self.child)
        elif self.child.running:
            self.child.stop()
            self.state = f"was ended: it did not answer within {START:.0f} seconds."
        else:
            self.child.wait(START)
            self.state = f"ended at once: {self.last_words()}"

    def skip_start(self, child: Child) -> None:
        """Leave what the server writes of its start out of what ``log()`` prints."""
        ready = READY.get(self.name)
        last = child.find_line(ready, 0, NEWS) if ready is not None else None
        if last is not None:
            self.shown = last + 1

    def lost_its_port(self) -> bool:
        """Tell whether somebody else took the port, before the process started or since."""
        if self.child is None:
            return is_taken(self.port)
        return any(map(IN_USE.search, self.child.lines))

    def last_words(self) -> str:
        """Return the last line that says something."""
        lines = [line for line in self.lines() if line.strip()]
        if not lines:
            return "it has written nothing."
        places = [found for line in lines if (found := PLACE.match(line))]
        if places and UNREADABLE.match(lines[-1]):
            return f"{lines[-1].strip()} ({places[-1]['file']}, line {places[-1]['line']})"
        return lines[-1].strip()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.child is not None and self.child.running

    @property
    def reads_sources(self) -> bool:
        """Whether it is one that reads the Python files of the project."""
        return self.name in (*MODULES, "python", "python3")

    def out_of_date(self) -> str:
        """Say which files it read that have changed since; empty where none has."""
        now = self.project.sources() if self.running and self.read else self.read
        changed = [path for path, text in self.read.items() if now.get(path) != text]
        if not changed:
            return ""
        name = changed[0].relative_to(self.project.folder).as_posix()
        more = f" and {len(changed) - 1} more have" if changed[1:] else " has"
        return f"{name}{more} changed since {self.name} started: restart it"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "") -> str:
        """Return the WebSocket URL of a path."""
        return f"ws://{self.address}/{path.removeprefix('/')}"

    def page(self, path: str = "") -> str:
        """Return the HTTP URL of a path."""
        return f"http://{self.address}/{path.removeprefix('/')}"

    def lines(self) -> list[str]:
        """Return the whole log."""
        lines = [] if self.child is None else list(self.child.lines)
        return list(plain(lines, self.project.folder))

    def log(self, *, since: str = "", until: str = "", contains: str = "") -> None:
        """Print what the process has written since the last time.

        Args:
            since: Begin with the next line that has this text, which may be still to come.
            until: End with the next line that has this text, the same way.
            contains: Print only lines with this text.

        """
        if self.child is None:
            return
        begin, missing = self.shown, ""
        for text in filter(None, (since, until)):
            found = self.child.find_line(text, begin, NEWS)
            if found is None:
                missing = text
            elif text is since:
                self.shown = begin = found
            else:
                begin = found + 1
        new = self.child.lines[self.shown : begin if until and not missing else None]
        self.shown += len(new)
        for line in plain(new, self.project.folder):
            if contains in line:
                print(line)
        if missing:
            print(f"(no line with {missing!r} came within {NEWS:.0f} seconds)")
        if change := self.out_of_date():
            print(f"({change})")

    def clear_log(self) -> None:
        """Let ``log()`` print only what comes from here on."""
        self.shown = 0 if self.child is None else len(self.child.lines)

    def stop(self) -> None:
        """Tell the process to end, and wait for that."""
        if self.child is not None and self.running:
            self.child.stop()
            self.state = "has ended: it was told to."
            self.project.note()

    def kill(self) -> None:
        """End the process without asking, as a crash does."""
        if self.child is not None and self.running:
            self.child.kill()
            self.state = "has ended: it was killed."
            self.project.note()

    def __repr__(self) -> str:
        if self.running:
            change = self.out_of_date()
            return f"{self.name} answers at {self.address}" + (f" ({change})" if change else "")
        return f"{self.name} {self.state or 'has ended: ' + self.last_words()}"


class Project:
    """A folder with a Django project, and the servers that run it.

    A second project of the same name replaces the first: its servers end, and its files are kept
    in a folder beside it, until the next time.

    Args:
        name: The name of the folder.
        within: The folder that it is in, where that is not the notebook's.

    """

    def __init__(self, name: str = "going_live", within: Path | None = None) -> None:
        before = projects.pop(name, None)
        if before is not None:
            before.stop()
        self.servers: list[Server] = []
        self.folder, self.remark = take(name, within)
        projects[name] = self
        if within is None:
            offer_magic(self)

    def write(self, name: str, text: str) -> None:
        """Write a file of the project; a folder of Python files becomes a package.

        Raises:
            ValueError: The name leads out of the project.

        """
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()) or path == self.folder.resolve():
            raise ValueError(f"{name!r} is not in the project's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip("\n") + "\n", "utf-8", newline="\n")
        if path.suffix == ".py" and path.parent != self.folder:
            (path.parent / "__init__.py").touch()

    def copy(self, *names: str) -> None:
        """Copy files from the complete project, and print their names."""
        for name in names:
            if not (TEMPLATE / name).is_file():
                print(f"{name} is no file of the finished project.")
                continue
            self.write(name, (TEMPLATE / name).read_text("utf-8"))
            print(name)

    def sources(self) -> dict[Path, bytes]:
        """Return the Python files that a server may have read, and what is in them."""
        paths = [path for path in self.folder.rglob("*.py") if path.name != "tests.py"]
        return {path: path.read_bytes() for path in sorted(paths)}

    def run(self, command: str, **settings: object) -> None:
        """Run a command in the folder until it ends, and print what it writes.

        Settings are environment variables of the command.

        """
        try:
            with child_process(complete(command), self.folder, as_texts(settings)) as child:
                ended = child.wait(RUN)
        except CannotStart as error:
            print(error)
            return
        for line in plain(child.lines, self.folder):
            print(line)
        if not ended:
            print(f"{command!r} was ended: it took more than {RUN:.0f} seconds.")
        elif child.popen.returncode:
            print(f"exit status {child.popen.returncode}")

    def start(self, command: str, port: int | None = None, **settings: object) -> Server:
        """Start a server in the folder, and wait until it answers.

        ``{port}`` in the command stands for a free port, or for the one that is named. Settings
        are environment variables of the server.

        """
        server = Server(self, command, port, as_texts(settings))
        self.servers.append(server)
        return server.start()

    def stop(self) -> None:
        """End all servers."""
        for server in reversed(self.servers):
            server.stop()

    def note(self) -> None:
        """Write down which processes run."""
        running = [server.child for server in self.servers if server.running]
        note_processes(self.folder, [child.process for child in running if child is not None])

    def __repr__(self) -> str:
        if self.remark:
            return self.remark
        return f"A new project, in the folder {self.folder.name}."


def as_texts(settings: dict[str, object]) -> dict[str, str]:
    """Return settings as an environment has them."""
    return {name: str(value) for name, value in settings.items()}


def offer_magic(project: Project) -> None:
    """Give the notebook its ``%%write``: the cell becomes a file of the project."""

    def write(line: str, cell: str) -> None:
        """Write the cell to a file of the project: ``%%write mysite/settings.py``."""
        try:
            project.write(line.strip(), cell)
        except (OSError, ValueError) as error:
            raise UsageError(str(error)) from None

    shell: Any = get_ipython()
    if shell is not None:
        shell.register_magic_function(write, "cell", "write")


def stop_all() -> None:
    """End all servers of all projects; run when the kernel ends."""
    for project in projects.values():
        project.stop()


atexit.register(stop_all)
