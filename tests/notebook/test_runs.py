"""The live server serves the pages of browser cells, and hears when they have come to rest."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from server.live.record import Connecting
from server.notebook.launch import LiveServer, launch
from server.notebook.runs import MAX_LINES, MAX_RUNS, MAX_TOLD, Page, Run, Runs, digest, runs
from tests.serving import eventually

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
    return connect(live.url(f"{run.path}/report"))


def told(number: int, *, busy: bool, settled: bool = False, events: int = 1, **more: Any) -> str:
    about = {"run": number, "page": 0, "busy": busy, "events": events, "settled": settled}
    return json.dumps(about | {"lines": []} | more)


def test_serves_frame_and_page(live, run):
    """The frame and the page inside it are there; code cannot end the script that holds it."""
    status, frame = page(live, run.path)
    assert status == 200
    assert "frame.js" in frame
    status, inside = page(live, f"?/{run.path}/page")
    assert status == 200
    assert "</script><b>" not in inside
    start = inside.index('id="cell">') + len('id="cell">')
    cell = json.loads(inside[start : inside.index("</script>", start)])
    assert run.page is not None
    assert cell == {
        "name": "first",
        "hash": run.hash,
        "token": run.token,
        "code": CODE,
        "page": run.page.number,
        "passport": run.page.passport,
        "port": live.port,
    }


@pytest.mark.parametrize(
    "path",
    [
        *("", "first", "first/0123", "other/{hash}/{token}", "first/{hash}", "first/{hash}/page"),
        *("first/{hash}/{token}/other", "first/{hash}/0123/page", "first/{hash}/é"),
    ],
)
@pytest.mark.parametrize("root", ["browser/", "?/browser/"])
def test_other_runs_are_not_found(live, run, root, path):
    """What this kernel does not hold, or whose token is not right, is not found."""
    target = quote(root + path.format(hash=run.hash, token=run.token), safe="/?")
    status, text = page(live, target)
    assert (status, text) == (404, "This kernel does not hold this browser cell.\n")


def test_report_of_an_unknown_run(live):
    """A frame whose run is unknown is told not to come again."""
    with connect(live.url("browser/first/0123/report")) as wire:
        with pytest.raises(ConnectionClosed):
            wire.recv(60)
        assert wire.close_code == 4404


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
        assert client.recv(60) == "done"
        assert "quiet" in json.loads(wire.recv(60))
    server.close()


def test_a_message_on_its_way_may_yet_come(run, monkeypatch):
    """The quiet does not count before the page has told of what the server has sent it."""
    monkeypatch.setattr("server.notebook.runs.PATIENCE", 60)
    live = launch(Echo, name="behind")
    page(live, f"?/{run.path}/page")
    number = run.page.number
    connecting, come, closing = (
        {"kind": kind, "text": "hello", "socket": 1, "at": 1.0}
        for kind in ("connecting", "received", "closing")
    )
    with (
        report(live, run) as wire,
        connect(live.url(f"?browser-cell={run.page.passport}")) as first,
        connect(live.url(f"?browser-cell={run.page.passport}")) as second,
    ):
        for socket in (first, second):
            socket.send("hello")
            assert socket.recv(60) == "hello"

        def is_asked(wait: float, **more: Any) -> bool:
            """Tell whether the page is asked when it has told this, and nothing comes any more."""
            wire.send(told(1, busy=False, page=number, **more))
            try:
                return "quiet" in json.loads(wire.recv(wait))
            except TimeoutError:
                return False

        assert not is_asked(0.3, lines=[connecting])
        assert not is_asked(0.3, lines=[come])
        assert is_asked(60, lines=[{**come, "socket": 2}])
        # What comes while a page closes is not handed to it.
        first.send("hello")
        assert first.recv(60) == "hello"
        assert not is_asked(0.3)
        first.close()
        assert is_asked(60, lines=[closing])
        # It tells no more than so much.
        second.send("hello")
        assert second.recv(60) == "hello"
        assert not is_asked(0.3)
        assert is_asked(60, lines=[{**connecting, "socket": 3}] * MAX_TOLD)
        # And nothing is waited for without end.
        run.page.lines.clear()
        assert not is_asked(0.3)
        monkeypatch.setattr("server.notebook.runs.PATIENCE", 0)
        assert "quiet" in json.loads(wire.recv(60))
        # However often a page comes back, what is gone is let go of.
        for _ in range(6):
            with connect(live.url(f"?browser-cell={run.page.passport}")):
                pass
        assert len(run.page.sockets) < 6
    live.close()


def test_a_frame_that_only_says_that_it_is_there(live, run):
    """A frame that has nothing to report yet is there, and no page has been loaded."""
    with report(live, run) as wire:
        wire.send(told(1, busy=True))
        wire.send('{"there": true}')
        assert run.there.wait(60)
        assert not run.settled.is_set()


def test_settles_after_a_while_of_quiet(live, run):
    """A run has settled when its frame has not been busy for a while, and confirms it."""
    with report(live, run) as wire:
        wire.send(told(1, busy=True))
        with pytest.raises(TimeoutError):
            wire.recv(0.2)
        assert run.attached.wait(60)
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
        page(live, f"?/{run.path}/page")
        first = run.page
        lines = [{"kind": "log", "text": "hello", "at": 1.5}]
        wire.send(told(1, busy=True, page=first.number, lines=lines))
        wire.send(told(1, busy=False, page=first.number, lines=lines, settled=True))
        assert first.settled.wait(60)
        assert first.lines == lines * 2
        page(live, f"?/{run.path}/page")
        assert run.page.number > first.number
        wire.send(told(1, busy=False, page=first.number, lines=lines))
        wire.recv(60)
        assert run.page.lines == []


def test_lines_are_bounded(live, run):
    """However much a frame tells, only so much is kept."""
    run.pages.append(Page())
    with report(live, run) as wire:
        lines = [{"kind": "log", "text": "", "at": 0}] * MAX_LINES
        wire.send(told(1, busy=True, page=run.page.number, lines=lines[:1]))
        wire.send(told(1, busy=False, page=run.page.number, lines=lines, settled=True))
        assert run.settled.wait(60)
    assert len(run.page.lines) == MAX_LINES


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("[", "a frame and its page send JSON"),
        ("[" * 100_000, "a report is not nested so deep"),
        ("[]", "a report says what a page does, and whether it rests"),
        (told(1, busy="yes"), "a report says what a page does, and whether it rests"),
        (told(2**60, busy=True), "a report says what a page does, and whether it rests"),
        (
            told(1, busy=True, lines=[{"kind": "log", "text": "", "at": 0}] * (MAX_LINES + 1)),
            "a report says what a page does, and whether it rests",
        ),
        *(
            (
                told(1, busy=True, lines=[line]),
                "a line of a report has a kind, a text, a time, and nothing that is large",
            )
            for line in (
                {},
                [],
                {"kind": "log", "text": "x" * 301, "at": 0},
                {"kind": "log", "text": "", "at": "now"},
                {"kind": "log", "text": "", "at": 1e300},
                {"kind": ["log"], "text": "", "at": 0},
                {"kind": "log", "text": "", "at": 0, "more": 1},
                {"kind": "log", "text": "", "at": 0, "callable": "yes"},
                {"kind": "timer", "text": "", "at": True},
            )
        ),
    ],
)
def test_reports_that_no_frame_sends(live, run, message, why):
    """A report is refused in one sentence where a judge would stumble over it, or it is large."""
    run.pages.append(Page())
    with report(live, run) as wire:
        wire.send(message)
        with pytest.raises(ConnectionClosed):
            wire.recv(60)
        assert (wire.close_code, wire.close_reason) == (1007, why)
    assert run.page.lines == []
    assert not run.settled.is_set()
    assert live.host.record.snapshot().entries == ()


def test_reports_need_the_token(live, run):
    """Who does not know the token of a cell can report nothing for it, and relay nothing."""
    for part in ("report", "relay"):
        with connect(live.url(f"browser/first/{run.hash}/{'0' * 32}/{part}")) as wire:
            with pytest.raises(ConnectionClosed):
                wire.recv(60)
            assert wire.close_code == 4404
    assert not run.attached.is_set()


def test_an_image_tag_empties_nothing(live, run):
    """A request by somebody who does not know the token leaves the newest page alone."""
    run.pages.append(Page(lines=[{"kind": "log", "text": "", "at": 0}]))
    for path in (f"browser/first/{run.hash}/page", f"?/browser/first/{run.hash}/{'0' * 32}/page"):
        assert page(live, path)[0] == 404
    with urlopen(Request(f"{live.http_url}?/{run.path}/page", method="HEAD")) as answer:
        assert answer.status == 200
    assert len(run.page.lines) == 1


def test_who_may_hold_a_frame(live, run):
    """A foreign site's page cannot hold a frame, and code has an origin that is nobody's."""
    with urlopen(live.http_url + run.path) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads; "
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:* http://[::1]:* "
        "vscode-webview:"
    )
    with urlopen(f"{live.http_url}?/{run.path}/page") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert policy == "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads"
    with urlopen(live.http_url) as answer:
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"


def test_proof(live, run):
    """The server proves that it knows the key; the proof is good for one text and one port."""
    with urlopen(f"{live.http_url}browser/first/{run.hash}/proof?once") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        proof = answer.read()
    assert proof == hmac.digest(run.key.encode(), f"{live.port} once".encode(), "sha256")
    assert page(live, f"browser/first/{'0' * 12}/proof?once")[0] == 404


def test_a_passport_is_good_for_a_page(run):
    """A page's WebSockets have the origin that they would have; nobody sees how."""
    live = launch(Echo, name="passports")
    page(live, f"?/{run.path}/page")
    passport = run.page.passport
    asked = {
        f"ws/?browser-cell={passport}": "/ws/",
        f"ws/?&browser-cell={passport}": "/ws/?",
        f"ws/?a=b&browser-cell={passport}": "/ws/?a=b",
    }
    for path in asked:
        with connect(live.url(path), origin="null") as wire:
            wire.send("leave")
    connecting = [
        entry.what
        for entry in live.transcript.snapshot.entries
        if isinstance(entry.what, Connecting)
    ]
    own = f"http://127.0.0.1:{live.port}"
    assert connecting == [Connecting(target, own) for target in asked.values()]
    for path, origin in (
        (f"ws/?browser-cell={'0' * 32}", "null"),
        (f"ws/?browser-cell={passport}", "http://evil.example"),
        ("ws/", "null"),
    ):
        with pytest.raises(InvalidStatus), connect(live.url(path), origin=origin):
            pass
    live.close()


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
    assert page(live, run.path)[0] == 200


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
    with connect(live.url(f"{run.path}/relay")) as wire:
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


@pytest.mark.parametrize(
    "wanted",
    [
        {"target": "@127.0.0.5:80/x", "protocols": []},
        {"target": "1/x", "protocols": []},
        {"target": "", "protocols": []},
        {"target": "/a b", "protocols": []},
        {"target": "/#x", "protocols": []},
        {"target": "/\\", "protocols": []},
        {"target": "/\r\nHost: x", "protocols": []},
        {"target": ["/"], "protocols": []},
    ],
)
def test_relay_leads_to_this_server_only(live, run, wanted):
    """A target that is no path of this server's is refused."""
    live.clear()
    with connect(live.url(f"{run.path}/relay")) as wire:
        wire.send(json.dumps(wanted))
        with pytest.raises(ConnectionClosed):
            wire.recv(60)
        assert wire.close_code == 1007
        assert wire.close_reason.startswith("a page")
    assert live.host.record.snapshot().entries == ()


@pytest.mark.parametrize(
    "message",
    ["", "x", "c", "c[", "c{}", 'c{"code": 1001, "reason": ""}', 'c{"code": "1000", "reason": ""}'],
)
def test_relay_of_what_no_page_sends(live, run, message):
    """A message that no page sends ends its connection, and leaves nothing behind."""
    live.clear()
    with relayed(live, run) as wire:
        wire.recv(60)
        wire.send(message)
        with pytest.raises(ConnectionClosed):
            wire.recv(60)
        assert wire.close_code == 1007
    assert "close 1001" in str(live.transcript)

    async def tasks() -> list[str]:
        return [str(task.get_coro()) for task in asyncio.all_tasks()]

    assert not any("carry" in task for task in live.host.call(tasks, 60))


def test_relay_whose_page_gives_up(run):
    """A page that closes before its connection is open takes the handshake along."""
    server = launch(Hesitant, name="hesitant")
    with relayed(server, run) as wire:
        with pytest.raises(TimeoutError):
            wire.recv(0.2)
        assert eventually(lambda: bool(server.host.bridges))
        [bridge] = server.host.bridges
    assert eventually(bridge.wire.connection_lost_waiter.done)
    server.close()
