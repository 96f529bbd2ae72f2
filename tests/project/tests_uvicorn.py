"""The live tests of the kept project, on uvicorn; they are copied into the project's app."""

from __future__ import annotations

# Both are beside this file then.
from .tests import LiveTests  # type: ignore[import-not-found]
from .uvicorn_process import UvicornProcess

__all__ = ["UvicornLiveTests"]


class UvicornLiveTests(LiveTests):
    ProtocolServerProcess = UvicornProcess


del LiveTests  # it is run where it is defined
