"""Who has solved what: from the files of a class to a table, and to what Moodle and Canvas take."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from server.classroom.collected import canvas, collect, moodle, table
from server.exercises.registry import EXERCISES
from server.lessons import lessons

FIRST, SECOND, *_ = EXERCISES


def hand_in(path: Path, *solved: str) -> None:
    """Write somebody's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"about": "", "solved": dict.fromkeys(solved, "2024-02-29")}))


@pytest.mark.parametrize(
    ("file", "name", "number"),
    [
        ("ada.json", "ada", ""),
        ("ada/progress.json", "ada", ""),
        ("group a/ada/progress (1).json", "ada", ""),
        ("progress.json", "progress", ""),
        ("Ada Lovelace_4711_assignsubmission_file_/progress.json", "Ada Lovelace", "4711"),
        ("Ada Lovelace_4711_assignsubmission_file_progress.json", "Ada Lovelace", "4711"),
        ("lovelaceada_815_20931_progress.json", "lovelaceada", "815"),
        ("lovelaceada_LATE_815_20931_progress-2.json", "lovelaceada", "815"),
    ],
)
def test_whose_it_is(tmp_path: Path, file: str, name: str, number: str) -> None:
    """The name of a file or a folder says whose it is, also as Moodle and Canvas write it."""
    hand_in(tmp_path / "all" / file, FIRST)
    (learner,) = collect(tmp_path / "all")
    assert (learner.name, learner.number, learner.solved) == (name, number, {FIRST})


def test_two_files_of_one_learner(tmp_path: Path) -> None:
    """Whoever hands in twice has solved what either file says."""
    hand_in(tmp_path / "ada" / "progress.json", FIRST)
    hand_in(tmp_path / "ada" / "progress-1.json", SECOND)
    (learner,) = collect(tmp_path)
    assert learner.solved == {FIRST, SECOND}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three have handed in, one of them something else."""
    hand_in(tmp_path / "Ada Lovelace_4711_assignsubmission_file_" / "progress.json", FIRST, SECOND)
    hand_in(tmp_path / "ben.json", FIRST, "99.1")
    (tmp_path / "Zoe, the last.json").write_text("{")
    return tmp_path


def test_table(folder: Path) -> None:
    """The table has a line for each learner, and says which file could not be read."""
    width = len("Zoe, the last")
    head, ada, ben, zoe, everybody, remark = table(collect(folder)).splitlines()
    count = len(EXERCISES)
    assert head == f"{'':{width}}  {'  '.join(EXERCISES)}  solved"
    assert ada.startswith("Ada Lovelace    ✓    ✓    · ")
    assert ada.endswith(f"  2 of {count}")
    assert ben.startswith("ben             ✓    ·    · ")
    assert ben.endswith(f"  1 of {count}")
    assert zoe.endswith(f"  0 of {count}")
    assert everybody.startswith("all             2    1    0 ")
    assert everybody.endswith("  of 3")
    assert remark == f"{folder / 'Zoe, the last.json'} cannot be read: it is no JSON."


def test_moodle(folder: Path) -> None:
    """Moodle gets what its grading worksheet needs; who has no readable file gets no grade."""
    rows = list(csv.DictReader(moodle(collect(folder)).splitlines()))
    shown = [
        (row["Identifier"], row["Full name"], row["Grade"], row[f"Exercise {SECOND}"])
        for row in rows
    ]
    assert shown == [
        ("Participant 4711", "Ada Lovelace", "2", "1"),
        ("", "ben", "1", "0"),
        ("", "Zoe, the last", "", ""),
    ]
    assert {row["Maximum Grade"] for row in rows} == {str(len(EXERCISES))}
    assert {row["Last modified (grade)"] for row in rows} == {""}


def test_canvas(folder: Path) -> None:
    """Canvas gets its five columns, and a column with its points for each lesson."""
    hand_in(folder / "hoppergrace_LATE_815_20931_progress.json", FIRST)
    head, points, *rows = csv.reader(canvas(collect(folder)).splitlines())
    titles = [f"Lesson {lesson.number}: {lesson.title}" for lesson in lessons()]
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *titles]
    counts = [
        sum(exercise.lesson == lesson.number for exercise in EXERCISES.values())
        for lesson in lessons()
    ]
    assert points == ["    Points Possible", "", "", "", "", *map(str, counts)]
    nothing = ["0"] * (len(titles) - 1)
    assert rows[2] == ["hoppergrace", "815", "", "", "", "1", *nothing]
    assert rows[3] == ["Zoe, the last", "", "", "", "", *[""] * len(titles)]


def test_nothing_there(tmp_path: Path) -> None:
    """A folder without files is named."""
    with pytest.raises(ValueError, match=r"has no progress\.json in it$"):
        collect(tmp_path)
