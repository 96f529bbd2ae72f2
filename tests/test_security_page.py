"""The page on security promises only what a test holds."""

from __future__ import annotations

import ast
import re

from server.paths import CHECKOUT


def test_each_promise_names_its_test() -> None:
    """Each line of the tables names a test that is there."""
    page = (CHECKOUT / "SECURITY.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith(("| promise ", "| --- "))]
    assert len(promises) > 15
    for promise in promises:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
        assert named, promise
        for file, test in named:
            tree = ast.parse((CHECKOUT / file).read_text("utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
