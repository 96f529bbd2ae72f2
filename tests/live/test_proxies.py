"""Proxies in the environment: clients of this machine do without, and all else is as before."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import proxy_bypass_environment

import pytest

from server.live import proxies
from server.live.proxies import spare_loopback

REPOSITORY = Path(__file__).parents[1]

# What the cells of the lessons use, and what the course itself does.
CLIENTS = """
import asyncio, os
from urllib.request import urlopen
from channels.generic.websocket import WebsocketConsumer
from server import launch
from websockets.asyncio.client import connect as aconnect
from websockets.sync.client import connect

class Echo(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data)

live = launch(Echo)
for url in (live.url(), live.url().replace("127.0.0.1", "localhost")):
    with connect(url) as ws:
        ws.send("sync")
        print(ws.recv())

async def ask():
    async with aconnect(live.url()) as ws:
        await ws.send("async")
        print(await ws.recv())

asyncio.run(ask())
with urlopen(live.http_url) as answer:
    print(answer.status)
"""


@pytest.fixture
def dead() -> Iterator[str]:
    """The address of a proxy that is not there; its port stays bound, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    "names",
    [
        ("http_proxy", "https_proxy"),
        ("HTTP_PROXY", "HTTPS_PROXY"),
        ("all_proxy", "ALL_PROXY", "ws_proxy", "socks_proxy"),
    ],
    ids=lambda names: names[0],
)
def test_clients_of_the_lessons_need_no_proxy(names: tuple[str, ...], dead: str):
    """A client as in a lesson reaches the live server, whatever proxy is set."""
    plain = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [sys.executable, "-c", CLIENTS],
        cwd=REPOSITORY,
        env={**plain, **dict.fromkeys(names, dead)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["sync", "sync", "async", "200"]


def spared(monkeypatch: pytest.MonkeyPatch, **before: str) -> dict[str, str]:
    """Return an environment after loopback was spared."""
    monkeypatch.setattr("os.environ", before)
    environment = dict(before)
    spare_loopback(environment)
    return environment


def test_without_a_proxy_nothing_changes(monkeypatch: pytest.MonkeyPatch):
    """Where no proxy is set, none is said to be spared."""
    monkeypatch.setattr(proxies, "getproxies", proxies.getproxies_environment)
    assert spared(monkeypatch, HOME="/home") == {"HOME": "/home"}
    assert spared(monkeypatch, no_proxy="school.test") == {"no_proxy": "school.test"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": ""}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": ".school.test, localhost"}, ".school.test,localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "10.0.0.0/8"}, "10.0.0.0/8,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a.test", "NO_PROXY": "b.test"}, "a.test,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_exceptions_of_somebody_stay(
    before: dict[str, str], after: str, monkeypatch: pytest.MonkeyPatch
):
    """Loopback is added once to the exceptions that are set, in both spellings."""
    environment = spared(monkeypatch, https_proxy="http://proxy.test", **before)
    assert (environment["no_proxy"], environment["NO_PROXY"]) == (after, after)
    assert environment["https_proxy"] == "http://proxy.test"
    again = dict(environment)
    spare_loopback(again)
    assert again == environment
    for host in ("127.0.0.1:8000", "localhost", "::1:8000"):
        assert proxy_bypass_environment(host, {"no": after})
    if after != "*":
        assert not proxy_bypass_environment("example.org", {"no": after})


def test_proxies_of_the_system_stay(monkeypatch: pytest.MonkeyPatch):
    """What Windows or macOS have set holds on for the rest of the world."""
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": "http://proxy.test:80"})
    assert spared(monkeypatch) == {
        "https_proxy": "http://proxy.test:80",
        "no_proxy": "127.0.0.1,localhost,::1",
        "NO_PROXY": "127.0.0.1,localhost,::1",
    }
