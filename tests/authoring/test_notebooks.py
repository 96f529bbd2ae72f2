"""Lessons are run and brought into the form in which they are committed."""

from __future__ import annotations

import copy
import json
import unittest
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from server.authoring import notebooks
from server.authoring.notebooks import LessonError, execute, main, normalise, read, to_text


def notebook(*cells, **metadata) -> NotebookNode:
    nb = new_notebook(metadata=metadata)
    nb.cells = list(cells)
    return nb


def normal_outputs(*outputs):
    """Return outputs as they are after normalising."""
    cell = new_code_cell("1", id="a")
    cell.outputs = list(outputs)
    return normalise(notebook(cell)).cells[0].outputs


def prints(text, name="stdout"):
    return new_output("stream", name=name, text=text)


class NormaliseTests(unittest.TestCase):
    """normalise() says nothing about when, where and with which Python a lesson ran."""

    def test_changes_a_copy(self):
        """The notebook that is given stays as it is."""
        nb = notebook(new_code_cell("1", outputs=[prints("a"), prints("b")]), widgets={})
        before = copy.deepcopy(nb)
        normalise(nb)
        self.assertEqual(nb, before)

    def test_twice_is_once(self):
        """Normalising a second time changes nothing."""
        nb = notebook(
            new_markdown_cell("# Title"),
            new_code_cell("1", outputs=[prints("127.0.0.1:41000 and 127.0.0.1:50000")]),
            new_code_cell(""),
        )
        once = normalise(nb)
        self.assertEqual(to_text(normalise(once)), to_text(once))

    def test_metadata_of_the_notebook(self):
        """Kernel and language are python3 without a version; widget state goes."""
        nb = notebook(
            kernelspec={"name": "mine", "display_name": "Mine"},
            language_info={"name": "python", "version": "3.12.1"},
            widgets={"state": {}},
            title="kept",
        )
        metadata = normalise(nb).metadata
        self.assertEqual(metadata.kernelspec.name, "python3")
        self.assertNotIn("version", metadata.language_info)
        self.assertNotIn("widgets", metadata)
        self.assertEqual(metadata.title, "kept")

    def test_metadata_of_cells(self):
        """What a session leaves in a cell goes; what an author writes stays."""
        written = {"tags": ["stub"], "exercise": "1.1", "jupyter": {"source_hidden": True}}
        left = {"execution": {"iopub.status.busy": "now"}, "collapsed": True, "trusted": True}
        (cell,) = normalise(notebook(new_code_cell("1", metadata={**written, **left}))).cells
        self.assertEqual(cell.metadata, written)

    def test_execution_counts(self):
        """Counts go from 1 without gaps; an empty cell has none, as in IPython."""
        nb = notebook(
            new_code_cell("1", execution_count=7),
            new_code_cell("  "),
            new_code_cell("2", outputs=[new_output("execute_result", execution_count=9)]),
        )
        nb = normalise(nb)
        self.assertEqual([cell.execution_count for cell in nb.cells], [1, None, 2])
        self.assertEqual(nb.cells[2].outputs[0].execution_count, 2)

    def test_streams_are_joined(self):
        """Neighbours of one stream are joined; other outputs keep them apart."""
        shown = new_output("display_data", {"text/plain": "x"})
        outputs = normal_outputs(
            prints("a"), prints("b"), prints("c", "stderr"), shown, prints("d"), prints("e")
        )
        self.assertEqual([output.get("text") for output in outputs], ["ab", "c", None, "de"])

    def test_transient_data_goes(self):
        """Data for the running session are no part of a lesson."""
        output = new_output("display_data", {"text/plain": "x"})
        output.transient = {"display_id": "1"}
        self.assertNotIn("transient", normal_outputs(output)[0])

    def test_traceback_is_the_learners(self):
        """Frames in files go; the learner's frames and the message stay, colours and all."""
        traceback = [
            "\x1b[31m-----\x1b[39m",
            "\x1b[31mValueError\x1b[39m  Traceback (most recent call last)",
            "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[1]\x1b[39m\x1b[32m, line 1\x1b[39m",
            "\x1b[36mFile \x1b[39m\x1b[32m/home/ann/lib.py:1\x1b[39m, in f()",
            "\x1b[31mValueError\x1b[39m: no",
        ]
        error = new_output("error", ename="ValueError", evalue="no", traceback=traceback)
        self.assertEqual(normal_outputs(error)[0].traceback, traceback[:3] + traceback[4:])

    def test_ports_are_numbered(self):
        """Ports that the system gave are numbered as they appear, the same one alike."""
        outputs = normal_outputs(
            prints("ws://127.0.0.1:41235/a and localhost:38000 and 127.0.0.1:41235"),
            new_output("display_data", {"text/html": '<p data-port="38000">'}),
        )
        self.assertEqual(
            outputs[0].text, "ws://127.0.0.1:50000/a and localhost:50001 and 127.0.0.1:50000"
        )
        self.assertEqual(outputs[1].data["text/html"], '<p data-port="50001">')

    def test_secrets_are_left_out(self):
        """What only a kernel and its cells know is not stored."""
        secret = "0123456789abcdef" * 2
        html = f'<p data-token="{secret}" data-key="{secret}" data-door="" data-hash="0123">'
        (output,) = normal_outputs(new_output("display_data", {"text/html": html}))
        none = "0" * 32
        self.assertEqual(
            output.data["text/html"],
            f'<p data-token="{none}" data-key="{none}" data-door="{none}" data-hash="0123">',
        )

    def test_ports_in_structured_data(self):
        """Ports inside JSON data are numbered too, and the data stay data."""
        data = {"application/json": {"urls": ["http://localhost:41235/", 7]}}
        (output,) = normal_outputs(new_output("display_data", data))
        self.assertEqual(output.data["application/json"], {"urls": ["http://localhost:50000/", 7]})

    def test_written_ports_stay(self):
        """A port that somebody wrote, as the 8000 of Django, stays."""
        text = "ws://http://127.0.0.1:8000/ws/ and 10000 messages"
        self.assertEqual(normal_outputs(prints(text))[0].text, text)

    def test_images_stay(self):
        """A picture stays as it is."""
        output = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "x"})
        self.assertEqual(normal_outputs(output), [output])

    def test_markdown_has_no_outputs(self):
        """A cell that was a code cell before has no outputs left."""
        cell = new_markdown_cell("text", id="a")
        cell.outputs, cell.execution_count = [], None
        (cell,) = normalise(notebook(cell)).cells
        self.assertEqual(set(cell), {"cell_type", "id", "metadata", "source"})


class IdentifierTests(unittest.TestCase):
    """Cells have readable identifiers that stay."""

    def ids(self, *cells):
        return [cell.id for cell in normalise(notebook(*cells)).cells]

    def test_names_stay(self):
        """A name that an author gave stays."""
        self.assertEqual(self.ids(new_code_cell("1", id="first-client")), ["first-client"])

    def test_made_ones_become_names(self):
        """What an editor made up becomes a name from the cell's first words."""
        self.assertEqual(
            self.ids(
                new_markdown_cell("## The three events, and more", id="0a1b2c3d"),
                new_code_cell("", id="00112233-4455-6677-8899-aabbccddeeff"),
                new_code_cell("class A: ...", id="0a1b2c3e", metadata={"tags": ["stub"]}),
            ),
            ["the-three-events-and", "empty", "stub-class-a"],
        )

    def test_missing_ones(self):
        """A cell without an identifier gets one."""
        cell = new_code_cell("print(1)")
        del cell["id"]
        self.assertEqual(self.ids(cell), ["print-1"])

    def test_names_are_unique(self):
        """The first of two cells keeps a name; made names make room for given ones."""
        self.assertEqual(
            self.ids(
                new_code_cell("x", id="0a1b2c3d"),
                new_code_cell("y", id="x"),
                new_code_cell("x", id="x"),
                new_code_cell("x", id="0a1b2c3e"),
            ),
            ["x-2", "x", "x-3", "x-4"],
        )


class TextTests(unittest.TestCase):
    """to_text() is the file."""

    def test_form(self):
        """One space of indent, letters as they are, a line feed at the end."""
        text = to_text(normalise(notebook(new_markdown_cell("é →", id="a"))))
        self.assertTrue(text.startswith('{\n "cells": ['))
        self.assertIn("é →", text)
        self.assertTrue(text.endswith("}\n"))
        self.assertFalse(text.endswith("\n\n"))


def test_execute(tmp_path):
    """A notebook runs in a fresh kernel, in a folder; its own outputs stay as they were."""
    (tmp_path / "here.txt").write_text("found")
    nb = notebook(
        new_code_cell("print(open('here.txt').read())"),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_code_cell("2"),
    )
    done = execute(nb, tmp_path)
    assert done.cells[0].outputs[0].text == "found\n"
    assert done.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert [cell.execution_count for cell in done.cells] == [1, 2, 3]
    assert nb.cells[0].outputs == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("1 / 0", "cell bad ends in ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "cell bad ends the kernel"),
    ],
)
def test_execute_names_the_cell(tmp_path, source, sentence):
    """A lesson that cannot be run to its end says at which cell."""
    nb = notebook(new_code_cell("0", id="good"), new_code_cell(source, id="bad"))
    with pytest.raises(LessonError) as info:
        execute(nb, tmp_path)
    assert str(info.value) == sentence


def test_execute_names_the_cell_without_end(tmp_path, monkeypatch):
    """A cell that does not end is named after a while."""
    monkeypatch.setattr(notebooks, "CELL_TIMEOUT", 1)
    endless = new_code_cell("import time; time.sleep(600)", id="bad")
    with pytest.raises(LessonError) as info:
        execute(notebook(endless), tmp_path)
    assert str(info.value) == "cell bad does not end within 1 seconds"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A notebook's file that is not in normal form."""
    path = tmp_path / "lesson.ipynb"
    path.write_text(json.dumps(notebook(new_code_cell("print(6 * 7)", id="0a1b2c3d"))))
    return path


def run_quickly(nb: NotebookNode) -> NotebookNode:
    """Run a notebook without a kernel: every cell prints 42."""
    for cell in nb.cells:
        cell.outputs = [prints("42\n")]
    return nb


def test_check_and_rebuild(file, capsys, monkeypatch):
    """--check notices a notebook that is not in normal form; running it mends that."""
    monkeypatch.setattr(notebooks, "execute", run_quickly)
    assert main(["--check", str(file)]) == 1
    assert main([str(file)]) == 0
    assert main([str(file)]) == 0
    assert main(["--check", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "lesson.ipynb is not in normal form: run make notebooks",
        "lesson.ipynb has new outputs",
        "lesson.ipynb has not changed",
        "lesson.ipynb is in normal form",
    ]
    assert read(file).cells[0].outputs[0].text == "42\n"


def test_what_a_browser_did_is_kept(tmp_path, monkeypatch):
    """A Python cell that reads what a browser did keeps its outputs; %%browser cells do not."""
    monkeypatch.setattr(notebooks, "execute", lambda nb: run_quickly(copy.deepcopy(nb)))
    tags = {"tags": ["browser", "nbval-ignore-output"]}
    cells = [
        new_code_cell("sockets()", id="kept", metadata=tags, outputs=[prints("3\n")]),
        new_code_cell(
            "%%browser x", id="own", metadata={"tags": ["browser"]}, outputs=[prints("3\n")]
        ),
        new_code_cell("print(42)", id="other", outputs=[prints("3\n")]),
    ]
    path = tmp_path / "lesson.ipynb"
    path.write_text(to_text(notebook(*cells)), "utf-8")
    assert main([str(path)]) == 0
    texts = [cell.outputs[0].text for cell in read(path).cells]
    assert texts == ["3\n", "42\n", "42\n"]


def test_all_lessons_by_default(file, capsys, monkeypatch):
    """Without a path, the lessons of the course are meant."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", file.parent)
    assert main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("lesson.ipynb is not in normal form")


def test_failing_lesson_stays(file, capsys, monkeypatch):
    """A lesson that fails keeps its file."""

    def fail(nb):
        raise LessonError("cell a ends the kernel")

    monkeypatch.setattr(notebooks, "execute", fail)
    before = file.read_bytes()
    assert main([str(file)]) == 1
    assert file.read_bytes() == before
    assert capsys.readouterr().out == "lesson.ipynb stays as it was: cell a ends the kernel\n"


@pytest.mark.parametrize("content", [None, "", "{}", "not JSON", '{"cells": 7}', "[]"])
def test_not_a_notebook(file, capsys, content):
    """A file that is no notebook, or is not there, is told in one line."""
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert main([str(file)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("lesson.ipynb cannot be read as a notebook: ")
    assert out.count("\n") == 1
