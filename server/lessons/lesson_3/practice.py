"""What the practice server answers in the browser exercises of lesson 3."""

# Channels has no types.
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import asyncio

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from django.urls import path

from ...exercises.routes import SERVER, answer_with
from ...exercises.visit import is_of_another
from ...notebook.runs import runs

PAUSE = 0.3
"""Seconds before the message that exercise 3.3 waits for: who closes at once does so before it."""


class Greeting(WebsocketConsumer):
    """Exercise 3.1: is greeted, and says so."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer the greeting."""
        self.send(text_data="nice to meet you")


class Pinging(WebsocketConsumer):
    """Exercise 3.2: sends pings, and other things."""

    def connect(self) -> None:
        """Send all of them at once; the browser answers when it gets round to it."""
        self.accept()
        for text in ("ping 1", "a piece of news", "ping 2", "ping 40", "shipping news"):
            self.send(text_data=text)


class Enough(AsyncWebsocketConsumer):
    """Exercise 3.3: says when it is enough, and leaves the closing to the browser."""

    async def connect(self) -> None:
        """Send three numbers, and a little later the end of them."""
        await self.accept()
        for text in ("1", "2", "3"):
            await self.send(text_data=text)
        await asyncio.sleep(PAUSE)
        await self.send(text_data="enough")


class Restarting(WebsocketConsumer):
    """Exercise 3.4: goes away as a server does that restarts, and comes back after some tries."""

    page = 0
    """The number of the page whose tries are counted."""

    tries = 0

    def connect(self) -> None:
        """Accept and leave; refuse three times; accept and stay."""
        # All sync consumers work in one thread, so that nobody else counts at the same time.
        count = Restarting
        run = runs.newest(lambda run: run.on == SERVER and not is_of_another(run, "come-back"))
        if run is None or run.page is None:
            # A page from before: practice() was called again, and its frame is about to end it.
            self.close()
            return
        if run.page.number != count.page:
            count.page, count.tries = run.page.number, 0
        count.tries += 1
        if count.tries == 1:
            self.accept()
            self.send(text_data="hello")
            self.close(code=1012, reason="the server restarts")
        elif count.tries < 5:
            self.close()
        else:
            self.accept()
            self.send(text_data="welcome back")


answer_with(
    path("ws/greet/", Greeting.as_asgi()),
    path("ws/pong/", Pinging.as_asgi()),
    path("ws/enough/", Enough.as_asgi()),
    path("ws/come-back/", Restarting.as_asgi()),
)
