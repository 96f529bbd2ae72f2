"""What learners do to the live server: it goes on, and says what happened."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from server import LiveServer, launch
from server.live.record import Disconnected, Failed, Logged, Note, Printed
from server.notebook.launch import close_all
from tests.serving import AsyncEcho, RawClient, SyncEcho, eventually, frame

Send = Callable[[dict[str, Any]], Any]


@pytest.fixture(autouse=True)
def no_servers() -> Iterator[None]:
    """Leave no server behind."""
    yield
    close_all()


def told(live: LiveServer) -> str:
    """Return what the learner reads, with its lines joined."""
    lines = str(live.transcript).splitlines()
    return " ".join(re.sub(r"^ +\d* *", "", line).strip() for line in lines)


def talks(live: LiveServer, *messages: str | bytes) -> str:
    """Connect, send, and read until the server closes; return how that ended."""
    try:
        with connect(live.url()) as client:
            for message in messages:
                client.send(message)
            while True:
                client.recv(timeout=60)
    except InvalidStatus as error:
        return str(error.response.status_code)
    except ConnectionClosed as error:
        assert error.rcvd is not None
        return str(error.rcvd.code)


# Consumers that go wrong


def sends(message: Any) -> list[type[AsyncConsumer]]:
    """Make a sync and an async consumer whose receive handler sends this."""

    class Sync(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            self.send(message)

    class Async(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            await self.send(message)

    return [Sync, Async]


@pytest.mark.parametrize("which", [0, 1], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("message", "error"),
    [
        (
            {"type": "websocket.send", "text": 42},
            "TypeError: 'text' of websocket.send must be str, not int: convert it with str(...)",
        ),
        (
            {"type": "websocket.send", "text": ["a", "b"]},
            "TypeError: 'text' of websocket.send must be str, not list: convert it with json.dumps",
        ),
        (
            {"type": "websocket.send", "text": "a", "bytes": b"a"},
            "ValueError: websocket.send needs exactly one of 'text' and 'bytes', got both",
        ),
        (
            {"type": "websocket.send"},
            "ValueError: websocket.send needs 'text' or 'bytes', got neither",
        ),
        ({"text": "a"}, "ValueError: an ASGI message needs the key 'type'"),
        ("hello", "TypeError: an ASGI message is a dictionary, not str"),
        ({"type": "websocket.accept"}, "RuntimeError: Expected ASGI message 'websocket.send'"),
        ({"type": "websocket.close", "code": 1006}, "ValueError: invalid close code 1006"),
    ],
)
def test_sending_something_wrong(which: int, message: Any, error: str) -> None:
    """The client gets 1011, the learner the error and their own line; others are served."""
    live = launch(sends(message)[which])
    with connect(live.url()):
        assert talks(live, "x") == "1011"
    text = told(live)
    assert error in text
    assert "self.send(message)" in text
    assert talks(live, "x") == "1011"


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, StopIteration])
@pytest.mark.parametrize("handler", ["connect", "receive", "disconnect"])
@pytest.mark.parametrize("base", [SyncEcho, AsyncEcho])
def test_raising_in_each_handler(
    base: type[AsyncConsumer], handler: str, error: type[BaseException]
) -> None:
    """The exception is recorded with the connection, and the next client is served."""

    def fail(self: Any, event: dict[str, Any]) -> None:
        raise error("in this handler")

    async def fail_async(self: Any, event: dict[str, Any]) -> None:
        raise error("in this handler")

    function = fail if base is SyncEcho else fail_async
    live = launch(type("Raises", (base,), {f"websocket_{handler}": function}))
    for number in (1, 2):
        if handler == "disconnect":
            with connect(live.url()) as client:
                client.send("x")
                assert client.recv() == "x"
        else:
            assert talks(live, "x") == ("500" if handler == "connect" else "1011")
        live.host.settle()
        failures = [
            (entry.connection, entry.what.exception)
            for entry in live.host.record.snapshot().entries
            if isinstance(entry.what, Failed)
        ]
        assert len(failures) == number
        assert failures[-1][0] == number
        name = "RuntimeError" if error is StopIteration else error.__name__
        assert "".join(failures[-1][1].format_exception_only()).startswith(name)


def test_a_consumer_that_never_accepts() -> None:
    """The client is refused, and the learner told what is missing."""

    class NeverAccepts(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            """Forget to accept."""

    live = launch(NeverAccepts, handshake_timeout=0.05)
    assert talks(live) == "500"
    assert "connect() has neither accepted nor closed the connection within 0.05 s." in told(live)


def test_a_consumer_that_never_stops() -> None:
    """It is killed, and the learner told what is missing."""

    class NeverStops(SyncConsumer):
        def websocket_connect(self, event: dict[str, Any]) -> None:
            self.send({"type": "websocket.accept"})

        def websocket_disconnect(self, event: dict[str, Any]) -> None:
            """Forget StopConsumer."""

    live = launch(NeverStops, grace=0.05)
    for _ in range(3):
        with connect(live.url()):
            pass
    assert told(live).count("took too long to shut down and was killed") == 3
    assert live.host.bridges == set()


def test_a_sync_consumer_that_blocks_its_thread() -> None:
    """Others wait for the thread, and are served when it is free."""
    begun = threading.Event()
    free = 0.0

    class Blocks(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            nonlocal free
            if event["text"] == "slow":
                begun.set()
                eventually(lambda: not live.host.shared_thread.calls.empty())
                time.sleep(0.01)
                free = time.perf_counter()
            super().websocket_receive(event)

    live = launch(Blocks)
    with connect(live.url()) as slow, connect(live.url()) as fast:
        slow.send("slow")
        assert begun.wait(60)
        fast.send("fast")
        assert fast.recv(timeout=60) == "fast"
        assert slow.recv(timeout=60) == "slow"
    spans = live.host.record.snapshot().spans
    waited = [span for span in spans if span.state == "waiting" and span.start < free < span.end]
    assert [(span.connection, span.label) for span in waited] == [(2, "websocket.receive")]


def test_an_async_consumer_that_blocks_the_loop_for_a_while() -> None:
    """Others are served late; nobody is lost."""

    class Blocks(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            time.sleep(0.2 if event["text"] == "slow" else 0)
            await super().websocket_receive(event)

    live = launch(Blocks)
    with connect(live.url()) as slow, connect(live.url()) as fast:
        slow.send("slow")
        fast.send("fast")
        assert fast.recv(timeout=60) == "fast"
        assert slow.recv(timeout=60) == "slow"
    assert "does not answer" not in told(live)


def test_a_streaming_consumer_whose_client_leaves() -> None:
    """The stream ends, the next client gets one of its own."""

    class Streams(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            while True:
                await asyncio.sleep(0.02)
                await self.send({"type": "websocket.send", "text": "tick"})

    live = launch(Streams)
    for _ in range(3):
        with connect(live.url()) as client:
            client.send("go")
            assert [client.recv(timeout=60) for _ in range(3)] == ["tick"] * 3
        assert "raises" not in told(live)
    assert live.host.bridges == set()


# Cells run again, and out of order


def test_cells_run_again_and_out_of_order() -> None:
    """A client cell before the launch cell fails at once; after any launch it works."""
    live = launch(SyncEcho)
    live.close()
    with pytest.raises(ConnectionRefusedError), connect(live.url()):
        pass
    assert "SyncEcho is not served any more" in repr(live)
    for _ in range(3):
        live = launch(SyncEcho)
        for _ in range(2):
            assert str(live.transcript) == str(live.transcript)
            with connect(live.url()) as client:
                client.send("x")
                assert client.recv() == "x"
    assert told(live).count("websocket.connect") == 2


# Clients that go wrong


def vanishes(live: LiveServer) -> None:
    """Leave in the middle of a message."""
    client = RawClient(live.port)
    client.handshake()
    client.send(b"hel", fin=False)
    client.reset()


def leaves_half_a_frame(live: LiveServer) -> None:
    """Leave in the middle of a frame."""
    client = RawClient(live.port)
    client.handshake()
    client.socket.sendall(frame(b"hello")[:4])
    client.close()


def sends_garbage(live: LiveServer) -> None:
    """Speak another protocol."""
    with RawClient(live.port) as client:
        client.socket.sendall(b"EHLO example.org\r\n")
        client.file.read()


def sends_too_much(live: LiveServer) -> None:
    """Send 2 MiB."""
    with RawClient(live.port) as client:
        client.handshake()
        client.send(bytes(2 * 2**20), 2)
        assert client.recv()[1][:2] == b"\x03\xf1"


def sends_no_text(live: LiveServer) -> None:
    """Send bytes that are no UTF-8 as text."""
    with RawClient(live.port) as client:
        client.handshake()
        client.send(b"\xff\xfe")
        assert client.recv()[1][:2] == b"\x03\xef"


@pytest.mark.parametrize("base", [SyncEcho, AsyncEcho])
@pytest.mark.parametrize(
    ("go_wrong", "words"),
    [
        (vanishes, "ended without a close frame, 1006"),
        (leaves_half_a_frame, "ended without a close frame, 1006"),
        (sends_garbage, "A client sent something that is no HTTP request: invalid HTTP request"),
        (sends_too_much, "close 1009 (message too big)"),
        (sends_no_text, "close 1007 (invalid payload data)"),
    ],
)
def test_clients_that_go_wrong(
    base: type[AsyncConsumer], go_wrong: Callable[[LiveServer], None], words: str
) -> None:
    """The learner is told, the consumer gets its disconnect, and others are served."""
    ends: list[int] = []

    def disconnect(self: Any, event: dict[str, Any]) -> None:
        ends.append(event["code"])
        raise StopConsumer

    async def disconnect_async(self: Any, event: dict[str, Any]) -> None:
        disconnect(self, event)

    handler = disconnect if base is SyncEcho else disconnect_async
    live = launch(type("Echo", (base,), {"websocket_disconnect": handler}))
    with connect(live.url()) as other:
        go_wrong(live)
        assert words in told(live)
        other.send("still there")
        assert other.recv(timeout=60) == "still there"
    live.host.settle()
    expected = {"close 1009": [1009, 1000], "close 1007": [1007, 1000], "A client s": [1000]}
    assert ends == expected.get(words[:10], [1006, 1000])


def test_a_hundred_clients_that_vanish_at_once() -> None:
    """Each consumer is told, and nothing is left of them."""
    live = launch(SyncEcho)
    clients = [RawClient(live.port) for _ in range(100)]
    for client in clients:
        client.handshake()
    for client in clients:
        client.reset()
    live.host.settle()
    ends = [
        entry.what
        for entry in live.host.record.snapshot().entries
        if isinstance(entry.what, Disconnected)
    ]
    assert ends == [Disconnected("network", 1006, "")] * 100
    assert live.host.bridges == set()
    assert live.host.wires == set()


# Reading the transcript never races


class Talkative(AsyncEcho):
    """Prints in each handler, and goes wrong when told so."""

    async def websocket_connect(self, event: dict[str, Any]) -> None:
        print("hello")
        if self.scope["path"] == "/refuse":
            await self.send({"type": "websocket.close"})
        else:
            await super().websocket_connect(event)

    async def websocket_receive(self, event: dict[str, Any]) -> None:
        if event["text"] == "crash":
            print("ouch")
            raise ValueError
        await super().websocket_receive(event)

    async def websocket_disconnect(self, event: dict[str, Any]) -> None:
        await asyncio.sleep(0.001)
        print("bye", event["code"])
        raise StopConsumer


class TalkativeSync(SyncEcho):
    """The same, in the shared thread."""

    def websocket_connect(self, event: dict[str, Any]) -> None:
        print("hello")
        if self.scope["path"] == "/refuse":
            self.send({"type": "websocket.close"})
        else:
            super().websocket_connect(event)

    def websocket_receive(self, event: dict[str, Any]) -> None:
        if event["text"] == "crash":
            print("ouch")
            raise ValueError
        super().websocket_receive(event)

    def websocket_disconnect(self, event: dict[str, Any]) -> None:
        time.sleep(0.001)
        print("bye", event["code"])
        raise StopConsumer


def closes(live: LiveServer) -> None:
    """Say good-bye."""
    with connect(live.url()) as client:
        client.send("x")
        client.recv()


def crashes(live: LiveServer) -> None:
    """Make the consumer crash."""
    with RawClient(live.port) as client:
        client.handshake()
        client.send(b"crash")
        client.recv()


def is_refused(live: LiveServer) -> None:
    """Be refused."""
    with RawClient(live.port) as client:
        assert client.handshake("/refuse").startswith("HTTP/1.1 403 ")


def resets(live: LiveServer) -> None:
    """Vanish."""
    client = RawClient(live.port)
    client.handshake()
    client.send(b"x")
    client.recv()
    client.reset()


@pytest.mark.parametrize("consumer", [Talkative, TalkativeSync])
@pytest.mark.parametrize(
    ("ends", "times", "prints"),
    [
        (closes, 100, ["hello", "bye 1000"]),
        (crashes, 100, ["hello", "ouch"]),
        (is_refused, 100, ["hello", "bye 1006"]),
        (resets, 100, ["hello", "bye 1006"]),
    ],
)
def test_the_record_is_complete_when_it_is_read(
    consumer: type[AsyncConsumer],
    ends: Callable[[LiveServer], None],
    times: int,
    prints: list[str],
) -> None:
    """However a connection ends, what its consumer did last is there, each time."""
    live = launch(consumer)
    for _ in range(times):
        live.host.record.clear()
        ends(live)
        live.host.settle()
        entries = live.host.record.snapshot().entries
        lines = [entry.what.text for entry in entries if isinstance(entry.what, Printed)]
        assert lines == prints
        last = "Closed" if ends is crashes else "Disconnected"
        assert last in [type(entry.what).__name__ for entry in entries]


def test_an_asynchronous_client_in_the_kernels_own_loop() -> None:
    """A cell with top-level await ends with a complete record too."""
    from websockets.asyncio.client import connect as connect_async

    live = launch(Talkative)

    async def cell() -> list[str]:
        async with connect_async(live.url()) as client:
            await client.send("x")
            assert await client.recv() == "x"
        live.host.settle()
        entries = live.host.record.snapshot().entries
        return [entry.what.text for entry in entries if isinstance(entry.what, Printed)]

    async def cells() -> None:
        for number in range(1, 51):
            assert await cell() == ["hello", "bye 1000"] * number

    asyncio.run(cells())


# Prints


def prints_of(live: LiveServer, connection: int | None = None) -> list[str]:
    """Return the lines that consumers have printed."""
    live.host.settle()
    return [
        entry.what.text
        for entry in live.host.record.snapshot().entries
        if isinstance(entry.what, Printed) and connection in (None, entry.connection)
    ]


@pytest.mark.parametrize("base", [SyncEcho, AsyncEcho])
def test_prints_of_many_clients_at_once(
    base: type[AsyncConsumer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line goes to its own connection; the cell's prints stay in the cell."""

    def receive(self: Any, event: dict[str, Any]) -> None:
        print("got", event["text"])
        self.send({"type": "websocket.send", "text": event["text"]})

    async def receive_async(self: Any, event: dict[str, Any]) -> None:
        print("got", end=" ")
        print(event["text"])
        await self.send({"type": "websocket.send", "text": event["text"]})

    handler = receive if base is SyncEcho else receive_async
    live = launch(type("Prints", (base,), {"websocket_receive": handler}))

    def talk(number: int) -> None:
        with connect(live.url(f"/{number}")) as client:
            for part in range(20):
                client.send(f"{number}.{part}")
                client.recv()
                print(end="")

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    print("the cell's own")
    for thread in threads:
        thread.join()
    live.host.settle()
    targets = {
        entry.connection: entry.what.target.removeprefix("/")
        for entry in live.host.record.snapshot().entries
        if type(entry.what).__name__ == "Connecting"
    }
    for connection, target in targets.items():
        assert prints_of(live, connection) == [f"got {target}.{part}" for part in range(20)]
    assert capsys.readouterr() == ("the cell's own\n", "")


def test_prints_of_threads_and_tasks_of_a_consumer() -> None:
    """asyncio.to_thread() and tasks print where the consumer does."""

    class Busy(AsyncEcho):
        async def websocket_receive(self, event: dict[str, Any]) -> None:
            await asyncio.gather(
                *(asyncio.to_thread(self.count, name) for name in "abc"), self.task()
            )
            await super().websocket_receive(event)

        def count(self, name: str) -> None:
            for number in range(20):
                print(f"{name}{number}")

        async def task(self) -> None:
            print("task")

    live = launch(Busy)
    closes(live)
    expected = [f"{name}{number}" for name in "abc" for number in range(20)]
    assert sorted(prints_of(live)) == sorted([*expected, "task"])


def test_a_cell_that_redirects_its_output() -> None:
    """The consumer's prints stay out of what the cell captures, before, within and after."""
    live = launch(TalkativeSync)
    captured = io.StringIO()
    with redirect_stdout(captured):
        print("the cell's own")
        closes(live)
        live = launch(TalkativeSync)
        closes(live)
    closes(live)
    assert captured.getvalue() == "the cell's own\n"
    assert prints_of(live) == ["hello", "bye 1000"] * 2


def test_logging_in_a_consumer() -> None:
    """A warning goes to the record, once, and not to standard error as well."""
    logger = logging.Logger("test.survival")

    class Logs(SyncEcho):
        def websocket_receive(self, event: dict[str, Any]) -> None:
            handler = logging.lastResort
            assert handler is not None
            handler.handle(logger.makeRecord("x", logging.WARNING, "f", 1, "careful", (), None))
            super().websocket_receive(event)

    live = launch(Logs)
    closes(live)
    entries = live.host.record.snapshot().entries
    whats = [entry.what for entry in entries]
    assert whats.count(Logged("warning", "x", "careful")) == 1
    assert not any(isinstance(what, Printed) for what in whats)


def test_nothing_is_said_in_a_cell(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither asyncio nor websockets write or log while clients and consumers go wrong."""
    live = launch(Talkative)
    for go_wrong in (
        vanishes,
        leaves_half_a_frame,
        sends_garbage,
        sends_too_much,
        sends_no_text,
        crashes,
        is_refused,
        resets,
    ):
        go_wrong(live)
    live.host.settle()
    live.close()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    notes = [
        entry.what.text
        for entry in live.host.record.snapshot().entries
        if isinstance(entry.what, Note)
    ]
    assert [note[:24] for note in notes] == ["A client sent something "]
