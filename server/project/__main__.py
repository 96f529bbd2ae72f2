"""``python -m server.project new FOLDER``: the project of lesson 6, as a beginning of your own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .folder import copy_template

__all__ = ["main"]

NEXT = """\
The project is in {folder}. Next:

    cd {folder}
    pip install -r requirements.txt
    python manage.py migrate
    python manage.py createsuperuser
    python manage.py test
    python manage.py runserver
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m server.project")
    commands = parser.add_subparsers(required=True, metavar="new")
    new = commands.add_parser("new", help="copy the project of lesson 6 into a new folder")
    new.add_argument("folder", type=Path, metavar="FOLDER")
    folder: Path = parser.parse_args(argv).folder
    try:
        copy_template(folder)
    except OSError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    print(NEXT.format(folder=folder), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
