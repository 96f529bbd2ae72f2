"""Prose and outputs as HTML in which nothing is live."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from html import escape, unescape
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]
from bs4 import BeautifulSoup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

__all__ = ["Heading", "Prose", "clean", "clean_output", "hints", "plain"]

TEXT_TAGS = {
    *("abbr", "b", "bdi", "br", "code", "del", "em", "i", "kbd", "mark", "s", "samp"),
    *("small", "span", "strong", "sub", "sup", "u", "var"),
}
BLOCK_TAGS = {
    *("blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary"),
    *("caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
HEADING_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6"}

DEAD_TAGS = [
    *("audio", "button", "canvas", "dialog", "embed", "form", "frame", "iframe", "input", "link"),
    *("math", "meta", "noscript", "object", "script", "select", "style", "svg", "template"),
    *("textarea", "video"),
]
"""Elements that go together with what is in them."""

ATTRIBUTES = {
    "*": ["class", "dir", "lang", "title"],
    "li": ["value"],
    "ol": ["start"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
}

LINK = re.compile(r"\s*\(?<a\b.*?</a\s*>\)?", re.IGNORECASE | re.DOTALL)
"""A link, with the brackets that it stands in."""

EMPTY_PICTURE = re.compile(r"<img(?![^>]* src=)[^>]*>")
"""What is left of a picture that is not in the page itself."""

LIVE = re.compile(r"<(" + "|".join(DEAD_TAGS) + r")\b", re.IGNORECASE)


class Heading(NamedTuple):
    """A heading of a lesson."""

    level: int
    anchor: str
    text: str


def harmless(tag: str, name: str, value: str) -> bool:
    """Tell whether an attribute of a link or a picture asks nothing of a network by itself."""
    if tag == "img":
        return name in ("alt", "height", "width") or (
            name == "src" and value.startswith("data:image/")
        )
    return name == "href"


@cache
def prose_cleaner() -> Cleaner:
    """Return what cleans prose: text with headings, links and embedded pictures."""
    return Cleaner(
        tags=TEXT_TAGS | BLOCK_TAGS | HEADING_TAGS | {"a", "img"},
        attributes={
            **ATTRIBUTES,
            **{heading: ["id"] for heading in HEADING_TAGS},
            "a": harmless,
            "img": harmless,
        },
        protocols={"http", "https", "data"},
        strip=True,
    )


@cache
def output_cleaner() -> Cleaner:
    """Return what cleans outputs: their links lead to a server that is gone, so none stays."""
    return Cleaner(tags=TEXT_TAGS | BLOCK_TAGS, attributes=ATTRIBUTES, strip=True)


def without_live_parts(markup: str) -> str:
    """Return HTML without the elements that act, or that belong to those that do."""
    if not LIVE.search(markup):
        return markup
    soup = BeautifulSoup(markup, "html.parser")
    for element in soup(DEAD_TAGS):
        element.decompose()
    return str(soup)


# The two editions of a lesson share nearly all of its outputs and prose.
@lru_cache(maxsize=4096)
def clean(markup: str) -> str:
    """Return a lesson's prose without anything live."""
    return EMPTY_PICTURE.sub("", prose_cleaner().clean(without_live_parts(markup)))


@lru_cache(maxsize=4096)
def clean_output(markup: str) -> str:
    """Return an output's HTML without anything live."""
    markup = LINK.sub("", without_live_parts(markup))
    return str(output_cleaner().clean(markup)).strip()


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
        super().__init__(escape=False, embed_images=True, path=path)
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

    def table(self, text: str) -> str:
        """Give a table a frame of its own to scroll in, where it is wider than the window."""
        return f'<div class="wide"><table>\n{text}</table></div>\n'
