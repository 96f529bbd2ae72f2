"""nbval compares every output, and notices when an answer changes."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval.plugin import get_sanitize_patterns

from server.authoring.notebooks import PORT, SECRET, read, to_text
from server.authoring.rules import all_outputs, code_cells
from server.paths import NOTEBOOKS
from tests.notebooks import PLUGINS
from tests.notebooks.clock import TRIES

REPOSITORY = NOTEBOOKS.parent
SANITIZE = REPOSITORY / "tests" / "notebooks" / "sanitize.cfg"


def compare(path: Path, *arguments: str) -> str:
    """Compare a notebook as ``make test`` does; return what pytest prints."""
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    for plugin in PLUGINS:
        command += ["-p", plugin]
    done = subprocess.run(
        [*command, f"--rootdir={REPOSITORY}", *arguments, str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def failing_cells(path: Path) -> list[int]:
    """Return the numbers of the cells of a notebook that fail."""
    report = path.with_suffix(".xml")
    compare(path, f"--junitxml={report}")
    return [
        int(case.attrib["name"].removeprefix("Cell "))
        for case in ET.parse(report).iter("testcase")
        if case.find("failure") is not None
    ]


@pytest.fixture
def beginning(tmp_path: Path) -> Path:
    """A copy of lesson 1 up to its first transcript."""
    nb = read(NOTEBOOKS / "01_consumers.ipynb")
    end = [cell.id for cell in nb.cells].index("first-transcript") + 1
    nb.cells = nb.cells[:end]
    path = tmp_path / "beginning.ipynb"
    path.write_text(to_text(nb), "utf-8")
    return path


def test_changed_answer_fails(beginning: Path):
    """When a consumer answers something else, the cells that show its answer fail, and no other."""
    nb = read(beginning)
    consumer, *others = code_cells(nb)
    assert '"you said "' in consumer.source
    consumer.source = consumer.source.replace('"you said "', '"you wrote "')
    showing = [
        number
        for number, cell in enumerate(code_cells(nb))
        if any("you said" in text for text in all_outputs(cell))
    ]
    assert showing
    assert len(showing) < len(others) + 1
    beginning.write_text(to_text(nb), "utf-8")
    assert failing_cells(beginning) == showing


def test_of_an_address_only_the_port_is_masked(tmp_path: Path):
    """A stored address may have another port, and nothing else."""
    path = tmp_path / "address.ipynb"
    nb = new_notebook()
    stored = {
        "print('ws://127.0.0.1:41235/ws/sc/')": "ws://127.0.0.1:50000/ws/sc/\n",
        "print('ws://127.0.0.1:41235/ws/ac/')": "ws://127.0.0.1:50000/ws/sc/\n",
        "print('ws://127.0.0.1:8000/ws/sc/')": "ws://127.0.0.1:8001/ws/sc/\n",
        "print(41235)": "50000\n",
    }
    for count, (source, text) in enumerate(stored.items(), start=1):
        output = new_output("stream", name="stdout", text=text)
        nb.cells.append(new_code_cell(source, execution_count=count, outputs=[output]))
    nbformat.write(nb, path)
    assert failing_cells(path) == [1, 2, 3]


def test_failure_says_what_was_printed(tmp_path: Path):
    """A cell that prints what it should not fails with the text, and not only with the stream."""
    path = tmp_path / "prints.ipynb"
    source = "import sys\nprint(6 * 7, 'is the answer', file=sys.stderr)"
    nbformat.write(new_notebook(cells=[new_code_cell(source, execution_count=1)]), path)
    _, section = compare(path).split("printed to stderr", 1)
    assert "\n42 is the answer\n" in section


def test_time_is_measured_again(tmp_path: Path):
    """A cell that measures time has a few tries to show what is stored, and none to end well."""
    cells = [
        # The source, the tags and what is stored of it.
        ("runs = 0", [], ""),
        ("runs += 1; print(runs, 'x 0.3 s')", ["clock"], f"{TRIES} x 0.3 s\n"),
        ("runs += 1; print(runs, 'x 0.3 s')", ["clock"], f"{2 * TRIES + 1} x 0.3 s\n"),
        ("print(runs, 'runs')", [], f"{2 * TRIES} runs\n"),
        ("runs += 1; print(runs, 'runs')", [], f"{2 * TRIES + 2} runs\n"),
        ("runs += 1; 1 / 0", ["clock"], ""),
        ("print(runs, 'runs')", [], f"{2 * TRIES + 2} runs\n"),
    ]
    nb = new_notebook()
    for count, (source, tags, text) in enumerate(cells, start=1):
        outputs = [new_output("stream", name="stdout", text=text)] if text else []
        cell = new_code_cell(source, execution_count=count, outputs=outputs)
        cell.metadata.tags = tags
        nb.cells.append(cell)
    path = tmp_path / "clock.ipynb"
    nbformat.write(nb, path)
    too_late, no_clock, no_time = 2, 4, 5
    assert failing_cells(path) == [too_late, no_clock, no_time]


def masked(text: str) -> str:
    """Return an output as nbval compares it."""
    for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text()):
        text = re.sub(pattern, replacement, text)
    return text


def test_what_notebooks_do_not_keep_is_masked():
    """nbval masks the ports that make notebooks numbers, and the secrets that it leaves out."""
    assert get_sanitize_patterns(SANITIZE.read_text())[:2] == [
        (PORT.pattern, r"\1PORT"),
        (SECRET.pattern, r"\1SECRET"),
    ]


@pytest.mark.parametrize("quote", ["'", "&#39;"])
@pytest.mark.parametrize(
    ("before", "since"),
    [
        (
            "TypeError: object Room can't be used in 'await' expression\n hint: ...",
            "TypeError: 'Room' object can't be awaited\n hint: ...",
        ),
        (
            "TypeError: Object of type set is not JSON serializable\n    line 3, in receive_json",
            "TypeError: Object of type set is not JSON serializable\n"
            "  when serializing list item 2\n  when serializing dict item 'tags'\n"
            "    line 3, in receive_json",
        ),
        (
            "Object of type set is not JSON serializable</bdi><div>  line 3, in receive_json</div>",
            "Object of type set is not JSON serializable</bdi><div>when serializing list item 2\n"
            "when serializing dict item 'tags'\n  line 3, in receive_json</div>",
        ),
    ],
    ids=["await", "serializable as text", "serializable as HTML"],
)
def test_texts_of_every_python_are_the_same(before: str, since: str, quote: str):
    """What Python 3.14 words differently is compared as what older versions say, and no more."""
    before, since = before.replace("'", quote), since.replace("'", quote)
    assert masked(before) == masked(since)
    assert masked(before) != masked(before.replace("Room", "Hall").replace("set", "date"))
    assert masked(before) != masked(before.replace("hint", "").replace("line 3", "line 4"))


def test_outputs_are_compared(pytestconfig: pytest.Config):
    """The options of this very run compare outputs."""
    assert pytestconfig.option.nbval
    assert not pytestconfig.option.nbval_lax
