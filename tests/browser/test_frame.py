"""The frame of a browser cell, in a real browser and without JupyterLab around it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from channels.generic.websocket import WebsocketConsumer

from server.notebook.launch import LiveServer, launch
from server.notebook.runs import Run, runs
from tests.browser.driving import Browser, Page
from tests.serving import eventually

# Waits for what a condition says and returns what the frame shows.
SHOWN = """
const started = Date.now();
const holds = () => eval(args[0]);
while (!holds()) {
    if (Date.now() - started > 30000) throw new Error(`${args[0]} does not come true`);
    await new Promise((resolve) => setTimeout(resolve, 20));
}
return {
    lines: [...document.querySelectorAll("#lines .text")].map((item) => item.textContent),
    kinds: [...document.querySelectorAll("#lines > li")].map((item) => item.dataset.kind),
    marks: [...document.querySelectorAll("#lines > li")].map((item) => item.dataset.line ?? null),
    late: [...document.querySelectorAll("#lines > li")].map((item) => "late" in item.dataset),
    sockets: [...document.querySelectorAll("#sockets > li")].map((item) => item.textContent),
    count: document.getElementById("dropped").textContent,
    status: document.getElementById("status").textContent,
    pageHeight: document.querySelector("#page iframe")?.clientHeight,
};
"""
SETTLED = "document.documentElement.dataset.state === 'settled'"

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


class Talker(WebsocketConsumer):
    """Answers a number with as many messages, and anything else with itself."""

    def connect(self):
        if self.scope["path"].startswith("/refused/"):
            self.close()
        else:
            self.accept()

    def receive(self, text_data=None, bytes_data=None):
        if text_data == "slowly":
            time.sleep(1.0)
        if text_data and text_data.isdigit():
            for number in range(int(text_data)):
                self.send(f"message {number}")
        else:
            self.send(text_data=text_data, bytes_data=bytes_data)


@pytest.fixture
def live() -> Iterator[LiveServer]:
    server = launch(Talker, name="frames")
    yield server
    server.close()


Show = Callable[[str], Page]


@pytest.fixture
def show(live: LiveServer, started_browser: Browser) -> Iterator[Show]:
    """Open the frame of a cell with this code."""
    pages: list[Page] = []
    numbers = itertools.count()

    def open_frame(code: str) -> Page:
        run = Run(f"cell-{next(numbers)}", code, 0.3, False)
        runs.add(run)
        page = started_browser.open(f"{live.http_url}{run.path}")
        pages.append(page)
        return page

    yield open_frame
    for page in pages:
        page.close()


def shown(page: Page, condition: str = SETTLED) -> Any:
    return page.run(SHOWN, condition)


def logged(show: Show, code: str) -> list[str]:
    """Return what the console shows for a piece of code."""
    lines: list[str] = shown(show(code))["lines"]
    return lines


VALUES = [
    ("'text', 1, true, null, undefined", "text 1 true null undefined"),
    ("['text', 'it\\'s', `'\"`]", "['text', \"it's\", `'\"`]"),
    ("{a: 1, b: [1, 2]}", "{a: 1, b: [1, 2]}"),
    ("{'a b': 1, c: undefined}", "{'a b': 1, c: undefined}"),
    ("[], {}, [[]], [{}]", "[] {} [[]] [{}]"),
    ("[1,,3]", "[1, empty, 3]"),
    ("-0, NaN, 1e21, 10n", "-0 NaN 1e+21 10n"),
    ("Object.create(null)", "{}"),
    ("new (class Point { x = 1; #y = 2 })", "Point {x: 1}"),
    ("new Error('no'), new TypeError('never')", "Error: no TypeError: never"),
    ("new DOMException('no', 'AbortError')", "AbortError: no"),
    ("new Map([[{k: 1}, 'v']]), new Set(['x'])", "Map(1) {{k: 1} => 'v'} Set(1) {'x'}"),
    ("new Date(0), new Date(NaN), /a+/g", "1970-01-01T00:00:00.000Z Invalid Date /a+/g"),
    ("new Blob(['abc'], {type: 'text/plain'})", "Blob(3) {type: 'text/plain'}"),
    ("new Blob(['abc']), new ArrayBuffer(3)", "Blob(3) ArrayBuffer(3)"),
    ("new Uint8Array([1, 2])", "Uint8Array(2) [1, 2]"),
    ("new DataView(new ArrayBuffer(2))", "DataView(2)"),
    ("function named() {}, class Named {}, Symbol('s')", "ƒ named() class Named Symbol(s)"),
    ("{get now() { throw new Error('side effect') }}", "{now: (...)}"),
    ("new Proxy({}, {ownKeys() { throw new Error('no') }})", "[Object that cannot be read]"),
    ("(() => { const a = {}; a.self = a; return a })()", "{self: [Circular]}"),
    ("(() => { const a = {}; return [a, a] })()", "[{}, {}]"),
    ("[[[[[[1]]]]]]", "[[[[[…]]]]]"),
    ("Array.from({length: 102}, () => 0)", "[" + "0, " * 100 + "… 2 more]"),
    ("document.body, document, window", "<body> #document Window {…}"),
    ("new CloseEvent('close', {code: 4000})",
     "CloseEvent {isTrusted: false, type: 'close', code: 4000, reason: '', wasClean: false}"),
    ("'%s is %d or %i, %f, %o%% %c.', 'x', 1.5, 1.5, 1.5, {a: 1}, 'color: red'",
     "x is 1 or 1, 1.5, {a: 1}% ."),
    ("'%s and %s', 1", "1 and %s"),
    ("'100%', 5", "100% 5"),
    ("new Promise(() => {}), new String('s')", "Promise {} String {'s'}"),
    ("'<b>bold</b>', '\\n', 'two\\nlines'", "<b>bold</b> \n two\nlines"),
]  # fmt: skip


def test_values_as_devtools_show_them(show: Show) -> None:
    """Values are shown as text that a reader of devtools knows."""
    code = "\n".join(f"console.log({source});" for source, _ in VALUES)
    assert logged(show, code) == [text for _, text in VALUES]


def test_long_text_is_cut(show: Show) -> None:
    """A very long text is cut, and its length told."""
    [line] = logged(show, "console.log('x'.repeat(50_000))")
    assert line == "x" * 10_000 + "… (50,000 characters)"


def test_other_methods_of_the_console(show: Show) -> None:
    """Counters, groups, assertions and traces go to the frame too."""
    page = show(
        "console.count(); console.count('a'); console.count();"
        "console.group('outer'); console.log('inner'); console.groupEnd(); console.log('after');"
        "console.assert(true, 'no'); console.assert(false, 'yes'); console.dir([1]);"
        "console.table([{a: 1}]); console.info('i'); console.warn('w'); console.debug('d');"
    )
    seen = shown(page)
    assert seen["lines"] == [
        "default: 1",
        "a: 1",
        "default: 2",
        "outer",
        "  inner",
        "after",
        "Assertion failed: yes",
        "[1]",
        "[{a: 1}]",
        "i",
        "w",
        "d",
    ]
    assert seen["kinds"][-3:] == ["info", "warn", "debug"]


def test_errors_name_the_line_of_the_cell(show: Show) -> None:
    """Errors that nobody catches name the line of the cell, its %%browser line being the first."""
    seen = shown(
        show(
            "\n"
            "setTimeout(() => {\n"
            "  throw new Error('four');\n"
            "});\n"
            "Promise.reject(new Error('six'));\n"
            "throw 'seven';\n"
        )
    )
    assert sorted(zip(seen["marks"], seen["lines"], strict=True)) == [
        ("4", "Uncaught Error: four"),
        ("6", "Uncaught (in promise) Error: six"),
        ("7", "Uncaught 'seven'"),
    ]


def test_syntax_error_names_its_line(show: Show) -> None:
    """A syntax error shows with its line, and nothing of the cell runs."""
    seen = shown(show("console.log('never');\n\nconst = 1;\n"))
    assert seen["marks"] == ["4"]
    assert seen["lines"][0].startswith("Uncaught SyntaxError: ")


def test_page_is_an_ordinary_one(show: Show) -> None:
    """The code finds the globals of a page at the root of the server, fresh and untouched."""
    page = show(
        "console.log(location.pathname, document.body.childElementCount);"
        "const { name, length } = WebSocket;"
        "const mySocket = new WebSocket(`ws://${location.host}/ws/`);"
        "console.log(name, length, WebSocket.OPEN, WebSocket.prototype.constructor === WebSocket);"
        "console.log(mySocket instanceof WebSocket, mySocket.constructor === WebSocket);"
        "console.log(Object.keys(window).includes('cell'), typeof frame, typeof run);"
        "mySocket.onopen = () => mySocket.close();"
    )
    lines = [line for line in shown(page)["lines"] if not line.startswith(("/ws/", "c"))]
    assert [line for line in lines if line] == [
        "/ 0",
        "WebSocket 1 1 true",
        "true true",
        "false undefined undefined",
    ]


def test_wire_comes_before_the_handler(show: Show) -> None:
    """What happened on the wire stands above what a handler makes of it."""
    seen = shown(
        show(
            "const mySocket = new WebSocket('/refused/', ['chat']);"
            "mySocket.onerror = (event) => console.log('onerror');"
            "mySocket.onclose = (event) => console.log('onclose');"
        )
    )
    assert seen["kinds"] == ["connecting", "error", "log", "closed", "log"]
    assert seen["lines"][0] == "/refused/, subprotocols: chat"
    assert seen["sockets"] == ["socket 1: CLOSED (3)"]


HANDLERS = """
const socket = new WebSocket(`ws://${location.host}/`);
const heard = [];
socket.onOpen = () => heard.push("onOpen");
socket.onmesage = () => heard.push("onmesage");
socket.onreceive = () => heard.push("onreceive");
socket.online = true;
socket.addEventListener("onclose", () => heard.push("onclose"));
socket.addEventListener("Message", () => heard.push("Message"));
socket.addEventListener("chat", () => heard.push("chat"));
socket.onerror = null;
// Not the socket's own method, which is watched: this is no handler of the page.
let received = false;
const { addEventListener } = EventTarget.prototype;
addEventListener.call(socket, "message", () => { received = true; });
const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
};
(async () => {
  await until(() => socket.readyState === 1);
  socket.send("one");
  await until(() => received);
  socket.onopen = () => heard.push("onopen");
  socket.onopen = () => heard.push("onopen again");
  socket.onmessage = () => socket.close();
  socket.send("two");
  await until(() => socket.readyState === 3);
  socket.onclose = () => heard.push("late");
  console.log("heard:", heard);
})();
"""


def test_handlers_that_nobody_calls(show: Show) -> None:
    """A misspelt handler is named, and one that is set too late; others are left alone."""
    seen = shown(show(HANDLERS))
    notes = [
        line
        for line, kind in zip(seen["lines"], seen["kinds"], strict=True)
        if kind in ("note", "log")
    ]
    assert notes == [
        'no event is called onclose: addEventListener takes "close"',
        'no event is called Message: addEventListener takes "message"',
        "nobody calls onOpen: a WebSocket calls onopen",
        "nobody calls onmesage: a WebSocket calls onmessage",
        "nobody calls onreceive: a WebSocket calls onmessage",
        "onopen is set after the connection has opened: nobody calls it",
        "onmessage is set too late: 1 message came before it",
        "onclose is set after the connection has ended: nobody calls it",
        "heard: []",
    ]


def test_what_comes_after_the_rest_is_late(show: Show) -> None:
    """Lines that come when the cell has settled are shown, and marked as later ones."""
    page = show("console.log('soon'); setTimeout(() => console.log('later'), 100);")
    assert shown(page)["late"] == [False, False]
    page.run_in_page("console.log('by hand')")
    seen = shown(page, "document.querySelectorAll('#lines > li').length === 3")
    assert seen["late"] == [False, False, True]


def test_waits_for_a_handler_that_works(show: Show) -> None:
    """A consumer that takes longer than the quiet may still answer, and is waited for."""
    page = show(
        "const mySocket = new WebSocket('/ws/'); mySocket.onopen = () => mySocket.send('slowly');"
    )
    seen = shown(page)
    assert seen["kinds"] == ["connecting", "open", "sent", "received"]
    assert not any(seen["late"])


def test_timers_that_are_cleared_do_not_hold_it_up(show: Show) -> None:
    """A cleared interval and a timer far off are not waited for."""
    code = (
        "let ticks = 0;"
        "const ticking = setInterval(() => {"
        "  console.log(ticks += 1);"
        "  if (ticks === 3) clearInterval(ticking);"
        "}, 50);"
        "setTimeout(() => console.log('never'), 60_000);"
        "clearTimeout(setTimeout(() => console.log('never'), 500));"
    )
    assert logged(show, code) == ["1", "2", "3"]


def told_by(code: str, live: LiveServer, browser: Browser) -> list[Any]:
    """Return what the frame of a cell tells the kernel until the cell has come to rest."""
    run = Run("teller", code, 0.3, False, "frames")
    runs.add(run)
    page = browser.open(f"{live.http_url}{run.path}")
    assert run.settled.wait(60)
    page.close()
    assert run.page is not None and run.page.settled.is_set()
    return list(run.page.lines)


def test_tells_the_kernel_what_the_page_does(live: LiveServer, started_browser: Browser) -> None:
    """The kernel hears of each socket, of errors, and of calls of setTimeout."""
    code = (
        "const mySocket = new WebSocket('/ws/');\n"
        "mySocket.onopen = () => mySocket.send('x'.repeat(1000));\n"
        "mySocket.onmessage = () => { mySocket.close(4001, 'bye'); missing(); };\n"
        "setTimeout('', 1);"
    )
    lines = told_by(code, live, started_browser)
    kinds = ["connecting", "open", "sent", "received", "closing", "closed"]
    assert [line["kind"] for line in lines if "socket" in line] == kinds
    by_kind = {line["kind"]: line for line in lines}
    assert len(by_kind["sent"]["text"]) == 300
    assert (by_kind["closed"]["code"], by_kind["closed"]["reason"]) == (4001, "bye")
    assert by_kind["uncaught"]["line"] == 4
    assert (by_kind["timer"]["delay"], by_kind["timer"]["callable"]) == (1, False)
    moments = [line["at"] for line in lines if "socket" in line]
    assert moments == sorted(moments)


def test_delays_that_no_browser_counts_to(live: LiveServer, started_browser: Browser) -> None:
    """They are none, as the browser takes them, and the kernel hears the cell to its end."""
    code = (
        "for (const delay of [Infinity, 2 ** 31, 2 ** 53, 2 ** 64, -1, 'soon', 0.5, 2 ** 32 + 9]) {"
        "  setTimeout(() => console.log(delay), delay);"
        "}"
        "setInterval(() => {}, 60_000);"
        "const ticks = setInterval(() => { clearInterval(ticks); console.log('tick'); }, Infinity);"
    )
    lines = told_by(code, live, started_browser)
    delays = [line["delay"] for line in lines if line["kind"] == "timer"]
    assert delays == [0, 0, 0, 0, 0, 0, 0.5, 9]
    assert len([line for line in lines if line["kind"] == "log"]) == 9


def test_reasons_that_no_browser_gives(live: LiveServer, started_browser: Browser) -> None:
    """A close event of the cell's own making may hold any text; the kernel hears its beginning."""
    code = (
        "new WebSocket('/ws/').dispatchEvent("
        "  new CloseEvent('close', {code: 4000, reason: 'x'.repeat(1000)}));"
    )
    reasons = [line.get("reason") for line in told_by(code, live, started_browser)]
    assert "x" * 300 in reasons


def test_clock_takes_no_notice_of_late_timers(live: LiveServer, started_browser: Browser) -> None:
    """Two waits of 50 ms are 100 ms, although the page is held up for longer."""
    code = (
        "const hold = (until) => { while (performance.now() < until); };"
        "const wait = (delay) => new Promise((resolve) => { setTimeout(resolve, delay); });"
        "(async () => {"
        "  console.log('first');"
        "  for (let round = 0; round < 2; round += 1) {"
        "    const waiting = wait(50);"
        "    setTimeout(() => hold(performance.now() + 200), 10);"
        "    await waiting;"
        "  }"
        "  console.log('last');"
        "})();"
    )
    lines = told_by(code, live, started_browser)
    first, last = (line["at"] for line in lines if line["kind"] == "log")
    # By the machine's clock it is 420 ms at least; a stall between two lines may add a little.
    assert 99 < last - first < 300


def test_form_of_the_cell_is_shown(show: Show) -> None:
    """What the code puts into its page has room; an empty page takes none."""
    assert shown(show("console.log(1)"))["pageHeight"] == 0
    page = show("document.body.innerHTML = '<form><input><button>Send</button></form>'")
    assert shown(page, "document.querySelector('#page iframe').clientHeight > 20")


SILENT = [
    ("print('hello');", "print() prints this page on paper; console.log(...) writes here."),
    (
        "document.write('<p>hello</p>');",
        "document.write(...) does nothing once a page is there: use document.body.append(...).",
    ),
    (
        "document.addEventListener('DOMContentLoaded', () => console.log('never'));",
        "DOMContentLoaded is over when a cell's code begins, so this function is never called: "
        "write its lines without it.",
    ),
    (
        "location.href = '/elsewhere/';",
        "The page has gone to another address, and its code has ended. "
        "A WebSocket needs no other page: new WebSocket(...) connects from this one.",
    ),
    (
        "import { x } from './x.js';",
        "A cell is a script and no module, and has no import at its beginning: "
        "write import(...).then(...), or paste the function.",
    ),
    (
        "const ws = require('ws');",
        "require belongs to Node.js. A browser has WebSocket and JSON without it.",
    ),
    (
        "await Promise.resolve();",
        "await may stand in an async function only: "
        "write (async () => { ... })() around these lines.",
    ),
    (
        "<script>\nconsole.log(1);\n</script>",
        "This is HTML, and a cell takes JavaScript: leave out <script> and </script>, "
        "and make elements with document.createElement(...).",
    ),
]


@pytest.mark.parametrize(("code", "sentence"), SILENT, ids=[code for code, _ in SILENT])
def test_what_does_nothing_is_said(show: Show, code: str, sentence: str) -> None:
    """What does nothing in a cell, or is none of its language, gets a sentence."""
    # A page that goes away may take longer than its frame's quiet, and say so late.
    seen = shown(show(code), f"{SETTLED} && document.querySelector('[data-kind=warn]')")
    assert seen["lines"][-1] == sentence
    assert seen["kinds"][-1] == "warn"


def test_handlers_of_the_page_are_called(show: Show) -> None:
    """Listeners for other events of the page and its window are called as ever."""
    code = (
        "document.addEventListener('hello', ({ type }) => console.log(type), { once: true });"
        "document.dispatchEvent(new Event('hello')); document.dispatchEvent(new Event('hello'));"
        # Once: a browser may tell of a size of its own, some time after a page has begun.
        "const told = function () { console.log(this === window); };"
        "window.addEventListener('resize', told, { once: true });"
        "window.dispatchEvent(new Event('resize'));"
    )
    assert logged(show, code) == ["hello", "true"]


def test_page_that_makes_sockets_without_end(show: Show, live: LiveServer) -> None:
    """A page whose sockets multiply is stopped, and the frame says why."""
    page = show(
        "function connect() {"
        "  const mySocket = new WebSocket('/refused/');"
        "  mySocket.onclose = () => setInterval(connect, 20);"
        "}"
        "connect();"
    )
    seen = shown(page, "document.querySelector('[data-kind=stopped]') !== null")
    assert seen["status"] == (
        "This page has made 100 WebSockets, and was stopped: "
        "look for new WebSocket(...) in a loop, in setInterval, or in a handler that runs twice."
    )
    assert seen["status"] in seen["lines"]
    page.run("document.getElementById('again').click()")


def test_one_scroll_bar(show: Show) -> None:
    """A frame with many lines scrolls in its log, and is itself no higher than its content."""
    page = show("for (let number = 0; number < 200; number += 1) console.log('line', number);")
    shown(page)
    root, frame, log = page.run(
        "const log = document.getElementById('log');"
        "return [document.documentElement.scrollHeight,"
        " document.getElementById('cell-frame').getBoundingClientRect().height,"
        " log.scrollHeight > log.clientHeight]"
    )
    assert log
    assert root <= max(frame + 1, page.run("return window.innerHeight"))


def test_flood(show: Show) -> None:
    """After 3,000 messages the view is bounded, the count exact, and the button works."""
    page = show(
        "const mySocket = new WebSocket(`ws://${location.host}/ws/`);"
        "mySocket.onopen = () => mySocket.send('3000');"
        "let received = 0;"
        "mySocket.onmessage = () => {"
        "  if (++received === 3000) { console.log('all', received); mySocket.close(); }"
        "};"
    )
    everything = f"{SETTLED} && document.getElementById('dropped').textContent.startsWith('3,006 ')"
    seen = shown(page, everything)
    assert len(seen["lines"]) == 500
    # connecting, open, sent, 3,000 messages, all, closing, closed
    assert seen["count"] == "3,006 lines so far; the 500 newest are shown."
    assert seen["lines"][-3:] == ["all 3000", "close()", "code 1005, no reason, clean"]
    page.run("document.getElementById('again').click()")
    assert shown(page, everything)["count"] == "3,006 lines so far; the 500 newest are shown."


def test_many_sockets(show: Show) -> None:
    """The list of sockets names the newest few."""
    seen = shown(
        show(
            "let opened = 0;"
            "function next() {"
            "  const mySocket = new WebSocket('/ws/');"
            "  mySocket.onopen = () => mySocket.close();"
            "  mySocket.onclose = () => { if (++opened < 20) next(); };"
            "}"
            "next();"
        )
    )
    assert seen["sockets"][0] == "12 older"
    assert seen["sockets"][1] == "socket 13: CLOSED (3)"
    assert seen["sockets"][-1] == "socket 20: CLOSED (3)"


def test_run_again_starts_from_nothing(show: Show, live: LiveServer) -> None:
    """A second run has new globals, and the sockets of the first are closed."""
    page = show("const mySocket = new WebSocket('/ws/'); console.log(typeof window.before);"
                "window.before = 1;")  # fmt: skip
    shown(page)
    page.run("document.getElementById('again').click()")
    seen = shown(page)
    assert seen["lines"].count("undefined") == 1
    assert eventually(lambda: len(live.host.bridges) == 1)
    assert "1001" in str(live.transcript)


def test_launched_again(show: Show, live: LiveServer) -> None:
    """A frame says that the server is another one, and its button runs the code there."""
    page = show("const mySocket = new WebSocket('/ws/'); mySocket.onmessage = console.log;")
    shown(page)
    again = launch(Talker, name="frames")
    assert again.port == live.port
    seen = shown(
        page,
        "document.getElementById('status').textContent.includes('again')"
        " && document.querySelector('[data-kind=closed]')",
    )
    assert seen["status"] == "The server was launched again; the sockets from before are closed."
    assert seen["lines"][-1] == 'code 1012, reason "the server restarts", clean'
    page.run("document.getElementById('again').click()")
    seen = shown(page)
    assert seen["status"] == "This run talks to the server that was launched last."
    assert seen["kinds"] == ["connecting", "open"]
    again.close()


def test_run_that_is_forgotten(show: Show, live: LiveServer) -> None:
    """A page that the kernel does not want any more ends, so that it does not connect again."""
    code = "const mySocket = new WebSocket('/ws/'); mySocket.onclose = () => setTimeout(go, 60000);"
    page = show(f"{code} function go() {{ new WebSocket('/ws/'); }}")
    shown(page)
    runs.forget("live")
    again = launch(Talker, name="frames")
    seen = page.run(
        "while (document.querySelector('#page iframe'))"
        " await new Promise((resolve) => setTimeout(resolve, 20));"
        "return document.getElementById('status').textContent"
    )
    assert seen == "The server of this cell is gone: run the launch cell, then this one."
    assert again.host.record.snapshot().entries == ()
    again.close()


def test_server_that_is_gone(show: Show, live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame whose server is gone looks for it a few times, and then rests."""
    monkeypatch.setattr("server.notebook.runs.RETRIES", (50, 100))
    page = show("console.log('here')")
    shown(page)
    live.close()
    seen = shown(page, "document.documentElement.dataset.state === 'lost'")
    gone = "The server of this cell is gone: run the launch cell, then this one."
    assert seen["status"] == gone
    assert seen["lines"] == ["here"]
    page.run("document.getElementById('again').click()")
    seen = shown(page, "document.getElementById('status').textContent.includes('not running')")
    assert seen["lines"] == ["here"]


def test_messages_are_text_and_nothing_else(show: Show) -> None:
    """Markup in a message, a reason or a name of an object stays text."""
    attack = "<img src=x onerror=\"parent.document.title = 'owned'\"><script>alert(1)</script>"
    page = show(
        f"const attack = {json.dumps(attack).replace('</', '<' + chr(92) + '/')};"
        "const mySocket = new WebSocket('/ws/');"
        "mySocket.onopen = () => mySocket.send(attack);"
        "mySocket.onmessage = ({ data }) => {"
        "  console.log(data, { [data]: data });"
        "  mySocket.close(4000, attack.slice(0, 100));"
        "};"
    )
    seen = shown(page)
    assert attack in seen["lines"]
    assert page.run("return [document.title, document.images.length]")[1] == 0
    assert "owned" not in page.run("return document.title")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessible(show: Show, theme: str) -> None:
    """axe-core finds nothing in a frame with every kind of line, in either theme."""
    page = show(
        "const mySocket = new WebSocket('/ws/'); const second = new WebSocket('/ws/');"
        "try { mySocket.send(''); } catch (error) { console.log(error); }"
        "mySocket.onopen = () => { mySocket.send('x'); };"
        "mySocket.onmessage = () => { mySocket.close(1000); mySocket.send('late'); };"
        "console.info('i'); console.warn('w'); console.error('e'); console.debug('d'); missing();"
    )
    shown(page)
    page.run("document.documentElement.dataset.theme = args[0]", theme)
    page.run("document.getElementById('status').textContent = 'A sentence.'")
    assert violations(page) == []


def test_client_page(live: LiveServer, started_browser: Browser) -> None:
    """The plain page connects, sends, closes, tells about it, and is accessible."""
    page = started_browser.open(live.http_url)
    lines = page.run(
        """
        const element = (id) => document.getElementById(id);
        const seen = async (kind) => {
            while (!document.querySelector(`[data-kind=${kind}]`)) {
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
        };
        const started = Date.now();
        element("connect").click();
        await seen("open");
        element("message").value = "<b>hello</b>";
        element("send").click();
        await seen("received");
        element("code").value = 4001;
        element("reason").value = "bye";
        element("close").click();
        await seen("closed");
        return [...document.querySelectorAll("#lines > li")].map((item) => item.textContent);
        """
    )
    assert lines == [
        f"connecting {live.url('ws/sc/')}",
        "open ",
        "sent <b>hello</b>",
        "received <b>hello</b>",
        "closing code 4001",
        'closed code 4001, reason "bye", clean',
    ]
    assert violations(page) == []
    page.close()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on a page."""
    page.run(AXE)
    found = page.run("return (await window.axe.run()).violations")
    return [f"{item['id']}: {node['html']}" for item in found for node in item["nodes"]]
