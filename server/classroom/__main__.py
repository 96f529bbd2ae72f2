"""``python -m server.classroom``: a learner's lessons, a class set, and who has solved what."""

from __future__ import annotations

import sys

from .commands import main

if __name__ == "__main__":
    sys.exit(main())
