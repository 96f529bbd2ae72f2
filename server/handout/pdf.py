"""Print pages with a Chromium that is here anyway, which Playwright drives."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..paths import STATIC
from .exporter import csp_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Playwright, Route

__all__ = ["PAPERS", "NoBrowserError", "find_browser", "print_pages"]

PAPERS = {"A4": ("8.27in", "11.69in"), "Letter": ("8.5in", "11in")}
"""The papers there are."""

NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "chromium-headless-shell",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # No name and no address leads anywhere.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

# A page from a site that there is not may not even ask for a file.
SITE = "http://handout.invalid/"

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {script}; "
    "base-uri 'none'; form-action 'none'"
)
"""What a page may do whatever it says of itself: show its own pictures, and run our script."""

FORGET_FOLDER = """
for (const link of document.querySelectorAll("a:not([href^='#'], [href^='http'])")) {
  link.removeAttribute("href");
}
"""

DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")

NODE = re.compile(rb"\(node\d{8}\)")
"""The name of an element, for which the browser counts all that it has shown so far."""


class NoBrowserError(Exception):
    """Nothing here prints."""


def find_browser() -> str:
    """Return the path of a Chromium or Chrome.

    Raises:
        NoBrowserError: There is none, or nothing to drive it with.

    """
    if find_spec("playwright") is None:
        raise NoBrowserError(
            "Playwright is not installed, so there are no PDFs: python -m pip install playwright "
            "brings it"
        )
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise NoBrowserError(
            "no Chromium was found, so there are no PDFs: a browser's own print dialog makes them"
        )
    return found


def print_pages(browser: str, pages: Mapping[Path, Sequence[tuple[str, Path]]]) -> None:
    """Print HTML files to PDF files.

    Args:
        browser: Path of a Chromium.
        pages: For each page, the papers and the files to print it to.

    Raises:
        NoBrowserError: The browser did not start, or did not print.

    """
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright, running(playwright, browser) as started:
            print_with(started, pages)
    except Error as error:
        reason = error.message.splitlines()[0]
        raise NoBrowserError(f"{Path(browser).name} did not print: {reason}") from error


def print_with(browser: Browser, pages: Mapping[Path, Sequence[tuple[str, Path]]]) -> None:
    """Print HTML files with a browser that runs."""
    for page, papers in pages.items():
        with alone(browser) as tab:
            show(tab, page)
            for paper, file in papers:
                file.write_bytes(timeless(printed(tab, *PAPERS[paper])))


@contextmanager
def running(playwright: Playwright, browser: str) -> Iterator[Browser]:
    """Run a browser with a profile of its own."""
    # Chromium's sandbox refuses root.
    is_root = hasattr(os, "getuid") and os.getuid() == 0
    started = playwright.chromium.launch(
        executable_path=browser, args=FLAGS, chromium_sandbox=not is_root
    )
    try:
        yield started
    finally:
        started.close()


@contextmanager
def alone(browser: Browser) -> Iterator[Page]:
    """Open an empty page that has no network, and shares nothing with any other."""
    with browser.new_context(offline=True, service_workers="block") as context:
        yield context.new_page()


def show(page: Page, file: Path) -> None:
    """Show a file in a page that is alone; whatever else it asks for is refused."""
    url = SITE + quote(file.name)
    script = csp_hash((STATIC / "handout" / "handout.js").read_text("utf-8"))
    policy = {"Content-Security-Policy": POLICY.format(script=script)}
    waiting = [file.read_text("utf-8")]

    def answer(route: Route) -> None:
        if route.request.url == url and waiting:
            kind = "text/html; charset=utf-8"
            route.fulfill(body=waiting.pop(), content_type=kind, headers=policy)
        else:
            # A page that asks to go away stays: another error would bring a page of its own.
            route.abort("aborted")

    page.context.route("**/*", answer)
    page.goto(url)
    # In a PDF a link to the page beside it would name the site.
    page.evaluate(FORGET_FOLDER)


def printed(page: Page, width: str, height: str) -> bytes:
    """Return a page as a PDF, on paper of that size."""
    # Margins and heads are the style sheet's.
    return page.pdf(width=width, height=height, print_background=True, tagged=True, outline=True)


def timeless(pdf: bytes) -> bytes:
    """Return a PDF without what differs from one printing to the next; no byte of it moves."""
    # In the order of the browser's own numbers: a PDF may list its names in order.
    names = {name: b"(node%08d)" % i for i, name in enumerate(sorted(set(NODE.findall(pdf))))}
    undated = DATE.sub(rb"\g<1>20000101000000", pdf)
    return NODE.sub(lambda found: names[found[0]], undated)
