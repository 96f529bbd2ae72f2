"""The mistakes that lesson 3 shows, in its order: browser handlers."""

from __future__ import annotations

from ...mistakes.registry import also, mistake, show

mistake(
    "send-before-open",
    "Send before open",
    symptom="`InvalidStateError: Failed to execute 'send' on 'WebSocket': "
    "Still in CONNECTING state.`",
    cause="The connection is not open when new WebSocket(...) returns.",
    fix="Send in onopen, or keep messages until then.",
    texts=[
        "Still in CONNECTING state",
        "An attempt was made to use an object that is not, or is no longer, usable",
    ],
    shown=["3#send", "3.1"],
)
mistake(
    "no-such-method",
    "The object has no such method",
    symptom="`TypeError: event.send is not a function`",
    cause="send and close are methods of the socket, and a method's name is taken letter by "
    "letter.",
    fix="Write mySocket.send(...) or mySocket.close(...); else mend the name.",
    texts=[r"TypeError: .* is not a function"],
    shown=["3.1"],
)
mistake(
    "no-such-name",
    "A name that nobody has defined",
    symptom="`ReferenceError: socket is not defined`",
    cause="JavaScript knows only names that were declared with const, let or function before.",
    fix="Compare the name with the one where it is declared.",
    texts=["ReferenceError: .* is not defined"],
    shown=["3.1"],
)
mistake(
    "const-assigned",
    "A constant is given another value",
    symptom="`TypeError: Assignment to constant variable.`",
    cause="What const declares keeps its value; the function ends at that line.",
    fix="Declare it with let.",
    texts=["Assignment to constant variable", "invalid assignment to const"],
    shown=["3.4"],
)
mistake(
    "send-after-closing",
    "Send on a closed socket",
    symptom="the message does not arrive, and there is no exception",
    cause="After close(), send() throws away what it is given.",
    fix="Look at socket.readyState === WebSocket.OPEN first.",
    texts=["already in CLOSING or CLOSED state"],
    shown=["3#send"],
)
mistake(
    "doubled-scheme",
    "Two schemes in one URL",
    symptom="`ws://http://127.0.0.1:8000/` looks for a host named `http`, and fails",
    cause="location.href begins with http://, and ws:// was put before it.",
    fix="Build the URL from the host: `ws://${window.location.host}/ws/...`.",
    texts=["ERR_NAME_NOT_RESOLVED", r"ws://https?[:/]"],
    shown=["3#error"],
)
mistake(
    "blob",
    "Binary where text was expected",
    symptom="event.data is a `Blob`",
    cause="The server sent bytes.",
    fix='Send text from the server, or set socket.binaryType = "arraybuffer" and read that.',
    texts=[r"\[object Blob\]"],
    shown=["3#message"],
)
mistake(
    "mixed-content",
    "ws: on a page that came over https:",
    symptom="a SecurityError on a page that came over https:",
    cause="A secure page may open secure connections only.",
    fix='Choose by the page: location.protocol === "https:" ? "wss:" : "ws:".',
    texts=["insecure WebSocket connection may not be initiated"],
    shown=["3#url"],
)
mistake(
    "no-reconnect-delay",
    "Reconnecting without a delay",
    symptom="a lost server is met with a storm of connections",
    cause="onclose calls connect at once, again and again while the server is away.",
    fix="Wait before each try, twice as long as before, with a little chance in it: "
    "setTimeout(connect, delay).",
    shown=["3#coming-back", "3.4"],
)
also("reason-too-long", "reason must not be greater than 123", "reason .*longer than 123")
show("reason-too-long", "3.3")
