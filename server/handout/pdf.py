"""Print pages with a Chromium that is here anyway, through its DevTools, which speak WebSocket."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

__all__ = ["PAPERS", "NoBrowserError", "find_browser", "print_pages"]

PAPERS = {"A4": (8.27, 11.69), "Letter": (8.5, 11.0)}
"""The papers there are, in inches."""

NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

FLAGS = (
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
)

PATIENCE = 60.0
"""Seconds after which a browser that does not answer has failed."""

FORGET_FOLDER = """
for (const link of document.querySelectorAll("a:not([href^='#'], [href^='http'])")) {
  link.removeAttribute("href");
}
"""

DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")

NODE = re.compile(rb"\(node\d{8}\)")
"""The name of an element, for which the browser counts all that it has shown so far."""


class NoBrowserError(Exception):
    """The browser that is here does not print."""


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def print_pages(browser: str, pages: Mapping[Path, Sequence[tuple[str, Path]]]) -> None:
    """Print HTML files to PDF files.

    Args:
        browser: Path of a Chromium.
        pages: For each page, the papers and the files to print it to.

    Raises:
        NoBrowserError: The browser did not start, or did not print.

    """
    try:
        with running(browser) as address, connect(address, max_size=None) as socket:
            tab = Tab(socket)
            for page, papers in pages.items():
                tab.open(page.absolute().as_uri())
                for paper, file in papers:
                    file.write_bytes(timeless(tab.printed(*PAPERS[paper])))
            tab.call("Browser.close")
    except (OSError, subprocess.TimeoutExpired, WebSocketException) as error:
        raise NoBrowserError(f"{Path(browser).name} did not print: {error}") from error


@contextmanager
def running(browser: str) -> Iterator[str]:
    """Run a browser with a profile of its own; yield the address of its DevTools."""
    # Chromium's sandbox refuses root.
    root = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [browser, *FLAGS, *root, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield devtools(process, Path(profile) / "DevToolsActivePort")
            # It ends by itself after Browser.close.
            process.wait(5)
        finally:
            process.kill()
            process.wait()


def devtools(process: subprocess.Popen[bytes], file: Path) -> str:
    """Wait until a browser has written where its DevTools are; return their address."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    process.kill()
    raise TimeoutError("it did not start")


class Tab:
    """A page in a browser, driven by the Chrome DevTools Protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.count = 0
        self.session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self.count += 1
        number = self.count
        message = {"id": number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        answer = self.wait_for(lambda got: got.get("id") == number)
        if "error" in answer:
            raise OSError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, wanted: Any) -> dict[str, Any]:
        """Return the next message that is wanted; let the others go."""
        while True:
            got: dict[str, Any] = json.loads(self.socket.recv(timeout=PATIENCE))
            if wanted(got):
                return got

    def open(self, url: str) -> None:
        """Show a page, and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.wait_for(lambda got: got.get("method") == "Page.loadEventFired")
        # In a PDF a link to the page beside it would name the folder in which it was made.
        self.call("Runtime.evaluate", expression=FORGET_FOLDER)

    def printed(self, width: float, height: float) -> bytes:
        """Return the page as a PDF, on paper of that many inches."""
        result = self.call(
            "Page.printToPDF",
            paperWidth=width,
            paperHeight=height,
            # Margins and heads are the style sheet's.
            preferCSSPageSize=False,
            printBackground=True,
            generateTaggedPDF=True,
            generateDocumentOutline=True,
        )
        return base64.b64decode(result["data"])


def timeless(pdf: bytes) -> bytes:
    """Return a PDF without what differs from one printing to the next; no byte of it moves."""
    # In the order of the browser's own numbers: a PDF may list its names in order.
    names = {name: b"(node%08d)" % i for i, name in enumerate(sorted(set(NODE.findall(pdf))))}
    undated = DATE.sub(rb"\g<1>20000101000000", pdf)
    return NODE.sub(lambda found: names[found[0]], undated)
