"""Jupyter's own server leads browser cells to the Unix socket of their live server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from channels.generic.websocket import WebsocketConsumer
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.notebook import door
from server.notebook.gateway import (
    Wires,
    _jupyter_server_extension_points,
    _load_jupyter_server_extension,
)
from server.notebook.launch import LiveServer, launch
from server.notebook.runs import Run, runs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no Unix sockets")


class Shout(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data.upper())


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give Jupyter a folder with a short path, as a Unix socket needs; pytest's are too long."""
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def live(runtime: Path) -> Iterator[LiveServer]:
    server = launch(Shout, name="gateway")
    yield server
    server.close()


@pytest.fixture
def run() -> Run:
    made = Run("through", "1", 0.05, False, "gateway")
    runs.add(made)
    return made


@asynccontextmanager
async def gateway() -> AsyncIterator[str]:
    """Run the extension in a server as Jupyter's; yield its address without the scheme."""
    [point] = _jupyter_server_extension_points()
    assert point == {"module": "server.notebook.gateway"}
    application = Application(base_url="/user/ann/")
    _load_jupyter_server_extension(SimpleNamespace(web_app=application))
    server = HTTPServer(application)
    [listener] = bind_sockets(0, "127.0.0.1")
    server.add_sockets([listener])
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}/user/ann/channels-notebooks"
    finally:
        server.stop()
        await server.close_all_connections()


def through(check: Callable[[str], Awaitable[None]]) -> None:
    """Run a check with the address of a gateway."""

    async def main() -> None:
        async with gateway() as address:
            await check(address)

    asyncio.run(main())


async def get(address: str, **options: object) -> HTTPResponse:
    client = AsyncHTTPClient(force_instance=True)
    return await client.fetch(f"http://{address}", raise_error=False, **options)


def test_pages(live, run):
    """A frame, its page and its scripts come through, and all of them in a sandbox."""
    name = door.name_of("gateway")

    async def check(gate: str) -> None:
        frame = await get(f"{gate}/{name}/{run.path}")
        assert frame.code == 200
        assert b"frame.js" in frame.body
        assert frame.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
        assert (await get(f"{gate}/{name}/{run.path}", method="HEAD")).body == b""
        page = await get(f"{gate}/{name}/?/{run.path}/page")
        assert page.code == 200
        assert run.page is not None
        assert run.page.passport.encode() in page.body
        script = await get(f"{gate}/{name}/static/browser/frame.js")
        assert script.code == 200
        assert script.headers["Access-Control-Allow-Origin"] == "*"

    through(check)


def test_what_is_not_handed_on(live, run):
    """Neither other paths, nor other sockets, nor cookies get anywhere."""
    name = door.name_of("gateway")

    async def check(gate: str) -> None:
        for path in (
            f"{name}/static/index.html",
            f"{name}/ws/",
            f"{'0' * 32}/{run.path}",
            f"../{name}/{run.path}",
            f"{name}/browser/through/{run.hash}/{'0' * 32}",
        ):
            assert (await get(f"{gate}/{path}")).code == 404
        # What a page of the kernel's would see of a request is its path.
        heard = await listen_to(door.socket_of(name), f"{gate}/{name}/{run.path}")
        assert b"secret" not in heard

    through(check)


async def listen_to(path: Path, address: str) -> bytes:
    """Return what arrives at a socket in the place of the live server's."""
    heard = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    path.unlink()
    async with await asyncio.start_unix_server(answer, path):
        headers = {"Cookie": "login=secret", "Authorization": "token secret"}
        await get(address, headers=headers)
    return heard


def test_a_server_that_does_not_answer(live, run):
    """Where nobody listens at the socket, a page gets 502, and a frame may try again."""
    name = door.name_of("gateway")
    live.host.stop()

    async def check(gate: str) -> None:
        assert (await get(f"{gate}/{name}/{run.path}")).code == 502
        async with connect(f"ws://{gate}/{name}/{run.path}/report", proxy=None) as wire:
            with pytest.raises(ConnectionClosed):
                await wire.recv()
            assert wire.close_code == 1013

    through(check)


def test_a_message_that_comes_too_late() -> None:
    """What a frame sends before it hears that nobody answers is lost."""
    asyncio.run(Wires.on_message(SimpleNamespace(inner=None), "x"))


def test_wires(live, run):
    """A page's connection is carried both ways, from an origin that is nobody's."""
    name = door.name_of("gateway")

    async def check(gate: str) -> None:
        url = f"ws://{gate}/{name}/{run.path}"
        async with connect(f"{url}/relay", origin="null", proxy=None) as wire:
            await wire.send(json.dumps({"target": "/ws/", "protocols": []}))
            assert await wire.recv() == 'c{"open": ""}'
            await wire.send("thello")
            assert await wire.recv() == "tHELLO"
        async with connect(f"ws://{gate}/{name}/browser/a/b/c/report", proxy=None) as wire:
            with pytest.raises(ConnectionClosed):
                await wire.recv()
            assert wire.close_code == 4404

    through(check)
    connecting, *_ = live.transcript.entries
    assert connecting.what.origin == f"http://127.0.0.1:{live.port}"


def test_the_folder_is_the_users_alone(live, runtime, monkeypatch):
    """Nobody else can look into the folder; where somebody could, there is no socket."""
    folder = runtime / "channels"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in folder.iterdir()] == [door.name_of("gateway")]
    folder.chmod(0o777)
    assert door.open("other") == []
    assert door.name_of("other") == ""
    with pytest.raises(PermissionError, match="is not this user's alone"):
        door.socket_of(door.name_of("gateway"))
    folder.chmod(0o700)
    live.close()
    assert list(folder.iterdir()) == []
    door.close("other")


def test_a_path_that_is_too_long(runtime, monkeypatch):
    """Where Jupyter's folder has too long a path for a socket, it is in the system's."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime / ("long" * 20)))
    monkeypatch.setattr("tempfile.tempdir", str(runtime))
    [listener] = door.open("other")
    listener.close()
    assert door.socket_of(door.name_of("other")).parent == runtime / f"channels-{os.getuid()}"
    door.close("other")


def test_a_folder_of_somebody_else(runtime, monkeypatch):
    """Neither a link nor a folder that another user has put in its place is taken."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime / ("long" * 20)))
    monkeypatch.setattr("tempfile.tempdir", str(runtime))
    theirs = runtime / "theirs"
    theirs.mkdir(mode=0o700)
    (runtime / f"channels-{os.getuid()}").symlink_to(theirs)
    assert door.open("other") == []
    (runtime / f"channels-{os.getuid()}").unlink()
    (runtime / f"channels-{os.getuid()}").mkdir(mode=0o700)
    other = os.getuid() + 1
    theirs.rename(runtime / f"channels-{other}")
    monkeypatch.setattr("os.getuid", lambda: other)
    assert door.open("other") == []


def test_without_unix_sockets(monkeypatch):
    """On Windows browser cells reach the port, and nothing else."""
    monkeypatch.delattr("socket.AF_UNIX")
    assert door.open("other") == []
