"""Write ``notebooks/mistakes.md``: known mistakes by what they look like, and where they are shown.

python -m server.exercises.page

"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote

from ..mistakes import CODES, MISTAKES, Mistake
from ..paths import NOTEBOOKS
from .check import EXERCISES

__all__ = ["PAGE", "page"]

PAGE = NOTEBOOKS / "mistakes.md"

LESSONS = {
    "1": "Consumers",
    "2": "Routing",
    "3": "Browser handlers",
    "4": "JSON conversion",
}

HEAD = """\
# Mistakes, by what you see

Find the text of your error, or what happens instead of one. Each row links the section or the
exercise that shows it. A notebook tells you the same about an error of your own:

```python
live.explain()           # what went wrong last on the live server
explain(1006)            # a close code; from server import explain
explain("Still in CONNECTING state.")  # the text of an error, from a browser's console say
```

This page is made from `server/mistakes.py` with `python -m server.exercises.page`.
"""

TABLE = """
## {title}

| What you see | Why | What to do | Shown in |
| --- | --- | --- | --- |
"""

CODE_TABLE = """
## Close codes

| Code | What it says |
| --- | --- |
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for lesson, title in LESSONS.items():
        rows = [
            row(found) for found in MISTAKES.values() if found.shown[:1] and first(found) == lesson
        ]
        parts.append(TABLE.format(title=title) + "".join(rows))
    codes = "".join(f"| {code} | {words} |\n" for code, words in CODES.items())
    own = "| 4000 to 4999 | A code of the application's own. |\n"
    parts.append(CODE_TABLE + codes + own)
    return "".join(parts)


def first(mistake: Mistake) -> str:
    """Return the lesson that shows a mistake first."""
    return mistake.shown[0][0]


def row(mistake: Mistake) -> str:
    """Return a mistake's row of the table."""
    cells = (
        mistake.symptom,
        f"**{literal(mistake.name)}.** {literal(mistake.cause)}",
        literal(mistake.fix),
        ", ".join(map(link, mistake.shown)),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def literal(text: str) -> str:
    """Return a text in which nothing is markup."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)


def link(shown: str) -> str:
    """Return a link to an exercise, ``1.1``, or to the section with a cell, ``1#leaving``."""
    lesson = shown[0]
    path = lesson_path(lesson).name
    if "#" in shown:
        heading = headings(lesson)[shown.partition("#")[2]]
        title = f"lesson {lesson}: {heading.replace('`', '')}"
    else:
        heading = f"Exercise {shown}: {EXERCISES[shown].title}"
        title = f"exercise {shown}"
    return f"[{title}]({path}#{anchor(heading)})"


def anchor(heading: str) -> str:
    """Return the anchor that JupyterLab gives a heading."""
    return quote(heading.replace("`", "").replace(" ", "-"), safe="-.,:'?")


def lesson_path(lesson: str) -> Path:
    """Return a lesson's notebook."""
    (path,) = NOTEBOOKS.glob(f"0{lesson}_*.ipynb")
    return path


@cache
def headings(lesson: str) -> dict[str, str]:
    """Return the first heading in each Markdown cell of a lesson, by the id of the cell."""
    found = {}
    for cell in json.loads(lesson_path(lesson).read_text(encoding="utf-8"))["cells"]:
        heading = re.search(r"^#+ (.+)$", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "markdown" and heading:
            found[cell["id"]] = heading[1]
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
