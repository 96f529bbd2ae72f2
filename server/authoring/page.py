"""Write ``notebooks/mistakes.md``: known mistakes by what they look like, and where they are shown.

python -m server.authoring.page

"""

from __future__ import annotations

import json
import re
from functools import cache
from urllib.parse import quote

from ..exercises.registry import EXERCISES
from ..lessons import Lesson, lessons
from ..mistakes.codes import CODES
from ..mistakes.registry import MISTAKES, SHOWN, Mistake
from ..paths import NOTEBOOKS

__all__ = ["PAGE", "page"]

PAGE = NOTEBOOKS / "mistakes.md"

HEAD = """\
# Mistakes, by what you see

Find the text of your error, or what happens instead of one. Each row links the section or the
exercise that shows it. A notebook tells you the same about an error of your own:

```python
live.explain()           # what went wrong last on the live server
explain(1006)            # a close code; from server import explain
explain("Still in CONNECTING state.")  # the text of an error, from a browser's console say
```
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
    EXERCISES.complete()
    parts = [HEAD]
    for lesson in lessons():
        rows = [row(MISTAKES[id]) for id, places in SHOWN.items() if first(places) == lesson.number]
        parts.append(TABLE.format(title=lesson.title) + "".join(rows))
    codes = "".join(f"| {code} | {words.explanation} |\n" for code, words in CODES.items())
    own = "| 4000 to 4999 | A code of the application's own. |\n"
    parts.append(CODE_TABLE + codes + own)
    return "".join(parts)


def first(places: tuple[str, ...]) -> int:
    """Return the number of the lesson that shows a mistake first."""
    return number_and_rest(places[0])[0]


def number_and_rest(place: str) -> tuple[int, str]:
    """Return the number of a place's lesson, and what follows: ``.1`` or ``#leaving``."""
    number, rest = re.fullmatch(r"(\d+)([.#].+)", place).groups()  # type: ignore[union-attr]
    return int(number), rest


def row(mistake: Mistake) -> str:
    """Return a mistake's row of the table."""
    cells = (
        mistake.symptom,
        f"**{literal(mistake.name)}.** {literal(mistake.cause)}",
        literal(mistake.fix),
        ", ".join(map(link, SHOWN[mistake.id])),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def literal(text: str) -> str:
    """Return a text in which nothing is markup."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)


def link(place: str) -> str:
    """Return a link to an exercise, ``1.1``, or to the section with a cell, ``1#leaving``."""
    number, rest = number_and_rest(place)
    lesson = next(lesson for lesson in lessons() if lesson.number == number)
    if rest.startswith("#"):
        heading = headings(lesson)[rest[1:]]
        title = f"lesson {number}: {heading.replace('`', '')}"
    else:
        heading = f"Exercise {place}: {EXERCISES[place].title}"
        title = f"exercise {place}"
    return f"[{title}]({lesson.notebook.name}#{anchor(heading)})"


def anchor(heading: str) -> str:
    """Return the anchor that JupyterLab gives a heading."""
    return quote(heading.replace("`", "").replace(" ", "-"), safe="-.,:'?")


@cache
def headings(lesson: Lesson) -> dict[str, str]:
    """Return the first heading in each Markdown cell of a lesson, by the id of the cell."""
    found = {}
    for cell in json.loads(lesson.notebook.read_text(encoding="utf-8"))["cells"]:
        heading = re.search(r"^#+ (.+)$", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "markdown" and heading:
            found[cell["id"]] = heading[1]
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
