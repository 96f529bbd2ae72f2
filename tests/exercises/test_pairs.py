"""Wrong answers that never end spoil no right answer that comes after them in the same kernel."""

from __future__ import annotations

import os
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

BEGIN = """
import asyncio, gc, threading, time
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from dataclasses import replace
from server.exercises import check
judge = __import__("sys").modules["server.exercises.check"]
patient = judge.PATIENCE
"""

# However long it is waited for what never ends: nothing comes. Only right answers need the time.
HASTY = """
judge.PATIENCE = replace(patient, handshake=0.3, answer=0.3, leave=0.2, stop=0.2)
wrong = bool(check('1.1', Wrong))
judge.PATIENCE = patient
wrong
"""

# A bare except around an endless loop takes every exception that is to end it.
FOR_EVER = """
while True:
    try:
        await asyncio.sleep(0.01)
    except:
        pass
"""
FOR_EVER_IN_A_THREAD = """
while True:
    try:
        time.sleep(0.01)
    except:
        pass
"""

WRONG = {
    "an endless loop in receive": ("async receive", FOR_EVER),
    "an endless loop in connect": ("async connect", FOR_EVER),
    "an endless loop in disconnect": ("async disconnect", FOR_EVER),
    "an endless loop that blocks": ("async receive", FOR_EVER_IN_A_THREAD),
    "an endless loop that spins": ("async receive", "while True:\n    pass"),
    "an endless loop in a sync consumer": ("receive", FOR_EVER_IN_A_THREAD),
    "a spinning loop in a sync consumer": ("receive", "while True:\n    pass"),
    "a sync consumer that waits for nobody": ("receive", "threading.Event().wait()"),
    "an endless end": (
        "async receive",
        "try:\n    await asyncio.sleep(3600)\nfinally:\n"
        + "\n".join(f"    {line}" for line in FOR_EVER.strip().splitlines()),
    ),
    "an endless task": (
        "async receive",
        "async def rest():\n"
        + "\n".join(f"    {line}" for line in FOR_EVER.strip().splitlines())
        + "\nasyncio.create_task(rest())",
    ),
    "an endless generator": (
        "async receive",
        "async def ticks():\n    while True:\n        try:\n            await asyncio.sleep(0.01)\n"
        "            yield 1\n        except:\n            pass\n"
        "async for tick in ticks():\n    pass",
    ),
    "the end of the program": ("async receive", "raise SystemExit"),
}

RIGHT = """
class Right(WebsocketConsumer):
    def receive(self, text_data):
        self.send(text_data.upper())

class RightAsync(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await self.send(text_data.upper())
"""

VERDICTS = "[bool(check('1.1', Right)), bool(check('1.1', RightAsync)), gc.collect() >= 0]"


def wrong_class(place: str, body: str) -> str:
    """Return a cell that makes a consumer with a body for one of its handlers."""
    *kind, name = place.split()
    base = "AsyncWebsocketConsumer" if kind else "WebsocketConsumer"
    asynchronous = "async " if kind else ""
    arguments = {"receive": "self, text_data", "connect": "self", "disconnect": "self, code"}[name]
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    return f"class Wrong({base}):\n    {asynchronous}def {name}({arguments}):\n{lines}"


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[Any, Any]]:
    """What each wrong answer's cell and the cell of right answers after it show."""
    notebook = new_notebook(cells=[new_code_cell(BEGIN + RIGHT)])
    for place, body in WRONG.values():
        notebook.cells.append(new_code_cell(f"{wrong_class(place, body)}\n{HASTY}"))
        notebook.cells.append(new_code_cell(VERDICTS))
    client = NotebookClient(notebook, timeout=300, kernel_name="python3")
    client.execute(env=os.environ | {"COURSE_PROGRESS": "off"})
    _, *cells = notebook.cells
    return {
        name: (shown(cells[2 * place]), shown(cells[2 * place + 1]))
        for place, name in enumerate(WRONG)
    }


def shown(cell: nbformat.NotebookNode) -> list[str]:
    """Return all that a cell shows, in words."""
    return [output.get("text") or output.data["text/plain"] for output in cell.outputs]


@pytest.mark.parametrize("name", WRONG)
def test_a_right_answer_after_a_wrong_one(outputs: dict[str, tuple[Any, Any]], name: str) -> None:
    """The wrong one is not yet right, the right ones pass, and nothing is printed into a cell."""
    assert outputs[name] == (["False"], ["[True, True, True]"])
