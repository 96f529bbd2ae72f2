"""Macros that a notebook's formulas define and use."""

from __future__ import annotations

import pytest

from server.handout.formulas import AS_TEX, formula
from server.handout.macros import Macros
from server.handout.markup import Prose


@pytest.mark.parametrize(
    ("tex", "expanded"),
    [
        (r"\newcommand{\R}{\mathbb{R}}x \in \R^n", r"x \in \mathbb{R} ^n"),
        (r"\newcommand\R{\mathbb R}\R", r"\mathbb R "),
        (r"\renewcommand*{\vec}[1]{\mathbf{#1}}\vec{x}\vec y", r"\mathbf{x} \mathbf{y} "),
        (r"\providecommand{\p}[2][a]{#1+#2}\p{b} \p[c]{b}", "a+b  c+b "),
        (r"\def\pair#1#2{(#1, #2)}\pair{a}{\{}", r"(a, \{) "),
        (r"\DeclareMathOperator*{\argmax}{arg\,max}\argmax_x", r"\mathrm{arg\,max} _x"),
        (r"\let\eps=\varepsilon\eps", r"\varepsilon "),
        (r"\newcommand{\a}{\b}\newcommand{\b}{1}\a", "1  "),
        (r"\newcommand{\R}{1}\newcommand{\R}{2}\R", "2 "),
        (r"\frac{a}{b} \\ c", r"\frac{a}{b} \\ c"),
    ],
)
def test_expanded(tex: str, expanded: str) -> None:
    """What a formula defines is taken out, and what uses it is replaced."""
    assert Macros().expanded(tex) == expanded


@pytest.mark.parametrize(
    "tex",
    [
        r"\newcommand",
        r"\newcommand{x}{y}",
        r"\newcommand{\x}",
        r"\newcommand{\x}{y",
        r"\def\x[#1]y",
        r"\let\x",
        r"\newcommand{\x}[1]{#1}\x",
        r"\newcommand{\x}{\x}\x",
        r"\newcommand{\x}[1]{#1#1}" + r"\x{" * 30 + "y" + "}" * 30,
        r"\newcommand{\xa}{y}"
        + "".join(
            rf"\newcommand{{\x{chr(98 + n)}}}{{{{\x{chr(97 + n)}}}{{\x{chr(97 + n)}}}}}"
            for n in range(25)
        )
        + r"\xz",
        r"\newenvironment{x}{y}{z}",
    ],
)
def test_what_is_no_tex_or_has_no_end(tex: str) -> None:
    """What cannot be read, or grows without end, leaves the formula as TeX."""
    assert formula(tex).faults == (AS_TEX,)


def test_from_cell_to_cell() -> None:
    """A formula may use what one in an earlier cell has defined, and the next notebook may not."""
    notebook = Prose("", "")
    assert notebook.to_html(r"$$\newcommand{\R}{\mathbb{R}}$$").strip() == "<p></p>"
    assert "<mi>\N{DOUBLE-STRUCK CAPITAL R}</mi>" in notebook.to_html(r"so $x \in \R$", cell=2)
    assert "<mi>\N{DOUBLE-STRUCK CAPITAL R}</mi>" in notebook.latex_to_html(r"$\R$", 3)
    assert list(notebook.notes) == []
    other = Prose("", "")
    assert "<mi>\N{DOUBLE-STRUCK CAPITAL R}</mi>" not in other.to_html(r"so $x \in \R$")
    assert list(other.notes) == [
        r"the command \R in a formula is not known, and stands there as it is"
    ]
