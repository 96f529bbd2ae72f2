"""The house has storeys: a file imports from the storeys below its own, and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent

STOREYS = (
    ("paths", "template"),
    ("live",),
    ("mistakes",),
    ("pictures",),
    ("notebook", "project"),
    ("exercises",),
    ("lessons",),
    ("authoring",),
    ("handout",),
    ("classroom",),
    ("__init__",),
)
"""What lies in ``server/``, from the ground up. The door, ``server/__init__.py``, is at the top."""


def modules(server: Path) -> dict[str, Path]:
    """Return the files of a package by the names of their modules."""
    found = {}
    for path in sorted(server.rglob("*.py")):
        parts = path.relative_to(server.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that a file imports, late imports and types included."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join(
                [*(base if node.level else []), *([node.module] if node.module else [])]
            )
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                if inner in known:
                    yield inner
                elif module in known:
                    yield module


def arrows(server: Path) -> dict[str, set[str]]:
    """Return which modules each module imports."""
    known = modules(server)
    return {name: set(imports(name, path, known)) - {name} for name, path in known.items()}


def storey(module: str) -> int:
    """Return on which storey a module lies."""
    _, room, *_ = [*module.split("."), "__init__"]
    return next(place for place, rooms in enumerate(STOREYS) if room in rooms)


def circles(found: dict[str, set[str]]) -> list[str]:
    """Return a sentence for each two files that import each other, directly or by way of others."""
    reached: dict[str, set[str]] = {}
    for start in found:
        todo, seen = list(found[start]), set()
        while todo:
            if (module := todo.pop()) not in seen:
                seen.add(module)
                todo += found[module]
        reached[start] = seen
    return [
        f"{one} and {other} import each other"
        for one in found
        for other in sorted(reached[one])
        if one < other and one in reached[other]
    ]


def upward(found: dict[str, set[str]]) -> list[str]:
    """Return a sentence for each file that imports from a storey above its own."""
    return [
        f"{one} imports {other}, which lies above it"
        for one, others in found.items()
        for other in sorted(others)
        if storey(other) > storey(one)
    ]


def test_each_room_has_a_storey() -> None:
    """Whatever lies in ``server/`` has a place among the storeys."""
    rooms = {path.stem for path in (ROOT / "server").iterdir() if path.name != "__pycache__"}
    assert rooms == {room for rooms in STOREYS for room in rooms}


def test_no_import_upwards() -> None:
    """No file imports from a storey above its own."""
    assert upward(arrows(ROOT / "server")) == []


def test_no_circle() -> None:
    """No file imports one that imports it, also not by way of others."""
    assert circles(arrows(ROOT / "server")) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"live/a.py": "from . import b", "live/b.py": "def f():\n    from .a import g"},
            ["server.live.a and server.live.b import each other"],
        ),
        (
            {
                "live/a.py": "from .b import x",
                "live/b.py": "import server.live.c",
                "live/c.py": "from ..live.a import y",
            },
            [
                "server.live.a and server.live.b import each other",
                "server.live.a and server.live.c import each other",
                "server.live.b and server.live.c import each other",
            ],
        ),
        (
            {"live/a.py": "from ..pictures.b import x", "pictures/b.py": ""},
            ["server.live.a imports server.pictures.b, which lies above it"],
        ),
        ({"live/a.py": "", "pictures/b.py": "from ..live import a"}, []),
    ],
)
def test_who_breaks_the_rules(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    """A circle and an import upwards are found wherever they hide, and both files are named."""
    for name, text in files.items():
        path = tmp_path / "server" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = arrows(tmp_path / "server")
    assert circles(found) + upward(found) == expected
