"""Every solution while the machine is busy: `make busy`, and no part of `make test`."""

from __future__ import annotations

import pytest

from server.exercises import check
from tests.exercises.cells import PYTHON, run_solution


@pytest.mark.busy
@pytest.mark.parametrize("id", PYTHON)
def test_solution_under_load(id: str, busy_machine: None) -> None:
    """The solution passes ten times in a row while the machine is busy, with the same words."""
    answer = run_solution(id)
    verdicts = [check(id, answer, solution=True) for _ in range(10)]
    assert all(verdict.passed for verdict in verdicts), verdicts
    assert len({repr(verdict) for verdict in verdicts}) == 1
