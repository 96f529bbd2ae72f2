"""What a page cannot show: the sentence that stands in its place."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape
from xml.etree import ElementTree

from bs4 import BeautifulSoup, Tag

from .notes import Notes

__all__ = [
    "PictureAt",
    "drawing",
    "lost",
    "with_fewer_lines",
    "with_fewer_rows",
    "without_what_is_lost",
]

PictureAt = Callable[[str], str | None]
"""Returns the picture at an address as a ``data:`` address, if a page may have it."""

LIVE = {
    "audio": "a sound",
    "canvas": "a drawing that a script makes",
    "embed": "an embedded file",
    "form": "a form",
    "frame": "a frame with another page",
    "iframe": "a frame with another page",
    "object": "an embedded file",
    "script": "JavaScript",
    "video": "a film",
}
"""Elements that show something only where it runs or is loaded."""

CHARTS = {
    "Plotly": "an interactive chart (Plotly)",
    "Bokeh": "an interactive chart (Bokeh)",
    "vega": "an interactive chart (Vega)",
    "L.map(": "a map (Leaflet)",
}
"""What the scripts of some libraries draw, by a word in them."""

MOST_LINES = 400
MOST_ROWS = 200
LONGEST_LINE = 8_000
"""What a page shows of an output; where there is more, half of this and then the end."""

INTERESTING = re.compile(rf"<(?:{'|'.join(LIVE)}|img|svg)\b", re.IGNORECASE)

SVG_MARK = re.compile(r"<(/?)svg\b[^>]*?(/?)>", re.IGNORECASE)

NAMESPACE = "http://www.w3.org/2000/svg"

DATA = re.compile(r"\s*data:", re.IGNORECASE)


def lost(what: str, address: str = "", about: str = "") -> str:
    """Return the sentence that stands in the place of something."""
    details = f": {escape(about)}" if about else ""
    if re.match(r"https?://", address):
        details += f' (<a href="{escape(address)}">{escape(address)}</a>)'
    elif address and not DATA.match(address):
        details += f" ({escape(address[:200])})"
    return f'<span class="lost">Not on this page: {escape(what)}{details}.</span>'


def without_what_is_lost(markup: str, picture_at: PictureAt, notes: Notes, cell: int) -> str:
    """Return HTML in which a sentence stands in place of what no page can show.

    Drawings and pictures that lie with the notebook become pictures in the page. What comes out is
    still somebody's HTML, to be cleaned.

    """
    if not INTERESTING.search(markup):
        return markup
    soup = BeautifulSoup(with_drawings(markup), "html.parser")

    def give_up(element: Tag, what: str, address: str = "", about: str = "") -> None:
        notes.add(f"{what} is not on the page, which says so", cell)
        element.replace_with(BeautifulSoup(lost(what, address, about), "html.parser"))

    for picture in soup("img"):
        source = str(picture.get("src") or "")
        about = " ".join(str(picture.get("alt") or "").split())
        if found := picture_at(source):
            picture["src"] = found
        elif DATA.match(source):
            give_up(picture, "a picture that is not sound", about=about)
        elif re.match(r"https?://|//", source):
            give_up(picture, "a picture from another site", source, about)
        else:
            give_up(picture, "a picture that is not with the notebook", source, about)
    for element in soup([*LIVE, "svg"]):
        if element.find_parent(list(LIVE)) is not None or not element.name:
            continue
        if element.name == "svg":
            give_up(element, "a drawing that is not sound")
        else:
            address = str(element.get("src") or element.get("data") or "")
            give_up(element, chart(element.get_text()) or LIVE[element.name], address)
    return str(soup)


def chart(script: str) -> str:
    """Return what a script draws, where it is one of the known libraries."""
    return next((what for mark, what in CHARTS.items() if mark in script), "")


def with_fewer_rows(markup: str, notes: Notes, cell: int) -> str:
    """Return HTML without most rows of tables that would fill many pages."""
    if markup.count("<tr") <= MOST_ROWS:
        return markup
    soup = BeautifulSoup(markup, "html.parser")
    for table in soup("table"):
        rows = table("tr")
        if len(rows) > MOST_ROWS:
            left_out = rows[MOST_ROWS // 2 : -MOST_ROWS // 4]
            for row in left_out:
                row.decompose()
            table.insert_after(f"{len(left_out):,} rows are left out in the middle.")
            notes.add("rows of a long table are left out, and the page says so", cell)
    return str(soup)


def with_fewer_lines(text: str, notes: Notes, cell: int) -> str:
    """Return a text without most of what would fill many pages."""
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES // 2 - MOST_LINES // 4
        said = f"… {left_out:,} lines are left out here …"
        lines = [*lines[: MOST_LINES // 2], said, *lines[-(MOST_LINES // 4) :]]
        notes.add("lines of a long output are left out, and the page says so", cell)
    for number, line in enumerate(lines):
        if len(line) > LONGEST_LINE:
            left_out = len(line) - LONGEST_LINE // 2
            lines[number] = f"{line[: LONGEST_LINE // 2]} … {left_out:,} signs are left out …"
            notes.add("most of a long line is left out, and the page says so", cell)
    return "\n".join(lines)


def with_drawings(markup: str) -> str:
    """Return HTML in which each drawing is a picture."""
    parts, start = [], 0
    while (begin := SVG_MARK.search(markup, start)) is not None:
        parts.append(markup[start : begin.start()])
        start = end_of_drawing(markup, begin)
        source = markup[begin.start() : start]
        data = drawing(source)
        if begin[1] or data is None:
            parts.append(source)
        else:
            encoded = base64.b64encode(data.encode()).decode()
            parts.append(f'<img src="data:image/svg+xml;base64,{encoded}" alt="A drawing">')
    return "".join([*parts, markup[start:]])


def end_of_drawing(markup: str, begin: re.Match[str]) -> int:
    """Return where the drawing ends that begins there."""
    depth = 0
    for mark in SVG_MARK.finditer(markup, begin.start()):
        depth += 0 if mark[2] else -1 if mark[1] else 1
        if depth <= 0:
            return mark.end()
    return len(markup)


def drawing(source: str) -> str | None:
    """Return a drawing that may be a picture; nothing for what no browser would show as one."""
    # A declaration could name what is not in the drawing.
    if "<!ENTITY" in source:
        return None
    if "xmlns=" not in source.partition(">")[0]:
        source = re.sub(r"<svg\b", f'<svg xmlns="{NAMESPACE}"', source, count=1)
    try:
        root = ElementTree.fromstring(source)
    except (ElementTree.ParseError, ValueError):
        return None
    if root.tag != f"{{{NAMESPACE}}}svg":
        return None
    return source
