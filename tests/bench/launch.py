"""How long launch() takes to the first answer, and what an idle server costs.

The launches happen in a kernel, as a lesson's do. The idle server is watched from outside, in a
process that does nothing else: a wakeup is a voluntary context switch of one of its threads.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from queue import Empty

import psutil
from jupyter_client.manager import start_new_kernel

LAUNCH_BOUND = 20.0
"""Milliseconds from launch() to the first answer."""

IN_THE_KERNEL = """
import statistics, time
from channels.consumer import SyncConsumer
from channels.exceptions import StopConsumer
from server import launch
from websockets.sync.client import connect

class Echo(SyncConsumer):
    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})
    def websocket_receive(self, event):
        self.send({"type": "websocket.send", "text": event["text"]})
    def websocket_disconnect(self, event):
        raise StopConsumer()

def first_answer():
    before = time.perf_counter()
    live = launch(Echo)
    with connect(live.url("ws/sc/")) as ws:
        ws.send("hello")
        ws.recv()
        return 1000 * (time.perf_counter() - before)

cold = first_answer()
warm = [first_answer() for _ in range(ROUNDS)]
print(cold, *warm)
"""

IDLE = """
import time
from channels.consumer import AsyncConsumer
from websockets.sync.client import connect
from server import launch

class Quiet(AsyncConsumer):
    async def websocket_connect(self, event):
        await self.send({"type": "websocket.accept"})

live = launch(Quiet)
with connect(live.url("ws/ac/"), ping_interval=None) as ws:
    print("ready", flush=True)
    time.sleep(3600)
"""


def in_a_kernel(code: str, timeout: float = 120) -> str:
    """Run code in a fresh kernel; return what it prints."""
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    try:
        printed: list[str] = []

        def collect(message: dict) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
            elif message["msg_type"] == "error":
                raise RuntimeError("\n".join(message["content"]["traceback"]))

        client.execute_interactive(code, timeout=timeout, output_hook=collect)
        return "".join(printed)
    except Empty:
        raise RuntimeError(f"the kernel did not answer within {timeout} s") from None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def wakeups(process: psutil.Process) -> int:
    """Return how often the threads of a process have gone to sleep of their own accord."""
    # Linux counts for the process's first thread only, unless each thread is asked.
    total = 0
    for thread in process.threads():
        with open(f"/proc/{process.pid}/task/{thread.id}/status") as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
    return total


def measure_launch(rounds: int = 100) -> None:
    cold, *warm = map(float, in_a_kernel(f"ROUNDS = {rounds}\n{IN_THE_KERNEL}").split())
    warm.sort()
    median = statistics.median(warm)
    verdict = "held" if median <= LAUNCH_BOUND else "MISSED"
    print(
        f"launch() to the first answer, warm kernel, {rounds} launches: median {median:.1f} ms, "
        f"9 of 10 within {warm[int(rounds * 0.9)]:.1f} ms; bound {LAUNCH_BOUND:.0f} ms {verdict}"
    )
    print(f"the very first launch of a kernel, consumer's first thread included: {cold:.1f} ms")


def measure_idle(seconds: float = 10.0) -> None:
    if not sys.platform.startswith("linux"):
        print("idle server: wakeups are counted on Linux only")
        return
    with subprocess.Popen([sys.executable, "-c", IDLE], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            process = psutil.Process(child.pid)
            # What the connection itself set in motion comes to rest first.
            time.sleep(1.0)
            cpu, wakeups_before = sum(process.cpu_times()[:2]), wakeups(process)
            time.sleep(seconds)
            cpu = sum(process.cpu_times()[:2]) - cpu
            woken = wakeups(process) - wakeups_before
        finally:
            child.kill()
    verdict = "held" if woken == 0 else "MISSED"
    print(
        f"idle server with one open connection, {seconds:.0f} s: {woken} wakeups, "
        f"{1000 * cpu:.0f} ms of CPU; bound: no polling, {verdict}"
    )


def main() -> None:
    measure_launch()
    measure_idle()


if __name__ == "__main__":
    main()
