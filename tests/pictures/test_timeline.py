"""The timeline."""

from __future__ import annotations

import random
import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image

from server.pictures import Timeline
from server.pictures.timeline import EMPTY, ROWS, UNITS, ordinal, preferred
from server.record import Snapshot, Span

from .samples import one_after_the_other, side_by_side, wait, work

SYNC = """\
 1st client  ██████
 2nd client  ░░░░░░██████
 3rd client  ░░░░░░░░░░░░██████
 4th client  ░░░░░░░░░░░░░░░░░░██████
             █ working   ░ waiting for its turn
4 clients, one after the other: all are done in the time of 4 pieces of work."""

ASYNC = """\
 1st client  ██████
 2nd client  ██████
 3rd client  ██████
 4th client  ██████
             █ working
4 clients, side by side: all are done in the time of 1 piece of work."""


def timeline(*spans: Span) -> Timeline:
    """Return the timeline of some spans."""
    return Timeline(Snapshot((), spans, 0))


def test_sync() -> None:
    """Four clients of a SyncConsumer are served one after the other."""
    line = timeline(*one_after_the_other())
    assert line.text == repr(line) == SYNC
    assert (line.overlap, line.length, line.unit) == (1, 4, 0.5)
    assert [row.connection for row in line.rows] == [1, 3, 2, 4]


def test_async() -> None:
    """Four clients of an AsyncConsumer are served side by side."""
    line = timeline(*side_by_side())
    assert line.text == ASYNC
    assert (line.overlap, line.length, line.unit) == (4, 1, 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_noise(seed: int) -> None:
    """A busy machine changes neither the text nor the picture's rows."""
    noise = random.Random(seed)
    assert timeline(*one_after_the_other(lambda: noise.random() * 0.15)).text == SYNC
    assert timeline(*side_by_side(lambda: noise.random() * 0.1)).text == ASYNC


def test_picture() -> None:
    """The picture is small, as wide as a notebook, the same for the same rows, and has words."""
    line = timeline(*one_after_the_other())
    data, metadata = line._repr_mimebundle_()
    assert data == {"text/plain": SYNC, "image/png": line.png}
    assert len(line.png) < 25_000
    with Image.open(BytesIO(line.png)) as image:
        assert image.size == (720, 266)
    noisy = timeline(*one_after_the_other(lambda: 0.01))
    assert noisy.png == line.png
    assert metadata["image/png"]["alt"] == (
        "Timeline: 4 clients, one after the other: all are done in the time of 4 pieces of work. "
        "1st client: works from 0 to 1. "
        "2nd client: waits from 0 to 1, works from 1 to 2. "
        "3rd client: waits from 0 to 2, works from 2 to 3. "
        "4th client: waits from 0 to 3, works from 3 to 4."
    )


def test_empty() -> None:
    """Nothing is drawn where nothing took long."""
    short = timeline(work(1, 0.0, 0.001), wait(2, 0.0, 0.001))
    for line in (timeline(), short):
        assert line._repr_mimebundle_() == ({"text/plain": EMPTY}, {})
        assert (line.overlap, line.length, line.unit) == (0, 0, 0.0)
        assert line.verdict == EMPTY


def test_one_client() -> None:
    """One client is neither beside nor after another."""
    line = timeline(work(1, 5.0, 5.2), work(1, 5.201, 5.401))
    assert line.verdict == "1 client: done in the time of 2 pieces of work."
    assert line.rows[0].working == ((0, 2),)


def test_some_at_a_time() -> None:
    """Some work side by side, some after them."""
    line = timeline(work(1, 0.0, 0.5), work(2, 0.0, 0.5), work(3, 0.51, 1.01))
    assert line.verdict == (
        "3 clients, at most 2 at a time: all are done in the time of 2 pieces of work."
    )


def test_held_up() -> None:
    """A client whose own work is short may still wait long."""
    line = timeline(
        work(1, 0.0, 0.5),
        wait(2, 0.01, 0.5),
        work(2, 0.5, 0.501),
        wait(2, 0.6, 0.6001),
    )
    assert line.rows[1].waiting == ((0, 1),)
    assert line.rows[1].working == ()
    assert "2nd client: waits from 0 to 1." in line.alt
    assert line.verdict == "1 client: done in the time of 1 piece of work."
    assert line.png


def test_last_stretch() -> None:
    """A run that is repeated is drawn alone, and what is short beside it is not drawn."""
    before = [work(1, 0.0, 0.5), work(2, 0.5, 1.0), wait(2, 0.0, 0.5)]
    again = [work(3, 9.0, 9.5), wait(4, 9.0, 9.5), work(4, 9.5, 10.0), work(4, 10.0, 10.04)]
    line = timeline(*before, *again)
    assert [row.connection for row in line.rows] == [3, 4]
    assert line.length == 2


def test_cut_work_is_whole_again() -> None:
    """Work that another handler's hold cuts in two is one piece."""
    line = timeline(work(1, 0.0, 0.25), work(1, 0.265, 0.5), work(2, 0.0, 0.5), work(1, 0.501, 1.0))
    assert line.exact_unit == pytest.approx(0.499)
    assert line.rows[0].working == ((0, 2),)


def test_bounds() -> None:
    """A crowd and a long time are cut, and text, picture and words say so."""
    works = [work(number, number * 1.0, number + 1.0) for number in range(50)]
    line = timeline(*works)
    assert line.remarks == ["and 38 clients more", "and 10 pieces of work more in time"]
    assert line.text.split("\n")[ROWS : ROWS + 2] == [f"{' ' * 13}{r}" for r in line.remarks]
    assert max(map(len, line.text.split("\n")[:ROWS])) <= 13 + UNITS
    assert line.alt.endswith("and 38 clients more and 10 pieces of work more in time")
    assert len(line.png) < 25_000


def test_late_import() -> None:
    """Neither a launch nor a text loads matplotlib, and a picture leaves pyplot alone."""
    code = (
        "import sys, server.pictures as p; from server.record import Snapshot, Span\n"
        "t = p.Timeline(Snapshot((), (Span(1, 'working', 'x', 0.0, 1.0),), 0)); t.text\n"
        "assert 'matplotlib' not in sys.modules and 'jinja2' not in sys.modules\n"
        "t.png; assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300)


def test_preferred() -> None:
    """A unit in seconds is a number that reads well."""
    numbers = (0.5005, 0.53, 0.2502, 0.1003, 1.02, 2.1, 0.0301, 0.98)
    assert [preferred(number) for number in numbers] == [0.5, 0.5, 0.25, 0.1, 1, 2, 0.03, 1]


def test_ordinal() -> None:
    """Ordinals end as they should."""
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)
    assert " ".join(map(ordinal, numbers)) == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 101st 111th"
