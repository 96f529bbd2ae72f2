"""Mistakes that the live server itself knows, or that no lesson shows."""

from __future__ import annotations

from .registry import mistake

mistake(
    "no-accept",
    "No accept",
    symptom="`timed out while waiting for handshake response`; "
    "`has neither accepted nor closed the connection`",
    cause="The handshake is never answered, so the client waits and the connection never opens.",
    fix='Send {"type": "websocket.accept"} in websocket_connect; '
    "in a generic consumer, call self.accept() in connect.",
    texts=[
        "timed out while waiting for handshake response",
        "timed out during opening handshake",
        "has neither accepted nor closed",
    ],
)
mistake(
    "no-stop-consumer",
    "No StopConsumer",
    symptom="`The consumer took too long to shut down and was killed`, some time after the client "
    "has left",
    cause="websocket_disconnect returns, and the consumer goes on waiting for events.",
    fix="End websocket_disconnect with raise StopConsumer(); generic consumers do it for you.",
    texts=["took too long to shut down and was killed"],
)
mistake(
    "sync-in-async",
    "A plain method in an async consumer",
    symptom="`TypeError: object NoneType can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'NoneType' object can't be awaited`",
    cause="Something is awaited that is no coroutine: an async consumer awaits its handlers.",
    fix="Write async def before each handler, and await only what is async.",
    texts=[
        r"object (NoneType|int|str|bool|dict|list) can't be used in 'await' expression",
        r"'(NoneType|int|str|bool|dict|list)' object can't be awaited",
    ],
    over=["no-as-asgi"],
)
mistake(
    "plain-await",
    "await before a plain function",
    symptom="the same TypeError about an 'await' expression, raised in a line of your own",
    cause="The function is not async: it has done its work already, and there is nothing to await.",
    fix="Leave out the await; to wait, write await asyncio.sleep(...) and not time.sleep(...).",
)
mistake(
    "blocking",
    "time.sleep in async code",
    symptom="clients of an async consumer are served one after the other; "
    "`The server's event loop does not answer`",
    cause="A handler keeps the event loop to itself, so that no other connection gets its turn.",
    fix="In async code: await asyncio.sleep(...); "
    "for work that has to block: await asyncio.to_thread(...).",
    texts=["event loop does not answer"],
)
mistake(
    "close-before-accept",
    "Close before accept",
    symptom="`server rejected WebSocket connection: HTTP 403`; the browser is told 1006",
    cause="Before the accept there is no WebSocket yet, so a close has no code: "
    "the handshake is refused with HTTP 403.",
    fix="If the client shall learn the code: accept, then close with it.",
    texts=["server rejected WebSocket connection: HTTP 403", "(?<!proxy )rejected .*HTTP 403"],
)
mistake(
    "no-route",
    "No route for this path",
    symptom="`ValueError: No route found for path`, and HTTP 500 for the client",
    cause="No pattern matches this path from its beginning to its end.",
    fix="Compare them piece by piece: the slashes, the spelling, and what each <...> takes "
    "(<int:...> only digits).",
    texts=["No route found for path"],
)
mistake(
    "running-loop",
    "A second event loop",
    symptom="`RuntimeError: asyncio.run() cannot be called from a running event loop`",
    cause="Cells of a notebook and handlers of async consumers run inside an event loop already.",
    fix="Write await instead of asyncio.run: at the top level of a cell, or in an async def.",
    texts=[
        r"asyncio\.run\(\) cannot be called from a running event loop",
        "Cannot run the event loop while another loop is running",
    ],
)
mistake(
    "client-without-with",
    "A client without with",
    symptom="`DeprecationWarning: connect() must be used as a context manager`",
    cause="Nobody closes the connection when the cell ends, or fails.",
    fix="Write with connect(...) as ws, and use it inside.",
    texts=[r"connect\(\) must be used as a context manager"],
)
mistake(
    "proxy",
    "A proxy in between",
    symptom="`proxy rejected connection: HTTP 403`",
    cause="The environment names a proxy, and the client asks it for a server of this machine.",
    fix="Import server before you connect, which keeps 127.0.0.1 out of it; "
    "elsewhere write connect(..., proxy=None).",
    texts=[
        "proxy rejected connection",
        "did not receive a valid HTTP response from proxy",
        r"connect(ing)? (to|through) (a )?(HTTP|SOCKS) proxy",
        "isn't a valid proxy",
        "Tunnel connection failed",
    ],
)
mistake(
    "nobody-listens",
    "Nobody listens there",
    symptom="`ConnectionRefusedError`",
    cause="The server is closed or has another port; or it is a proxy of the environment "
    "that is not there.",
    fix="Launch again, and connect to live.url(...); with a proxy set, import server first.",
    texts=["ConnectionRefusedError", "Connection refused", "Connect call failed"],
)
