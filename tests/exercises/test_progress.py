"""Progress: what is solved, where it is kept, and what happens when it cannot be."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from server.exercises import progress, reset
from server.exercises.progress import place, remember

TODAY = "2024-02-29"


class LeapDay(date):
    """A calendar that stands still: tests run past midnight as well."""

    @classmethod
    def today(cls) -> LeapDay:
        return cls.fromisoformat(TODAY)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "progress.json"
    monkeypatch.setattr(sys.modules["server.exercises.progress"], "date", LeapDay)
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


def test_readable_file(file: Path) -> None:
    """The file is JSON that a person can read."""
    assert remember("2.1") == remember("1.1") == ""
    content = json.loads(file.read_text())
    assert content["solved"] == {"1.1": TODAY, "2.1": TODAY}
    assert "Delete this file to begin again" in content["about"]
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_first_day_stays(file: Path) -> None:
    """Solving an exercise again does not change the day."""
    file.write_text(json.dumps({"solved": {"1.1": "2020-02-29"}}))
    remember("1.1")
    assert "1.1  Shout back      ✓ solved on 2020-02-29" in repr(progress(1))


def test_text(file: Path) -> None:
    """The text has a line per exercise, with a sign and a word."""
    remember("1.2")
    assert repr(progress(1)) == (
        "1 of 4 exercises solved\n"
        "\n"
        "  1.1  Shout back      ○ open\n"
        f"  1.2  Countdown       ✓ solved on {TODAY}\n"
        "  1.3  Leave politely  ○ open\n"
        "  1.4  Four at once    ○ open"
    )
    assert progress().headline == "1 of 16 exercises solved"
    html = progress(1)._repr_html_()
    assert html.count("<li") == 4
    assert html.count("○ open") == 3


def test_reset(file: Path) -> None:
    """One exercise can be forgotten, or all of them."""
    for id in ("1.1", "1.2", "2.1"):
        remember(id)
    assert reset("1.1").headline == "2 of 16 exercises solved"
    assert reset().headline == "0 of 16 exercises solved"
    assert json.loads(file.read_text())["solved"] == {}
    with pytest.raises(ValueError, match=r"^there is no exercise '9\.9'; there are 1\.1, "):
        reset("9.9")


def test_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where progress is off, nothing is kept and nothing complains."""
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    assert remember("1.1") == ""
    assert repr(reset()) == repr(progress())
    assert progress().remark == ""


def test_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the file is in the folder of the course."""
    monkeypatch.delenv("COURSE_PROGRESS")
    assert place() == Path(__file__).resolve().parents[2] / "progress.json"


def test_where_without_lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the course is installed as a package, it is where the notebook is."""
    monkeypatch.delenv("COURSE_PROGRESS")
    module = sys.modules["server.exercises.progress"]
    monkeypatch.setattr(module, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    assert place() == tmp_path / "progress.json"


def test_what_cannot_be_written_is_said_once(file: Path) -> None:
    """A read-only checkout is told with the first exercise, and again when it has worked since."""
    file.mkdir()
    first = remember("1.1")
    assert first.startswith("It counts, and it could not be written down. ")
    assert remember("1.2") == ""
    file.rmdir()
    assert remember("1.3") == ""
    file.unlink()
    file.mkdir()
    assert remember("1.4") == first


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "it is no JSON."),
        ("[" * 100_000, "it is no JSON."),
        ("[]", 'it has no "solved" with a day per exercise.'),
        ('{"solved": {"1.1": 1}}', 'it has no "solved" with a day per exercise.'),
        (b"\xff\xfe\x00", "it is no JSON."),
    ],
)
def test_corrupt(file: Path, content: str | bytes, problem: str) -> None:
    """A file that is not ours is not overwritten unless asked, and is a sentence, not a crash."""
    data = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(data)
    sentence = f"{file} cannot be read: {problem} reset() makes it anew."
    assert progress().remark == sentence
    assert sentence in repr(progress())
    assert sentence.replace('"', "&#34;") in progress()._repr_html_()
    assert remember("1.1") == f"It counts, and it could not be written down. {sentence}"
    assert reset("1.1").remark == sentence
    assert file.read_bytes() == data
    assert reset().remark == ""
    assert json.loads(file.read_text())["solved"] == {}


def test_unreadable(file: Path) -> None:
    """A file that cannot be opened is a sentence as well."""
    file.mkdir()
    assert progress().remark == f"{file} cannot be read: Is a directory. reset() makes it anew."


def test_read_only(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written to leaves no pieces, and is a sentence."""

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    remember("1.1")
    monkeypatch.setattr("os.replace", refuse)
    assert remember("1.2").endswith(f"{file} cannot be written: Permission denied.")
    assert reset().remark == f"{file} cannot be written: Permission denied."
    assert reset().headline == "1 of 16 exercises solved"
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]
