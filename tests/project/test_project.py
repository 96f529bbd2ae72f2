"""Projects and their servers: files, commands, logs, and every way not to start."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from server.project import Project, Server, processes
from server.project import project as module
from server.project.processes import CannotStart, complete, free_port, interrupt_held_back
from server.project.project import stop_all

from .conftest import CHATTERBOX

BOX = "python chatterbox.py {port}"


def call(server: Server) -> None:
    socket.create_connection(("127.0.0.1", server.port)).close()


# Files


def test_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port is one that is handed to nobody, and that nobody listens on."""
    with socket.create_server(("127.0.0.1", free_port())) as other:
        taken = other.getsockname()[1]
        assert 20_000 <= taken < 32_000
        monkeypatch.setattr(processes, "randbelow", lambda _: 1)
        monkeypatch.setattr(processes, "PORTS", range(taken - 1, taken + 2))
        assert free_port() in (taken - 1, taken + 1)
        monkeypatch.setattr(processes, "PORTS", range(taken, taken + 1))
        with pytest.raises(CannotStart, match=r"^no port is free\.$"):
            free_port()


def test_write(project: Project) -> None:
    """A file ends in one line break, and a folder of Python files is a package."""
    project.write("mysite/settings.py", "DEBUG = True\n\n\n")
    project.write("chat/templates/room.html", "<p>")
    project.write("manage.py", "")
    assert (project.folder / "mysite/settings.py").read_text() == "DEBUG = True\n"
    assert (project.folder / "mysite/__init__.py").read_text() == ""
    assert not (project.folder / "chat/__init__.py").exists()
    assert not (project.folder / "__init__.py").exists()


@pytest.mark.parametrize("name", ["../outside.py", "/etc/passwd.py", ".", ""])
def test_write_outside(name: str, project: Project) -> None:
    """A name that leads out of the project is refused."""
    with pytest.raises(ValueError) as raised:
        project.write(name, "")
    assert str(raised.value) == f"{name!r} is not in the project's folder."


def test_copy(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of the complete project are copied, and their names printed."""
    project.copy("manage.py", "chat/models.py")
    assert capsys.readouterr().out == "manage.py\nchat/models.py\n"
    assert "class Message" in (project.folder / "chat/models.py").read_text()


def test_copy_of_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that the complete project does not have gives a sentence."""
    project.copy("chat/veiws.py", "manage.py")
    assert capsys.readouterr().out == (
        "chat/veiws.py is no file of the finished project.\nmanage.py\n"
    )


def test_magic(shell: InteractiveShell, new_project: Callable[..., Project]) -> None:
    """In a notebook, %%write makes a file of a cell, and a bad name gives one line."""
    project = new_project()
    shell.run_cell_magic("write", "chat/views.py", "VIEWS = []\n")
    assert (project.folder / "chat/views.py").read_text() == "VIEWS = []\n"
    with pytest.raises(UsageError, match=r"^'\.\./x\.py' is not in the project's folder\.$"):
        shell.run_cell_magic("write", "../x.py", "X = 1\n")


# Commands


def test_run(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """What a command writes is printed, with its exit status where that is not 0."""
    project.run("python -c 'import os; print(os.environ[\"NAME\"])'", NAME="ada")
    project.run("python -c 'raise SystemExit(3)'")
    assert capsys.readouterr().out == "ada\nexit status 3\n"


def test_run_for_too_long(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that does not end is ended."""
    monkeypatch.setattr(module, "RUN", 0.2)
    project.run("python -c 'import time; time.sleep(600)'")
    assert capsys.readouterr().out == (
        "\"python -c 'import time; time.sleep(600)'\" was ended: it took more than 0 seconds.\n"
    )


class Interrupted(threading.Thread):
    """Interrupts the main thread as soon as a file is there, as the kernel's button does."""

    def __init__(self, sign: Path) -> None:
        super().__init__()
        self.sign = sign
        self.start()

    def run(self) -> None:
        while not self.sign.exists():
            time.sleep(0.01)
        # To the process, as from elsewhere. What is raised in this thread wakes no other: the main
        # thread, which Python 3.15 has wait in the system, would not hear of it until it is over.
        os.kill(os.getpid(), signal.SIGINT)


SLEEPER = "from pathlib import Path\nimport os, time\nPath('new').write_text(str(os.getpid()))\n"
SLEEPER += "Path('new').rename('pid')\ntime.sleep(600)\n"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises, as in a cell: where a shell has put the tests aside, it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("command", ["python sleeper.py", "python sleeper.py {port}"])
@pytest.mark.usefixtures("interruptible")
def test_interrupted(command: str, project: Project) -> None:
    """An interrupt ends what a cell waits for: a command, or a server that is about to start."""
    project.write("sleeper.py", SLEEPER)
    interrupted = Interrupted(project.folder / "pid")
    with pytest.raises(KeyboardInterrupt):
        (project.start if "{port}" in command else project.run)(command)
    interrupted.join()
    assert not psutil.pid_exists(int((project.folder / "pid").read_text()))
    states = ["python was ended: its start was interrupted."] if "{port}" in command else []
    assert [repr(server) for server in project.servers] == states


@pytest.mark.parametrize("command", ["python sleeper.py", "python sleeper.py {port}"])
@pytest.mark.usefixtures("interruptible")
def test_interrupted_at_once(
    command: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt while the process is being started ends it too, and a handler is as before."""
    project.write("sleeper.py", SLEEPER)
    started = []

    class Starts(psutil.Process):
        def __init__(self, pid: int) -> None:
            super().__init__(pid)
            started.append(pid)
            if len(started) == 1:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("server.project.processes.psutil.Process", Starts)
    with pytest.raises(KeyboardInterrupt):
        (project.start if "{port}" in command else project.run)(command)
    assert not psutil.pid_exists(started[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupted_before_it_starts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt before there is a process leaves none."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(project, "sources", interrupted)
    with pytest.raises(KeyboardInterrupt):
        project.start(BOX)
    assert [repr(server) for server in project.servers] == [
        "python was ended: its start was interrupted."
    ]


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_is_not_lost() -> None:
    """What is held back comes at the end, also where the process cannot be started."""
    with pytest.raises(KeyboardInterrupt), interrupt_held_back():
        signal.raise_signal(signal.SIGINT)
        raise CannotStart("there is no such program.")


def test_no_interrupt_is_held_back_in_a_thread() -> None:
    """Only the main thread is interrupted, and only there a handler may be set."""
    handlers = []

    def look() -> None:
        with interrupt_held_back():
            handlers.append(signal.getsignal(signal.SIGINT))

    other = threading.Thread(target=look)
    other.start()
    other.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_run_nonsense(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is not there gives a sentence."""
    project.run("nonsense")
    assert capsys.readouterr().out == "nonsense cannot be run: No such file or directory.\n"


def test_shell_that_is_none(
    new_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside a notebook there is no magic, and no error."""
    monkeypatch.setattr(module, "get_ipython", lambda: None)
    assert new_project("other").folder.is_dir()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python manage.py check", [sys.executable, "manage.py", "check"]),
        ("daphne -p {port} a:b", [sys.executable, "-m", "daphne", "-p", "8000", "a:b"]),
        ("nginx -c 'a b'", ["nginx", "-c", "a b"]),
    ],
)
def test_complete(command: str, words: list[str]) -> None:
    """Python and the servers are those of the kernel; other programs are what they are."""
    assert complete(command, port=8000) == words


BRACES = "only {port} may stand in braces, and only where a server is started."


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "the command is empty."),
        ("daphne '", '"daphne \'" cannot be read as a command: No closing quotation.'),
        ("daphne {prot}", f"'daphne {{prot}}' cannot be read as a command: {BRACES}"),
        ("daphne {}", f"'daphne {{}}' cannot be read as a command: {BRACES}"),
    ],
)
def test_complete_nonsense(command: str, why: str) -> None:
    """What is no command gives a sentence."""
    with pytest.raises(CannotStart) as raised:
        complete(command, port=8000)
    assert str(raised.value) == why


# Servers


def test_start_and_stop(chatterbox: Project) -> None:
    """A server answers on a port of its own, and has ended when it was told to."""
    first, second = chatterbox.start(BOX), chatterbox.start(BOX)
    assert first.port != second.port
    assert repr(first) == f"python answers at 127.0.0.1:{first.port}"
    assert first.url("/ws/chat/") == first.url("ws/chat/") == f"ws://{first.address}/ws/chat/"
    assert first.page("rooms/") == f"http://{first.address}/rooms/"
    call(first)
    first.stop()
    first.stop()
    assert repr(first) == "python has ended: it was told to."
    with pytest.raises(OSError):
        call(first)
    assert second.running


def test_kill(chatterbox: Project) -> None:
    """A server is killed and started again, on the same port."""
    server = chatterbox.start(BOX)
    port = server.port
    server.kill()
    server.kill()
    assert repr(server) == "python has ended: it was killed."
    assert server.start().running
    assert server.start().port == port
    assert server.restart().running
    assert server.port == port
    call(server)


def test_ends_by_itself(project: Project) -> None:
    """A server that ended after it had answered is said to have, with its last line."""
    project.write("short.py", "import socketserver, sys\nsocketserver.TCPServer.allow_reuse_address"
                  " = True\nwith socketserver.TCPServer(('127.0.0.1', int(sys.argv[1])), "
                  "socketserver.BaseRequestHandler) as s:\n    s.handle_request()\n"
                  "    s.handle_request()\nprint('bye')\n")  # fmt: skip
    server = project.start("python short.py {port}")
    call(server)
    assert server.child is not None
    assert server.child.wait(60)
    assert repr(server) == "python has ended: bye"


def test_stubborn_server(chatterbox: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not heed the stop is killed after a while."""
    server = chatterbox.start(BOX + " stubborn")
    assert server.child is not None
    server.child.stop(grace=0.1)
    assert not server.running


def test_new_project_ends_the_old_one(
    chatterbox: Project, new_project: Callable[..., Project]
) -> None:
    """The servers of a project end when it is made anew."""
    server = chatterbox.start(BOX)
    new_project()
    assert not server.running


def test_exit(chatterbox: Project) -> None:
    """All servers end with the kernel."""
    server = chatterbox.start(BOX)
    stop_all()
    assert not server.running


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("raise ValueError('no settings')", "ValueError: no settings"),
        ("print('sorry')\nprint()", "sorry"),
        ("", "it has written nothing."),
    ],
)
def test_dies_at_start(code: str, last: str, project: Project) -> None:
    """A process that ends at once gives its last line, and the notebook goes on."""
    project.write("dies.py", code)
    server = project.start("python dies.py {port}")
    assert repr(server) == f"python ended at once: {last}"
    assert not server.running
    server.stop()
    server.kill()


def test_unreadable_file(project: Project) -> None:
    """Of a file that Python cannot read, the place is told as well."""
    project.write("chat/views.py", "def view(request):\n    return (\n")
    project.write("dies.py", "import chat.views")
    server = project.start("python dies.py {port}")
    assert repr(server) == (
        "python ended at once: SyntaxError: '(' was never closed (chat/views.py, line 2)"
    )


def test_no_such_program(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that is not there gives a sentence; there is no log, and nothing to stop."""
    server = project.start("nonsense --port {port}")
    why = "nonsense cannot be run: No such file or directory."
    assert repr(server) == f"nonsense did not start: {why}"
    server.log()
    server.clear_log()
    server.stop()
    server.kill()
    assert server.lines() == []
    assert capsys.readouterr().out == ""


def test_no_command(project: Project) -> None:
    """An empty command gives a sentence."""
    assert repr(project.start("")) == "nothing did not start: the command is empty."


def test_no_port(project: Project) -> None:
    """A server of which nobody knows where it listens is not waited for, however often."""
    server = project.start("python -m http.server")
    why = "the command does not say on which port; write {port} where it belongs."
    assert repr(server) == f"python did not start: {why}"
    assert repr(server.start()) == f"python did not start: {why}"


def test_settings(chatterbox: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings may be numbers; the environment has their texts."""
    chatterbox.run("python -c 'import os; print(os.environ[\"NUMBER\"])'", NUMBER=7)
    assert capsys.readouterr().out == "7\n"
    assert chatterbox.start(BOX, NUMBER=7).settings == {"NUMBER": "7"}


def test_file_that_has_changed(chatterbox: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A server says which file it does not know yet, until it is started again."""
    chatterbox.write("chat/views.py", "VIEWS = []")
    chatterbox.write("chat/tests.py", "")
    server = chatterbox.start(BOX)
    chatterbox.write("chat/views.py", "VIEWS = []")
    chatterbox.write("chat/tests.py", "1")
    chatterbox.write("chat/new.py", "")
    address = f"python answers at {server.address}"
    assert repr(server) == address
    chatterbox.write("chat/views.py", "VIEWS = [1]")
    change = "chat/views.py has changed since python started: restart it"
    assert repr(server) == f"{address} ({change})"
    server.clear_log()
    server.log()
    assert capsys.readouterr().out == f"({change})\n"
    chatterbox.write("chatterbox.py", "")
    (chatterbox.folder / "chat/__init__.py").unlink()
    change = "chat/__init__.py and 2 more have changed since python started: restart it"
    assert repr(server) == f"{address} ({change})"
    chatterbox.write("chatterbox.py", CHATTERBOX)
    assert repr(server.restart()) == address


def test_program_that_reads_no_project(chatterbox: Project) -> None:
    """A program that is not written in Python does not miss a change."""
    server = chatterbox.start(f"{sys.executable} chatterbox.py {{port}}")
    chatterbox.write("chatterbox.py", "")
    assert server.running and repr(server).endswith(server.address)


def test_port_is_taken(chatterbox: Project) -> None:
    """A named port that somebody listens on is left to them."""
    first = chatterbox.start(BOX)
    second = chatterbox.start(BOX, port=first.port)
    assert repr(second) == (f"python did not start: port {first.port} is taken by another program.")
    assert first.running


@pytest.mark.parametrize("when", ["before it starts", "while it starts"])
def test_port_is_lost(chatterbox: Project, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Where somebody else was faster on a free port, another one is tried."""
    with socket.create_server(("127.0.0.1", 0)) as faster:
        ports = [taken := faster.getsockname()[1], free_port()]
        monkeypatch.setattr(module, "free_port", lambda: ports.pop(0))
        if when == "while it starts":
            monkeypatch.setattr(module, "is_taken", lambda port: False)
        server = chatterbox.start(BOX)
        assert server.running, server
        assert ports == [] and server.port != taken
    call(server)
    server.log(until="somebody came")


def test_somebody_else_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never listens is not taken for one because another has its port."""
    monkeypatch.setattr(module, "START", 0.3)
    monkeypatch.setattr(module, "is_taken", lambda port: False)
    project.write("deaf.py", "import time\ntime.sleep(600)")
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = project.start("python deaf.py {port}", port=other.getsockname()[1])
    assert repr(server) == "python was ended: it did not answer within 0 seconds."


def test_server_in_a_process_of_its_own(chatterbox: Project) -> None:
    """A server may leave the port to a process that it starts, as a reloader does."""
    chatterbox.write(
        "starts.py",
        "import subprocess, sys\nsubprocess.run([sys.executable, 'chatterbox.py', *sys.argv[1:]])",
    )
    server = chatterbox.start("python starts.py {port}")
    assert server.running, server


@pytest.mark.parametrize(
    ("error", "answers"), [(psutil.NoSuchProcess(1), False), (psutil.AccessDenied(1), True)]
)
def test_processes_that_cannot_be_asked(
    chatterbox: Project, monkeypatch: pytest.MonkeyPatch, error: psutil.Error, answers: bool
) -> None:
    """Whose port it is counts as unknown until then where a process is just ending, and as the
    server's own where it runs as somebody else."""

    def refuse(*_: object) -> None:
        raise error

    server = chatterbox.start(BOX)
    child = server.child
    assert child is not None and child.listens(server.port) and not child.listens(1)
    monkeypatch.setattr(child.process, "net_connections", refuse)
    assert child.listens(1) is answers


def test_does_not_answer(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that runs and never listens is ended."""
    monkeypatch.setattr(module, "START", 0.3)
    project.write("deaf.py", "import time\ntime.sleep(600)")
    server = project.start("python deaf.py {port}")
    assert repr(server) == "python was ended: it did not answer within 0 seconds."
    assert not server.running


# Logs


def test_log(chatterbox: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """log() prints what is new, waits for what is still to come, and stops there."""
    server = chatterbox.start(BOX)
    server.log(until="somebody came")  # the helper's own look whether it answers
    assert capsys.readouterr().out.startswith("one moment\nsomebody came\n")
    server.log()
    capsys.readouterr()
    call(server)
    server.log(until="somebody came")
    server.log()
    assert capsys.readouterr().out == "somebody came\n"


def test_log_between(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """log() prints from one line to another, or the lines with a text."""
    lines = ["noise", "begin", "middle", "end", "begin", "rest"]
    project.write("talks.py", f"print(*{lines}, sep='\\n', flush=True)\n"
                  "import http.server, sys; http.server.test(port=int(sys.argv[1]))")  # fmt: skip
    server = project.start("python talks.py {port}")
    server.log(since="begin", until="end")
    server.log(since="begin", contains="begin")
    assert capsys.readouterr().out == "begin\nmiddle\nend\nbegin\n"


def test_log_that_does_not_come(
    chatterbox: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that does not come is not waited for for ever."""
    monkeypatch.setattr(module, "NEWS", 0.1)
    server = chatterbox.start(BOX)
    server.clear_log()
    server.log(until="nobody came")
    server.log(since="nobody came", until="nobody either")
    out = capsys.readouterr().out
    assert out.count("(no line with 'nobody came' came within 0 seconds)") == 1
    assert out.count("(no line with 'nobody either' came within 0 seconds)") == 1


def test_port_is_lost_again_and_again(chatterbox: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three ports that others took, the last error is told."""
    with socket.create_server(("127.0.0.1", 0)) as faster:
        monkeypatch.setattr(module, "free_port", lambda: faster.getsockname()[1])
        monkeypatch.setattr(module, "is_taken", lambda port: False)
        server = chatterbox.start(BOX)
    assert not server.running
    assert repr(server).startswith("python ended at once: OSError: [Errno ")


def test_log_of_a_start(kept: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """What a server writes of its start is not printed with what comes later."""
    server = kept.start("uvicorn --port {port} mysite.asgi:application")
    server.log()
    assert capsys.readouterr().out == ""
    assert "INFO:     Application startup complete." in server.lines()
