"""The room that :mod:`tests.bench.which_server` measures: who speaks is heard by all."""

from __future__ import annotations

import os
from typing import Any

import django
from django.conf import settings

LAYERS: dict[str, dict[str, Any]] = {
    "in-memory": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "core": {"BACKEND": "channels_redis.core.RedisChannelLayer"},
    "pub/sub": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"},
}
layer = LAYERS[os.environ["LAYER"]]
if url := os.environ.get("VALKEY_URL"):
    layer["CONFIG"] = {"hosts": [{"address": url, "socket_timeout": None}]}
settings.configure(SECRET_KEY="x", CHANNEL_LAYERS={"default": layer}, INSTALLED_APPS=["channels"])
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 (it reads the settings)


class Room(AsyncWebsocketConsumer):
    groups = ["room"]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send("room", {"type": "said", "text": text_data})

    async def said(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve the room, and tell servers that ask that there is no lifespan."""
    if scope["type"] != "websocket":
        raise ValueError("only WebSockets are served")
    await Room.as_asgi()(scope, receive, send)
