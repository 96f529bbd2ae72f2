"""Our server behaves like uvicorn and daphne, except where ``outcomes.toml`` says otherwise."""

from __future__ import annotations

import asyncio
import tempfile

import pytest

from .cases import CASES, run, run_stop
from .outcomes import DIFFERENCES, Outcome, outcomes, render
from .servers import SERVERS, serve

Seen = tuple[tuple[str, ...], tuple[str, ...]] | BaseException
Table = dict[str, dict[str, Outcome]]

AGAIN = 3
"""How often a case of another server is tried once more by itself."""

LONG = 60.0
"""Seconds to wait for what is to come, however busy the machine is."""

WAITS = {"no answer", "nothing", "still open", "still running"}
"""What is seen where something does not come: to learn that, it is waited for."""


async def run_all(name: str, table: Table) -> dict[str, Seen]:
    """Run all cases against one server at the same time, and stop it at the end.

    Other servers have clocks of their own: daphne gives a client a second to answer its close
    frame. Where a machine has stalled for as long, the case says nothing, and is tried again.

    """
    with tempfile.NamedTemporaryFile() as log:
        async with serve(name, log) as server:
            names = [name for name in CASES if name != "Stop"]
            waits = {case: patience(table, case, name) for case in names}

            async def try_all(*cases: str) -> list[Seen]:
                running = (run(CASES[case], server.port, waits[case]) for case in cases)
                return await asyncio.gather(*running, return_exceptions=True)

            found = await try_all(*names)
            seen: dict[str, Seen] = dict(zip(names, found, strict=True))
            for case in names if name != "ours" else ():
                for _ in range(AGAIN):
                    if seen[case] != expected(table, case, name):
                        [seen[case]] = await try_all(case)
            return {**seen, "Stop": await run_stop(server)}


def expected(table: Table, case: str, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is seen in a case, as the table has it, which holds only what differs."""
    outcome = table[case].get(name, table[case]["ours"])
    return outcome.client, outcome.application


def patience(table: Table, case: str, name: str) -> float | None:
    """Return how long to wait in a case: long, where all that is waited for is to come."""
    client, application = expected(table, case, name)
    return None if WAITS & {*client, *application} else LONG


@pytest.fixture(scope="module")
def observed(table: Table) -> dict[str, dict[str, Seen]]:
    """What happens in each case under each server."""

    async def main() -> list[dict[str, Seen]]:
        return await asyncio.gather(*(run_all(name, table) for name in SERVERS))

    return dict(zip(SERVERS, asyncio.run(main()), strict=True))


@pytest.fixture(scope="module")
def table() -> Table:
    """The data table."""
    return outcomes()


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("case", CASES)
def test_case(
    case: str,
    name: str,
    observed: dict[str, dict[str, Seen]],
    table: Table,
) -> None:
    """A case ends as the table says."""
    seen = observed[name][case]
    if isinstance(seen, BaseException):
        raise seen
    client, application = seen
    outcome = expected(table, case, name)
    assert client == outcome[0], "the client sees something else"
    assert application == outcome[1], "the application sees something else"


def test_entries_are_differences(table: Table) -> None:
    """Every entry of another server differs from ours and says why."""
    for case, entry in table.items():
        ours = entry["ours"]
        for name, outcome in entry.items():
            if name != "ours":
                assert name in SERVERS, f"{case}: there is no server {name}"
                assert (outcome.client, outcome.application) != (ours.client, ours.application)
                assert outcome.reason


def test_every_case_has_an_outcome(table: Table) -> None:
    """The table and the cases name the same cases, and each case says what happens in it."""
    assert list(table) == list(CASES)
    assert all(case.__doc__ for case in CASES.values())


def test_page_is_up_to_date() -> None:
    """``differences.md`` says what the table says; ``python -m tests.parity`` writes it."""
    assert DIFFERENCES.read_text(encoding="utf-8") == render()
