"""Another user of the machine waits for the port of a live server, and gets nothing by it.

Run as root, the other user is one; otherwise a process of the same user stands in, which can take
a port as well and is as little able to prove that it is the kernel's server.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.browser.lab import Lab, Lesson
from tests.browser.test_jupyter import LAUNCH, NOTES, when, write

STUBBORN = """%%browser greeted
function connect() {
  const mySocket = new WebSocket(`ws://${window.location.host}/ws/sc/`);
  mySocket.onmessage = (event) => console.log(event.data);
  mySocket.onclose = () => setTimeout(connect, 50);
}
connect();
"""

# A frame that looks for its server often finds whoever has taken the port soon.
OFTEN = "from server.notebook import runs\nruns.RETRIES = [100] * 25\n"

GONE = "The server of this cell is gone: run the launch cell, then this one."

# What the attack would have done, and that its server hears cookies at all.
LOGIN = "document.cookie = 'login=secret; path=/'; return document.cookie;"
CONTROL = "await fetch(args[0], {mode: 'no-cors', credentials: 'include'}).catch(() => null);"


class Attacker:
    """A running :mod:`tests.browser.attacker`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                self.told.put(json.loads(line))

    def taken(self, patience: float) -> bool:
        """Tell whether the port has been taken, in so many seconds."""
        try:
            told = self.told.get(timeout=patience)
        except queue.Empty:
            return False
        assert told["uid"] != 0
        return True

    def hears(self, path: str) -> None:
        """Wait for a request of this path."""
        while self.told.get(timeout=60)["path"] != path:
            pass

    def heard(self) -> list[dict[str, Any]]:
        """Return the requests so far."""
        found = []
        while not self.told.empty():
            found.append(self.told.get())
        return found


@contextmanager
def attacker(port: int) -> Iterator[Attacker]:
    # Not as a module: the other user may not be able to read this checkout.
    code = Path(__file__).with_name("attacker.py").read_text("utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    started = Attacker(process)
    try:
        yield started
    finally:
        process.terminate()
        process.wait()
        # It closes what it reads from.
        started.reader.join()
        assert process.stdin is not None
        process.stdin.close()


def attacked(lesson: Lesson, servers: Sequence[Lab], port: int) -> list[dict[str, Any]]:
    """Relaunch, restart and reopen while somebody waits for the port; return what they hear.

    The lesson is opened again on each of the servers, which may be one under two names.
    """
    with attacker(port) as other:
        for _ in range(3):
            lesson.run("a")
        lesson.run("b")
        assert not other.taken(0.2)
        assert lesson.frame("greeted").lines[-1]["text"] == "hello"
        lesson.saved()
        lesson.restart()
        assert other.taken(60)
        when(lesson, "greeted", state="lost", status=GONE)
        again = [server.open(lesson.path.name, anew=True) for server in servers]
        for opened in again:
            assert opened.page.run(NOTES) == [
                "The server of this cell is not running: run the launch cell, then this one."
            ]
        heard = other.heard()
        for opened in (lesson, *again):
            assert "owned" not in opened.page.run("return document.title")
        # The attack would hear of a cookie, if one were sent.
        again[0].page.run(CONTROL, f"http://127.0.0.1:{port}/control")
        other.hears("/control")
        for opened in again:
            opened.page.close()
    return heard


def test_on_the_learners_own_machine(jupyter: Lab) -> None:
    """Who takes the port is asked for a proof, and hears no cookie and holds no frame."""
    write(jupyter, "attacked.ipynb", OFTEN + LAUNCH, STUBBORN)
    lesson = jupyter.open("attacked.ipynb")
    assert "login=secret" in lesson.page.run(LOGIN)
    lesson.run_all()
    port = int(lesson.frame("greeted").host.rpartition(":")[2])
    other_name = replace(jupyter, url=jupyter.url.replace("127.0.0.1", "localhost"))
    heard = attacked(lesson, [jupyter, other_name], port)
    assert heard
    assert {request["cookie"] for request in heard} == {None}
    pages = [request["path"] for request in heard if request["upgrade"] is None]
    assert pages and all(path.split("?")[0].endswith("/proof") for path in pages)
    # The code of the cell itself may go on connecting until its frame has noticed.
    sockets = [request["path"] for request in heard if request["upgrade"] is not None]
    assert all(path.startswith("/ws/sc/?browser-cell=") for path in sockets)
    lesson.close()
