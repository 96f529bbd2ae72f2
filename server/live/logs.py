"""What a consumer logs goes to the record, as what it prints does.

Python's own way to see every log record, whatever handlers there are, is the record factory. What
has come into the record is not written to the cell as well.

"""

from __future__ import annotations

import logging
import sys
from traceback import TracebackException
from typing import Any

from .current_connection import current_connection
from .output import PrintRouter
from .record import Logged

__all__ = ["record_logs"]

OWN = "live-server"
"""The logger whose messages the host writes down itself."""

make_record = logging.getLogRecordFactory()


def record_logs() -> None:
    """See to it that logs come into the record, once.

    By default Python drops what is less than a warning. Where nobody has said otherwise, what is
    said for information counts, since the record has room for it.

    """
    if logging.getLogRecordFactory() is make:
        return
    logging.setLogRecordFactory(make)
    root = logging.getLogger()
    if root.level == logging.WARNING and not root.handlers:
        root.setLevel(logging.INFO)


def make(name: str, *args: Any, **options: Any) -> logging.LogRecord:
    """Make a log record, and write it down if a consumer logs it."""
    made = make_record(name, *args, **options)
    connection: Any = current_connection.get()
    if connection is not None and name != OWN:
        connection.add(
            Logged(
                made.levelname.lower(),
                name,
                message_of(made),
                TracebackException.from_exception(made.exc_info[1])
                if made.exc_info is not None and made.exc_info[1] is not None
                else None,
            )
        )
        made.__dict__["is_recorded"] = True
        keep_from_cell(name)
    return made


def message_of(made: logging.LogRecord) -> str:
    """Return the message, or what it was to be made of."""
    try:
        return made.getMessage()
    except Exception:
        return str(made.msg)


def keep_from_cell(name: str) -> None:
    """Have the handlers that write into the cell leave out what the record has."""
    logger: logging.Logger | None = logging.getLogger(name)
    handlers: list[logging.Handler | None] = [logging.lastResort]
    while logger is not None:
        handlers.extend(logger.handlers)
        logger = logger.parent if logger.propagate else None
    for handler in handlers:
        if isinstance(handler, logging.StreamHandler) and is_screen(handler.stream):
            handler.addFilter(is_for_cell)


def is_screen(stream: object) -> bool:
    """Tell whether a stream is one that a cell shows."""
    screens = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    # Somebody may have taken the stream before a router was put in front of it.
    screens += [screen.stream for screen in screens if isinstance(screen, PrintRouter)]
    return isinstance(stream, PrintRouter) or any(stream is screen for screen in screens)


def is_for_cell(made: logging.LogRecord) -> bool:
    """Tell whether a log record is none that the record of the live server holds."""
    return not made.__dict__.get("is_recorded", False)
