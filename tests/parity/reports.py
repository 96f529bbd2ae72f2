"""What the application of a run has seen and done, and how a client asks for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypedDict

from .client import Client

__all__ = ["Answer", "Report", "ask", "reports", "scopes", "tell"]


class Report:
    """What the application of one run has seen and done."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended = False
        self.asked = asyncio.Event()
        """Set when the client asks for the report: an application may wait for that."""

    def __call__(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)


class Answer(TypedDict):
    """What a client is told."""

    lines: list[str]
    ended: bool
    scopes: list[str]


reports: dict[str, Report] = {}

scopes: list[str] = []
"""Types of the scopes that came without a path."""


async def ask(client: Client, patience: float, lines: int | None = None) -> Answer:
    """Ask, over a connection of its own, for the report of the application that serves a client.

    The answer comes when the report has so many lines, when the application has ended, or when the
    patience does.

    """
    query = f"run={client.run}&patience={patience}&lines={lines or ''}"
    reporter = Client(client.port, patience + 10)
    await reporter.handshake(f"/report/?{query}")
    _, data = await asyncio.wait_for(reporter.next_frame(), reporter.patience)
    reporter.close()
    await reporter.end()
    await reporter.leave()
    answer: Answer = json.loads(data)
    return answer


async def tell(query: dict[str, list[str]], receive: Any, send: Any) -> None:
    """Answer one who asks, and leave it to them to close: daphne may break off when it closes."""
    await receive()
    await send({"type": "websocket.accept"})
    report = reports.get(query["run"][0])
    if report is not None:
        report.asked.set()
        enough = int(query["lines"][0]) if "lines" in query else float("inf")
        deadline = asyncio.get_running_loop().time() + float(query["patience"][0])
        while not report.ended and len(report.lines) < enough:
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.02)
    answer = Answer(
        lines=report.lines if report else ["never started"],
        ended=report is None or report.ended,
        scopes=scopes,
    )
    await send({"type": "websocket.send", "text": json.dumps(answer)})
    await receive()
