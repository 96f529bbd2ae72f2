"""What the record looks like: a table, a sequence picture, a timeline."""

from .sequence import Sequence
from .table import Transcript
from .timeline import Timeline

__all__ = ["Sequence", "Timeline", "Transcript"]
