"""Formulas in TeX as MathML, which a browser shows without a script."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from itertools import zip_longest
from typing import NamedTuple
from xml.etree import ElementTree

from latex2mathml.converter import convert

from .macros import Macros

__all__ = ["Formula", "delimited", "formula"]

ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "ms", "mstyle", "mpadded", "mphantom"),
    *("mfrac", "msqrt", "mroot", "merror", "msub", "msup", "msubsup", "munder", "mover"),
    *("munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd"),
}
"""The elements of MathML Core that draw something; of any other, what is in it is drawn."""

ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form"),
    *("largeop", "movablelimits", "symmetric", "accent", "accentunder", "separator", "minsize"),
    *("maxsize", "linethickness", "width", "height", "depth", "lspace", "rspace", "voffset"),
}
"""The attributes that stay: no address, no style, and no colour that cannot be read."""

VALUE = re.compile(r"[\w.+%-]+( [\w.+%-]+)*")

LONGEST = 5_000
"""A formula with more signs than this stays as TeX."""

AS_TEX = "a formula cannot be typeset, and stands there as TeX"

NUMBERED = re.compile(r"\\(begin|end)\{(equation|align|alignat|gather|multline|eqnarray)\}")
"""An environment that TeX numbers, and a notebook does not."""

UNSEEN = re.compile(r"\\label\{[^{}]*\}|\\(?:nonumber|notag|displaylimits)(?![a-zA-Z])")
"""What has no look of its own."""

DELIMITERS = re.compile(r"\s*(\$\$|\$|\\\[|\\\()(.*?)(?:\$\$|\$|\\\]|\\\))\s*", re.DOTALL)


class Formula(NamedTuple):
    """A formula as HTML."""

    html: str

    faults: tuple[str, ...] = ()
    """What is not as it should be, a sentence each."""


def formula(tex: str, display: bool = False, macros: Macros | None = None) -> Formula:
    """Return a formula as MathML, or where that cannot be as TeX in a frame.

    Args:
        tex: The formula.
        display: Whether it stands by itself, and not in a line.
        macros: What the formulas before it have defined; what this one defines comes to it.

    """
    try:
        if len(tex) > LONGEST:
            raise ValueError(tex)
        return typeset((macros or Macros()).expanded(tex), display)
    # Each way of not being TeX has an exception of its own, down to the end of the stack.
    except Exception:
        return Formula(f'<code class="tex">{escape(tex.strip())}</code>', (AS_TEX,))


@lru_cache(maxsize=4096)
def typeset(tex: str, display: bool) -> Formula:
    """Return a formula without macros as MathML.

    Raises:
        Exception: It is no TeX; of some kind or other.

    """
    source = UNSEEN.sub("", NUMBERED.sub(r"\\\1{\2*}", tex)).strip()
    if not source:
        return Formula("")
    if "\\newenvironment" in source:
        # Of all that defines something, only this would come to the library, which has no bounds.
        raise ValueError(source)
    root = ElementTree.fromstring(convert(source, display="block" if display else "inline"))
    faults: dict[str, None] = {}
    return Formula(written(root, faults), tuple(faults))


def written(element: ElementTree.Element, faults: dict[str, None]) -> str:
    """Return an element as HTML, with nothing in it but what draws."""
    name = element.tag.rpartition("}")[2]
    text = element.text or ""
    if name == "mi" and text.startswith("\\"):
        faults[f"the command {text} in a formula is not known, and stands there as it is"] = None
    inner = escape(text) + "".join(
        written(child, faults) + escape(child.tail or "") for child in element
    )
    attributes = "".join(
        f' {key}="{value}"'
        for key, value in element.attrib.items()
        if key in ATTRIBUTES and VALUE.fullmatch(value)
    )
    side = element.get("columnalign", "")
    if name == "mtd" and side in ("left", "right"):
        attributes += f' class="{side}"'
    if name not in ELEMENTS:
        name, attributes = "mrow", ""
    return f"<{name}{attributes}>{inner}</{name}>"


def delimited(text: str, macros: Macros | None = None) -> Formula:
    """Return an output of the kind ``text/latex``: formulas, each between its own marks."""
    parts = DELIMITERS.split(text)
    if len(parts) == 1:
        return formula(text, True, macros)
    html, faults = [], list[str]()
    # Text, mark, formula, and so on.
    for between, mark, tex in zip_longest(parts[::3], parts[1::3], parts[2::3], fillvalue=""):
        html.append(escape(between))
        if mark:
            made = formula(tex, mark in ("$$", "\\["), macros)
            html.append(made.html)
            faults += made.faults
    return Formula(" ".join(filter(None, html)), tuple(dict.fromkeys(faults)))
