"""How long a trial waits: what counts is the waiting, and not the work of a busy machine."""

from __future__ import annotations

import time

from channels.generic.websocket import WebsocketConsumer

from server.exercises.scenario import SLICE, Patience, Trial


class Slow(WebsocketConsumer):
    """Takes as many seconds as the client says; the client names some in the query too."""

    def connect(self) -> None:
        time.sleep(float(self.scope["query_string"].decode() or 0))
        self.accept()

    def receive(self, text_data: str) -> None:
        time.sleep(float(text_data))
        self.send("done")


def test_only_waiting_counts() -> None:
    """Time that passes while nobody waits is not the answer's, and what has come costs nothing."""
    with Trial(Slow, Patience(total=1.5)) as trial:
        client = trial.connect()
        time.sleep(0.2)
        assert trial.left(9.0) == trial.budget == 1.5
        client.send("0.5")
        assert client.receive() == "done"
        waited = 1.5 - trial.budget
        assert waited > 0
        client.send("0")
        time.sleep(2.0)
        assert client.receive() == "done"
        assert trial.budget == 1.5 - waited
        trial.close_clients()


def test_all_waits_have_a_bound() -> None:
    """What is waited counts in all, a slow handshake too; in the end every wait is short."""
    with Trial(Slow, Patience(total=1.0)) as trial:
        trial.connect("?1.0")
        assert 0 < trial.budget <= 0.5 + SLICE
        client = trial.connect()
        trial.hurry_up(0.3)
        client.send("1.5")
        assert client.receive() is None
        assert trial.was_busy
        assert trial.budget <= 0.0 < trial.left(9.0) < SLICE
        trial.close_clients()
