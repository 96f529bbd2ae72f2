"""Print the figures that the README names: ``make bench``, or ``python -m tests.bench launch``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run the benchmarks that are named, or all of them, one after the other."""
    known = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    chosen = sys.argv[1:] or known
    for name in chosen:
        if name not in known:
            sys.exit(f"no benchmark is called {name}: there are {', '.join(known)}")
    for name in chosen:
        print(f"## {name}", flush=True)
        importlib.import_module(f"tests.bench.{name}").main()


if __name__ == "__main__":
    main()
