"""How long a trial waits, which is no more on a busy machine, and whose coroutines it tells of."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from server.exercises.scenario import SLICE, Patience, Trial

answered, release = threading.Event(), threading.Event()


class Slow(WebsocketConsumer):
    """Takes as many seconds as the client says, or until it is released.

    The client names some seconds in the query too.

    """

    def connect(self) -> None:
        time.sleep(float(self.scope["query_string"].decode() or 0))
        self.accept()

    def receive(self, text_data: str) -> None:
        if text_data == "release":
            release.wait(60)
        else:
            time.sleep(float(text_data))
        self.send("done")
        answered.set()


def test_only_waiting_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes while nobody waits is not the answer's, and what has come costs nothing."""
    # A handshake is free, however long the machine takes for it.
    monkeypatch.setattr("server.exercises.scenario.AT_ONCE", 60.0)
    with Trial(Slow, Patience(total=1.5)) as trial:
        client = trial.connect()
        time.sleep(0.2)
        assert trial.left(9.0) == trial.budget == 1.5
        # Where the machine stalls for as long, the answer is there before anybody waits.
        for _ in range(20):
            client.send("0.5")
            assert client.receive() == "done"
            if trial.budget < 1.5:
                break
        left = trial.budget
        assert left < 1.5
        answered.clear()
        client.send("0")
        assert answered.wait(60)
        time.sleep(0.5)
        assert client.receive() == "done"
        assert trial.budget == left
        trial.close_clients()


def test_all_waits_have_a_bound() -> None:
    """What is waited counts in all, a slow handshake too; in the end every wait is short."""
    release.clear()
    with Trial(Slow, Patience(total=60.0)) as trial:
        trial.connect("?1.0")
        assert 0 < trial.budget <= 59.5 + SLICE
        client = trial.connect()
        trial.hurry_up(0.3)
        client.send("release")
        assert client.receive() is None
        assert trial.was_busy
        assert trial.budget <= 0.0 < trial.left(9.0) < SLICE
        release.set()
        trial.close_clients()


class Forgetful(AsyncWebsocketConsumer):
    """Keeps what it does not await, so that Python tells of it when somebody lets go of it."""

    forgotten: list[Coroutine[Any, Any, Any]] = []

    async def connect(self) -> None:
        await self.accept()

    async def receive(self, text_data: str) -> None:
        self.forgotten.append(self.send("hello"))
        self.forgotten.append(self.channel_layer.group_send("room", {}))
        self.forgotten.append(asyncio.sleep(0))
        await self.send("forgotten")


SAID = [
    "RuntimeWarning: coroutine 'AsyncWebsocketConsumer.send' was never awaited",
    "RuntimeWarning: coroutine 'InMemoryChannelLayer.group_send' was never awaited",
    "RuntimeWarning: coroutine 'sleep' was never awaited",
]


def said(trial: Trial) -> list[str]:
    """Return what is said of the trial's coroutines once all that it has forgotten is let go of."""

    def scenario(trial: Trial) -> None:
        client = trial.connect()
        client.send("x")
        client.answers("forgotten")
        Forgetful.forgotten.clear()
        trial.fail("the end", "", "")

    trial.run(scenario)
    trial.close_clients()
    return sorted(trial.warnings)


def test_coroutines_of_an_answer_before() -> None:
    """What another answer has forgotten, and lets go of late, is not this one's mistake."""
    with Trial(Forgetful, Patience()) as before:
        assert said(before) == SAID
        client = before.connect()
        client.send("x")
        assert client.receive() == "forgotten"
        # Of a function nobody can tell whose it was.
        Forgetful.forgotten.pop().close()
        with Trial(Forgetful, Patience()) as trial:
            assert said(trial) == SAID
        before.close_clients()


class Old(WebsocketConsumer):
    """Does what Python warns of."""

    def receive(self, text_data: str) -> None:
        warnings.warn("there is a newer way", UserWarning, stacklevel=1)
        self.send("done")


def test_other_warnings_are_told() -> None:
    """What Python warns of besides is told as it would be without a check."""
    with Trial(Old, Patience()) as trial:
        with pytest.warns(UserWarning, match="^there is a newer way$"):
            assert trial.run(lambda trial: trial.connect().is_asked("x", "done"))
        assert trial.warnings == []
