"""The words of every picture."""

from __future__ import annotations

from typing import Any

import pytest

from server.live.record import (
    Answered,
    Control,
    Disconnected,
    Entry,
    Event,
    Failed,
    Logged,
    Note,
    Printed,
    Received,
    Refused,
    Requested,
    Sent,
    What,
)
from server.pictures.words import (
    Names,
    close_code,
    describe,
    from_page,
    full_payload,
    http_status,
    quote,
    visible,
    width,
    wrap,
)

from .samples import caught, chained, everything, opened, snapshot, websocket_receive


def words(what: What, event: Event | None = None, connection: int = 1) -> str:
    """Return an entry in words."""
    phrase = describe(Entry(1, 0.0, connection, what, event), Names([]))
    return f"{phrase.verb} {phrase.words}"


def raised(function: object) -> list[str]:
    """Return an exception in words, line by line."""
    phrase = describe(Entry(1, 0.0, 1, Failed(caught(function)), None), Names([]))  # type: ignore[arg-type]
    return [phrase.words, *phrase.details]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("hello", "text 'hello'"),
        ("", "text '' (empty)"),
        (b"", "binary b'' (empty)"),
        (b"\x00", r"binary b'\x00' (1 byte)"),
        ('{"a": 1}', "text '{\"a\": 1}'"),
        ("a" * 60, f"text '{'a' * 60}'"),
        ("a" * 61, f"text '{'a' * 60}…' (61 characters)"),
        ("a" * 2 * 2**20, f"text '{'a' * 60}…' (2,097,152 characters)"),
        (b"\xff" * 30, "binary b'" + r"\xff" * 15 + "…' (30 bytes)"),
        ("\n" * 40, "text '" + r"\n" * 30 + "…' (40 characters)"),
        ("👋", "text '👋'"),
        ("\x1b[31mred\u202e", r"text '\x1b[31mred\u202e'"),
        ("שלום", "text 'שלום'\u200e"),
        ("مرحبا", "text 'مرحبا'\u200e"),
        ("\udc80", r"text '\udc80'"),
    ],
)
def test_payload(payload: str | bytes, expected: str) -> None:
    """A payload is what Python shows, shortened, with its length where that is not seen."""
    assert words(Received(payload)) == expected
    assert words(Sent(payload)) == expected


def test_full_payload() -> None:
    """The whole payload is offered where the picture leaves some of it out."""
    for payload in ("a" * 61, "\n" * 40, b"\xff" * 30):
        assert full_payload(Entry(1, 0.0, 1, Received(payload), None)) == payload
    assert full_payload(Entry(1, 0.0, 1, Sent("a" * 60), None)) is None
    assert full_payload(Entry(1, 0.0, 1, Note("a" * 100), None)) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1000, "1000 (normal closure)"),
        (1011, "1011 (internal error)"),
        (3000, "3000 (registered use)"),
        (4999, "4999 (private use)"),
        (2000, "2000 (undefined)"),
    ],
)
def test_close_code(code: int, expected: str) -> None:
    """A close code comes with its meaning, and with the reason if there is one."""
    assert close_code(code) == expected
    assert close_code(code, "it's late") == f'{expected} "it\'s late"'


def test_http_status() -> None:
    """An HTTP status comes with its name, where it has one."""
    assert http_status(403) == "403 Forbidden"
    assert http_status(599) == "599"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, ""),
        ("http://localhost:8888", ""),
        ("http://127.0.0.1:43210", ""),
        ("http://[::1]:8000", ""),
        ("https://evil.example:8443", " from https://evil.example"),
        ("null", " from 'null'"),
        ("http://[bad", " from 'http://[bad'"),
    ],
)
def test_origin(origin: str | None, expected: str) -> None:
    """Another site's page is named, without its port; this machine's own is not."""
    assert from_page(origin) == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (Refused("server", 403, ""), "refuse (403 Forbidden)"),
        (Refused("server", 403, "Not\nyou."), r"refuse (403 Forbidden): Not\nyou."),
        (Control("ping", b"abcd"), "ping (4 bytes) answered by the server"),
        (Control("pong", b"a"), "pong (1 byte)"),
        (Control("fragment", b"half"), "fragment of a message, b'half'"),
        (Disconnected("client", 1005, ""), "close without a code (1005, no status received)"),
        (
            Disconnected("network", 1006, ""),
            "ended without a close frame, 1006 (abnormal closure)",
        ),
        (Disconnected("consumer", 4000, "x"), "ended by the consumer, 4000 (private use) 'x'"),
        (Printed("a\tb\x07\n", "stdout"), r"prints a   b\x07"),
        (Printed("a" * 500, "stderr"), f"prints to stderr {'a' * 400}… (500 characters)"),
        (Printed("a\n" * 9, "stdout"), "prints " + "a\n" * 8 + "… (9 lines)"),
        (Note("a" * 500), f"note {'a' * 400}… (500 characters)"),
    ],
)
def test_words(what: What, expected: str) -> None:
    """Each kind of entry has its words."""
    assert words(what) == expected


def test_who() -> None:
    """An application takes part where it had an event; the server does where it had none."""
    event = {"type": "websocket.disconnect", "code": 1000}
    entry = Entry(1, 0.0, 1, Disconnected("client", 1000, ""), event)
    names = Names(snapshot(*opened()).entries)
    assert describe(entry, names).actor == "Echo"
    assert describe(entry._replace(event=None), names).actor == "server"
    assert describe(Entry(1, 0.0, 0, Printed("x", "stdout"), None), names).actor == "server"


def test_names() -> None:
    """Clients have numbers as soon as there is more than one."""
    assert Names(snapshot(*opened()).entries).client(1) == "client"
    assert Names(snapshot(*opened(2)).entries).client(2) == "client 2"
    assert Names(snapshot(*opened(), *opened(2)).entries).client(1) == "client 1"
    assert Names([]).client(0) == ""


def test_exception() -> None:
    """An exception is its type and message, and the learner's own lines with their file."""
    lines = raised(websocket_receive)
    assert lines[0] == "TypeError: Object of type set is not JSON serializable"
    assert lines[-2].endswith(" of samples.py, in websocket_receive")
    assert lines[-1] == "    json.dumps({1, 2})"
    assert not any("encode" in line for line in lines)


@pytest.mark.parametrize("name", ["<string>", "/tmp/ipykernel_123/456.py"])
def test_exception_in_a_cell(name: str) -> None:
    """A cell is no file: its lines are numbered, and nothing more."""
    names: dict[str, Any] = {}
    exec(compile("def receive():\n    int('x')", name, "exec"), names)
    assert raised(names["receive"])[-1] == "  line 2, in receive"


def test_exception_chain() -> None:
    """A cause follows the exception that it caused."""
    lines = raised(chained)
    assert lines[0] == "RuntimeError: cannot read what the browser sent"
    assert (
        "caused by json.decoder.JSONDecodeError: Expecting value: line 1 column 2 (char 1)" in lines
    )

    def handling() -> None:
        try:
            raise KeyError("text")
        except KeyError:
            int("x")

    assert "raised while handling KeyError: 'text'" in raised(handling)

    def hidden() -> None:
        try:
            raise KeyError("text")
        except KeyError:
            raise ValueError("no text") from None

    assert not any("KeyError" in line for line in raised(hidden))


def test_exception_group() -> None:
    """The exceptions of a group are numbered."""

    def group() -> None:
        raise ExceptionGroup("two", [ValueError("a"), KeyError("b")])

    lines = raised(group)
    assert lines[0] == "ExceptionGroup: two (2 sub-exceptions)"
    assert lines[-2:] == ["1. ValueError: a", "2. KeyError: 'b'"]


def test_syntax_error() -> None:
    """A SyntaxError begins with its message and does not name the file."""

    file = "/tmp/ipykernel_1/2.py"

    def syntax() -> None:
        compile("a b", file, "exec")

    lines = raised(syntax)
    assert lines[0] == "SyntaxError: invalid syntax"
    assert "    a b" in lines
    assert not any("ipykernel" in line for line in lines)


def test_exception_with_notes_and_long_message() -> None:
    """Notes are shown, and long messages are shortened."""

    def noted() -> None:
        error = ValueError("x" * 1000)
        error.add_note("y\n" * 20)
        raise error

    assert raised(noted)[0] == f"ValueError: {'x' * 388}… (1,053 characters)"

    def lines() -> None:
        raise ValueError("x\n" * 20)

    assert raised(lines)[:9] == ["ValueError: x", *["x"] * 7, "…"]


def test_deep_recursion() -> None:
    """Of many calls, the outermost and the innermost are shown."""

    def down(n: int) -> int:
        return down(n - 1) if n else 1 // n

    lines = raised(lambda: down(20))
    assert sum(line == "  … 19 calls more …" for line in lines) == 1
    assert lines[-1] == "    return down(n - 1) if n else 1 // n"
    assert len(lines) == 1 + 1 + 4 * 2


def test_frame_of_a_module() -> None:
    """Code outside a function is in the cell; a line that cannot be read is left out."""

    # Not <string>: Python 3.13 knows the lines of that, if it was started with -c as pytest-xdist
    # starts it.
    def run() -> None:
        exec(compile("1 / 0", "<no file>", "exec"))

    assert raised(run)[-1] == "  line 1, in the cell"


def test_visible() -> None:
    """Every character shows."""
    assert visible("a b'é👋") == "a b'é👋"
    assert visible("a\n\x00\u202e") == r"a\n\x00\u202e"


def test_quote_limit() -> None:
    """A text is cut at the limit."""
    assert quote("abcdef", 3) == "'abc…'"


def test_width() -> None:
    """Wide characters take two cells, marks that combine take none."""
    assert width("abc") == 3
    assert width("日本👋") == 6
    assert width("e\u0301\u200e") == 1


def test_wrap() -> None:
    """Lines break at a space, or in a word that fits on no line; spaces inside stay."""
    assert wrap("one two three four", 10) == ["one two", "three four"]
    assert wrap("aaaaaaaaaaaaaaa", 10, indent=2) == ["aaaaaaaaaa", "  aaaaa"]
    assert wrap("a  b\n\n  c", 10) == ["a  b", "", "  c"]
    assert wrap("日本日本", 5) == ["日本", "日本"]
    assert wrap("", 5) == [""]


def test_a_word_stays_whole() -> None:
    """A word that has room on a line of its own is not broken, and any other at a sign."""
    printed = "prints: {'type': 'websocket.disconnect', 'code': 1000}"
    assert wrap(printed, 32) == ["prints: {'type':", "'websocket.disconnect', 'code':", "1000}"]
    assert wrap('text \'{"name":"Ada","points":8}\'', 24) == [
        'text \'{"name":"Ada",',
        '"points":8}\'',
    ]


def test_every_kind() -> None:
    """No kind of entry is without words, and no words hold what does not show."""
    shot = everything()
    names = Names(shot.entries)
    for entry in shot.entries:
        phrase = describe(entry, names)
        assert phrase.verb
        assert phrase.words
        for line in (*phrase.words.split("\n"), *phrase.details):
            assert line.replace("\u200e", "").isprintable()


def test_dropped_names() -> None:
    """A consumer and a client have their names although the entries that say them are gone."""
    names = Names([], {1: "Echo", 2: "E" * 100})
    assert names.consumer(1) == "Echo"
    assert names.consumer(2) == "E" * 29 + "…"
    assert names.client(1) == "client 1"


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (Requested("GET", "/a"), ("→", "GET", "/a")),
        (Answered("Page", 404, 1), ("←", "answer", "(404 Not Found) 1 byte")),
        (Logged("info", "chat", "got x"), ("", "logs info to chat", "got x")),
    ],
)
def test_http_and_logs(what: object, expected: tuple[str, str, str]) -> None:
    """A request and its answer cross the wire, a log does not."""
    phrase = describe(Entry(1, 0.0, 1, what, None), Names([]))  # type: ignore[arg-type]
    assert (phrase.arrow, phrase.verb, phrase.words) == expected
