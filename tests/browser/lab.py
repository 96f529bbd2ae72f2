"""JupyterLab and Notebook 7 with a real browser in front: open a notebook, run it, read it."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nbformat
from jupyter_server.serverapp import list_running_servers

from server.notebook.recordings import Line
from tests.browser.driving import Browser, Page

__all__ = ["READY", "Frame", "Lab", "Lesson", "errors", "lab"]

START_TIMEOUT = 60.0

# A browser that stalls is waited for, and no lesson goes on without it.
PATIENCE = """
from server.notebook import cell
cell.ATTACH_TIMEOUT = cell.SETTLE_TIMEOUT = 60.0
del cell
"""

tabs = itertools.count()

# No lesson needs these, and they cost processor time: nbgrader's take a second to import, language
# servers and the extension manager start Node.js, and for its menu each page that loads has the
# server load all exporters.
SERVER_EXTENSIONS = (
    "jupyter_lsp",
    "jupyter_server_terminals",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
)
LAB_EXTENSIONS = (
    "@jupyter/nbgrader",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/notebook-extension:export",
    "@jupyterlab/terminal-extension",
)

# JupyterLab's application object, which `--expose-app-in-browser` makes a global.
READY = """
const started = Date.now();
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const panel = () => window.jupyterapp?.shell?.currentWidget;
while (!panel()?.sessionContext) {
    if (Date.now() - started > 45000) throw new Error("no notebook is open");
    await pause();
}
const { context, sessionContext, content } = panel();
await context.ready;
await sessionContext.ready;
// Ready, and yet not: the kernel must answer. Just after a start a question may get lost.
const answers = async () => {
    const kernel = sessionContext.session?.kernel;
    if (kernel?.connectionStatus !== "connected") return false;
    const late = new Promise((resolve) => setTimeout(resolve, 1000));
    return Boolean(await Promise.race([kernel.requestKernelInfo().catch(() => null), late]));
};
while (!await answers()) {
    if (Date.now() - started > 45000) throw new Error("the kernel does not come up");
    await pause();
}
"""

# The last cell of each part of a lesson: one that pauses until a page has come back, and the last;
# and the names of the cells whose pages go on while others run.
PARTS = (
    READY
    + r"""
const code = content.widgets.map(({ model }) => model.sharedModel.getSource());
const names = code.map((source) => source.match(/^%%browser ([\w-]+) .*--follow/)?.[1]);
const follows = names.findIndex(Boolean);
const ends = content.widgets.flatMap(({ model }, index) =>
    follows >= 0 && index > follows && model.getMetadata("pause") >= 1 ? [index] : []);
return [[...ends, code.length - 1], names.filter(Boolean)];
"""
)

RUN_PART = (
    READY
    + """
const [begin, end, isAll] = args;
content.deselectAll();
content.activeCellIndex = begin;
if (!isAll) content.extendContiguousSelectionTo(end);
await window.jupyterapp.commands.execute(isAll ? "notebook:run-all-cells" : "notebook:run-cell");
// A server that has just been launched anew: let the frames hear of it.
await new Promise((resolve) => setTimeout(resolve, 200));
"""
)

RUN = (
    READY
    + """
const index = content.widgets.findIndex((cell) => cell.model.id === args[0]);
content.activeCellIndex = index;
await window.jupyterapp.commands.execute("notebook:run-cell");
"""
)

INTERRUPT = (
    READY
    + """
const index = content.widgets.findIndex((cell) => cell.model.id === args[0]);
content.activeCellIndex = index;
const run = window.jupyterapp.commands.execute("notebook:run-cell");
while (!document.querySelector("[data-browser-cell] > iframe")) await pause();
await new Promise((resolve) => setTimeout(resolve, 1000));
const interrupted = Date.now();
await sessionContext.session.kernel.interrupt();
await run;
return (Date.now() - interrupted) / 1000;
"""
)

SAVE = (
    READY
    + """
await context.save();
"""
)

SHUT_DOWN = (
    READY
    + """
await sessionContext.shutdown();
panel().dispose();
"""
)

OPEN = """
await window.jupyterapp.commands.execute("docmanager:open", {path: args[0]});
"""

RESTART = (
    READY
    + """
await sessionContext.session.kernel.restart();
"""
)

THEME = (
    READY
    + """
await window.jupyterapp.commands.execute("apputils:change-theme", {theme: args[0]});
"""
)

# What a reader of the frame sees, and no more.
READ = """
const started = Date.now();
const root = document.documentElement;
const isReady = () => root.dataset.state && root.dataset.state !== "running";
while (!isReady() && Date.now() - started < args[0]) {
    await new Promise((resolve) => setTimeout(resolve, 50));
}
if (!document.getElementById("cell")) return null; // an error page of the browser's
const { name, hash } = JSON.parse(document.getElementById("cell").textContent);
const lines = [...document.querySelectorAll("#lines > li")]
    .filter((item) => args[1] || !("late" in item.dataset))
    .map((item) => {
        const { kind, socket, line, own } = item.dataset;
        return {
            kind,
            text: item.querySelector(".text").textContent,
            ...(socket && {socket: Number(socket)}),
            ...(line && {line: Number(line)}),
            ...(own && {own: JSON.parse(own)}),
        };
    });
return {
    name,
    hash,
    lines,
    state: root.dataset.state,
    status: document.getElementById("status").textContent,
    count: document.getElementById("dropped").textContent,
    host: location.host,
    prefix: location.pathname.split("/browser/")[0],
};
"""


@dataclass(frozen=True)
class Frame:
    """What the frame of a browser cell shows."""

    name: str
    hash: str
    lines: list[Line]
    state: str
    status: str
    count: str
    host: str
    prefix: str

    @property
    def last(self) -> str:
        """The text of the last line."""
        return self.lines[-1]["text"] if self.lines else ""

    def recorded(self) -> list[Line]:
        """Return the lines as a recording has them, without what differs from run to run."""
        return [
            {**line, "text": self.anonymous(line["text"])}
            for line in self.lines
            if line["kind"] != "note"
        ]

    def anonymous(self, text: str) -> str:
        return text.replace(self.host + self.prefix, "127.0.0.1:PORT").replace(
            self.host, "127.0.0.1:PORT"
        )


class Lesson:
    """A notebook that is open in a browser."""

    def __init__(self, page: Page, path: Path, idle: list[Page]) -> None:
        self.page = page
        self.path = path
        self.idle = idle

    def run_all(self) -> None:
        """Run all cells; where a page is to come back, it gets the time that the machine takes."""
        begin = 0
        ends, following = self.page.run(PARTS)
        for end in ends:
            self.page.run(RUN_PART, begin, end, len(ends) == 1)
            if end != ends[-1]:
                self.wait_for_return(following)
            begin = end + 1

    def wait_for_return(self, following: Sequence[str]) -> None:
        """Wait until pages have noticed that their server went away, and have come to rest again.

        A browser that is busy tells a page seconds late that its socket is closed.
        """
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            frames = [self.frame(name) for name in following]
            if all(any(line["kind"] == "closed" for line in frame.lines) for frame in frames):
                return
            time.sleep(0.1)

    def run(self, cell: str) -> None:
        """Run the cell of this id."""
        self.page.run(RUN, cell)

    def interrupt_in(self, cell: str) -> float:
        """Run a browser cell and interrupt it; return how long that took, in seconds."""
        spent: float = self.page.run(INTERRUPT, cell)
        return spent

    def restart(self) -> None:
        """Restart the kernel."""
        self.page.run(RESTART)

    def change_theme(self, name: str) -> None:
        """Choose a theme, as the Settings menu does."""
        self.page.run(THEME, name)

    def saved(self) -> Any:
        """Save the notebook and return it as it is in its file."""
        self.page.run(SAVE)
        return nbformat.read(self.path, as_version=4)

    def frames(self, timeout: float = 60.0, late: bool = False, cell: str = "") -> dict[str, Frame]:
        """Return what all frames, or one cell's, show once they have come to rest, by name."""
        found = self.page.run_in_frames(READ, timeout * 1000, late, cell=cell)
        return {frame["name"]: Frame(**frame) for frame in found if frame}

    def frame(self, name: str, late: bool = False) -> Frame:
        """Return what the frame of one cell shows."""
        return self.frames(late=late, cell=name)[name]

    def close(self) -> None:
        """End the kernel and close the notebook; its tab waits for the next one."""
        self.page.run(SHUT_DOWN)
        self.idle.append(self.page)


@dataclass(frozen=True)
class Lab:
    """A Jupyter server whose root is a folder of notebooks."""

    url: str
    folder: Path
    browser: Browser
    view: str
    idle: list[Page] = field(default_factory=list)

    def open(self, name: str, anew: bool = False) -> Lesson:
        """Open a notebook in a tab where none is open, or in a new one.

        JupyterLab takes seconds to load, so a tab is used again unless it has to be new.
        """
        if self.idle and not anew:
            page = self.idle.pop()
            # A tab out of view may not have a notebook in front for a long time.
            page.to_front()
            page.run(OPEN, name)
        else:
            # A workspace of its own: JupyterLab loads a page anew whose workspace another tab has.
            view = self.view.format(workspace=f"tab-{next(tabs)}")
            page = self.browser.open(f"{self.url}{view}/{name}")
        return Lesson(page, self.folder / name, self.idle)


@contextmanager
def lab(
    folder: Path,
    browser: Browser,
    *,
    app: str = "lab",
    base_url: str = "/",
    host: str = "127.0.0.1",
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Lab]:
    """Start JupyterLab, or Notebook 7, on a folder of notebooks."""
    private = folder / ".jupyter"
    private.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "jupyter",
        app,
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        f"--ServerApp.root_dir={folder}",
        # Taken from here on by somebody else, it is the first of those that Jupyter tries.
        f"--ServerApp.port={free_port()}",
        # A kernel that ends slowly ends by itself all the same, and says goodbye to its clients.
        "--KernelManager.shutdown_wait_time=20",
        f"--ServerApp.base_url={base_url}",
        "--ServerApp.allow_remote_access=True",
        "--IdentityProvider.token=",
        "--log-level=WARN",
        *arguments,
    ]
    # JupyterLab asks whether it may fetch news, until somebody has answered.
    answer = private / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.write_text('{"fetchNews": "false"}')
    leave_out(private)
    startup = private / "ipython/profile_default/startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "patience.py").write_text(PATIENCE)
    variables = {
        **os.environ,
        # Nobody's settings get in the way, and nothing is left in anybody's home.
        "JUPYTER_CONFIG_DIR": str(private),
        "JUPYTER_RUNTIME_DIR": str(private),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "IPYTHONDIR": str(private / "ipython"),
        "COURSE_PROGRESS": "off",
        **(environment or {}),
    }
    with open(private / f"{app}.log", "w") as log:
        server = subprocess.Popen(command, env=variables, stdout=log, stderr=log, cwd=folder)
        try:
            port = wait_for(server, f"{base_url}api", private, private / f"{app}.log")
            view = "doc/workspaces/{workspace}/tree" if app == "lab" else "notebooks"
            yield Lab(f"http://{host}:{port}{base_url}", folder, browser, view)
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def leave_out(folder: Path) -> None:
    """Configure Jupyter in this folder to do without some extensions."""
    server = {"ServerApp": {"jpserver_extensions": dict.fromkeys(SERVER_EXTENSIONS, False)}}
    (folder / "jupyter_server_config.json").write_text(json.dumps(server))
    page = folder / "labconfig/page_config.json"
    page.parent.mkdir(exist_ok=True)
    page.write_text(json.dumps({"disabledExtensions": dict.fromkeys(LAB_EXTENSIONS, True)}))


def errors(notebook: Any) -> list[str]:
    """Return the errors in a notebook's outputs that no tag announces."""
    return [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in notebook.cells
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "error"
    ]


def wait_for(server: subprocess.Popen[Any], path: str, runtime: Path, log: Path) -> int:
    """Wait until Jupyter answers; return the port that it has taken."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(OSError):
            for info in list_running_servers(str(runtime)):
                with urlopen(f"http://127.0.0.1:{info['port']}{path}") as answer:
                    json.load(answer)
                    return int(info["port"])
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"Jupyter does not come up: {log.read_text()}")


def free_port() -> int:
    """Return a port that no project has: pages go on asking when their Jupyter has ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
