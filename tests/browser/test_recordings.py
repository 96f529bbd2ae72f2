"""Recordings are kept, found by the code of their cell, and shown as text."""

from __future__ import annotations

import json

import pytest

from server.browser.recordings import Line, Recording, comparable, find, load, save
from server.paths import RECORDINGS
from tests.browser.record import browser_cells, lessons, read

LINES: list[Line] = [
    {"kind": "connecting", "text": "/ws/sc/", "socket": 1},
    {"kind": "open", "text": "", "socket": 1},
    {"kind": "sent", "text": "<b>hello</b>", "socket": 1},
    {"kind": "log", "text": "sent"},
    {"kind": "warn", "text": "careful"},
    {"kind": "uncaught", "text": "Uncaught TypeError: no", "line": 3, "own": ["no"]},
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RECORDINGS", str(tmp_path))
    return tmp_path


def test_saved_recording_is_found_by_its_hash(folder):
    """A recording is found for the code that it was made of, and for no other."""
    recording = Recording("first", "abc", LINES)
    save(folder / "lesson.json", {"first": recording, "empty": Recording("empty", "0", [])})
    assert load(folder / "lesson.json")["first"] == recording
    assert find("first", "abc") == recording
    assert find("first", "changed") is None
    assert find("second", "abc") is None
    assert find("empty", "0") == Recording("empty", "0", [])


def test_file_is_json_with_a_line_for_each_line(folder):
    """A change of one line of a frame is a change of one line of the file."""
    save(folder / "lesson.json", {"first": Recording("first", "abc", LINES)})
    text = (folder / "lesson.json").read_text()
    assert json.loads(text) == {"first": {"hash": "abc", "lines": LINES}}
    assert text.splitlines()[4] == '   {"kind": "connecting", "text": "/ws/sc/", "socket": 1},'


def test_no_recordings_no_file(folder):
    """A lesson that has lost its last browser cell loses its file."""
    file = folder / "lesson.json"
    save(file, {"first": Recording("first", "abc", [])})
    save(file, {})
    assert not file.exists()
    assert load(file) == {}


def test_as_text():
    """The text says what the frame shows, in its order."""
    assert str(Recording("first", "abc", LINES)).splitlines() == [
        "wire     … connecting /ws/sc/ readyState 0",
        "wire     ● open readyState 1",
        "wire     ↑ sent <b>hello</b>",
        "console  sent",
        "console  warn: careful",
        "console  Uncaught TypeError: no (line 3 of the cell) (Chromium's words)",
    ]
    assert str(Recording("first", "abc", [])) == "The browser showed nothing."


def test_sockets_are_numbered_where_there_are_several():
    """One socket needs no number."""
    second: Line = {"kind": "open", "text": "", "socket": 2}
    assert Recording("x", "0", [LINES[1], second]).rows() == [
        ("", "#1 ● open readyState 1"),
        ("", "#2 ● open readyState 1"),
    ]


def test_browsers_words_are_not_compared():
    """Two browsers that word an error differently show the same."""
    chromium: Line = {"kind": "log", "text": "SyntaxError: Unexpected", "own": ["Unexpected"]}
    firefox: Line = {"kind": "log", "text": "SyntaxError: missing", "own": ["missing"]}
    assert comparable([chromium]) == comparable([firefox])
    other: Line = {"kind": "log", "text": "TypeError: missing", "own": ["missing"]}
    assert comparable([chromium]) != comparable([other])


def test_names_are_unique_over_all_lessons():
    """A name finds one recording, whichever lesson asks."""
    names = [name for path in lessons() for name in browser_cells(read(path))]
    assert sorted(names) == sorted(set(names))


def test_no_recording_without_a_lesson():
    """A recording whose lesson has gone goes too."""
    stems = {path.stem for path in lessons()}
    assert {file.stem for file in RECORDINGS.glob("*.json")} <= stems
