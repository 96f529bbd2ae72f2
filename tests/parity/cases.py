"""The cases: an application, and what a client does with it; ``outcomes.toml`` has what follows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import AcceptConnection, DenyConnection, StopConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from .client import TEXT, Client, frame
from .reports import Report, ask
from .servers import Server

__all__ = ["CASES", "Case", "describe_event", "run", "run_stop"]

CASES: dict[str, Case] = {}


class Case:
    """One thing that a server does, with the usual application and client."""

    path: ClassVar[str] = ""
    headers: ClassVar[tuple[tuple[str, str], ...]] = ()
    method: ClassVar[str] = "GET"
    patience: ClassVar[float] = 3.0
    """Seconds to wait for what does not come; a few servers take up to one for what does."""
    closes: ClassVar[bool] = False
    """Whether the application closes and is told of the end: it then starts as a second of the
    clock begins, which is when daphne waits longest for the client's answer (see second_at)."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        CASES[cls.__name__] = cls()

    async def application(self, scope: Any, receive: Any, send: Any, report: Report) -> None:
        """Accept and send everything back, as raw ASGI."""
        await receive()
        await send({"type": "websocket.accept"})
        await self.conversation(receive, send, report)

    async def conversation(self, receive: Any, send: Any, report: Report) -> None:
        """Do what the application does with an open connection."""
        while (event := await receive())["type"] == "websocket.receive":
            await send({**event, "type": "websocket.send"})

    async def talk(self, client: Client) -> None:
        """Do what the client does with an open connection."""
        client.close()

    async def visit(self, client: Client, target: str) -> None:
        """Do all that the client does."""
        if await client.handshake(target, self.headers, self.method):
            await self.talk(client)
            await client.end()


async def run(
    case: Case, port: int, patience: float | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the client and what the application of a case have seen."""
    client = Client(port, patience or case.patience)
    await case.visit(client, f"/{type(case).__name__}/{case.path}?run={client.run}")
    answer = await ask(client, client.patience)
    await client.leave()
    still = () if answer["ended"] else ("still running",)
    return tuple(client.seen), (*answer["lines"], *still)


async def run_stop(server: Server) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Stop a server, and return what a client has seen and whether the server ended."""
    client = Client(server.port, 60.0)
    await client.handshake("/Stop/?run=stop")
    ended = asyncio.get_running_loop().run_in_executor(None, server.stop)
    await client.end()
    await client.leave()
    return tuple(client.seen), ("the server ends" if await ended else "the server goes on",)


async def second_at(part: float) -> None:
    """Wait until a part of a second of the clock has passed, and at most a fifth more.

    daphne waits one second for the answer to its close frame, and rounds the end of that time down
    to a whole second of the clock (in txaio's timers). If it closes at 9.00, the client has a
    second, if at 9.99, a hundredth; when that has passed, the application is told 1006.

    """
    while (since := (time.time() - part) % 1) > 0.2:
        await asyncio.sleep(1 - since)


def describe_event(event: Any) -> str:
    """Describe an event in one line."""
    match event["type"].removeprefix("websocket."):
        case "receive":
            text, data = event.get("text"), event.get("bytes")
            if len(data if text is None else text) > 60:
                return f"receive {len(data if text is None else text)}"
            return f"receive {(data if text is None else text)!r}"
        case "disconnect":
            code = event.get("code")
            line = "disconnect" if code is None else f"disconnect {int(code)}"
            return f"{line} {event.get('reason') or ''}".rstrip()
        case kind:
            return str(kind)


# Handshake


class AcceptIsTheAnswer(Case):
    """The handshake is answered when the application accepts, and not before."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await report.asked.wait()
        await send({"type": "websocket.accept"})
        await self.conversation(receive, send, report)

    async def visit(self, client: Client, target: str) -> None:
        if not await client.handshake(target, patience=0.2):
            await ask(client, 3, lines=1)
            await client.response()
            client.seen.append(str(client.status))
            client.close()
            await client.end()


class SendsRightAfterAccept(Case):
    """What the application sends right after it accepts arrives after the 101."""

    closes = True

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await send({"type": "websocket.send", "text": "welcome"})
        await send({"type": "websocket.close", "code": 4000})
        await receive()

    async def talk(self, client: Client) -> None:
        pass


class ChoosesASubprotocol(Case):
    """The application chooses one of the subprotocols that the client offers."""

    headers = (("Sec-WebSocket-Protocol", "chat, superchat"), ("Sec-WebSocket-Protocol", "x"))
    chosen: ClassVar[str | None] = "superchat"

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        report(f"offered {scope['subprotocols']}")
        await receive()
        await send({"type": "websocket.accept", "subprotocol": self.chosen})
        await self.conversation(receive, send, report)

    async def talk(self, client: Client) -> None:
        client.seen.append(f"subprotocol {client.header('sec-websocket-protocol')}")
        client.close()


class ChoosesNoSubprotocol(ChoosesASubprotocol):
    """The application chooses none of the subprotocols that the client offers."""

    chosen = None


class ChoosesAnUnofferedSubprotocol(ChoosesASubprotocol):
    """The application chooses a subprotocol that the client does not offer."""

    chosen = "soap"


class AddsHeaders(Case):
    """The application adds headers to the answer."""

    extra: ClassVar[tuple[tuple[bytes, bytes], ...]] = ((b"X-Room", b"1"), (b"set-cookie", b"a=1"))

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "headers": self.extra})
        await self.conversation(receive, send, report)

    async def talk(self, client: Client) -> None:
        client.seen += [f"{name} {client.header(name)}" for name in ("x-room", "set-cookie")]
        client.close()


class ChoosesASubprotocolWithAHeader(AddsHeaders):
    """The application chooses a subprotocol with a header, which ASGI rules out."""

    headers = (("Sec-WebSocket-Protocol", "chat"),)
    extra = ((b"sec-websocket-protocol", b"chat"),)

    async def talk(self, client: Client) -> None:
        client.seen.append(f"subprotocol {client.header('sec-websocket-protocol')}")
        client.close()


class Refuses(Case):
    """The application closes instead of accepting."""

    code: ClassVar[int] = 4003

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": self.code, "reason": "no"})
        await receive()


async def late_handshake(client: Client, target: str) -> None:
    """Shake hands, and wait for longer than the 5 s after which our server refuses."""
    await client.handshake(target, patience=max(6.0, client.patience))


class RefusesWithAPage(Case):
    """The application refuses with an HTTP response of its own."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        report(f"extension {'websocket.http.response' in scope.get('extensions', {})}")
        await receive()
        start = {"type": "websocket.http.response.start", "status": 401}
        await send({**start, "headers": [(b"x-why", b"login")]})
        body = {"type": "websocket.http.response.body"}
        await send({**body, "body": b"log ", "more_body": True})
        await send({**body, "body": b"in"})
        await receive()

    async def visit(self, client: Client, target: str) -> None:
        await late_handshake(client, target)
        client.seen += [repr(client.body), f"x-why {client.header('x-why')}"]


class NeverAnswers(Case):
    """The application neither accepts nor closes."""

    patience = 1.0

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await receive()

    async def visit(self, client: Client, target: str) -> None:
        await late_handshake(client, target)


class SendsBeforeAccept(Case):
    """The application sends before it accepts."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await send({"type": "websocket.send", "text": "early"})


class CrashesBeforeAccept(Case):
    """The application raises an exception before it accepts."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        raise KeyError("room")


class ReturnsBeforeAccept(Case):
    """The application returns before it accepts."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()

    async def visit(self, client: Client, target: str) -> None:
        await late_handshake(client, target)


class AcceptsTwice(Case):
    """The application accepts a second time."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await send({"type": "websocket.accept"})
        await super().conversation(receive, send, report)

    async def talk(self, client: Client) -> None:
        await client.read()
        if not client.over:
            client.close()


class ClientLeavesDuringHandshake(Case):
    """The client breaks the connection before the application has answered."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await receive()
        await send({"type": "websocket.accept"})

    async def visit(self, client: Client, target: str) -> None:
        await client.handshake(target, patience=0.1)
        await ask(client, 3, lines=1)
        client.vanish()


class WrongVersion(Case):
    """The client asks for a version of the protocol that is not 13 (RFC 6455, 4.4)."""

    headers = (("Sec-WebSocket-Version", "12"),)

    async def visit(self, client: Client, target: str) -> None:
        await super().visit(client, target)
        client.seen.append(f"speaks {client.header('sec-websocket-version')}")


class NoKey(Case):
    """The client sends no key (RFC 6455, 4.2.1)."""

    headers = (("Sec-WebSocket-Key", ""),)


class Posts(Case):
    """The client asks with another method than GET (RFC 6455, 4.1)."""

    method = "POST"


class ForeignOrigin(Case):
    """The page of another site connects."""

    headers = (("Origin", "https://elsewhere.example"),)


# Scope


class Scope(Case):
    """What the scope says."""

    path = "caf%C3%A9%20x/"
    headers = (("X-Mixed-Case", "Yes"), ("X_Under_Score", "1"), ("X-Mixed-Case", "Twice"))

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        for key in ("type", "asgi", "http_version", "scheme", "path", "raw_path", "root_path"):
            report(f"{key} {scope.get(key)!r}")
        report(f"query_string {scope['query_string'].partition(b'=')[0]!r}")
        names = [name for name, _ in scope["headers"]]
        report(f"lower case {all(name == name.lower() for name in names)}")
        report(f"x-mixed-case {[v for n, v in scope['headers'] if n == b'x-mixed-case']}")
        report(f"x_under_score {b'x_under_score' in names}")
        report(f"client {type(scope['client'][0]).__name__} {type(scope['client'][1]).__name__}")
        report(f"server {scope['server'][0]}")
        report(f"state {'state' in scope}")
        await super().application(scope, receive, send, report)


# Messages


class Echoes(Case):
    """Text and binary messages arrive as what they are, in order."""

    async def talk(self, client: Client) -> None:
        for payload in ("one", b"two", "drei \u2713", b"\x00\xff", "five"):
            client.send(payload)
        await client.read(5)
        client.close()


class EmptyMessages(Case):
    """Empty messages arrive both ways."""

    async def talk(self, client: Client) -> None:
        client.send("")
        client.send(b"")
        client.send("last")
        await client.read(3)
        client.close()


class SendsOneThing(Case):
    """The application sends one message and is told what is wrong with it."""

    message: ClassVar[dict[str, Any]] = {"text": "one", "bytes": None}

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await send({"type": "websocket.send", **self.message})
        await super().conversation(receive, send, report)

    async def talk(self, client: Client) -> None:
        await client.read()
        if not client.over:
            client.close()


class SendsBoth(SendsOneThing):
    """The application sends text and bytes in one message."""

    message = {"text": "one", "bytes": b"one"}


class SendsNeither(SendsOneThing):
    """The application sends a message without text and bytes."""

    message = {}


class SendsBytesAsText(SendsOneThing):
    """The application sends bytes as text."""

    message = {"text": b"one"}


class SendsAStringAsBytes(SendsOneThing):
    """The application sends a string as bytes."""

    message = {"bytes": "one"}


class SendsADictionary(SendsOneThing):
    """The application sends a dictionary that it has not converted to JSON."""

    message = {"text": {"answer": 42}}


class SendsAnUnknownType(Case):
    """The application sends a message whose type does not exist."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await send({"type": "websocket.shout", "text": "one"})

    async def talk(self, client: Client) -> None:
        await client.read()
        if not client.over:
            client.close()


class Fragments(Case):
    """A message in fragments is one message; control frames may stand between (RFC 6455, 5.4)."""

    async def talk(self, client: Client) -> None:
        client.write(frame(TEXT, b"Hel", fin=False))
        client.write(frame(9, b"between"))
        client.write(frame(0, b"", fin=False))
        # A character may be cut in two (RFC 6455, 5.6).
        client.write(frame(0, b"lo \xe2\x9c", fin=False))
        client.write(frame(0, b"\x93"))
        await client.read(2)
        client.close()


class Pings(Case):
    """A ping is answered with its payload, a pong is ignored (RFC 6455, 5.5.2 and 5.5.3)."""

    async def talk(self, client: Client) -> None:
        client.write(frame(10, b"unasked"))
        client.write(frame(9, b""))
        client.write(frame(9, b"x" * 125))
        await client.read(2)
        client.close()


class Compression(Case):
    """The client offers permessage-deflate (RFC 7692)."""

    headers = (("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),)

    async def talk(self, client: Client) -> None:
        extensions = client.header("sec-websocket-extensions") or "none"
        client.seen.append(f"extensions {extensions.partition(';')[0]}")
        client.close()


class TooBig(Case):
    """The client sends a message of 2 MiB."""

    async def talk(self, client: Client) -> None:
        client.send(b"x" * 2**21)
        await client.read()
        if client.seen[-1].startswith("binary"):
            client.close()


class NotUTF8(Case):
    """The client sends a text message that is not UTF-8 (RFC 6455, 8.1)."""

    async def talk(self, client: Client) -> None:
        client.write(frame(TEXT, b"caf\xe9!"))


class NotUTF8WhileBusy(Case):
    """A text that is not UTF-8 arrives while the application is busy (RFC 6455, 8.1)."""

    patience = 2.0

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await report.asked.wait()
        with contextlib.suppress(OSError):
            await send({"type": "websocket.send", "text": "done"})
        await receive()

    async def talk(self, client: Client) -> None:
        client.write(frame(TEXT, b"work") + frame(TEXT, b"caf\xe9!"))
        await client.read()
        # The application goes on.
        await ask(client, client.patience, 2)


class ReservedOpcode(Case):
    """The client sends a frame with a reserved opcode (RFC 6455, 5.2)."""

    async def talk(self, client: Client) -> None:
        client.write(frame(3, b""))


class UnmaskedFrame(Case):
    """The client sends a frame without a mask (RFC 6455, 5.1)."""

    async def talk(self, client: Client) -> None:
        client.write(b"\x81\x02hi")


class MoreThanTheApplicationTakes(Case):
    """The client sends 20 MB to an application that takes none of it."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await report.asked.wait()

    async def visit(self, client: Client, target: str) -> None:
        await client.handshake(target)
        message = frame(2, b"x" * 10_000)
        try:
            for _ in range(2000):
                client.write(message)
                async with asyncio.timeout(1):
                    await client.writer.drain()
            client.seen.append("all taken")
        except TimeoutError:
            client.seen.append("the client has to wait")
        client.vanish()


class MoreThanTheClientReads(Case):
    """The application sends 30 MB to a client that reads none of it."""

    async def conversation(self, receive: Any, send: Any, report: Report) -> None:
        message = {"type": "websocket.send", "bytes": b"x" * 100_000}
        try:
            for _ in range(300):
                async with asyncio.timeout(1):
                    await send(message)
            report("all taken")
        except TimeoutError:
            report("the application has to wait")
        await receive()

    async def visit(self, client: Client, target: str) -> None:
        await client.handshake(target)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await ask(client, 10, lines=2)
        client.vanish()


# Closes


class ClientCloses(Case):
    """The client closes with a code and a reason."""

    async def talk(self, client: Client) -> None:
        client.close(4001, "bye")


class ClientClosesWithoutACode(Case):
    """The client closes without a code (RFC 6455, 7.1.5)."""

    async def talk(self, client: Client) -> None:
        client.close(None)


class ClientClosesWithAWrongCode(Case):
    """The client closes with a code that must not be on the wire (RFC 6455, 7.4.1)."""

    async def talk(self, client: Client) -> None:
        client.close(1005)


class ClientSendsAndCloses(Case):
    """What the client sends before it closes is delivered to an application that is slow."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        while (await receive())["type"] == "websocket.receive":
            await asyncio.sleep(0.05)

    async def talk(self, client: Client) -> None:
        for number in range(5):
            client.send(str(number))
        client.close()


class ConnectionBreaks(Case):
    """The TCP connection breaks without a close frame (RFC 6455, 7.1.5)."""

    async def talk(self, client: Client) -> None:
        client.send("one")
        await client.read()
        client.vanish()

    async def visit(self, client: Client, target: str) -> None:
        await client.handshake(target)
        await self.talk(client)


class ClientEndsTCP(ConnectionBreaks):
    """The client ends the TCP connection without a close frame."""

    async def talk(self, client: Client) -> None:
        client.writer.write_eof()
        await client.end()


class ReceivesAfterDisconnect(Case):
    """The application waits for another event after the disconnect."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await receive()
        try:
            async with asyncio.timeout(1):
                await receive()
        except TimeoutError:
            report("nothing follows")


class SendsAfterTheClientLeft(Case):
    """The application sends after it was told that the client has left."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await receive()
        await send({"type": "websocket.send", "text": "late"})
        report("nobody objects")


class SendsToOneWhoHasLeft(Case):
    """The application sends to all, of whom one has left, and does not catch the exception."""

    members: ClassVar[list[Any]] = []

    async def conversation(self, receive: Any, send: Any, report: Report) -> None:
        self.members.append(send)
        while (await receive())["type"] == "websocket.receive":
            for member in self.members:
                await member({"type": "websocket.send", "text": "to all"})

    async def visit(self, client: Client, target: str) -> None:
        other = Client(client.port, client.patience)
        if await other.handshake(f"{target}-other", self.headers, self.method):
            other.close()
            await other.end()
        await other.leave()
        await super().visit(client, target)

    async def talk(self, client: Client) -> None:
        client.send("hello")


class ApplicationCloses(Case):
    """The application closes with a code and a reason."""

    closes = True
    message: ClassVar[dict[str, Any]] = {"code": 4002, "reason": "done"}

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await send({"type": "websocket.close", **self.message})
        await receive()

    async def talk(self, client: Client) -> None:
        pass


class ApplicationClosesWithoutACode(ApplicationCloses):
    """The application closes without a code."""

    message = {}


class ApplicationClosesWith1011(ApplicationCloses):
    """The application closes with a code that belongs to servers."""

    message = {"code": 1011}


class ApplicationClosesWith1006(ApplicationCloses):
    """The application closes with a code that must not be on the wire."""

    message = {"code": 1006}


class ReasonTooLong(ApplicationCloses):
    """The application closes with a reason of 124 bytes (RFC 6455, 5.5)."""

    message = {"code": 4002, "reason": "x" * 124}


class DisconnectAfterTheAnswer(ApplicationCloses):
    """The application that closes is told of the end when the client has answered."""

    message = {"code": 4002}

    async def talk(self, client: Client) -> None:
        await client.read()
        told = len((await ask(client, 0.25, lines=2))["lines"]) > 1
        client.seen.append(f"told {'before' if told else 'after'} the answer")
        client.close()


class TheAnswerIsLate(ApplicationCloses):
    """The application closes, and the client takes half a second to answer."""

    message = {"code": 4002}

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await second_at(0.6)
        await super().conversation(receive, send, report)

    async def talk(self, client: Client) -> None:
        await client.read()
        await asyncio.sleep(0.5)
        client.close()


class MessagesAfterTheApplicationsClose(ApplicationCloses):
    """What the client sends after the application's close frame is not delivered."""

    async def talk(self, client: Client) -> None:
        await client.read()
        for number in range(30):
            client.send(str(number))
        client.close()


class SendsAfterItsOwnClose(Case):
    """The application sends after it has closed."""

    again: ClassVar[str] = "websocket.send"

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await send({"type": "websocket.close"})
        await send({"type": self.again, "text": "late"})

    async def talk(self, client: Client) -> None:
        pass


class ClosesTwice(SendsAfterItsOwnClose):
    """The application closes twice."""

    again = "websocket.close"


class CrashesAfterAccept(Case):
    """The application raises an exception while the connection is open."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await receive()
        raise KeyError("room")

    async def talk(self, client: Client) -> None:
        client.send("one")


class ReturnsWhileOpen(Case):
    """The application returns while the connection is open."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await receive()

    async def talk(self, client: Client) -> None:
        client.send("one")


class CrashesInDisconnect(Case):
    """The application raises an exception after the client has left."""

    async def conversation(self, receive: Any, send: Any, report: Any) -> None:
        await receive()
        raise KeyError("room")


# Channels


class Consumer(Case):
    """An AsyncConsumer: one handler for each event."""

    consumer: ClassVar[Any]

    class AnAsyncConsumer(AsyncConsumer):  # type: ignore[misc]
        async def websocket_connect(self, event: Any) -> None:
            await self.send({"type": "websocket.accept"})

        async def websocket_receive(self, event: Any) -> None:
            await self.send({"type": "websocket.send", "text": event["text"]})

        async def websocket_disconnect(self, event: Any) -> None:
            raise StopConsumer

    consumer = AnAsyncConsumer

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        await self.consumer.as_asgi()(scope, receive, send)

    async def talk(self, client: Client) -> None:
        client.send("one")
        await client.read()
        client.close(4001)


class ASyncConsumer(Consumer):
    """A SyncConsumer: the same in a thread."""

    class TheConsumer(SyncConsumer):  # type: ignore[misc]
        def websocket_connect(self, event: Any) -> None:
            self.send({"type": "websocket.accept"})

        def websocket_receive(self, event: Any) -> None:
            self.send({"type": "websocket.send", "text": event["text"]})

        def websocket_disconnect(self, event: Any) -> None:
            raise StopConsumer

    consumer = TheConsumer


class AGenericConsumer(Consumer):
    """A WebsocketConsumer that closes with a code of its own."""

    closes = True

    class TheConsumer(WebsocketConsumer):  # type: ignore[misc]
        def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            self.send(text_data, close=4010)

    consumer = TheConsumer

    async def talk(self, client: Client) -> None:
        client.send("one")
        await client.read()


class AJsonConsumer(Consumer):
    """An AsyncJsonWebsocketConsumer."""

    class TheConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
        async def receive_json(self, content: Any, **kwargs: Any) -> None:
            await self.send_json({"got": content})

    consumer = TheConsumer

    async def talk(self, client: Client) -> None:
        client.send('{"a": [1, null]}')
        await client.read()
        client.close()


class NotJson(Consumer):
    """A JsonWebsocketConsumer that is sent what is not JSON."""

    class TheConsumer(JsonWebsocketConsumer):  # type: ignore[misc]
        def receive_json(self, content: Any, **kwargs: Any) -> None:
            self.send_json(content)

    consumer = TheConsumer

    async def talk(self, client: Client) -> None:
        client.send("hello")


class AcceptsByException(Consumer):
    """A consumer that raises AcceptConnection."""

    class TheConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
        async def connect(self) -> None:
            raise AcceptConnection

    consumer = TheConsumer

    async def talk(self, client: Client) -> None:
        client.close()


class DeniesByException(Consumer):
    """A consumer that raises DenyConnection."""

    class TheConsumer(WebsocketConsumer):  # type: ignore[misc]
        def connect(self) -> None:
            raise DenyConnection

    consumer = TheConsumer


class NoStopConsumer(Consumer):
    """A consumer without StopConsumer: its task goes on after the client has left."""

    patience = 4.0

    class TheConsumer(AsyncConsumer):  # type: ignore[misc]
        async def websocket_connect(self, event: Any) -> None:
            await self.send({"type": "websocket.accept"})

        async def websocket_disconnect(self, event: Any) -> None:
            pass

    consumer = TheConsumer

    async def talk(self, client: Client) -> None:
        client.close()


class NoHandler(Consumer):
    """A consumer that has no handler for a message."""

    class TheConsumer(AsyncConsumer):  # type: ignore[misc]
        async def websocket_connect(self, event: Any) -> None:
            await self.send({"type": "websocket.accept"})

    consumer = TheConsumer

    async def talk(self, client: Client) -> None:
        client.send("one")


class NoRoute(Case):
    """No route leads to a consumer."""

    async def application(self, scope: Any, receive: Any, send: Any, report: Any) -> None:
        routes = [path("chat/", Consumer.consumer.as_asgi())]
        await ProtocolTypeRouter({"websocket": URLRouter(routes)})(scope, receive, send)


# The server


class Lifespan(Case):
    """Whether the application is told of the server's start (the lifespan protocol)."""

    async def visit(self, client: Client, target: str) -> None:
        await super().visit(client, target)
        client.seen.append(f"other scopes {(await ask(client, 0))['scopes']}")


class Stop(Case):
    """The server is stopped while a client is connected, after all other cases."""
