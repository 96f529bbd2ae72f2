"""Runs of the tests that are counted: what is said of them without running any."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.machines import moods


def test_failures_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What fails in several runs is said in each of them, and at the end how often it did."""
    runs = iter(
        [
            (2, {"tests.test_a::test_one": "assert 1 == 2"}),
            (2, {}),
            (2, {"tests.test_a::test_one": "assert 1 == 3", "tests.test_a::test_two": "no"}),
            (0, {"pytest ended with 3": ""}),
        ]
    )
    monkeypatch.setattr(moods, "run", lambda *_: next(runs))
    monkeypatch.setattr(moods, "busy", lambda loops: nullcontext())
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    monkeypatch.setattr("sys.argv", ["moods", "4"])
    with pytest.raises(SystemExit) as end:
        moods.main()
    assert end.value.code == 1
    assert capsys.readouterr().out == (
        "run 1, quiet: 2 tests, 1 failed, 0 s\n"
        "    test_a::test_one\n"
        "        assert 1 == 2\n"
        "run 2, busy: 2 tests, 0 failed, 0 s\n"
        "run 3, quiet: 2 tests, 2 failed, 0 s\n"
        "    test_a::test_one\n"
        "        assert 1 == 3\n"
        "    test_a::test_two\n"
        "        no\n"
        "run 4, busy: 0 tests, 1 failed, 0 s\n"
        "    pytest ended with 3\n"
        "\n"
        "\n"
        "quiet: 2 of 2 runs failed\n"
        "busy:  1 of 2 runs failed\n"
        "   2 times  tests.test_a::test_one\n"
        "   1 times  tests.test_a::test_two\n"
        "   1 times  pytest ended with 3\n"
    )
