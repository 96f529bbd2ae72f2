"""The ``%%browser`` magic: what it shows, what it refuses, and when it waits."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest
from channels.generic.websocket import WebsocketConsumer
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from server import load_ipython_extension
from server.notebook import cell as cell_module
from server.notebook.launch import launch
from server.notebook.recordings import Recording, save
from server.notebook.runs import digest, runs

CODE = 'console.log("hello")\n'


@pytest.fixture(scope="module")
def shell(no_history: Config) -> Iterator[InteractiveShell]:
    made = InteractiveShell.instance(config=no_history)
    gc.unfreeze()  # the tests freeze what is there as well
    load_ipython_extension(made)
    yield made
    gc.unfreeze()
    InteractiveShell.clear_instance()


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[None]:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("COURSE_RECORDINGS", str(tmp_path))
    live = launch(WebsocketConsumer)
    yield
    live.close()


def run(shell: InteractiveShell, line: str = "first", code: str = CODE):
    """Run a browser cell; return its one output."""
    with capture_output() as captured:
        shell.run_cell_magic("browser", line, code)
    [output] = captured.outputs
    return output


def test_what_is_loaded_is_not_looked_through_again(shell):
    """Garbage collection leaves alone what was there when the extension was loaded first."""
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    load_ipython_extension(shell)
    assert gc.get_freeze_count() <= frozen


def test_shows_the_recording(shell, tmp_path):
    """The output has the recording as a table, as text and as data."""
    lines = [{"kind": "log", "text": "<i>hello</i>"}]
    save(tmp_path / "lesson.json", {"first": Recording("first", digest(CODE), lines)})
    output = run(shell)
    assert "<code>&lt;i&gt;hello&lt;/i&gt;</code>" in output.data["text/html"]
    assert output.data["text/plain"] == "console  <i>hello</i>"
    assert output.metadata == {
        "browser": {"name": "first", "hash": digest(CODE), "lines": lines},
    }


def test_output_is_the_same_each_time(shell):
    """Nothing in the output depends on the run, but for the port."""
    assert run(shell).data == run(shell).data


def test_changed_cell_shows_no_old_recording(shell, tmp_path):
    """A recording of other code is not shown."""
    lines = [{"kind": "log", "text": "line of before"}]
    save(tmp_path / "lesson.json", {"first": Recording("first", digest("other"), lines)})
    output = run(shell)
    assert "line of before" not in output.data["text/html"]
    assert output.data["text/plain"] == "There is no recording of this code."
    assert "lines" not in output.metadata["browser"]


def test_without_a_server(shell):
    """Without a live server the cell says in a sentence what to do."""
    launch(WebsocketConsumer).close()
    with pytest.raises(UsageError, match="no live server runs in this kernel: run the launch"):
        run(shell)


def test_on_another_server(shell):
    """A cell can name the server that it is for."""
    second = launch(WebsocketConsumer, name="second")
    assert f'data-port="{second.port}"' in run(shell, "first --on second").data["text/html"]
    second.close()


def test_no_such_server(shell):
    """A server of another name is told the names that there are, or the one that was meant."""
    exercise = launch(WebsocketConsumer, name="exercise")
    for name, words in (
        ("exercises", "there is no live server 'exercises': did you mean --on exercise?"),
        (
            "shop",
            "there is no live server 'shop': run the cell that launches it; "
            "there is --on exercise and --on live",
        ),
    ):
        with pytest.raises(UsageError) as raised:
            shell.run_cell_magic("browser", f"greet --on {name}", "1;")
        assert str(raised.value) == words
    exercise.close()


@pytest.mark.parametrize("name", ["First", "a/b", "../x", "a_b", "-a", '"><script>'])
def test_bad_name(shell, name):
    """A name that does not fit into an address is refused in a sentence."""
    with pytest.raises(UsageError, match="is no name for a browser cell"):
        run(shell, f"'{name}'" if name[0] != "-" else f"-- {name}")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "the following arguments are required: name"),
        ("first second", "unrecognized arguments: second"),
        ("first --on", "argument --on: expected one argument"),
    ],
)
def test_a_line_that_cannot_be_read(shell, line, problem):
    """What stands behind %%browser and does not fit is named, and what fits is shown."""
    with pytest.raises(UsageError) as raised:
        shell.run_cell_magic("browser", line, "1;")
    assert str(raised.value) == (
        f"{problem}. A browser cell begins with %%browser and its name, such as "
        f"%%browser first-socket; %%browser? tells what may stand behind it"
    )


def test_does_not_wait_where_nobody_can_look(shell, monkeypatch):
    """nbval and nbconvert start kernels without a session: there is no frame to wait for."""
    monkeypatch.setattr(cell_module, "ATTACH_TIMEOUT", 3600.0)
    start = time.perf_counter()
    run(shell)
    assert time.perf_counter() - start < 60


def test_waits_for_the_frame(shell, monkeypatch):
    """In a session, the cell ends when its frame has come to rest."""
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")

    def attach() -> None:
        while (found := runs.runs.get(("waiting", digest(CODE)))) is None:
            time.sleep(0.01)
        runs.attachments += 1
        found.attached.set()
        time.sleep(0.3)
        found.settled.set()

    thread = threading.Thread(target=attach)
    thread.start()
    monkeypatch.setattr(cell_module, "ATTACH_TIMEOUT", 3600.0)
    monkeypatch.setattr(cell_module, "SETTLE_TIMEOUT", 3600.0)
    start = time.perf_counter()
    run(shell, "waiting")
    assert 0.25 < time.perf_counter() - start < 60
    thread.join()


def test_waits_in_vain_only_once(shell, monkeypatch):
    """When no browser looks, the first cell notices and the others do not wait."""
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    monkeypatch.setattr(cell_module, "ATTACH_TIMEOUT", 0.3)
    start = time.perf_counter()
    run(shell, "lonely")
    assert time.perf_counter() - start > 0.25
    monkeypatch.setattr(cell_module, "ATTACH_TIMEOUT", 3600.0)
    start = time.perf_counter()
    run(shell, "lonely")
    assert time.perf_counter() - start < 60
