"""Find a Chromium and a Firefox to test with, or get them, or say what to install.

``python -m tests.browser.finding`` does it once, before the tests ask from several processes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["NoBrowserError", "browser_name", "chromium", "chromium_flags", "firefox"]

CHROMIUM_NAMES = (
    # Chromium without a window around its pages: a start takes half of the processor time.
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FIREFOX_NAMES = (
    "firefox-esr",
    "firefox",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
)

Run = Callable[[list[str]], bool]


class NoBrowserError(Exception):
    """No browser is here and none could be got."""


def browser_name() -> str:
    """Return the browser that the browser tests use: ``chromium`` or ``firefox``."""
    name = os.environ.get("COURSE_BROWSER") or "chromium"
    if name not in ("chromium", "firefox"):
        raise NoBrowserError(f"BROWSER is chromium or firefox, not {name}")
    return name


def chromium(run: Run | None = None) -> str:
    """Return the path of a Chromium or Chrome."""
    run = run or run_aloud
    found = installed(CHROMIUM_NAMES) or downloaded_by_playwright()
    if found is None and run_by_root_on_debian() and apt_install_chromium(run):
        # Debian's brings the libraries that a bare container lacks.
        found = installed(CHROMIUM_NAMES)
    if found is None and run([sys.executable, "-m", "playwright", "install", "chromium"]):
        found = downloaded_by_playwright()
    if found is None:
        raise NoBrowserError(
            "the browser tests need Chromium or Chrome: install one "
            "(on Debian: apt install chromium)"
        )
    return found


def firefox(run: Run | None = None) -> str:
    """Return the path of a Firefox that Selenium can drive."""
    run = run or run_aloud
    found = installed(FIREFOX_NAMES)
    if found is None and run_by_root_on_debian() and apt_install("firefox-esr", run):
        found = installed(FIREFOX_NAMES)
    if found is None:
        raise NoBrowserError(
            "BROWSER=firefox needs Firefox: install it (on Debian: apt install firefox-esr)"
        )
    return found


def chromium_flags() -> list[str]:
    """Return the flags that Chromium needs to be quiet, and to start as root."""
    flags = [
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        # All processors have tests to run: scripts that are compiled, and memory that is freed, in
        # threads of their own cost more than they gain.
        "--js-flags=--single-threaded",
    ]
    # Chromium's sandbox refuses root.
    return ["--no-sandbox", *flags] if is_root() else flags


def installed(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def downloaded_by_playwright() -> str | None:
    """Return Playwright's own Chromium, if it was downloaded."""
    # In a process of its own: Playwright's sync interface refuses to start under a running loop.
    script = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    path = done.stdout.strip()
    return path if path and Path(path).exists() else None


def apt_install_chromium(run: Run) -> bool:
    # Older Debians have no shell.
    return apt_install("chromium-headless-shell", run) or apt_install("chromium", run)


def apt_install(package: str, run: Run) -> bool:
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package]
    return run(["apt-get", "update", "--quiet"]) and run(install)


def run_by_root_on_debian() -> bool:
    # Ubuntu has apt too, but its package is a stand-in for a snap, which containers do not run.
    release = Path("/etc/os-release")
    return (
        is_root()
        and shutil.which("apt-get") is not None
        and release.exists()
        and "ID=debian" in release.read_text().splitlines()
    )


def is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


def run_aloud(command: list[str]) -> bool:
    """Run a command that changes the machine, and say so."""
    print("no browser yet, trying:", " ".join(command), file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        # Standard output stays for the one line that this module prints.
        done = subprocess.run(command, stdout=sys.stderr, env=environment, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return False
    return done.returncode == 0


def main() -> None:
    try:
        # Chromium makes the handouts' PDF and measures them, whichever browser runs the lessons.
        paths = [chromium()]
        if browser_name() == "firefox":
            paths.append(firefox())
    except NoBrowserError as error:
        sys.exit(str(error))
    print("browser:", *paths)


if __name__ == "__main__":
    main()
