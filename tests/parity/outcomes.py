"""Reads ``outcomes.toml``, and writes its differences for people who deploy a consumer."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cases import CASES

__all__ = ["DIFFERENCES", "Outcome", "outcomes", "render"]

HERE = Path(__file__).resolve().parent
DIFFERENCES = HERE / "differences.md"
OTHERS = ("uvicorn", "daphne")

HEAD = """\
# What uvicorn and daphne do differently

A consumer from these lessons runs unchanged on the servers that people deploy on. Where they
behave otherwise than the lessons' server, or than each other, stands here. The list is checked:
the tests run {count} cases against all three servers, and fail when one of them changes. `make
test` checks it, and `python -m tests.parity` writes this page from `tests/parity/outcomes.toml`.
"""

LEGEND = """\
In the tables, *here* is the lessons' server, "same" means as here, and the lines in quotation
marks are what the client and the application see. `lost without a close frame` is what a browser
shows as 1006.
"""


@dataclass(frozen=True)
class Outcome:
    """What a case leads to under one server."""

    client: tuple[str, ...]
    application: tuple[str, ...]
    reason: str = ""
    advice: str = ""


def outcomes() -> dict[str, dict[str, Outcome]]:
    """Return the outcomes of each case: ``ours``, and those of servers that differ."""
    table = tomllib.loads((HERE / "outcomes.toml").read_text(encoding="utf-8"))
    return {case: read(entry) for case, entry in table.items()}


def read(entry: dict[str, Any]) -> dict[str, Outcome]:
    """Read one case's entry."""
    ours = Outcome(tuple(entry["client"]), tuple(entry["application"]))
    found = {"ours": ours}
    for name, other in entry.items():
        if name in ("client", "application"):
            continue
        found[name] = Outcome(
            tuple(other.get("client", ours.client)),
            tuple(other.get("application", ours.application)),
            other["reason"],
            other.get("advice", ""),
        )
    return found


def render() -> str:
    """Return the differences as Markdown."""
    table = outcomes()
    different = {case: entry for case, entry in table.items() if len(entry) > 1}
    noticed = {
        case: entry
        for case, entry in different.items()
        if any(outcome.advice for outcome in entry.values())
    }
    rest = {case: entry for case, entry in different.items() if case not in noticed}
    parts = [HEAD.format(count=len(table)), LEGEND, "## What you notice when you deploy\n"]
    parts.append(rows(noticed))
    parts.append("## The rest\n")
    parts.append(rows(rest))
    return "\n".join(parts)


def rows(entries: dict[str, dict[str, Outcome]]) -> str:
    """Return a table, one row for each case."""
    lines = ["| what happens | here | uvicorn | daphne |", "| --- | --- | --- | --- |"]
    for case, entry in entries.items():
        cells = [what_happens(case), here(entry)]
        cells += [other(entry.get(name)) for name in OTHERS]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def what_happens(case: str) -> str:
    """Return the sentence that describes a case."""
    return " ".join((CASES[case].__doc__ or "").split())


def here(entry: dict[str, Outcome]) -> str:
    """Return what our server does, where another differs."""
    ours = entry["ours"]
    lines = [
        quote("client", ours.client, [outcome.client for outcome in entry.values()]),
        quote("application", ours.application, [o.application for o in entry.values()]),
    ]
    return "<br>".join(filter(None, lines)) or "nothing more"


def quote(who: str, ours: tuple[str, ...], others: list[tuple[str, ...]]) -> str:
    """Return what somebody sees here and not everywhere, in one line."""
    only_here = [line for line in ours if any(line not in seen for seen in others)]
    return f"{who}: {', '.join(f'`{line}`' for line in only_here)}" if only_here else ""


def other(outcome: Outcome | None) -> str:
    """Return what another server does."""
    if outcome is None:
        return "same"
    return f"{outcome.reason} **{outcome.advice}**" if outcome.advice else outcome.reason
