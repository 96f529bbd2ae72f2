"""A lesson's sections run again in any order: that is what a learner does who goes back."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode

from server.authoring.notebooks import read
from server.paths import NOTEBOOKS

PATHS = [
    path
    for path in sorted(NOTEBOOKS.glob("0*.ipynb"))
    # A project grows from section to section, and what was killed is gone for the next one: that
    # lesson is begun anew, and not in the middle.
    if "%%write" not in path.read_text("utf-8")
]

SEED = os.environ.get("COURSE_SEED") or str(random.randrange(10_000))
"""What decides the orders; COURSE_SEED brings the order of a failure back."""

TIMEOUT = 60.0
"""Seconds that a cell may take on a machine that does other things as well."""

LEFT_OUT = {"check", "solution"}
"""Cells that define nothing that a section could stumble over, or what a stub has defined."""


def sections(notebook: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return the headings of a lesson's sections, each with its code cells."""
    found: list[tuple[str, list[NotebookNode]]] = [("the beginning", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append((cell.source.partition("\n")[0].removeprefix("## "), []))
        elif cell.cell_type == "code" and not LEFT_OUT & set(cell.metadata.get("tags", [])):
            found[-1][1].append(cell)
    return [(heading, cells) for heading, cells in found if cells]


async def failure(client: AsyncKernelClient, cell: NotebookNode) -> str:
    """Run a cell, and return what it raises; nothing if all is well."""
    expected = "raises-exception" in cell.metadata.get("tags", [])
    message = await client.execute_interactive(
        cell.source, timeout=TIMEOUT, allow_stdin=False, output_hook=lambda message: None
    )
    reply = message["content"]
    if reply["status"] != "error" or expected:
        return ""
    return f"cell {cell.id} ends in {reply['ename']}: {reply['evalue']}"


async def first_failure(path: Path) -> str:
    """Run a lesson from top to bottom, and then its sections in another order."""
    manager = AsyncKernelManager(kernel_name="python3")
    first = sections(read(path))
    again = random.Random(f"{SEED} {path.stem}").sample(first, len(first))
    await manager.start_kernel(
        cwd=str(path.parent),
        extra_arguments=["--log-level=ERROR"],
        env={**os.environ, "COURSE_PROGRESS": "off"},
    )
    client: AsyncKernelClient = manager.client()
    try:
        client.start_channels()
        await client.wait_for_ready(timeout=TIMEOUT)
        for place, (heading, cells) in enumerate([*first, *again]):
            for cell in cells:
                found = await failure(client, cell)
                if found and place < len(first):
                    return f"{found}, in the first run of {heading!r}"
                if found:
                    before = [name for name, _ in again[: place - len(first) + 1]]
                    return f"{found}, with COURSE_SEED={SEED}: {' -> '.join(before)}"
        return ""
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def all_failures() -> dict[Path, str]:
    """Run all lessons side by side: most of their time they wait on purpose."""
    found = await asyncio.gather(*map(first_failure, PATHS))
    return dict(zip(PATHS, found, strict=True))


@pytest.fixture(scope="module")
def failures() -> dict[Path, str]:
    return asyncio.run(all_failures())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_sections_in_any_order(path: Path, failures: dict[Path, str]) -> None:
    """After a run from top to bottom, the sections run in any order."""
    assert failures[path] == ""
