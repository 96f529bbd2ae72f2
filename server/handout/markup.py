"""Prose and outputs as HTML in which nothing is live."""

from __future__ import annotations

import base64
import mimetypes
import re
from binascii import Error as NotBase64
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import nh3
from bs4 import BeautifulSoup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

__all__ = [
    "PICTURES",
    "Heading",
    "Prose",
    "clean",
    "clean_output",
    "hints",
    "plain",
    "sound_base64",
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

LINK = re.compile(r"\s*\(?<a\b.*?</a\s*>\)?", re.IGNORECASE | re.DOTALL)
"""A link, with the brackets that it stands in."""

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
    handout = not parts.scheme and not parts.netloc and re.fullmatch(r"[\w.-]+\.html", parts.path)
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

OUTPUT_CLEANER = nh3.Cleaner(
    tags=TEXT_TAGS | BLOCK_TAGS, clean_content_tags=DEAD_TAGS, attributes=ATTRIBUTES
)
"""What cleans outputs: their links lead to a server that is gone, so none stays."""


# The two editions of a lesson share nearly all of its outputs and prose.
@lru_cache(maxsize=4096)
def clean(markup: str) -> str:
    """Return a lesson's prose without anything live."""
    return EMPTY_PICTURE.sub("", PROSE_CLEANER.clean(markup))


@lru_cache(maxsize=4096)
def clean_output(markup: str) -> str:
    """Return an output's HTML without anything live."""
    return OUTPUT_CLEANER.clean(LINK.sub("", markup)).strip()


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
    """Turns the Markdown of one lesson into HTML, and gathers its headings.

    Args:
        suffix: what the names of the pages that it links to end in, before ``.html``.
        path: the folder that its pictures are in.

    """

    def __init__(self, suffix: str, path: str) -> None:
        super().__init__(escape=False, path=path)
        self.folder = Path(path)
        self.suffix = suffix
        self.only_text = False
        self.headings: list[Heading] = []
        self.anchors: set[str] = set()
        self.markdown = MarkdownWithMath(renderer=self)

    def to_html(self, source: str, attachments: dict[str, Any] | None = None) -> str:
        """Return the HTML of a cell's Markdown."""
        self.attachments = attachments or {}
        return clean(self.markdown.render(source))

    def note_to_html(self, source: str) -> str:
        """Return the HTML of a teacher's note, in which a tag is something to talk about."""
        self.only_text = True
        try:
            return self.to_html(source)
        finally:
            self.only_text = False

    # What mistune calls

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Give a heading the anchor that Jupyter gives it, so that links to it go on working."""
        title = plain(text)
        anchor = start = re.sub(r"\s", "-", title)
        number = 1
        while anchor in self.anchors:
            number += 1
            anchor = f"{start}-{number}"
        self.anchors.add(anchor)
        self.headings.append(Heading(level, anchor, title))
        return f'<h{level} id="{escape(anchor)}">{text}</h{level}>\n'

    # nbconvert's own embeds pictures in each of these, and so closes the elements that a piece of
    # HTML only opens: a hint would lose what it hides.

    def block_html(self, html: str) -> str:
        return (escape(html) if self.only_text else html) + "\n"

    def inline_html(self, html: str) -> str:
        return escape(html) if self.only_text else html

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Link to other pages and to other handouts; what else was a link stays as text."""
        parts = urlsplit(url)
        if not parts.scheme and parts.path.endswith(".ipynb") and "/" not in parts.path:
            page = parts.path.removesuffix(".ipynb") + self.suffix + ".html"
            return str(super().link(text, parts._replace(path=page).geturl(), title))
        if parts.scheme in ("http", "https") or (url.startswith("#") and len(url) > 1):
            return str(super().link(text, url, title))
        return text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Bring a picture into the page: an attachment, or a file that lies with the lesson."""
        source = self.attached(url) if url.startswith("attachment:") else self.beside(url)
        # The base class would look for the file by itself, and would end at a lost attachment.
        about = f' title="{escape(title)}"' if title else ""
        return f'<img src="{escape(source or url)}" alt="{escape(plain(text))}"{about} />'

    def attached(self, url: str) -> str | None:
        """Return an attachment of the cell as the address of a picture."""
        kinds = self.attachments.get(unquote(url.removeprefix("attachment:")), {})
        return next(
            (f"data:{kind};base64,{kinds[kind]}" for kind in PICTURES if kind in kinds), None
        )

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
