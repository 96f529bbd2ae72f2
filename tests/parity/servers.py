"""Our server, uvicorn and daphne, each started once for all cases."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from server.live.host import Host
from server.live.record import Record

__all__ = ["SERVERS", "Server", "serve", "version_of"]

SERVERS = ("ours", "uvicorn", "daphne")

ROOT = Path(__file__).resolve().parent.parent.parent
APP = "tests.parity.app:application"

COMMANDS = {
    "uvicorn": ["-m", "uvicorn", APP, "--host", "127.0.0.1", "--port", "0"],
    "daphne": ["-m", "daphne", "-e", "tcp:port=0:interface=127.0.0.1", APP],
}
ADDRESS = re.compile(rb"(?:http://127\.0\.0\.1|TCP address 127\.0\.0\.1):(\d+)")


@dataclass
class Server:
    """A server that runs."""

    port: int
    host: Host | None = None
    process: subprocess.Popen[bytes] | None = None
    patience: float = 60.0
    """Seconds to wait for its end."""

    def stop(self) -> bool:
        """Stop it as its user does, and tell whether it ended in time."""
        if self.host is not None:
            return self.host.stop()
        assert self.process is not None
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.patience)
        return self.process.poll() is not None


@contextlib.asynccontextmanager
async def serve(name: str, log: IO[bytes]) -> AsyncIterator[Server]:
    """Run a server, with its defaults."""
    if name == "ours":
        from .app import application

        host = Host(application, Record())
        host.start()
        try:
            yield Server(host.port, host=host)
        finally:
            host.stop()
        return
    process = subprocess.Popen(
        [sys.executable, *COMMANDS[name]],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        found = Server(await port_of(process, Path(log.name)), process=process)
        if name == "uvicorn":
            # It goes on for ever, and nobody waits for that.
            found.patience = 1.0
        yield found
    finally:
        process.kill()
        process.wait()


async def port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    """Read the port from what a server says when it has started."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while process.poll() is None:
                if found := ADDRESS.search(log.read_bytes()):
                    return int(found[1])
                await asyncio.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


def version_of(name: str) -> str:
    """Return the version of a server that is installed."""
    return version(name)
