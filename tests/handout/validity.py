"""What is wrong with a page as HTML: a parser's own errors, and the rules that a parser lets pass.

With ``VNU_JAR`` set to the path of the Nu Html Checker, and Java, the tests ask that one too.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import html5lib

from server.handout.formulas import ATTRIBUTES as OF_FORMULAS
from server.handout.formulas import ELEMENTS as FORMULAS

__all__ = ["nu_html_checker", "parsed", "problems"]

PHRASING = {
    *("a", "abbr", "b", "bdi", "br", "button", "code", "del", "em", "i", "img", "kbd", "mark"),
    *("s", "samp", "script", "small", "span", "strong", "sub", "sup", "u", "var"),
    *FORMULAS,
}
FLOW = {
    *("blockquote", "details", "div", "dl", "figure", "footer", "h1", "h2", "h3", "h4", "header"),
    *("hr", "main", "nav", "ol", "p", "pre", "table", "ul"),
}
PARTS = {
    *("body", "caption", "dd", "dt", "figcaption", "head", "html", "li", "link", "meta", "style"),
    *("summary", "tbody", "td", "th", "thead", "title", "tr"),
}
ONLY_PHRASING = (PHRASING - {"a", "del"}) | {
    *("dt", "h1", "h2", "h3", "h4", "p", "pre", "summary"),
}
CHILDREN = {
    "dl": {"dt", "dd"},
    "ol": {"li"},
    "table": {"caption", "tbody", "thead"},
    "tbody": {"tr"},
    "thead": {"tr"},
    "tr": {"td", "th"},
    "ul": {"li"},
}
ATTRIBUTES = {
    "*": {"aria-hidden", "aria-label", "aria-labelledby", "class", "dir", "id", "lang", "role"}
    | {"data-number", "title"},
    "a": {"href"},
    "details": {"open"},
    "img": {"alt", "height", "src", "width"},
    "meta": {"charset", "content", "http-equiv", "name"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    **{name: OF_FORMULAS for name in FORMULAS},
}
MATHML = "{http://www.w3.org/1998/Math/MathML}"


def parsed(page: str) -> tuple[Element, list[str]]:
    """Return the tree of a page, and the errors that the parser met."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(page)
    for element in tree.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.removeprefix(MATHML)
    return tree, [f"{place}: {error} {values}" for place, error, values in parser.errors]


def problems(page: str) -> list[str]:
    """Say what is wrong with a page."""
    tree, errors = parsed(page)
    return [
        *errors,
        *content_problems(tree),
        *reference_problems(tree),
        *heading_problems(tree),
    ]


def content_problems(tree: Element) -> Iterator[str]:
    """Say which element stands where it may not, or has an attribute that it may not have."""
    for element in tree.iter():
        name = str(element.tag)
        if name not in PHRASING | FLOW | PARTS:
            yield f"<{name}> is not an element of a handout"
        for attribute in element.attrib:
            if attribute not in ATTRIBUTES["*"] | ATTRIBUTES.get(name, set()):
                yield f"<{name}> has the attribute {attribute}"
        for child in element:
            if name in ONLY_PHRASING and child.tag not in PHRASING:
                yield f"<{child.tag}> in <{name}>"
            if name in CHILDREN and child.tag not in CHILDREN[name]:
                yield f"<{child.tag}> in <{name}>"
        if name == "img" and "alt" not in element.attrib:
            yield "<img> without alt"
        if name == "details" and (not len(element) or element[0].tag != "summary"):
            yield "<details> that does not begin with <summary>"


def reference_problems(tree: Element) -> Iterator[str]:
    """Say which name is used twice, and which reference leads nowhere."""
    ids = Counter(element.get("id") for element in tree.iter() if element.get("id") is not None)
    yield from (f"two elements have the id {id}" for id, count in ids.items() if count > 1)
    for element in tree.iter():
        href = element.get("href", "")
        if href.startswith("#") and unquote(href[1:]) not in ids:
            yield f"a link leads to {href}, which is not there"
        label = element.get("aria-labelledby")
        if label and label not in ids:
            yield f"{label} labels an element and is not there"


def heading_problems(tree: Element) -> Iterator[str]:
    """Say where headings are not in order."""
    levels = [int(str(e.tag)[1]) for e in tree.iter() if e.tag in ("h1", "h2", "h3", "h4")]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} titles"
    for before, after in zip([0, *levels], levels, strict=False):
        if after > before + 1:
            yield f"an <h{after}> follows an <h{before}>"


def nu_html_checker(files: list[Path]) -> str:
    """Return what the Nu Html Checker, whose path is in ``VNU_JAR``, says of pages."""
    command = [
        "java",
        "-jar",
        os.environ["VNU_JAR"],
        "--errors-only",
        "--format",
        "gnu",
        *map(str, files),
    ]
    return subprocess.run(command, capture_output=True, text=True).stderr
