"""Macros of TeX: what one formula of a notebook defines, the formulas after it may use."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Macro", "Macros"]

LONGEST = 20_000
"""Signs of a formula with its macros replaced: each may double what it is given."""

MOST = 2_000
"""Replacements in a formula: a macro may stand for itself."""

COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL)
SIGN = re.compile(r"\\[A-Za-z]+|\\?[^\\]", re.DOTALL)
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
NAME = re.compile(r"\*?\s*(\{)?\s*(\\(?:[A-Za-z]+|[^A-Za-z\s]))(?(1)\s*\})")
NUMBER = re.compile(r"\s*\[\s*([0-9])\s*\]")
DEFAULT = re.compile(r"\s*\[([^\[\]]*)\]")
PARAMETERS = re.compile(r"(?:\s*#[1-9])*\s*(?=\{)")
PARAMETER = re.compile("#([1-9])")


class Macro(NamedTuple):
    """What a command stands for."""

    body: str
    """With ``#1`` for what the first argument is."""

    takes: int = 0
    """How many arguments it takes."""

    default: str | None = None
    """What the first argument is where none stands in brackets; ``None``: it is like the others."""


class Macros:
    """The macros of one notebook."""

    def __init__(self) -> None:
        self.known: dict[str, Macro] = {}

    def expanded(self, tex: str) -> str:
        """Return a formula with its macros replaced; what it defines is taken out, and kept.

        Raises:
            ValueError: It is no TeX, or would become too long.

        """
        place = replaced = 0
        while found := COMMAND.search(tex, place):
            place, end = found.span()
            if (define := DEFINITIONS.get(found[0])) is not None:
                name, macro, end = define(tex, end)
                self.known[name] = macro
                new = ""
            elif found[0] in self.known:
                new, end = with_arguments(self.known[found[0]], tex, end)
            else:
                place = end
                continue
            tex = tex[:place] + new + tex[end:]
            replaced += 1
            if len(tex) > LONGEST or replaced > MOST:
                raise ValueError("a formula becomes too long")
        return tex


def with_arguments(macro: Macro, tex: str, place: int) -> tuple[str, int]:
    """Return what a macro stands for before this place, and where its arguments end."""
    arguments = []
    if macro.default is not None:
        found = DEFAULT.match(tex, place)
        arguments.append(found[1] if found else macro.default)
        place = found.end() if found else place
    while len(arguments) < macro.takes:
        argument, place = argument_at(tex, place)
        arguments.append(argument)
    body = PARAMETER.sub(lambda found: "".join(arguments[int(found[1]) - 1 :][:1]), macro.body)
    # The space: a command at its end must not take in a letter that follows.
    return f"{body} ", place


def argument_at(tex: str, place: int) -> tuple[str, int]:
    """Return what is in the braces at a place, or the one sign there, and where that ends."""
    start = len(tex) - len(tex[place:].lstrip())
    if not tex.startswith("{", start):
        found = SIGN.match(tex, start)
        if found is None:
            raise ValueError("an argument is missing")
        return found[0], found.end()
    depth = 0
    for sign in BRACE.finditer(tex, start):
        depth += {"{": 1, "}": -1}.get(sign[0], 0)
        if depth == 0:
            return tex[start + 1 : sign.start()], sign.end()
    raise ValueError("a brace is not closed")


def name_at(tex: str, place: int) -> tuple[str, int]:
    """Return the command at a place, and where it ends."""
    found = NAME.match(tex, place)
    if found is None:
        raise ValueError("a definition names no command")
    return found[2], found.end()


def new_command(tex: str, place: int) -> tuple[str, Macro, int]:
    r"""Read ``\newcommand{\name}[2][default]{body}``, from behind the first word."""
    name, place = name_at(tex, place)
    count, default = 0, None
    if found := NUMBER.match(tex, place):
        count, place = int(found[1]), found.end()
        if count and (found := DEFAULT.match(tex, place)):
            default, place = found[1], found.end()
    body, place = argument_at(tex, place)
    return name, Macro(body, count, default), place


def definition(tex: str, place: int) -> tuple[str, Macro, int]:
    r"""Read ``\def\name#1#2{body}``, from behind the first word."""
    name, place = name_at(tex, place)
    found = PARAMETERS.match(tex, place)
    if found is None:
        raise ValueError("a definition has arguments that are not known here")
    body, end = argument_at(tex, found.end())
    return name, Macro(body, found[0].count("#")), end


def operator(tex: str, place: int) -> tuple[str, Macro, int]:
    r"""Read ``\DeclareMathOperator{\name}{text}``, from behind the first word."""
    name, place = name_at(tex, place)
    text, place = argument_at(tex, place)
    return name, Macro(rf"\mathrm{{{text}}}"), place


def equal(tex: str, place: int) -> tuple[str, Macro, int]:
    r"""Read ``\let\name=\other``, from behind the first word."""
    name, place = name_at(tex, place)
    if tex[place:].lstrip().startswith("="):
        place = tex.index("=", place) + 1
    body, place = argument_at(tex, place)
    return name, Macro(body), place


DEFINITIONS = {
    **dict.fromkeys(("\\newcommand", "\\renewcommand", "\\providecommand"), new_command),
    **dict.fromkeys(("\\def", "\\gdef", "\\edef", "\\xdef"), definition),
    "\\DeclareMathOperator": operator,
    "\\let": equal,
}
