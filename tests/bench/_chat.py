"""The chat that the benchmark of groups serves, on our server or on another one."""

from __future__ import annotations

import threading
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

import server  # noqa: F401 (it configures Django)
from server.live.host import Host
from server.live.record import Record

settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


class Chat(AsyncWebsocketConsumer):
    """Says to all members of a group what one of them says."""

    groups = ["chat"]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        event = {"type": "chat.message", "text": text_data}
        await self.channel_layer.group_send("chat", event)

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


application = Chat.as_asgi()


def main() -> None:
    """Serve the chat on the live server, until the process is ended."""
    host = Host(application, Record())
    host.start()
    print(f"ws://127.0.0.1:{host.port}/", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
