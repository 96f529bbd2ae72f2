"""nginx before two servers: the configuration that lesson 6 shows, run for real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.project import Project, Server
from server.project.processes import free_port
from tests.project.clients import hear, join, log_in, say

VALKEY = 'valkey-server --bind 127.0.0.1 --port {port} --save ""'


@pytest.fixture(scope="session")
def nginx() -> str:
    """Find nginx, or install Debian's; if neither is possible, say what to do."""
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None and Path("/etc/debian_version").exists() and os.geteuid() == 0:
        # Without recommends nothing is started and nothing is served.
        for command in ("update -qq", "install -y -qq --no-install-recommends nginx-light"):
            subprocess.run(
                ["apt-get", *command.split()],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
                capture_output=True,
            )
        found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None:
        pytest.fail("these tests need nginx: install it (on Debian: apt install nginx-light)")
    return found


@pytest.fixture
def site(kept: Project, nginx: str) -> Iterator[tuple[int, list[Server]]]:
    """Two servers, nginx before them, and its port."""
    valkey = kept.start(VALKEY)
    kept.run("python manage.py collectstatic --noinput -v 0")
    command = "uvicorn --host 127.0.0.1 --port {port} mysite.asgi:application"
    servers = [kept.start(command, VALKEY_URL=f"redis://{valkey.address}") for _ in range(2)]
    port = free_port()
    shown = (kept.folder / "nginx.conf").read_text("utf-8")
    ports = {"8000": port, "8001": servers[0].port, "8002": servers[1].port}
    shown = re.sub(r"(127\.0\.0\.1:)(800\d)", lambda m: f"{m[1]}{ports[m[2]]}", shown)
    kept.write("nginx.conf", shown)
    as_root = '-g "user root;"' if os.geteuid() == 0 else ""
    front = kept.start(f"{nginx} -p . -c nginx.conf {as_root}", port=port)
    assert front.running, front
    yield port, servers
    front.stop()


def test_through_nginx(kept: Project, site: tuple[int, list[Server]], nginx: str) -> None:
    """Pages, static files, log-in and WebSockets work through it, and strangers are refused.

    Without the Upgrade header the request arrives as plain HTTP, as the lesson says.
    """
    port, servers = site
    cookie = log_in(f"http://127.0.0.1:{port}/accounts/login/")
    script = requests.get(f"http://127.0.0.1:{port}/static/chat/chat.js", timeout=30)
    assert script.status_code == 200
    assert script.headers["Content-Type"] == "text/javascript"
    with join(port, cookie) as ada, join(port, cookie) as bob:  # one on each server
        say(ada, "hello")
        assert hear(bob, "hello") == ["hello"]
    with pytest.raises(InvalidStatus, match="HTTP 403"):
        join(port, cookie, origin="http://other.example").__enter__()

    shown = (kept.folder / "nginx.conf").read_text("utf-8")
    port = free_port()
    shown = re.sub(r".*proxy_set_header (Upgrade|Connection) .*\n", "", shown)
    shown = re.sub(r"listen 127\.0\.0\.1:\d+", f"listen 127.0.0.1:{port}", shown)
    kept.write("broken.conf", shown.replace("nginx.pid", "broken.pid"))
    front = kept.start(f"{nginx} -p . -c broken.conf", port=port)
    assert front.running, front
    with pytest.raises(InvalidStatus, match="HTTP 404"):
        join(port).__enter__()
    front.stop()
    asked = [server.child for server in servers if server.child is not None]
    text = "Not Found: /ws/chat/lobby/"
    deadline = time.monotonic() + 60
    while not any(child.find_line(text, 0, 0.1) is not None for child in asked):
        assert time.monotonic() < deadline


def test_orderly_stop(site: tuple[int, list[Server]], cookie: str) -> None:
    """One server after the other is stopped and started; who comes back has missed nothing."""
    port, servers = site
    said = []
    for number, server in enumerate(servers):
        with join(server, cookie) as direct, join(servers[1 - number], cookie) as other:
            server.stop()
            with pytest.raises(ConnectionClosed) as closed:
                hear(direct, "nobody says this")
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
            said.append(f"while {number} is away")
            say(other, said[-1])
            hear(other, said[-1])
        # nginx finds out that one server is gone, and asks the other one.
        for _ in range(2):
            with join(port, cookie) as back:
                assert hear(back, said[-1]) == said
        server.start()


@pytest.mark.skipif(sys.platform == "win32", reason="nginx is Debian's here")
def test_anybody_may_run_it(kept: Project, nginx: str) -> None:
    """nginx takes the configuration as it is kept, and writes to no other folder."""
    done = subprocess.run(
        [nginx, "-t", "-p", ".", "-c", "nginx.conf"],
        cwd=kept.folder,
        capture_output=True,
        text=True,
    )
    assert "syntax is ok" in done.stderr, done.stderr
    paths = re.findall(
        r"(?:_temp_path|pid|alias)\s+(\S+);", (kept.folder / "nginx.conf").read_text()
    )
    assert len(paths) == 7
    assert not [path for path in paths if path.startswith("/")]
