"""Prose and outputs as HTML in which nothing is live."""

# Much of nbconvert has no types.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import base64
import mimetypes
import os
import re
from binascii import Error as NotBase64
from collections.abc import Mapping
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import nh3
from bs4 import BeautifulSoup
from nbconvert.filters.ansi import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from .formulas import Formula, delimited, formula
from .lost import drawing, lost, with_fewer_rows, without_what_is_lost
from .macros import Macros
from .notes import Notes

__all__ = [
    "PICTURES",
    "Heading",
    "Prose",
    "clean",
    "clean_output",
    "hints",
    "plain",
    "sound_base64",
    "terminal",
]

TEXT_TAGS = {
    *("abbr", "b", "bdi", "br", "code", "del", "em", "i", "kbd", "mark", "s", "samp"),
    *("small", "span", "strong", "sub", "sup", "u", "var"),
}
BLOCK_TAGS = {
    *("blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary"),
    *("caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
HEADING_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6"}

DEAD_TAGS = {
    *("audio", "button", "canvas", "dialog", "embed", "form", "frame", "iframe", "input", "link"),
    *("math", "meta", "noscript", "object", "script", "select", "style", "svg", "template"),
    *("textarea", "title", "video", "xmp"),
}
"""Elements that go together with what is in them."""

ATTRIBUTES = {
    "*": {"class", "dir", "lang", "title"},
    "li": {"value"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}

PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
"""Kinds of pictures that a page may hold: as a picture, none of them can load or run anything."""

OWN_LINK = re.compile(
    r"""\s*\(?<a\s[^>]*\bhref=["']https?://(?:127\.0\.0\.1|localhost)\b.*?</a\s*>\)?""",
    re.IGNORECASE | re.DOTALL,
)
"""A link to a server that is gone, with the brackets that it stands in."""

DEAD_LINK = re.compile(r"<a>(.*?)</a>", re.DOTALL)

HEADING = re.compile(r'<h([1-6])(?: id="([^"]*)")?([^>]*)>(.*?)</h\1>', re.DOTALL)

FORMULA = re.compile(r'<span class="formula-([0-9]{1,6})"></span>')
"""What stands in cleaned HTML where a formula goes. In an attribute its marks are escaped."""

PAGE_NAMES = {"answers", "contents", "lesson"}
"""Anchors that a page has of its own."""

CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f]")
"""What a terminal obeys and does not show, besides colours."""

CSI = "\ue000"
"""Stands for the beginning of a colour while other orders to a terminal are taken away."""

STYLE = re.compile(r' style="[^"]*"')

EMPTY_PICTURE = re.compile(r"""<img(?: (?!src=)[a-z]+="[^"]*")*>""")
"""What is left, after cleaning, of a picture that is not in the page itself."""


class Heading(NamedTuple):
    """A heading of a lesson."""

    level: int
    anchor: str
    text: str


def sound_base64(data: object) -> str | None:
    """Return base64 without its line ends, and nothing for what is none."""
    if not isinstance(data, str):
        return None
    text = "".join(data.split())
    try:
        base64.b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return None
    return text or None


def in_the_page(src: str) -> str | None:
    """Return the address of a picture that is in the page itself, and nothing for any other."""
    head, _, data = src.partition(",")
    sound = sound_base64(data)
    if sound is None or head not in [f"data:{kind};base64" for kind in PICTURES]:
        return None
    return f"{head},{sound}"


def to_a_page(href: str) -> str | None:
    """Return the address of a place, of another handout or of a site; nothing for any other."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return None
    place = href.startswith("#")
    handout = not parts.scheme and not parts.netloc and re.fullmatch(r"[\w.%-]+\.html", parts.path)
    return href if place or handout or parts.scheme in ("http", "https") else None


def harmless(tag: str, name: str, value: str) -> str | None:
    """Return an attribute's value, or nothing where it would ask something of a network."""
    if name == "src":
        return in_the_page(value)
    return to_a_page(value) if name == "href" else value


PROSE_CLEANER = nh3.Cleaner(
    tags=TEXT_TAGS | BLOCK_TAGS | HEADING_TAGS | {"a", "img"},
    clean_content_tags=DEAD_TAGS,
    attributes={
        **ATTRIBUTES,
        **{heading: {"id"} for heading in HEADING_TAGS},
        "a": {"href"},
        "img": {"alt", "height", "src", "width"},
    },
    attribute_filter=harmless,
    link_rel=None,
    url_schemes={"http", "https", "data"},
)
"""What cleans prose: text with headings, links and embedded pictures."""


def harmless_in_output(tag: str, name: str, value: str) -> str | None:
    """Return an attribute's value; an output has no places to lead to."""
    return None if name == "href" and value[:1] == "#" else harmless(tag, name, value)


OUTPUT_CLEANER = nh3.Cleaner(
    tags=TEXT_TAGS | BLOCK_TAGS | {"a", "img"},
    clean_content_tags=DEAD_TAGS,
    attributes={**ATTRIBUTES, "a": {"href"}, "img": {"alt", "height", "src", "width"}},
    attribute_filter=harmless_in_output,
    link_rel=None,
    url_schemes={"http", "https", "data"},
)
"""What cleans outputs: as prose, without headings."""


# The two editions of a lesson share nearly all of its outputs and prose.
@lru_cache(maxsize=4096)
def clean(markup: str) -> str:
    """Return a lesson's prose without anything live."""
    return EMPTY_PICTURE.sub("", PROSE_CLEANER.clean(markup))


@lru_cache(maxsize=4096)
def clean_output(markup: str) -> str:
    """Return an output's HTML without anything live."""
    cleaned = OUTPUT_CLEANER.clean(OWN_LINK.sub("", markup))
    return EMPTY_PICTURE.sub("", DEAD_LINK.sub(r"\1", cleaned)).strip()


def terminal(text: str) -> str:
    """Return what a terminal would show, as HTML."""
    colours = CONTROL.sub("", text.replace("\x1b[", CSI)).replace(CSI, "\x1b[")
    return CONTROL.sub("", STYLE.sub("", ansi2html(colours)))


def plain(markup: str) -> str:
    """Return the text of a bit of HTML."""
    return unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def hints(markup: str) -> list[tuple[str, str]]:
    """Return the title and the HTML of each hint that unfolds in a bit of HTML, in order.

    A hint may be folded away in the one before it.

    """
    soup = BeautifulSoup(markup, "html.parser")
    found = soup("details")
    for details in reversed(found):
        details.extract()
    texts = []
    for details in found:
        title = details.summary.extract().get_text().strip() if details.summary else "Hint"
        texts.append((title, details.decode_contents().strip()))
    return texts


class Prose(IPythonRenderer):
    """Turns the Markdown of one notebook into HTML, and gathers its headings.

    Args:
        suffix: what the names of the pages that it links to end in, before ``.html``.
        path: the folder that its pictures are in.
        notes: where it notes what is not on the page.
        pages: the names of the pages that there will be, where that is known.

    """

    def __init__(
        self,
        suffix: str,
        path: str,
        notes: Notes | None = None,
        pages: Mapping[Path, str] | None = None,
    ) -> None:
        super().__init__(escape=False, path=path)
        self.folder = Path(path)
        self.suffix = suffix
        self.pages = pages
        self.notes = Notes() if notes is None else notes
        self.cell = 0
        self.only_text = False
        self.headings: list[Heading] = []
        self.anchors = set(PAGE_NAMES)
        self.formulas: list[str] = []
        self.macros = Macros()
        self.markdown = MarkdownWithMath(renderer=self)

    def to_html(self, source: str, attachments: dict[str, Any] | None = None, cell: int = 0) -> str:
        """Return the HTML of a cell's Markdown."""
        return HEADING.sub(self.numbered, self.rendered(source, attachments, cell))

    def rendered(self, source: str, attachments: dict[str, Any] | None, cell: int) -> str:
        """Return the HTML of some Markdown, before its headings are counted."""
        self.attachments = attachments or {}
        self.cell = cell
        self.formulas = []
        markup = self.markdown.render(source)
        markup = without_what_is_lost(markup, self.picture, self.notes, cell)
        return FORMULA.sub(self.with_formula, clean(markup))

    def note_to_html(self, source: str) -> str:
        """Return the HTML of a teacher's note, in which a tag is something to talk about."""
        self.only_text = True
        try:
            return HEADING.sub(r"<p><strong>\4</strong></p>", self.rendered(source, None, 0))
        finally:
            self.only_text = False

    def output_to_html(self, source: str, cell: int) -> str:
        """Return the HTML of an output that is Markdown; its headings are none of the page's."""
        markup = HEADING.sub(r"<p><strong>\4</strong></p>", self.rendered(source, None, cell))
        return re.sub(r'<a href="#[^"]*">(.*?)</a>', r"\1", markup)

    def html_to_page(self, markup: str, cell: int) -> str:
        """Return the HTML of an output that is HTML."""
        markup = without_what_is_lost(markup, self.picture, self.notes, cell)
        return clean_output(with_fewer_rows(markup, self.notes, cell))

    def latex_to_html(self, source: str, cell: int) -> str:
        """Return the HTML of an output that is LaTeX."""
        return self.noted(delimited(source, self.macros), cell)

    def noted(self, made: Formula, cell: int) -> str:
        """Return a formula's HTML, and note what is wrong with it."""
        for fault in made.faults:
            self.notes.add(fault, cell)
        return made.html

    def with_formula(self, found: re.Match[str]) -> str:
        """Return the formula that belongs in a place; a notebook may name one that is not."""
        number = int(found[1])
        return self.formulas[number] if number < len(self.formulas) else ""

    def numbered(self, found: re.Match[str]) -> str:
        """Note a heading, and give it Jupyter's own anchor, so that links go on working."""
        level, _, rest, text = found.groups()
        title = plain(text)
        anchor = start = re.sub(r"\s", "-", title)
        number = 1
        while anchor in self.anchors:
            number += 1
            anchor = f"{start}-{number}"
        self.anchors.add(anchor)
        self.headings.append(Heading(int(level), anchor, title))
        return f'<h{level} id="{escape(anchor)}"{rest}>{text}</h{level}>'

    # What mistune calls

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Leave anchors to what counts the headings; nbconvert's own adds a link to each."""
        return f"<h{level}>{text}</h{level}>\n"

    def task_list_item(self, text: str, checked: bool = False) -> str:
        """Draw a box: nbconvert's own is a control to press."""
        return f"<li>{'☑' if checked else '☐'} {text}</li>\n"

    def place_for(self, tex: str, display: bool) -> str:
        """Typeset a formula, and return what stands in its place until the rest is cleaned."""
        self.formulas.append(self.noted(formula(tex, display, self.macros), self.cell))
        return f'<span class="formula-{len(self.formulas) - 1}"></span>'

    def block_math(self, body: str) -> str:
        """Typeset a formula that stands by itself."""
        return self.place_for(body, True)

    def inline_math(self, body: str) -> str:
        """Typeset a formula in a line."""
        return self.place_for(body, False)

    def latex_environment(self, name: str, body: str) -> str:
        """Typeset an environment."""
        return self.place_for(f"\\begin{{{name}}}{body}\\end{{{name}}}", True)

    # nbconvert's own embeds pictures in each of these, and so closes the elements that a piece of
    # HTML only opens: a hint would lose what it hides.

    def block_html(self, html: str) -> str:
        return (escape(html) if self.only_text else html) + "\n"

    def inline_html(self, html: str) -> str:
        return escape(html) if self.only_text else html

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Link to other pages and to other handouts; what else was a link stays as text."""
        parts = urlsplit(url)
        if not (parts.scheme or parts.netloc) and parts.path.endswith(".ipynb"):
            page = self.page(unquote(parts.path))
            if page is None:
                return text
            address = parts._replace(path=f"{quote(page)}{self.suffix}.html").geturl()
            return str(super().link(text, address, title))
        if parts.scheme in ("http", "https") or (url.startswith("#") and len(url) > 1):
            return str(super().link(text, url, title))
        return text

    def page(self, path: str) -> str | None:
        """Return the name of another notebook's page; nothing where there will be none."""
        if self.pages is not None:
            return self.pages.get(Path(os.path.abspath(self.folder / path)))
        return None if "/" in path else path.removesuffix(".ipynb")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Bring a picture into the page: an attachment, or a file that lies with the lesson."""
        # The base class would look for the file by itself, and would end at a lost attachment.
        if url.startswith("attachment:"):
            source = self.attached(url)
            if source is None:
                self.notes.add("an attachment is missing, and the page says so", self.cell)
                return lost("a picture that is missing", about=plain(text))
            url = source
        about = f' title="{escape(title)}"' if title else ""
        return f'<img src="{escape(url)}" alt="{escape(plain(text))}"{about} />'

    def attached(self, url: str) -> str | None:
        """Return an attachment of the cell as the address of a picture."""
        kinds = self.attachments.get(unquote(url.removeprefix("attachment:")))
        if not isinstance(kinds, dict):
            return None
        addresses = (f"data:{kind};base64,{kinds[kind]}" for kind in PICTURES if kind in kinds)
        return next(filter(None, map(in_the_page, addresses)), None)

    def picture(self, url: str) -> str | None:
        """Return a picture of the page or of the notebook's folder as the address of a picture."""
        if not url.strip().lower().startswith("data:"):
            return self.beside(url)
        head, _, data = url.strip().partition(",")
        if head.startswith("data:image/svg+xml") and not head.endswith(";base64"):
            drawn = drawing(unquote(data))
            return (
                drawn and f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
            )
        return in_the_page(url.strip())

    def beside(self, url: str) -> str | None:
        """Return a picture in the lesson's folder, or below it, as the address of a picture."""
        folder = self.folder.resolve()
        try:
            file = (folder / unquote(url)).resolve()
            kind = mimetypes.guess_type(file.name)[0]
            # Links are followed before this is asked.
            if kind not in PICTURES or not file.is_relative_to(folder):
                return None
            data = base64.b64encode(file.read_bytes()).decode()
        except (OSError, RuntimeError, ValueError):
            return None
        return f"data:{kind};base64,{data}"

    def table(self, text: str) -> str:
        """Give a table a frame of its own to scroll in, where it is wider than the window."""
        return f'<div class="wide"><table>\n{text}</table></div>\n'
