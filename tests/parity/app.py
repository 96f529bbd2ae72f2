"""The application that every server runs: each path is a case, and ``/report`` tells about it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import server  # noqa: F401 (it configures Django)

from . import cases

__all__ = ["application"]

reports: dict[str, list[str]] = {}
"""What the application of each run has seen and done."""

ended: set[str] = set()
"""Runs whose application has ended."""

scopes: list[str] = []
"""Types of the scopes that came without a path."""


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Run the application of a case and keep a report of it."""
    if scope["type"] != "websocket":
        scopes.append(scope["type"])
        raise ValueError(f"no application for {scope['type']}")
    name = scope["path"].split("/")[1]
    query = parse_qs(scope["query_string"].decode())
    run = query["run"][0]
    if name == "report":
        return await tell(run, float(query["patience"][0]), receive, send)
    report = reports.setdefault(run, [])

    async def reporting_receive() -> Any:
        event = await receive()
        report.append(cases.describe_event(event))
        return event

    async def reporting_send(message: Any) -> None:
        try:
            await send(message)
        except OSError:
            report.append(f"OSError on {message['type']}")
            raise
        except Exception as exc:
            report.append(f"{type(exc).__name__} on {message.get('type')}")
            raise

    case = cases.CASES[name]
    try:
        await case.application(scope, reporting_receive, reporting_send, report.append)
    except asyncio.CancelledError:
        report.append("cancelled")
        raise
    except OSError:
        report.append("raised the error of send")
        raise
    except Exception as exc:
        report.append(f"raised {type(exc).__name__}")
        raise
    else:
        report.append("returned")
    finally:
        ended.add(run)


async def tell(run: str, patience: float, receive: Any, send: Any) -> None:
    """Wait until the application of a run has ended, for a while, and send its report."""
    await receive()
    await send({"type": "websocket.accept"})
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while run not in ended and loop.time() < deadline:
        await asyncio.sleep(0.02)
    report = reports.get(run, ["never started"])
    if run in reports and run not in ended:
        report = [*report, "still running"]
    await send({"type": "websocket.send", "text": json.dumps([report, scopes])})
    await send({"type": "websocket.close"})
    await receive()
