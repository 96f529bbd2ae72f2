"""uvicorn in a process of its own, for the live tests of the kept project; copied into its app.

Apart from the tests: since Python 3.14 the new process imports this file, and it must not meet a
model before Django is set up.
"""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

__all__ = ["UvicornProcess"]


class UvicornProcess(multiprocessing.Process):
    """What ``ChannelsLiveServerTestCase`` asks of a server."""

    def __init__(self, host: str, get_application: Callable[[], Any], setup: Callable[[], None]):
        super().__init__(daemon=True)
        self.host = host
        self.get_application = get_application
        self.setup = setup
        self.ready = multiprocessing.Event()
        self.port = multiprocessing.Value("i")

    def run(self) -> None:
        """Serve until the process is ended."""
        self.setup()
        listener = socket.create_server((self.host, 0))
        self.port.value = listener.getsockname()[1]
        config = uvicorn.Config(self.get_application(), lifespan="off", log_level="warning")
        self.ready.set()
        uvicorn.Server(config).run(sockets=[listener])
