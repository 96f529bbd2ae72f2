"""What a browser cell's code gives away by itself: the mistakes of a Python writer in JavaScript.

A page says nothing about many of them: ``close(4001)`` closes the window, and ``"${n}"`` is a text.
So the code is looked at, and only where the page did not do what was asked for.

"""

from __future__ import annotations

import re

from ..mistakes.registry import Mistake, mistake
from .visit import Socket, Visit

__all__ = ["COMMENT", "find_script", "find_silence"]

COMMENT = re.compile(r"(?<!:)//[^\n]*|/\*.*?\*/", re.DOTALL)
"""What JavaScript does not read."""

TEMPLATE = re.compile(r"`[^`]*`")

PLAIN_QUOTES = mistake(
    "plain-quotes",
    "Plain quotes around ${...}",
    symptom="the address, or a message, has a dollar sign and braces in it",
    cause="Only between backticks, ` and `, does ${...} stand for a value.",
    fix="Put backticks in the place of the quotes around it.",
    shown=["3.2"],
)
KEYWORDS = mistake(
    "keyword-arguments",
    "JavaScript has no keyword arguments",
    cause="name=value gives a variable a value, and what counts for the call is the order.",
    fix='Write the values alone, in their order: close(4001, "...").',
    shown=["3.3"],
)
CLOSE_OBJECT = mistake(
    "close-object",
    "close takes no object",
    symptom="the close code 0 is refused, and nobody has written a 0",
    cause="close takes the code and the reason, one after the other.",
    fix='Leave out the braces and the names: close(4001, "...").',
    shown=["3.3"],
)
WINDOW_CLOSE = mistake(
    "window-close",
    "The window is asked to close, and not the socket",
    symptom="nothing happens, and nothing is said",
    cause="close(...) alone is the window's, and so is this.close(...) in an arrow function.",
    fix="Write mySocket.close(...).",
    shown=["3.3"],
)
CLOSED_BEFORE_OPEN = mistake(
    "closed-before-open",
    "It is closed before it is open",
    symptom="the console has a warning about a WebSocket that is closed before it is established",
    cause="new WebSocket(...) returns at once, and close() then gives the handshake up.",
    fix="Leave out the close, or close in a handler.",
    shown=["3.1"],
)
CLOSE_ORDER = mistake(
    "close-order",
    "The code comes first",
    symptom="the close code 0 is refused, and nobody has written a 0",
    cause="close takes the code and then the reason, and this text stands where the code belongs.",
    fix='Change their order: close(4001, "...").',
    shown=["3.3"],
)
ASSIGNED_IN_IF = mistake(
    "assigned-in-if",
    "One equals sign gives a value",
    symptom="a condition that is true for every message",
    cause="With one equals sign the condition compares nothing: it is the value on the right.",
    fix='Compare with three: if (event.data === "...").',
    shown=["3.2", "3.3"],
)
EVENT_FOR_TEXT = mistake(
    "event-for-text",
    "The event is not the text",
    symptom="`TypeError: event.startsWith is not a function`; or a comparison that is never true",
    cause="onmessage is called with an event, and the text is one of its properties.",
    fix="Write event.data where you mean the text.",
    texts=[
        r"TypeError: (event|evt|ev|e|message|msg)\."
        "(startsWith|endsWith|includes|replace|replaceAll|split|slice|substring|trim|match|"
        "indexOf|charAt|at|toUpperCase|toLowerCase) is not a function",
        r"\[object MessageEvent\]",
    ],
    over=["no-such-method", "text-parsed"],
    shown=["3.2", "3.3"],
)
FALLS_THROUGH = mistake(
    "falls-through",
    "A case without break",
    symptom="the lines of the next case run as well",
    cause="In a switch, JavaScript goes on into the next case until a break or a return.",
    fix="End each case with break.",
    shown=["3.2"],
)
PRINT = mistake(
    "print-on-paper",
    "print() prints the page on paper",
    cause="JavaScript's print() is the one of the browser's menu; nothing is sent.",
    fix="Send it: mySocket.send(...). To write something down, console.log(...).",
    shown=["3.1"],
)
LOGGED = mistake(
    "logged",
    "It is logged, and not sent",
    symptom="the text stands in the console, and the server waits",
    cause="console.log writes for you alone.",
    fix="Send it: mySocket.send(...).",
    shown=["3.1"],
)
RETURNED = mistake(
    "returned",
    "A handler's return goes nowhere",
    cause="The browser calls the handler, and throws away what it returns.",
    fix="Send it: mySocket.send(...).",
    shown=["3.2"],
)
mistake(
    "python-method",
    "A method has another name in JavaScript",
    symptom="`TypeError: event.data.startswith is not a function`",
    cause="JavaScript's names are its own: startsWith, toUpperCase, trim, push.",
    fix="Write startsWith, endsWith, toUpperCase, toLowerCase, trim, push or padStart.",
    texts=[
        r"\.(startswith|endswith|upper|lower|[lr]?strip|append|splitlines|isdigit|format|zfill) "
        "is not a function"
    ],
    over=["no-such-method"],
    shown=["3.2"],
)
mistake(
    "no-connect",
    "A WebSocket connects by itself",
    symptom="`TypeError: mySocket.connect is not a function`",
    cause="new WebSocket(...) begins the handshake; there is no method for it.",
    fix="Leave out the call. To connect again, make a new WebSocket.",
    texts=[r"\.(connect|open|accept|reconnect) is not a function"],
    over=["no-such-method"],
    shown=["3.1"],
)
mistake(
    "arrow-this",
    "this is not the socket",
    symptom="`TypeError: this.send is not a function`",
    cause="In an arrow function this is the window, and self is the window everywhere.",
    fix="Use the name of the socket: mySocket.send(...).",
    texts=[r"\b(this|self|window)\.\w+ is not a function"],
    over=["no-such-method"],
    shown=["3.1"],
)
mistake(
    "text-parsed",
    "JSON.parse is given a text that is not JSON",
    symptom="`SyntaxError: Unexpected token 'p', \"ping 1\" is not valid JSON`",
    cause="JSON.parse reads JSON alone, and raises for every other text.",
    fix="Where the messages are plain text, take event.data as it is.",
    texts=["SyntaxError: .*is not valid JSON", "SyntaxError: JSON.parse: unexpected"],
    shown=["3.2"],
)
mistake(
    "parsed-already",
    "It is no text, or the text of an object",
    symptom='`SyntaxError: "[object Object]" is not valid JSON`',
    cause="JSON.parse was given an object, as JSON.parse has made it before; or the other side "
    "has sent one without JSON.stringify.",
    fix="Parse each text once, and write each object with JSON.stringify(value).",
    texts=[r'"\[object Object\]" is not valid JSON', r"JSON.parse: .*\[object Object\]"],
    over=["text-parsed", "object-object"],
)
mistake(
    "class-name",
    "The class is called WebSocket",
    symptom="`ReferenceError: Websocket is not defined`",
    cause="Capital letters count, and there is no s at the end.",
    fix="Write new WebSocket(...).",
    texts=["ReferenceError: [Ww]eb[Ss]ockets? is not defined"],
    over=["no-such-name"],
    shown=["3.1"],
)
mistake(
    "new-missing",
    "new is missing",
    symptom="`TypeError: Failed to construct 'WebSocket': Please use the 'new' operator`",
    cause="WebSocket is a class, and a class makes an object with new.",
    fix="Write new WebSocket(...).",
    texts=["Please use the 'new' operator", "[Cc]onstructor WebSocket requires 'new'"],
    shown=["3.1"],
)
mistake(
    "declared-twice",
    "A name is declared twice",
    symptom="`SyntaxError: Identifier 'mySocket' has already been declared`",
    cause="A name is declared once with const or let, and none of the code has run.",
    fix="Leave out the second const or let, or take another name.",
    texts=["has already been declared", "redeclaration of"],
    shown=["3.1"],
)
mistake(
    "whose-method",
    "A method needs its object",
    symptom="`ReferenceError: send is not defined`",
    cause="send is a method of the socket, and no function by itself.",
    fix="Write mySocket.send(...).",
    texts=["ReferenceError: (send|onopen|onmessage|onclose|accept) is not defined"],
    over=["no-such-name"],
    shown=["3.1"],
)
mistake(
    "python-name",
    "A name of Python's",
    symptom="`ReferenceError: str is not defined`",
    cause="JavaScript has no str, len, int, json, None, True or False.",
    fix="Write String(value), text.length, Number(text), JSON, null, true and false.",
    texts=["ReferenceError: (str|len|int|float|json|None|True|False|range|dict) is not defined"],
    over=["no-such-name"],
    shown=["3.2"],
)
mistake(
    "python-words",
    "Words of Python's",
    symptom="`SyntaxError: Unexpected identifier 'and'`",
    cause="JavaScript writes && for and, || for or, else if for elif, and function for def.",
    fix="Write JavaScript's words; a block stands in braces, and a condition in parentheses.",
    texts=["SyntaxError: Unexpected (identifier|token) '(and|or|not|elif|def|is|pass|:)'"],
    shown=["3.2"],
)
mistake(
    "import-in-a-cell",
    "import in a script",
    symptom="`SyntaxError: Cannot use import statement outside a module`",
    cause="A cell is a script and no module, and has no import at its beginning.",
    fix="Write import(...).then(...), or paste the function.",
    texts=["import statement outside a module", "import declarations may only appear"],
)
mistake(
    "require-in-a-browser",
    "require belongs to Node.js",
    symptom="`ReferenceError: require is not defined`",
    cause="A browser has WebSocket and JSON without it.",
    fix="Leave out the line.",
    texts=["ReferenceError: require is not defined"],
    over=["no-such-name"],
)
mistake(
    "await-outside",
    "await outside of an async function",
    symptom="`SyntaxError: await is only valid in async functions and the top level bodies of "
    "modules`",
    cause="A cell is a script, and await may stand in an async function only.",
    fix="Write (async () => { ... })() around these lines.",
    texts=["await is only valid in async functions"],
)
mistake(
    "html-in-a-cell",
    "HTML in a cell for JavaScript",
    symptom="`SyntaxError: Unexpected token '<'`",
    cause="A %%browser cell takes JavaScript alone; its page is there already.",
    fix="Leave out <script> and </script>, and make elements with document.createElement(...).",
    texts=["SyntaxError: Unexpected token '<'", "expected expression, got '<'"],
)


def find_script(visit: Visit) -> Mistake | None:
    """Return the mistake that stands in the code, and not in what came of it."""
    code = COMMENT.sub("", visit.code)
    closing = any(socket.first("closing") for socket in visit.all_sockets)
    if re.search(r"([\"'])(?:(?!\1)[^\n])*\$\{", TEMPLATE.sub("", code)):
        return PLAIN_QUOTES
    if re.search(r"\.close\(\s*\{", code):
        return CLOSE_OBJECT
    if re.search(r"\.close\([^()]*\b\w+\s*=(?![=>])", code):
        return KEYWORDS
    if not closing and re.search(r"(?<![\w.$])(?:(?:this|self|window)\.)?close\(", code):
        return WINDOW_CLOSE
    if not closing and re.search(r"\.close\(\s*[\"'`](?!\d)", code):
        return CLOSE_ORDER
    if re.search(r"\bif\s*\(\s*[\w.]+\s*=(?![=>])", code):
        return ASSIGNED_IN_IF
    if any(is_taken_for_text(name, code) for name in PARAMETER.findall(code)):
        return EVENT_FOR_TEXT
    cases = len(re.findall(r"\bcase\b|\bdefault\s*:", code))
    if "switch" in code and cases - 1 > len(re.findall(r"\b(?:break|return|throw)\b", code)):
        return FALLS_THROUGH
    return None


PARAMETER = re.compile(
    r"(?:\.onmessage\s*=|\.addEventListener\(\s*[\"'`]message[\"'`]\s*,)\s*(?:async\s+)?"
    r"(?:function\s*\w*\s*)?\(?\s*(\w+)\s*(?:\)|=>)"
)
"""The name that a handler for messages gives to its event."""


def is_taken_for_text(name: str, code: str) -> bool:
    """Tell whether code compares an event with a text, or looks for the text under another name."""
    event = rf"(?<![\w.]){re.escape(name)}"
    compared = rf"{event}\s*[!=]==?\s*[\"'`]|[\"'`]\s*[!=]==?\s*{event}(?![\w.])"
    return bool(re.search(rf"{compared}|{event}\.(text|message|body|payload|content)\b", code))


def find_silence(visit: Visit, expected: str) -> Mistake | None:
    """Return why nothing was sent, where the right text went somewhere else.

    Args:
        visit: What the page did.
        expected: What begins the text that the server waits for.

    """
    code = COMMENT.sub("", visit.code)
    if any(is_given_up(socket) for socket in visit.all_sockets):
        return CLOSED_BEFORE_OPEN
    if re.search(r"(?<![\w.])print\(", code):
        return PRINT
    if any(line["kind"] == "log" and line["text"].startswith(expected) for line in visit.lines):
        return LOGGED
    returned = re.search(rf"\breturn\s+[^;\s]|=>\s*\(?[\"'`]{expected}", code)
    return RETURNED if returned and ".send(" not in code else None


def is_given_up(socket: Socket) -> bool:
    """Tell whether a socket was closed while its handshake was under way."""
    return socket.first("closing") is not None and socket.before("closing").first("open") is None
