"""Our server behaves like uvicorn and daphne, except where ``outcomes.toml`` says otherwise."""

from __future__ import annotations

import asyncio
import tempfile

import pytest

from .cases import CASES, run, run_stop
from .outcomes import DIFFERENCES, Outcome, outcomes, render
from .servers import SERVERS, serve

Seen = tuple[tuple[str, ...], tuple[str, ...]] | BaseException


async def run_all(name: str) -> dict[str, Seen]:
    """Run all cases against one server at the same time, and stop it at the end."""
    with tempfile.NamedTemporaryFile() as log:
        async with serve(name, log) as server:
            names = [name for name in CASES if name != "Stop"]
            running = (run(CASES[name], server.port) for name in names)
            found = await asyncio.gather(*running, return_exceptions=True)
            return {**dict(zip(names, found, strict=True)), "Stop": await run_stop(server)}


@pytest.fixture(scope="module")
def observed() -> dict[str, dict[str, Seen]]:
    """What happens in each case under each server."""

    async def main() -> list[dict[str, Seen]]:
        return await asyncio.gather(*map(run_all, SERVERS))

    return dict(zip(SERVERS, asyncio.run(main()), strict=True))


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, Outcome]]:
    """The data table."""
    return outcomes()


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("case", CASES)
def test_case(
    case: str,
    name: str,
    observed: dict[str, dict[str, Seen]],
    table: dict[str, dict[str, Outcome]],
) -> None:
    """A case ends as the table says, which holds only what differs."""
    entry = table[case]
    expected = entry.get(name, entry["ours"])
    seen = observed[name][case]
    if isinstance(seen, BaseException):
        raise seen
    client, application = seen
    assert client == expected.client, "the client sees something else"
    assert application == expected.application, "the application sees something else"


def test_entries_are_differences(table: dict[str, dict[str, Outcome]]) -> None:
    """Every entry of another server differs from ours and says why."""
    for case, entry in table.items():
        ours = entry["ours"]
        for name, outcome in entry.items():
            if name != "ours":
                assert name in SERVERS, f"{case}: there is no server {name}"
                assert (outcome.client, outcome.application) != (ours.client, ours.application)
                assert outcome.reason


def test_every_case_has_an_outcome(table: dict[str, dict[str, Outcome]]) -> None:
    """The table and the cases name the same cases, and each case says what happens in it."""
    assert list(table) == list(CASES)
    assert all(case.__doc__ for case in CASES.values())


def test_page_is_up_to_date() -> None:
    """``differences.md`` says what the table says; ``python -m tests.parity`` writes it."""
    assert DIFFERENCES.read_text(encoding="utf-8") == render()
