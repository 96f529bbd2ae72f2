"""Prints go to whoever takes them."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import io
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from server.live.current_connection import Stream, current_connection
from server.live.output import Lines, PrintRouter, route_prints, show_forgotten_awaits


class Taker:
    """Takes prints."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def print(self, text: str, stream: Stream) -> None:
        """Take a piece of text."""
        self.taken.append((text, stream))


@contextmanager
def routed() -> Iterator[io.StringIO]:
    """Put a router before a standard output of the test's own."""
    stream = io.StringIO()
    with redirect_stdout(stream), redirect_stderr(io.StringIO()):
        route_prints()
        yield stream


@contextmanager
def taking() -> Iterator[list[tuple[str, str]]]:
    """Take the prints of a block."""
    found = Taker()
    token = current_connection.set(found)
    try:
        yield found.taken
    finally:
        current_connection.reset(token)


def test_a_print_outside_goes_to_the_stream() -> None:
    """Where nobody takes prints, they go where they always went."""
    with routed() as stdout:
        print("hello")
        assert sys.stdout.write("four") == 4
        sys.stdout.writelines(["a", "b"])
        assert stdout.getvalue() == "hello\nfourab"


def test_a_print_inside_goes_to_the_taker() -> None:
    """Where somebody takes prints, the stream gets nothing."""
    with routed() as stdout, taking() as taken:
        print("hello")
        print("problem", file=sys.stderr)
        assert sys.stdout.write("four") == 4
        sys.stdout.writelines(["a", "b"])
        assert taken == [
            ("hello", "stdout"),
            ("\n", "stdout"),
            ("problem", "stderr"),
            ("\n", "stderr"),
            ("four", "stdout"),
            ("a", "stdout"),
            ("b", "stdout"),
        ]
        assert stdout.getvalue() == ""


def test_another_context_is_not_concerned() -> None:
    """The taker of one context does not take what another one prints."""
    with routed() as stdout, taking() as taken:
        contextvars.Context().run(print, "outside")
        assert taken == []
        assert stdout.getvalue() == "outside\n"


def test_a_stream_that_counts_nothing() -> None:
    """A stream whose write() returns None still gives a count."""

    class Mute:
        def write(self, text: str) -> None:
            pass

    assert PrintRouter(Mute(), "stdout").write("four") == 4


def test_flush() -> None:
    """A consumer's flush does not reach the stream; any other does."""
    with routed() as stdout, taking():
        flushes = []
        stdout.flush = lambda: flushes.append(1)  # type: ignore[method-assign]
        print("hello", flush=True)
        assert flushes == []
        contextvars.Context().run(sys.stdout.flush)
        assert flushes == [1]


def test_everything_else_is_the_streams_own() -> None:
    """A router has the attributes of its stream."""
    with routed():
        print("hello")
        assert sys.stdout.getvalue() == "hello\n"  # type: ignore[attr-defined]
        assert not sys.stdout.isatty()


def test_routing_twice_is_routing_once() -> None:
    """A stream has one router, however often it is asked for."""
    with routed():
        before = sys.stdout, sys.stderr
        route_prints()
        assert (sys.stdout, sys.stderr) == before


def test_a_cell_that_captures_its_output() -> None:
    """A stream put in the place of ours gets a router of its own, until it goes again."""
    with routed(), taking() as taken:
        captured = io.StringIO()
        with redirect_stdout(captured):
            route_prints()
            print("inside")
            contextvars.Context().run(print, "outside")
        print("after")
        assert [text for text, _ in taken] == ["inside", "\n", "after", "\n"]
        assert captured.getvalue() == "outside\n"


def test_lines() -> None:
    """Pieces are joined to lines; what has no line break waits for flush()."""
    lines: list[str] = []
    collector = Lines(lines.append)
    collector.write("one")
    collector.write(" line\nand another\n\nres")
    assert lines == ["one line", "and another", ""]
    collector.write("t")
    collector.flush()
    collector.flush()
    assert lines == ["one line", "and another", "", "rest"]


def test_a_line_in_very_many_pieces() -> None:
    """A line that comes in 200,000 pieces takes no longer for each than for the first."""
    lines: list[str] = []
    collector = Lines(lines.append)
    copied = 0

    class Piece(str):
        def __radd__(self, other: str) -> str:
            nonlocal copied
            copied += len(other)
            return str(other) + str(self)

    for number in range(200_000):
        collector.write(Piece(f"{number} "))
    collector.write("\n")
    assert len(lines[0].split()) == 200_000
    assert copied == 0


def test_a_rest_that_goes_while_it_is_flushed() -> None:
    """A thread that ends its line during flush() has it handed on once."""
    collector = Lines(lambda line: lines.append(line))
    lines: list[str] = []
    collector.rests = {1: [], threading.get_ident(): ["rest"]}
    collector.flush()
    assert lines == ["rest"]


def test_lines_of_several_threads() -> None:
    """Threads that print at once do not tear each other's lines apart."""
    lines: list[str] = []
    collector = Lines(lines.append)

    def write(name: str) -> None:
        for number in range(500):
            collector.write(f"{name}")
            collector.write(f"{number}")
            collector.write("\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines) == sorted(f"{name}{number}" for name in "abcd" for number in range(500))


def test_a_forgotten_await_is_shown_each_time() -> None:
    """The same line of code warns as often as it runs."""

    async def forgotten() -> None:
        pass

    def run() -> None:
        forgotten()
        gc.collect()

    # What tests before have left is not this one's.
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        show_forgotten_awaits()
        for _ in range(3):
            run()
    texts = [str(one.message) for one in caught]
    assert len(texts) == 3
    assert texts[0].endswith("forgotten' was never awaited")


def test_a_task_and_a_thread_inherit_the_taker() -> None:
    """Tasks, and threads that asyncio.to_thread() uses, print where their creator does."""
    with routed(), taking() as taken:

        async def main() -> None:
            await asyncio.create_task(asyncio.sleep(0))
            await asyncio.to_thread(print, "thread")

        asyncio.run(main())
        assert taken[0] == ("thread", "stdout")
