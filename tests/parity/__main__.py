"""Write ``differences.md``: ``python -m tests.parity``."""

from .outcomes import DIFFERENCES, render

DIFFERENCES.write_text(render(), encoding="utf-8")
