"""A lesson that has one of everything, made for these tests and not for learners."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from server.live.record import (
    Accepted,
    Closed,
    Connecting,
    Disconnected,
    Failed,
    Printed,
    Received,
    Record,
    Sent,
)
from server.pictures.table import Transcript

__all__ = ["code", "lesson", "prose"]

CONSUMER = """\
from channels.consumer import SyncConsumer
from channels.exceptions import StopConsumer

from server import launch


class Echo(SyncConsumer):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, event):
        print("received:", event["text"])
        self.send({"type": "websocket.send", "text": event["text"]})

    def websocket_disconnect(self, event):
        raise StopConsumer()


live = launch(Echo.as_asgi())"""

CLIENT = """\
from websockets.sync.client import connect

with connect(live.url) as client:
    client.send("hello")
    print(client.recv(), "and a comment that is as long as a line of code may be: 99 characters")"""

JAVASCRIPT = """\
%%browser first-socket
const socket = new WebSocket(`ws://${window.location.host}/ws/sc/`);
socket.onopen = () => socket.send("hello");
socket.onmessage = (event) => console.log("received:", event.data);"""

SOLUTION = """\
class ShoutBack(SyncConsumer):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, event):
        answer_in_capitals = event["text"].upper()
        self.send({"type": "websocket.send", "text": answer_in_capitals})"""

HINTS = """\
<details>
<summary>Hint 1</summary>

A string has a method `upper()`.

</details>
<details>
<summary>Hint 2</summary>

The text is in `event["text"]`.

</details>
<details>
<summary>Hint 3</summary>

Send it like this:

```python
self.send({"type": "websocket.send", "text": "..."})
```

</details>"""

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 60" role="img">
<title>Sequence diagram</title><desc>client to Echo: hello</desc>
<text x="0" y="20">client</text><line x1="10" y1="40" x2="290" y2="40" stroke="#555"/></svg>"""


def prose(source: str, *tags: str, **metadata: Any) -> NotebookNode:
    """Return a Markdown cell."""
    return labelled(new_markdown_cell(source), tags, metadata)


def code(
    source: str, *outputs: NotebookNode, tags: tuple[str, ...] = (), **metadata: Any
) -> NotebookNode:
    """Return a code cell that was run."""
    return labelled(new_code_cell(source, outputs=list(outputs)), tags, metadata)


def labelled(cell: NotebookNode, tags: tuple[str, ...], metadata: dict[str, Any]) -> NotebookNode:
    cell.metadata.update(metadata)
    if tags:
        cell.metadata.tags = list(tags)
    return cell


def printed(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text)


def shown(data: dict[str, str], metadata: dict[str, Any] | None = None) -> NotebookNode:
    return new_output("display_data", data=data, metadata=metadata or {})


def transcript() -> Transcript:
    """Return a transcript with a row of each kind."""
    record = Record()
    record.add(1, Connecting("/ws/sc/", None), {"type": "websocket.connect"})
    record.add(1, Accepted("Echo", None), {"type": "websocket.accept"})
    record.add(1, Received("hello"), {"type": "websocket.receive", "text": "hello"})
    record.add(1, Printed("received: hello", "stdout"))
    record.add(1, Sent("hello"), {"type": "websocket.send", "text": "hello"})
    record.add(1, Received("x" * 300), {"type": "websocket.receive", "text": "x" * 300})
    record.add(1, Closed("consumer", 1000, ""), {"type": "websocket.close"})
    record.add(1, Disconnected("client", 1000, ""), {"type": "websocket.disconnect"})
    try:
        raise TypeError("'int' object has no attribute 'encode'")
    except TypeError as error:
        record.add(1, Failed(traceback(error)))
    return Transcript(record.snapshot())


def traceback(error: Exception) -> Any:
    from traceback import TracebackException

    return TracebackException.from_exception(error)


LINES = [
    {"kind": "connecting", "text": "/ws/sc/", "socket": 1},
    {"kind": "open", "text": "", "socket": 1},
    {"kind": "sent", "text": "hello", "socket": 1},
    {"kind": "received", "text": "a long message & <more>, " * 4, "socket": 1},
    {"kind": "log", "text": "received: hello"},
    {"kind": "uncaught", "text": "Error: a\nb", "line": 3, "own": ["Error"]},
    {"kind": "closed", "text": "code 1000, clean", "socket": 1},
]


def recorded(lines: list[dict[str, Any]] = LINES) -> NotebookNode:
    """Return the output of a browser cell."""
    browser = {"name": "first-socket", "hash": "0", "lines": lines}
    html = "<div data-browser-cell='x'><table></table></div><script>load()</script>"
    return shown({"text/html": html, "text/plain": "recorded"}, {"browser": browser})


def png(width: int = 600, height: int = 200) -> str:
    """Return a grey picture, as a notebook holds it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    rows = (b"\0" + b"\xc0" * width) * height
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + bytes([8, 0, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    ).decode()


def lesson() -> NotebookNode:
    """Return a lesson with one of everything, as executed and saved."""
    table = transcript()
    cells = [
        prose(
            "# Lesson 1: consumers\n\nAt the end you have a consumer. **30 minutes.** "
            "Next: [routing](02_routing.ipynb), or see [Channels](https://channels.readthedocs.io/)"
            " and [the server](../server/notebook/launch.py).\n\n- one\n- two\n"
        ),
        prose(
            "## A first consumer & more\n\nA *consumer* listens: `websocket_connect` comes first.",
            teacher={"minutes": 6, "say": "Draw the **two** sides on the board."},
        ),
        code(
            CONSUMER,
            shown(
                {
                    "text/html": '<div class="card"><style>.x{color:red}</style>'
                    '<a href="http://127.0.0.1:8001/">http://127.0.0.1:8001/</a> is live'
                    '<button onclick="stop()">Stop</button><script>alert(1)</script></div>',
                    "text/plain": "live",
                }
            ),
        ),
        prose("What does the client get?", "predict", teacher={"say": "Let them vote."}),
        code(CLIENT, printed("hello and a comment\n" + "long " * 40 + "\n")),
        prose("The **same** text: it is an echo.", "answer"),
        code("live.transcript", shown({"text/html": table.html, "text/plain": table.text})),
        prose("### Pictures\n\n| name | what |\n|---|---|\n| `send` | *one* way |\n"),
        code("live.sequence", shown({"image/svg+xml": SVG, "text/plain": "a sequence"})),
        code(
            "live.timeline",
            shown(
                {"image/png": png(), "text/plain": "<Timeline>"},
                {"image/png": {"alt": "Four bars, one after the other"}},
            ),
        ),
        prose("## In the browser\n\nNow in JavaScript.", teacher={"minutes": 10}),
        code(JAVASCRIPT, recorded(), tags=("browser",)),
        code(
            "from server.exercises import progress\nprogress(1)", printed("0 of 4"), tags=("live",)
        ),
        prose("Who closes?", "predict"),
        code("print('<b>nobody</b>')", printed("<b>nobody</b>\n")),
        prose("Nobody.\n\n```javascript\nsocket.close(1000);\n```", "answer"),
        prose("## Exercises\n\nOne exercise."),
        prose(
            "### Exercise 1.1: shout back\n\nAnswer in capitals:\n\n```text\n> hello\n< HELLO\n```",
            "exercise",
            exercise="1.1",
            teacher={"minutes": 8},
        ),
        code("class ShoutBack(SyncConsumer): ...", tags=("stub",), exercise="1.1"),
        code(
            'check("1.1", ShoutBack)',
            printed("Not yet: the handshake was refused.\n"),
            tags=("check",),
            exercise="1.1",
        ),
        prose(HINTS, "hint", exercise="1.1"),
        code(SOLUTION, tags=("solution",), exercise="1.1", jupyter={"source_hidden": True}),
        prose("## Recap\n\n| name | what it is |\n|---|---|\n| `accept` | the answer |\n", "recap"),
    ]
    count = 0
    for number, cell in enumerate(cells, 1):
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})
