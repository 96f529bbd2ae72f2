"""The kept project in a real browser: log in, talk, come back; and what cookies a browser sends."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from server.project import Project
from tests.browser.driving import Browser, Page, browser
from tests.project.clients import hear, join, say

UVICORN = "uvicorn --host 127.0.0.1 --port {port} mysite.asgi:application"

LOG_IN = """
    document.querySelector("[name=username]").value = "bob";
    document.querySelector("[name=password]").value = "secret";
    setTimeout(() => document.querySelector("form button").click());
"""
TEXTS = "return [...document.querySelectorAll('#messages li')].map(item => item.textContent)"
STATE = "return document.getElementById('state')?.textContent"
SPEAK = """
    document.getElementById("text").value = args[0];
    document.querySelector("#form button").click();
"""
CONNECT = """
    const socket = new WebSocket(args[0]);
    return new Promise((resolve) => {
        socket.onmessage = (event) => resolve(JSON.parse(event.data).from);
        socket.onclose = (event) => resolve(event.code);
    });
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    with browser() as found:
        yield found


def wait(page: Page, script: str, value: object) -> None:
    """Wait until a script returns a value."""
    deadline = time.monotonic() + 60
    found: object = None
    while found != value:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
        try:
            found = page.run(script)
        except Exception as error:  # a page that is about to be another one has no answer
            found = error


def test_chat_in_a_browser(kept: Project, started: Browser, cookie: str) -> None:
    """A user logs in with the form, talks, hears, and is back after the server's restart."""
    server = kept.start(UVICORN)
    page = started.open(server.page("rooms/lobby/"))  # which leads to the log-in and back
    page.run(LOG_IN)
    wait(page, STATE, "connected")
    page.run(SPEAK, "hello from a page")
    wait(page, TEXTS, ["bob: hello from a page"])
    server.stop()
    wait(page, STATE, "not connected")
    server.start()
    with join(server, cookie) as ada:
        say(ada, "<b>welcome back</b>")
        hear(ada, "<b>welcome back</b>")
    wait(page, TEXTS, ["bob: hello from a page", "ada: <b>welcome back</b>"])
    wait(page, STATE, "connected")
    page.close()


@pytest.fixture
def other_page(tmp_path: Path) -> Iterator[int]:
    """A page of another server, that of an attacker; its port."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>other</title>")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_what_same_site_stops(kept: Project, started: Browser, other_page: int) -> None:
    """Without the validator, another port is served as the user, and another site as a stranger."""
    asgi = (kept.folder / "mysite/asgi.py").read_text()
    kept.write("mysite/asgi.py", asgi.replace("AllowedHostsOriginValidator(", "("))
    server = kept.start(UVICORN)
    page = started.open(server.page("accounts/login/"))
    page.run(LOG_IN)
    wait(page, STATE, "connected")
    page.run(SPEAK, "a secret")
    wait(page, TEXTS, ["bob: a secret"])
    page.close()
    served = {}
    for host in ("127.0.0.1", "localhost"):
        other = started.open(f"http://{host}:{other_page}/")
        served[host] = other.run(CONNECT, server.url("ws/chat/lobby/"))
        other.close()
    assert served == {"127.0.0.1": "bob", "localhost": 4401}
