"""Make handouts of all notebooks of a folder, and count what became of them.

python -m tests.handout.foreign FOLDER [--show]
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from server.handout.build import read
from server.handout.exporter import EDITIONS, HandoutExporter
from server.handout.reading import HandoutError
from tests.handout.validity import parsed


def outcomes(folder: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Yield for each notebook what became of it, and what was said."""
    exporters = [HandoutExporter(edition=edition) for edition in EDITIONS]
    for path in sorted(folder.rglob("*.ipynb")):
        try:
            notes: list[str] = []
            for exporter in exporters:
                metadata = {"name": path.stem, "path": str(path.parent)}
                page, resources = exporter.from_notebook_node(read(path), {"metadata": metadata})
                notes += resources["notes"]
                _, errors = parsed(page)
                notes += [f"HTML: {error}" for error in errors]
            yield path, "converted", notes
        except HandoutError as error:
            yield path, "refused", [str(error)]
        # Whatever it is, it is to be counted.
        except Exception:
            yield path, "traceback", [traceback.format_exc()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.handout.foreign", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="store_true", help="show what is said of each notebook")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    kinds: Counter[str] = Counter()
    begin = time.perf_counter()
    for path, outcome, said in outcomes(options.folder):
        counts[path.relative_to(options.folder).parts[0]][outcome] += 1
        kinds.update({note.partition(": ")[2] if note[:4] == "cell" else note for note in said})
        if options.show or outcome != "converted":
            print(f"{path}: {outcome}", *dict.fromkeys(said), sep="\n    ")
    names = ("converted", "refused", "traceback")
    print(f"\n{'notebooks of':40}", *(f"{name:>10}" for name in names))
    for source, found in [*sorted(counts.items()), ("all", sum(counts.values(), Counter()))]:
        print(f"{source:40}", *(f"{found[name]:>10}" for name in names))
    print(f"\n{time.perf_counter() - begin:.0f} s; what was said, and of how many notebooks:")
    for kind, number in kinds.most_common(60):
        print(f"{number:6}  {kind[:150]}")
    sys.exit(any(found["traceback"] for found in counts.values()))


if __name__ == "__main__":
    main()
