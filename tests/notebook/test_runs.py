"""The live server serves the pages of browser cells, and hears when they have come to rest."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from server.notebook.launch import LiveServer, launch
from server.notebook.runs import MAX_LINES, MAX_RUNS, Page, Run, Runs, digest, runs

CODE = 'console.log("</script><b>")\n'


class Echo(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        if text_data == "leave":
            self.close(4000, "as you wish")
        else:
            self.send(text_data=text_data, bytes_data=bytes_data)


class Picky(WebsocketConsumer):
    def connect(self):
        if "chat" in self.scope["subprotocols"]:
            self.accept("chat")
        else:
            self.close()


class Hesitant(AsyncWebsocketConsumer):
    async def connect(self):
        await asyncio.sleep(30)


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    server = launch(Echo, name="test-runs")
    yield server
    server.close()


@pytest.fixture
def run() -> Run:
    made = Run("first", CODE, 0.05, False)
    runs.add(made)
    return made


def page(live: LiveServer, path: str) -> tuple[int, str]:
    try:
        with urlopen(live.http_url + path) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def report(live: LiveServer, run: Run) -> ClientConnection:
    return connect(live.url(f"browser/{run.name}/{run.hash}/report"))


def test_serves_frame_and_page(live, run):
    """The frame and the page inside it are there; code cannot end the script that holds it."""
    status, frame = page(live, f"browser/first/{run.hash}")
    assert status == 200
    assert "frame.js" in frame
    status, inside = page(live, f"browser/first/{run.hash}/page")
    assert status == 200
    assert "</script><b>" not in inside
    start = inside.index('id="cell">') + len('id="cell">')
    cell = json.loads(inside[start : inside.index("</script>", start)])
    assert run.page is not None
    assert cell == {"name": "first", "hash": run.hash, "code": CODE, "page": run.page.number}


@pytest.mark.parametrize("path", ["first/0123", "other/{hash}", "first/{hash}/other", "first", ""])
def test_other_runs_are_not_found(live, run, path):
    """What this kernel does not hold is not found: a frame never shows another's cell."""
    status, text = page(live, "browser/" + path.format(hash=run.hash))
    assert (status, text) == (404, "This kernel does not hold this browser cell.\n")


def test_report_of_an_unknown_run(live):
    """A frame whose run is unknown is told not to come again."""
    with connect(live.url("browser/first/0123/report")) as wire:
        with pytest.raises(ConnectionClosed):
            wire.recv(60)
        assert wire.close_code == 4404


def told(number: int, *, busy: bool, settled: bool = False, events: int = 1, **more: Any) -> str:
    about = {"run": number, "page": 0, "busy": busy, "events": events, "settled": settled}
    return json.dumps(about | {"lines": []} | more)


def test_a_handler_that_works_may_yet_answer(run, monkeypatch):
    """The quiet does not count while a handler works, however short it is."""
    monkeypatch.setattr("server.notebook.runs.PATIENCE", 60)
    go = threading.Event()

    class Slow(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            go.wait(30)
            self.send("done")

    server = launch(Slow, name="slow")
    with report(server, run) as wire, connect(server.url()) as client:
        client.send("work")
        while not server.host.working():
            time.sleep(0.01)
        wire.send(told(1, busy=False))
        with pytest.raises(TimeoutError):
            wire.recv(0.3)
        go.set()
        assert client.recv(5) == "done"
        assert "quiet" in json.loads(wire.recv(5))
    server.close()


def test_settles_after_a_while_of_quiet(live, run):
    """A run has settled when its frame has not been busy for a while, and confirms it."""
    with report(live, run) as wire:
        wire.send(told(1, busy=True))
        with pytest.raises(TimeoutError):
            wire.recv(0.2)
        assert run.attached.is_set()
        wire.send(told(1, busy=False, events=7))
        assert json.loads(wire.recv(60)) == {"quiet": {"run": 1, "events": 7, "follow": False}}
        assert not run.settled.is_set()
        # Something has happened in the meantime: the question comes again.
        wire.send(told(1, busy=False, events=8))
        assert json.loads(wire.recv(60)) == {"quiet": {"run": 1, "events": 8, "follow": False}}
        wire.send(told(1, busy=False, settled=True))
        assert run.settled.wait(60)
        with pytest.raises(TimeoutError):
            wire.recv(0.2)


def test_hears_what_the_newest_page_does(live, run):
    """Lines are kept for the page that was loaded last; one that is loaded anew has none."""
    with report(live, run) as wire:
        page(live, f"browser/first/{run.hash}/page")
        first = run.page
        lines = [{"kind": "log", "text": "hello", "at": 1.5}]
        wire.send(told(1, busy=True, page=first.number, lines=lines))
        wire.send(told(1, busy=False, page=first.number, lines=lines, settled=True))
        assert first.settled.wait(60)
        assert first.lines == lines * 2
        page(live, f"browser/first/{run.hash}/page")
        assert run.page.number > first.number
        wire.send(told(1, busy=False, page=first.number, lines=lines))
        wire.recv(60)
        assert run.page.lines == []


def test_lines_are_bounded(live, run):
    """However much a frame tells, only so much is kept."""
    run.pages.append(Page())
    with report(live, run) as wire:
        lines = [{"kind": "log", "text": "", "at": 0}] * (MAX_LINES + 1)
        wire.send(told(1, busy=True, page=run.page.number, lines=lines[:1]))
        wire.send(told(1, busy=False, page=run.page.number, lines=lines, settled=True))
        assert run.settled.wait(60)
    assert len(run.page.lines) == MAX_LINES


def test_forgets_the_runs_of_a_server():
    """The runs on one server are forgotten, and those on others are not."""
    registry = Runs()
    for on in ("live", "exercise"):
        registry.add(Run(f"cell-on-{on}", "", 0.1, False, on))
    registry.forget("exercise")
    assert [run.on for run in registry.runs.values()] == ["live"]


def test_reports_stay_out_of_the_record(live, run):
    """A transcript shows nothing of the frames' own connections."""
    live.clear()
    with report(live, run) as wire:
        wire.send(told(1, busy=False))
        wire.recv(60)
    assert live.host.record.snapshot().entries == ()


def test_a_report_that_is_none_does_no_harm(live, run):
    """Nonsense ends the connection that it came on, and nothing else."""
    with report(live, run) as wire:
        wire.send("[")
        with pytest.raises(ConnectionClosed):
            wire.recv(60)
        assert wire.close_code == 1007
    assert page(live, f"browser/first/{run.hash}")[0] == 200


def test_registry_is_bounded():
    """The oldest runs are forgotten."""
    registry = Runs()
    for number in range(MAX_RUNS + 1):
        registry.add(Run(f"cell-{number}", "", 0.1, False))
    assert len(registry.runs) == MAX_RUNS
    assert registry.find(f"/browser/cell-0/{digest('')}")[0] is None


@contextmanager
def relayed(
    live: LiveServer, run: Run, target: str = "/ws/", protocols: Sequence[str] = ()
) -> Iterator[ClientConnection]:
    with connect(live.url(f"browser/{run.name}/{run.hash}/relay")) as wire:
        wire.send(json.dumps({"target": target, "protocols": protocols}))
        yield wire


def test_relay_carries_both_ways(live, run):
    """Through the relay a page has the messages and the close code of a connection of its own."""
    live.clear()
    with relayed(live, run) as wire:
        assert wire.recv(60) == 'c{"open": ""}'
        wire.send("thello")
        assert wire.recv(60) == "thello"
        wire.send(b"\x00\x01")
        assert wire.recv(60) == b"\x00\x01"
        wire.send("tleave")
        assert json.loads(wire.recv(60)[1:]) == {
            "closed": {"code": 4000, "reason": "as you wish", "wasClean": True}
        }
    text = str(live.transcript)
    assert "client → Echo" in text
    assert "relay" not in text


@pytest.mark.parametrize(("code", "told"), [(4001, 4001), (None, 1005)])
def test_relay_closes_as_the_page_does(live, run, code, told):
    """The code that a page closes with reaches the consumer; without one it is 1005."""
    live.clear()
    with relayed(live, run) as wire:
        wire.recv(60)
        wire.send("c" + json.dumps({"code": code, "reason": "bye" if code else ""}))
        assert json.loads(wire.recv(60)[1:])["closed"]["code"] == told
    assert f"close {told}" in str(live.transcript) or told == 1005


def test_relay_of_a_refused_connection(run):
    """A refusal is what a browser makes of it: 1006, and never open."""
    server = launch(Picky, name="picky")
    with relayed(server, run) as wire:
        assert json.loads(wire.recv(60)[1:]) == {
            "closed": {"code": 1006, "reason": "", "wasClean": False}
        }
    with relayed(server, run, protocols=("chat", "mqtt")) as wire:
        assert wire.recv(60) == 'c{"open": "chat"}'
    server.close()


def test_relay_ends_with_its_page(live, run):
    """A page that goes away takes its connection along, as a browser's does: 1001."""
    live.clear()
    with relayed(live, run) as wire:
        wire.recv(60)
    assert "close 1001" in str(live.transcript)


def test_relay_tells_why_the_server_stops(run):
    """A server that is launched anew closes with 1012, and the page hears it."""
    server = launch(Echo, name="restarting")
    with relayed(server, run) as wire:
        wire.recv(60)
        server.close()
        assert json.loads(wire.recv(60)[1:])["closed"]["code"] == 1012


def test_relay_of_a_connection_that_breaks(live, run):
    """A connection that ends without a close frame is what a browser makes of it: 1006."""
    with relayed(live, run) as wire:
        wire.recv(60)
        [bridge] = live.host.bridges
        live.host.loop.call_soon_threadsafe(bridge.wire.transport.abort)
        assert json.loads(wire.recv(60)[1:])["closed"] == {
            "code": 1006,
            "reason": "",
            "wasClean": False,
        }


def test_relay_whose_page_gives_up(run):
    """A page that closes before its connection is open takes the handshake along."""
    server = launch(Hesitant, name="hesitant")
    with relayed(server, run) as wire:
        with pytest.raises(TimeoutError):
            wire.recv(0.2)
        [bridge] = server.host.bridges
    deadline = time.monotonic() + 60
    while not bridge.wire.connection_lost_waiter.done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.close()
