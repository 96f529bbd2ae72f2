"""What a teacher is told on the terminal of a notebook that became a page."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Notes"]


class Notes:
    """Sentences about a notebook, each with the cells that it is true of."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[int, None]] = {}

    def add(self, sentence: str, cell: int = 0) -> None:
        """Note something of a cell, counted from 1, or of the whole notebook."""
        cells = self.cells.setdefault(sentence, {})
        if cell:
            cells[cell] = None

    def __iter__(self) -> Iterator[str]:
        for sentence, cells in self.cells.items():
            yield f"{where(list(cells))}: {sentence}" if cells else sentence


def where(cells: list[int]) -> str:
    """Name some cells."""
    *most, last = map(str, cells)
    return f"cells {', '.join(most)} and {last}" if most else f"cell {last}"
