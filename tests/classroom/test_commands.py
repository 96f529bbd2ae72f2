"""The commands of the class room."""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

import pytest

from server.classroom import commands
from server.classroom.commands import as_root, main
from server.exercises.registry import EXERCISES
from server.lessons import lessons
from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent


@pytest.mark.parametrize("elsewhere", [False, True])
def test_lab(
    elsewhere: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The lessons are brought up to date, and JupyterLab opens the first one with its options."""
    launched: list[list[str]] = []
    asked: list[Path] = []

    def update(folder: Path) -> list[str]:
        asked.append(folder)
        return ["There are news."]

    monkeypatch.setattr(commands, "update", update)
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", launched.append)
    monkeypatch.setenv("COURSE_LESSONS", str(tmp_path) if elsewhere else "")
    assert main(["lab", "--no-browser", "--port", "8888"]) is None
    assert capsys.readouterr().out == "There are news.\n"
    first = lessons()[0].notebook.name
    assert asked == [tmp_path if elsewhere else ROOT / "my-lessons"]
    assert launched == [
        [
            f"--ServerApp.root_dir={tmp_path if elsewhere else ROOT}",
            f"--LabApp.default_url=/lab/tree/{'' if elsewhere else 'my-lessons/'}{first}",
            "--log-level=WARN",
            *as_root(),
            *("--no-browser", "--port", "8888"),
        ]
    ]


def test_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lessons are made where the learner wants them; nothing is opened."""
    monkeypatch.setenv("COURSE_LESSONS", str(tmp_path / "mine"))
    assert main(["update"]) is None
    assert (tmp_path / "mine" / lessons()[0].notebook.name).is_file()


def test_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lessons cannot be written, another folder helps, and the sentence says so."""

    def update(folder: Path) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(commands, "update", update)
    monkeypatch.setenv("COURSE_LESSONS", str(tmp_path))
    assert main(["lab"]) == (
        f"lab: {tmp_path} cannot be written; set COURSE_LESSONS to a folder of your own"
    )


@pytest.mark.parametrize(("user", "options"), [(0, ["--allow-root"]), (1000, [])])
def test_root(user: int, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root needs to say that it may."""
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    assert as_root() == options


def test_windows_has_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no such user, nothing is said."""
    monkeypatch.delattr(os, "geteuid", raising=False)
    assert as_root() == []


def test_restore(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A lesson is given back by its number."""
    monkeypatch.setattr(commands, "restore", lambda number, folder: f"{number} of {folder.name}")
    assert main(["restore", "3"]) is None
    assert capsys.readouterr().out == "3 of my-lessons\n"


def test_failure_is_a_sentence() -> None:
    """What cannot be done is said in one sentence, and the process fails with it."""
    sentence = main(["restore", "99"])
    assert sentence is not None
    assert sentence.startswith("restore: there is no lesson 99; there are 1, 2, 3")


@pytest.mark.parametrize("arguments", [[], ["restore"], ["restore", "one"], ["restore", "1", "2"]])
def test_misuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is not understood shows how it is used."""
    with pytest.raises(SystemExit):
        main(arguments)
    assert "usage: python -m server.classroom" in capsys.readouterr().err


def test_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The zips are named, with their sizes."""
    asked = []

    def class_set(out: Path, **options: object) -> list[Path]:
        asked.append((out, options))
        (tmp_path / "student.zip").write_bytes(b"x" * 1_234_567)
        return [tmp_path / "student.zip"]

    monkeypatch.setattr("server.classroom.class_set.class_set", class_set)
    monkeypatch.chdir(tmp_path)
    assert main(["class"]) is None
    assert capsys.readouterr().out == "student.zip: 1.2 MB\n"
    main(["class", "--out", "x", "--wheels", "linux", "macos", "--pythons", "3.12", "--no-pdf"])
    nothing: list[str] = []
    assert asked == [
        (ROOT / "class", {"systems": nothing, "pythons": nothing, "pdf": True}),
        (tmp_path / "x", {"systems": ["linux", "macos"], "pythons": ["3.12"], "pdf": False}),
    ]


def test_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has solved what is a table, or CSV; what could not be read is never part of the CSV."""
    first = next(iter(EXERCISES))
    (tmp_path / "ada.json").write_text(json.dumps({"solved": {first: "2024-02-29"}}))
    (tmp_path / "ben.json").write_text("{")
    assert main(["progress", str(tmp_path)]) is None
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("ada   ✓ ")
    assert out.endswith("ben.json cannot be read: it is no JSON.\n")
    assert err == ""
    for name, start in (("moodle", "Identifier,"), ("canvas", "Student,")):
        assert main(["progress", str(tmp_path), "--csv", name]) is None
        out, err = capsys.readouterr()
        assert out.startswith(start)
        assert "cannot be read" not in out
        assert err.endswith("ben.json cannot be read: it is no JSON.\n")
    assert main(["progress", str(tmp_path / "none")]) == (
        f"progress: {tmp_path / 'none'} has no progress.json in it"
    )


def test_as_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``python -m server.classroom`` runs a command, and ends in its sentence."""
    monkeypatch.setattr(sys, "argv", ["classroom", "progress", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("server.classroom", run_name="__main__")
    assert end.value.code == f"progress: {tmp_path} has no progress.json in it"
