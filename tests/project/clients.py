"""Clients of the kept project: they log in, join a room, and hear."""

from __future__ import annotations

import json
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from server.project import Server

__all__ = ["hear", "join", "log_in", "say"]

PATIENCE = 30.0


def log_in(page: str, name: str = "ada") -> str:
    """Log in as a browser does; return the cookie of the session."""
    with requests.Session() as session:
        session.get(page)
        form = {"username": name, "password": "secret"}
        form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
        session.post(page, data=form, allow_redirects=False).raise_for_status()
        return f"sessionid={session.cookies['sessionid']}"


def join(
    server: Server | int, cookie: str = "", room: str = "lobby", **options: Any
) -> ClientConnection:
    """Connect to a room."""
    port = server if isinstance(server, int) else server.port
    options.setdefault("origin", f"http://127.0.0.1:{port}")
    return connect(
        f"ws://127.0.0.1:{port}/ws/chat/{room}/",
        additional_headers={"Cookie": cookie} if cookie else None,
        proxy=None,
        open_timeout=PATIENCE,
        **options,
    )


def say(ws: ClientConnection, text: str) -> None:
    """Say something in a room."""
    ws.send(json.dumps({"text": text}))


def hear(ws: ClientConnection, last: str) -> list[str]:
    """Return what comes, up to a text."""
    texts: list[str] = []
    while last not in texts:
        texts.append(json.loads(ws.recv(timeout=PATIENCE))["text"])
    return texts
