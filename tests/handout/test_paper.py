"""The students' pages on A4 paper: how many, how full, and how large their letters are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import DecodedStreamObject, NameObject

from server.handout.exporter import too_much_for_paper
from server.handout.pdf import print_pages
from tests.handout.conftest import LESSONS

MOST_PAGES = 80
"""Of lessons 1 to 4 together."""

LEAST = 0.4
"""How much of a page is filled at least, but for the last, which may have no more than this."""

LEAST_AT_THE_END = 0.15

SMALLEST = 7.99
"""Points."""

HEAD, FOOT = 45, 38
"""Above and below, in points, a page has its running head and its number."""

NEXT_LETTER = re.compile(rb"> Tj\s+-?[\d.]+ 0 Td\s+<")
"""Between two letters of a line, where a page says how far apart they are."""


@dataclass(frozen=True)
class Text:
    """A piece of text on a page."""

    text: str
    above_bottom: float
    points: float


def texts(page: Any) -> list[Text]:
    """Return the text of a page between its head and its foot."""
    found = []

    def visit(text: str, outer: list[float], inner: list[float], _: object, size: float) -> None:
        if text.strip():
            y = inner[4] * outer[1] + inner[5] * outer[3] + outer[5]
            found.append(Text(text.strip(), y, abs(size * inner[3] * outer[3])))

    # Nothing here is measured along a line, and a letter at a time takes three times as long.
    content = DecodedStreamObject()
    content.set_data(NEXT_LETTER.sub(b"", page.get_contents().get_data()))
    page[NameObject("/Contents")] = content
    page.extract_text(visitor_text=visit)
    height = float(page.mediabox.height)
    return [text for text in found if FOOT < text.above_bottom < height - HEAD]


@pytest.fixture(scope="module")
def papers(handouts, chromium: str, tmp_path_factory) -> dict[str, list[list[Text]]]:
    """The texts of each page of each lesson."""
    folder = tmp_path_factory.mktemp("paper")
    pages = {
        handouts.folder / "student" / f"{lesson.stem}.html": [("A4", folder / f"{lesson.stem}.pdf")]
        for lesson in LESSONS
    }
    print_pages(chromium, pages)
    return {
        file.stem: [texts(page) for page in PdfReader(file).pages] for [(_, file)] in pages.values()
    }


def fills(pages: list[list[Text]]) -> Iterator[float]:
    """Say how much of each page is filled."""
    room = 842 - HEAD - FOOT
    for page in pages:
        yield (842 - HEAD - min((text.above_bottom for text in page), default=842)) / room


def test_number_of_pages(papers):
    """The first four lessons are 80 pages or less."""
    numbers = {name: len(pages) for name, pages in papers.items()}
    assert sum(number for name, number in numbers.items() if name < "05") <= MOST_PAGES, numbers


def test_no_page_is_nearly_empty(papers):
    """Each page but a lesson's last has text down to 40 % at least, and the last to 15 %."""
    empty = {
        (name, number): round(fill, 2)
        for name, pages in papers.items()
        for number, fill in enumerate(fills(pages), 1)
        if fill < (LEAST_AT_THE_END if number == len(pages) else LEAST)
    }
    assert empty == {}


def test_no_small_letters(papers):
    """Nothing is under 8 points: no code, no table, no picture."""
    small = {
        (name, number, text.text[:40])
        for name, pages in papers.items()
        for number, page in enumerate(pages, 1)
        for text in page
        if text.points < SMALLEST
    }
    assert small == set()


def test_no_heading_is_stranded(papers):
    """No page ends with a heading, the largest letters of a page besides its title."""
    stranded = {
        (name, number): last.text
        for name, pages in papers.items()
        for number, page in enumerate(pages, 1)
        for last in [min(page, key=lambda text: text.above_bottom)]
        if last.points > 10
    }
    assert stranded == {}


@pytest.mark.parametrize(
    ("drawing", "too_much"),
    [
        ('<svg width="600" height="300"><text font-size="12">x</text></svg>', False),
        ('<svg width="600" height="800"><text font-size="12">x</text></svg>', True),
        ('<svg width="990" height="300"><text font-size="12">x</text></svg>', True),
        ('<svg width="600" height="300"><text font-size="10">x</text></svg>', True),
        ('<svg viewBox="0 0 1 1"></svg>', False),
    ],
)
def test_drawings_that_paper_has_as_text(drawing, too_much):
    """A drawing that is high, or has small letters, is text on paper."""
    assert too_much_for_paper(drawing) is too_much


def test_papers_are_printed(papers):
    """What is measured is there: each lesson, and its first words."""
    assert list(papers) == [Path(lesson).stem for lesson in LESSONS]
    assert all("Lesson" in " ".join(text.text for text in pages[0]) for pages in papers.values())
