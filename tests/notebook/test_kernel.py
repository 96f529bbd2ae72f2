"""The live server in a real kernel: interrupt, restart, prints, warnings."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.kernels import PORTS

ROOT = Path(__file__).resolve().parent.parent

CONSUMERS = """
import asyncio, time
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from websockets.sync.client import connect
from websockets.asyncio.client import connect as connect_async
from server import launch
from server.live.record import Note, Printed

class Echo(SyncConsumer):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})
    def websocket_receive(self, event):
        print("got", event["text"])
        self.send({"type": "websocket.send", "text": event["text"]})
    def websocket_disconnect(self, event):
        print("bye")
        raise StopConsumer

class Streams(AsyncConsumer):
    async def websocket_connect(self, event):
        await self.send({"type": "websocket.accept"})
    async def websocket_receive(self, event):
        while True:
            print("tick")
            await self.send({"type": "websocket.send", "text": "tick"})
            await asyncio.sleep(0.02)
    async def websocket_disconnect(self, event):
        raise StopConsumer

class Forgets(AsyncConsumer):
    async def websocket_connect(self, event):
        self.send({"type": "websocket.close"})
        await self.send({"type": "websocket.accept"})
    async def websocket_disconnect(self, event):
        raise StopConsumer

def prints(live):
    live.host.settle()
    found = live.host.record.snapshot().entries
    return [entry.what.text for entry in found if isinstance(entry.what, Printed)]
"""

TALK = """
with connect(live.url()) as ws:
    ws.send("hello")
    print(ws.recv())
"""


class Kernel:
    """A kernel, and the cells that run in it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def start(self, code: str) -> str:
        """Run a cell, and do not wait for it."""
        return str(self.client.execute(code, store_history=False))

    def finish(self, cell: str, patience: float = 30.0) -> tuple[str, str]:
        """Wait for a cell; return what it printed and shows, and the name of its error."""
        output, error = "", ""
        deadline = time.monotonic() + patience
        while True:
            message: Any = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    output += content["text"]
                case "execute_result":
                    output += content["data"]["text/plain"]
                case "error":
                    error = content["ename"]
                case "status" if content["execution_state"] == "idle":
                    return output, error

    def run(self, code: str) -> str:
        """Run a cell and return its output."""
        output, error = self.finish(self.start(code))
        assert error == "", output
        return output

    def interrupt(self, code: str, sign: str) -> str:
        """Run a cell, interrupt it when it has printed a sign, and return its error's name."""
        cell = self.start(code)
        output = ""
        while sign not in output:
            message: Any = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "stream":
                output += message["content"]["text"]
        self.come_to_wait()
        self.manager.interrupt_kernel()
        return self.finish(cell)[1]

    def come_to_wait(self) -> None:
        """Give a cell the moment that it needs from its last print to where it waits.

        A signal that Python's thread takes in just before it waits for a lock does not end that
        wait; the next one does.

        """
        process = psutil.Process(self.manager.provisioner.pid)
        for _ in range(40):
            before = process.num_ctx_switches()
            time.sleep(0.05)
            if process.num_ctx_switches() == before:
                return

    def drain(self) -> str:
        """Return what is printed while no cell runs."""
        output = ""
        while True:
            try:
                message: Any = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                return output
            if message["msg_type"] == "stream":
                output += message["content"]["text"]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """A kernel in which the consumers are defined."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        found = Kernel(manager, client)
        found.run(CONSUMERS)
        yield found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_ports(kernel: Kernel) -> None:
    """A kernel that a test starts has ports that no other process is given."""
    assert set(kernel.manager.ports) <= set(PORTS)


def test_history(kernel: Kernel) -> None:
    """What a test's kernel runs does not come into the history of whoever runs the tests."""
    assert kernel.run("get_ipython().history_manager.enabled") == "False"


def test_prints_go_to_the_record_and_not_to_a_cell(kernel: Kernel) -> None:
    """What the cell prints is the cell's; what the consumer prints is the record's."""
    kernel.run("live = launch(Echo)")
    for number in (1, 2):
        assert kernel.run(TALK) == "hello\n"
        assert kernel.run("prints(live)") == repr(["got hello", "bye"] * number)
    assert "prints: got hello" in kernel.run("live.transcript")
    assert kernel.drain() == ""


def test_top_level_await(kernel: Kernel) -> None:
    """A cell may await the asynchronous client in the kernel's own loop."""
    kernel.run("live = launch(Echo)")
    code = """
async with connect_async(live.url()) as ws:
    await ws.send("hello")
    print(await ws.recv())
prints(live)
"""
    assert kernel.run(code) == "hello\n['got hello', 'bye']"


WAITING = {
    "sync": """
with connect(live.url()) as ws:
    print("waiting", flush=True)
    ws.recv()
""",
    "async": """
async with connect_async(live.url()) as ws:
    print("waiting", flush=True)
    await ws.recv()
""",
    "sync in a cell that awaits": """
import asyncio
await asyncio.sleep(0)
with connect(live.url()) as ws:
    print("waiting", flush=True)
    ws.recv()
""",
}


@pytest.mark.parametrize("code", WAITING.values(), ids=WAITING)
def test_interrupting_a_client_cell(kernel: Kernel, code: str) -> None:
    """A cell that waits for a message that never comes can be interrupted; the server stays."""
    kernel.run("live = launch(Echo)")
    start = time.monotonic()
    # A cell that awaits is cancelled, unless the signal finds it on its way from print to await.
    errors = {"KeyboardInterrupt"} | ({"CancelledError"} if "await ws" in code else set())
    assert kernel.interrupt(code, "waiting") in errors
    assert time.monotonic() - start < 60
    assert kernel.run(TALK) == "hello\n"
    kernel.run("port = live.port; live = launch(Echo); assert live.port == port")
    assert kernel.run(TALK) == "hello\n"


def test_interrupting_a_streaming_consumer(kernel: Kernel) -> None:
    """The cell that reads a stream is interrupted, and the stream ends with its client."""
    kernel.run("live = launch(Streams)")
    code = """
with connect(live.url()) as ws:
    ws.send("go")
    for message in ws:
        print("got", message, flush=True)
"""
    assert kernel.interrupt(code, "got tick") == "KeyboardInterrupt"
    kernel.run("live.host.settle()")
    assert kernel.run("len(live.host.bridges)") == "0"
    assert kernel.drain() == ""
    kernel.run("live = launch(Echo)")
    assert kernel.run(TALK) == "hello\n"


def test_a_forgotten_await_is_told_each_time(kernel: Kernel) -> None:
    """Python's warning is in the record, and tells as much when the cell is run again."""
    for _ in range(2):
        kernel.run("live = launch(Forgets)")
        assert kernel.run("with connect(live.url()): pass") == ""
        lines = kernel.run("print(*prints(live), sep='\\n')").splitlines()
        assert lines[0].endswith("RuntimeWarning: coroutine 'AsyncConsumer.send' was never awaited")
        assert lines[1] == '  self.send({"type": "websocket.close"})'


def test_a_handler_that_blocks_the_loop(kernel: Kernel) -> None:
    """The transcript says who blocks it; launching again escapes."""
    kernel.run(
        """
class Blocks(Streams):
    async def websocket_receive(self, event):
        while True:
            pass
live = launch(Blocks, grace=0.1)
ws = connect(live.url()).__enter__()
ws.send("x")
time.sleep(0.1)
"""
    )
    shown = kernel.run("live.transcript")
    assert "Blocks.websocket_receive, in line" in " ".join(shown.split())
    kernel.run("port = live.port; live = launch(Echo); assert live.port == port")
    assert kernel.run(TALK) == "hello\n"
    assert kernel.drain() == ""


def test_restarting(kernel: Kernel) -> None:
    """A kernel restarts in good time with handlers that never end, and lessons run again."""
    kernel.run(
        """
class Sleeps(Echo):
    def websocket_receive(self, event):
        time.sleep(600)
live = launch(Sleeps)
ws = connect(live.url()).__enter__()
ws.send("x")
time.sleep(0.1)
"""
    )
    start = time.monotonic()
    kernel.manager.restart_kernel()
    assert time.monotonic() - start < 60
    kernel.client.wait_for_ready(timeout=60)
    kernel.run(CONSUMERS)
    kernel.run("live = launch(Echo)")
    assert kernel.run(TALK) == "hello\n"
