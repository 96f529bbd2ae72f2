"""The application that every server runs: each path is a case, and ``/report`` tells about it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import server  # noqa: F401 (it configures Django)

from . import cases
from .reports import Report, reports, scopes, tell

__all__ = ["application"]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Run the application of a case and keep a report of it."""
    if scope["type"] != "websocket":
        scopes.append(scope["type"])
        raise ValueError(f"no application for {scope['type']}")
    name = scope["path"].split("/")[1]
    query = parse_qs(scope["query_string"].decode())
    if name == "report":
        return await tell(query, receive, send)
    report = reports.setdefault(query["run"][0], Report())

    async def reporting_receive() -> Any:
        event = await receive()
        report(cases.describe_event(event))
        return event

    async def reporting_send(message: Any) -> None:
        try:
            await send(message)
        except OSError:
            report(f"OSError on {message['type']}")
            raise
        except Exception as exc:
            report(f"{type(exc).__name__} on {message.get('type')}")
            raise

    case = cases.CASES[name]
    if case.closes:
        await cases.second_at(0)
    try:
        await case.application(scope, reporting_receive, reporting_send, report)
    except asyncio.CancelledError:
        report("cancelled")
        raise
    except OSError:
        report("raised the error of send")
        raise
    except Exception as exc:
        report(f"raised {type(exc).__name__}")
        raise
    else:
        report("returned")
    finally:
        report.ended = True
