"""The live tests of the kept project, on uvicorn; they are copied into the project's app."""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from .tests import LiveTests  # type: ignore[import-not-found] # it is beside this file then

__all__ = ["UvicornLiveTests"]


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


class UvicornLiveTests(LiveTests):
    ProtocolServerProcess = UvicornProcess


del LiveTests  # it is run where it is defined
