"""The mistakes that learners really make, and the close codes, each with what to do about it.

In the order of the lessons. ``notebooks/mistakes.md`` shows those that have a symptom; what makes
out which one it is, is :mod:`server.diagnosis` and the judges of the exercises.

"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["CODES", "MISTAKES", "RULES", "Mistake"]


@dataclass(frozen=True)
class Mistake:
    """A mistake that learners really make."""

    id: str
    name: str
    """What is wrong, in a few words."""

    cause: str
    fix: str
    """A line each; together they are the hint."""

    symptom: str = ""
    """What one sees: the text of an error where there is one. Empty: known only to an exercise."""

    shown: tuple[str, ...] = ()
    """Where the course shows it: an exercise, ``1.1``, or the cell of a section, ``1#leaving``."""


MISTAKES: dict[str, Mistake] = {}
"""The catalogue, by id, in the order of the lessons."""

RULES: list[tuple[re.Pattern[str], Mistake]] = []
"""What an error's last line looks like; the first that matches decides."""


def mistake(
    id: str,
    name: str,
    *,
    symptom: str,
    cause: str,
    fix: str,
    texts: Iterable[str] = (),
    shown: Iterable[str] = (),
) -> None:
    """Add a mistake to the catalogue, with patterns of the errors that give it away."""
    assert id not in MISTAKES, id
    found = MISTAKES[id] = Mistake(id, name, cause, fix, symptom, tuple(shown))
    RULES.extend((re.compile(text), found) for text in texts)


# --- Consumers (lesson 1) ------------------------------------------------------------------------

mistake(
    "no-accept",
    "No accept",
    symptom="`timed out while waiting for handshake response`; "
    "`has neither accepted nor closed the connection`",
    cause="The handshake is never answered, so the client waits and the connection never opens.",
    fix='Send {"type": "websocket.accept"} in websocket_connect; '
    "in a generic consumer, call self.accept() in connect.",
    texts=[
        "timed out while waiting for handshake response",
        "timed out during opening handshake",
        "has neither accepted nor closed",
    ],
    shown=["1#no-accept", "1.1"],
)
mistake(
    "send-before-accept",
    "Send before accept",
    symptom="`RuntimeError: Expected ASGI message 'websocket.accept', 'websocket.close' or "
    "'websocket.http.response.start' but got 'websocket.send'.`",
    cause="A message is sent before the handshake is answered.",
    fix="Accept first, then send.",
    texts=[
        r"Expected ASGI message 'websocket\.accept'.* but got 'websocket\.send'",
        "Socket has not been accepted, so cannot send over it",
    ],
    shown=["1.1"],
)
mistake(
    "accept-twice",
    "Accepted twice",
    symptom="`RuntimeError: Expected ASGI message 'websocket.send' or 'websocket.close', "
    "but got 'websocket.accept'.`",
    cause="The connection is open already: super().connect() of a generic consumer accepts too.",
    fix="Accept once.",
    texts=[r"but got 'websocket\.accept'"],
    shown=["1.3"],
)
mistake(
    "bytes-for-text",
    "Bytes for text",
    symptom="`TypeError: 'text' of websocket.send must be str, not bytes`",
    cause="'text' takes a str, and this is bytes.",
    fix='Leave out the encode(): text is a str. Bytes go under the key "bytes".',
    texts=[
        r"'text' of websocket\.send must be str, not (bytes|bytearray|memoryview)",
        "'bytes' object has no attribute 'encode'",
    ],
    shown=["1.1"],
)
mistake(
    "message-as-text",
    "A generic consumer sends text",
    symptom="`TypeError: 'text' of websocket.send must be str, not dict: it is an ASGI message "
    "itself`",
    cause="send of a generic consumer takes the text alone, and wraps it in the message itself.",
    fix="Write self.send(text_data=...); and self.close(code=..., reason=...) to close.",
    texts=["it is an ASGI message itself"],
    shown=["1.3"],
)
mistake(
    "dict-as-text",
    "A dict or a list is sent as it is",
    symptom="`TypeError: 'text' of websocket.send must be str, not dict`",
    cause="A WebSocket carries text or bytes, and this is a dict, a list or a tuple.",
    fix="Send one part of it, or all as JSON: json.dumps(value).",
    texts=[
        r"'text' of websocket\.send must be str, not (dict|list|tuple)",
        "'(dict|list|tuple)' object has no attribute 'encode'",
        "data is a dict-like object",
    ],
    shown=["4#why-strings", "4.1"],
)
mistake(
    "not-called",
    "A method without its parentheses",
    symptom="`TypeError: 'text' of websocket.send must be str, not builtin_function_or_method`",
    cause="Without parentheses it is the method itself, and not what it returns.",
    fix="Call it, as in text.upper().",
    texts=["must be str, not (builtin_function_or_method|method|function)"],
    shown=["1.1"],
)
mistake(
    "not-a-string",
    "Not a string",
    symptom="`TypeError: 'text' of websocket.send must be str, not int`; "
    "daphne says `'int' object has no attribute 'encode'`",
    cause="'text' takes a str, and this is a value of another type.",
    fix="Convert it with str(value) or an f-string.",
    texts=[
        r"'text' of websocket\.send must be str, not",
        "'(int|float|bool|NoneType)' object has no attribute 'encode'",
        "Text frame payload is not str",
    ],
    shown=["1#stream", "1.2"],
)
mistake(
    "event-is-dict",
    "The event is a dictionary",
    symptom="`AttributeError: 'dict' object has no attribute 'upper'`",
    cause="A raw consumer is given the whole event, and the client's message is one of its values.",
    fix='Take the message out of it: event["text"].',
    texts=[
        "'dict' object has no attribute '(text|upper|lower|strip|split|startswith|encode|isdigit)'",
        r"int\(\) argument must be .* not 'dict'",
    ],
    shown=["1.1"],
)
mistake(
    "event-key",
    "The event has no such key",
    symptom="`KeyError: 'data'`",
    cause='In a websocket.receive event, a text is under "text" and bytes are under "bytes".',
    fix='Write event["text"]; print(event) shows all that is in it.',
    texts=["KeyError: '(data|text_data)'"],
    shown=["1.1"],
)
mistake(
    "message-not-dict",
    "A raw consumer sends dictionaries",
    symptom="`TypeError: an ASGI message is a dictionary, not str`",
    cause="send of a raw consumer takes a whole ASGI message; a generic consumer's takes text.",
    fix='Write self.send({"type": "websocket.send", "text": ...}).',
    texts=[
        "an ASGI message is a dictionary, not",
        r"\b(Async|Sync)Consumer\.send\(\) (got an unexpected keyword|takes 2 positional) arg",
    ],
    shown=["1.1"],
)
mistake(
    "printed",
    "It is printed, and not sent",
    symptom="the answer stands in the notebook, and the client waits",
    cause="print writes for you alone; the client is told nothing.",
    fix='Send it: self.send({"type": "websocket.send", "text": ...}), or in a generic consumer '
    "self.send(text_data=...).",
    shown=["1.1"],
)
mistake(
    "no-answer",
    "A message is missing",
    symptom="the client waits, and nothing comes",
    cause="The client waits for it, and the consumer does not send it; a return sends nothing.",
    fix="Follow your code for this message: does it come to a self.send(...)?",
    shown=["1.1"],
)
mistake(
    "still-busy",
    "The handler is still at work",
    symptom="the client waits, and nothing comes for a long time",
    cause="A handler has begun and not come to its end: a pause, or an endless loop.",
    fix="Leave out the pause, or look at what ends the loop.",
    shown=["1.2"],
)
mistake(
    "closed-too-early",
    "The connection is closed too early",
    symptom="the connection ends with 1000, and the client expects more",
    cause="The consumer closes it while the conversation goes on.",
    fix="Leave out the close; after it nothing can be sent, and nothing is received.",
    shown=["1.2"],
)
mistake(
    "nearly",
    "Nearly the same text",
    symptom="the text that comes looks right, and is not taken",
    cause="The client compares letter by letter: capital letters, spaces and signs count.",
    fix="Compare what came with what is expected, letter by letter.",
    shown=["1.2"],
)
mistake(
    "more-than-asked",
    "More than is asked for",
    symptom="the text that comes holds the right one, and is not taken",
    cause="The right text is there, and more stands before or behind it.",
    fix="Send what is expected, and nothing else in the same message.",
    shown=["1.1", "1.2"],
)
mistake(
    "no-f",
    "An f-string without its f",
    symptom="the client is sent braces with the name of a variable in them",
    cause="Only in an f-string do the braces stand for a value.",
    fix='Put an f before the quotes: f"you said: {text_data}".',
    shown=["1.3"],
)
mistake(
    "event-as-answer",
    "An event is sent as an answer",
    symptom="`RuntimeError: Expected ASGI message 'websocket.send' or 'websocket.close', "
    "but got 'websocket.receive'.`",
    cause="websocket.connect, .receive and .disconnect come from the server; nobody sends them.",
    fix='Send a message of your own: "websocket.accept", "websocket.send" or "websocket.close".',
    texts=[r"but got 'websocket\.(connect|receive|disconnect)'"],
    shown=["1.1"],
)
mistake(
    "misspelled-type",
    "There is no such type of message",
    symptom="`RuntimeError: Expected ASGI message 'websocket.send' or 'websocket.close', "
    "but got 'websocket_send'.`",
    cause="The type has a dot in it and is taken letter by letter; only methods have the _.",
    fix='Write "websocket.accept", "websocket.send" or "websocket.close".',
    texts=[r"but got '(?!websocket\.(accept|send|close|connect|receive|disconnect|http\.))"],
    shown=["1.1"],
)
mistake(
    "no-message-type",
    "A message without a type",
    symptom="`ValueError: an ASGI message needs the key 'type'`",
    cause="The type says what a message is for, and this one has none.",
    fix='Write self.send({"type": "websocket.send", "text": ...}).',
    texts=["an ASGI message needs the key 'type'", "'type' of an ASGI message must be str"],
    shown=["1.1"],
)
mistake(
    "text-keyword",
    "The parameter has another name",
    symptom="`TypeError: WebsocketConsumer.send() got an unexpected keyword argument 'text'`",
    cause="send of a generic consumer has the parameters text_data and bytes_data.",
    fix="Write self.send(text_data=...).",
    texts=[r"WebsocketConsumer\.send\(\) got an unexpected keyword argument"],
    shown=["1.3"],
)
mistake(
    "no-event",
    "A generic consumer has no event",
    symptom="`NameError: name 'event' is not defined`",
    cause="receive of a generic consumer is given the message itself: text_data or bytes_data.",
    fix="Use text_data.",
    texts=["NameError: name 'event' is not defined"],
    shown=["1.3"],
)
mistake(
    "text-for-bytes",
    "Text for bytes",
    symptom="`TypeError: 'bytes' of websocket.send must be bytes, not str`",
    cause="'bytes' takes bytes, and this is a str.",
    fix='Send a str under the key "text" (text_data=... in a generic consumer).',
    texts=[r"'bytes' of websocket\.send must be bytes, not"],
    shown=["1.1"],
)
mistake(
    "nothing-to-send",
    "Nothing to send",
    symptom="`ValueError: websocket.send needs 'text' or 'bytes', got neither`",
    cause="websocket.send came without a message, or with None.",
    fix='Put the message under "text" or "bytes"; look for a misspelled key.',
    texts=["needs 'text' or 'bytes', got neither"],
    shown=["1.1"],
)
mistake(
    "none-sent",
    "None is sent",
    symptom="`ValueError: You must pass one of bytes_data or text_data`",
    cause="send was given None: what a function without return gives, or the text of bytes.",
    fix="Return the text from the function that makes it.",
    texts=["You must pass one of bytes_data or text_data"],
    shown=["4.3"],
)
mistake(
    "text-and-bytes",
    "Text and bytes at once",
    symptom="`ValueError: websocket.send needs exactly one of 'text' and 'bytes', got both`",
    cause="A message is either text or binary.",
    fix="Send one of the two, or two messages.",
    texts=["exactly one of 'text' and 'bytes', got both"],
    shown=["1.1"],
)
mistake(
    "no-text",
    "A binary message met text code",
    symptom="`KeyError: 'text'`",
    cause="The client sent bytes, and then the event has no text.",
    fix='Look with event.get("text") first; bytes are in event["bytes"].',
    texts=["KeyError: 'text'"],
    shown=["1#receive"],
)
mistake(
    "receive-signature",
    "receive with other parameters",
    symptom="`TypeError: Echo.receive() got an unexpected keyword argument 'bytes_data'`",
    cause="It is called with text_data=... or with bytes_data=..., by these names.",
    fix="Write def receive(self, text_data=None, bytes_data=None).",
    texts=[
        r"\breceive\(\) got an unexpected keyword argument '(bytes_data|text_data)'",
        r"\breceive\(\) takes \d+ positional arguments? but \d+ were given",
        r"\breceive\(\) missing \d+ required positional argument",
    ],
    shown=["1.2", "4.2"],
)
mistake(
    "connect-parameters",
    "connect takes nothing but self",
    symptom="`TypeError: Echo.connect() missing 1 required positional argument: 'name'`",
    cause="connect of a generic consumer is called without arguments.",
    fix="Write def connect(self). What the path says is in self.scope.",
    texts=[r"\bconnect\(\) (takes \d+ positional|missing \d+ required)"],
    shown=["2.1"],
)
mistake(
    "wrong-signature",
    "A handler with the wrong parameters",
    symptom="`TypeError: Echo.websocket_receive() takes 1 positional argument but 2 were given`; "
    "in a generic consumer `Echo.disconnect() takes 1 positional argument but 2 were given`",
    cause="A handler is given one value besides self: the event, the close code, or the content.",
    fix="Write websocket_receive(self, event), disconnect(self, close_code) or "
    "receive_json(self, content).",
    texts=[
        r"(websocket_\w+|receive_json|disconnect)\(\) takes \d+ positional "
        r"arguments? but \d+ were given",
        r"(websocket_\w+|receive_json|disconnect)\(\) missing \d+ required positional argument",
    ],
    shown=["1.1"],
)
mistake(
    "no-handler",
    "No handler of that name",
    symptom="`ValueError: No handler for message type websocket.receive`",
    cause="The event's type names the method, with _ for the dot, and there is no such method.",
    fix="Add it, or mend its name: websocket_connect, websocket_receive, websocket_disconnect.",
    texts=["No handler for message type"],
    shown=["1#stop", "1.1"],
)
mistake(
    "no-stop-consumer",
    "No StopConsumer",
    symptom="`The consumer took too long to shut down and was killed`, some time after the client "
    "has left",
    cause="websocket_disconnect returns, and the consumer goes on waiting for events.",
    fix="End websocket_disconnect with raise StopConsumer(); generic consumers do it for you.",
    texts=["took too long to shut down and was killed"],
    shown=["1#stop", "1.1"],
)
mistake(
    "async-in-sync",
    "An async method in a sync consumer",
    symptom="`RuntimeWarning: coroutine 'Echo.websocket_receive' was never awaited`",
    cause="A SyncConsumer calls its handlers and does not await them, so nothing in them runs.",
    fix="Derive the class from the async consumer, or write def instead of async def.",
    texts=[
        r"coroutine '(?:\w+\.)*(?:websocket_\w+|connect|receive|receive_json|disconnect)' "
        r"was never awaited"
    ],
    shown=["1.1"],
)
mistake(
    "missing-await",
    "A missing await",
    symptom="`RuntimeWarning: coroutine 'AsyncConsumer.send' was never awaited`",
    cause="Calling a coroutine function runs nothing; only await does.",
    fix="Put await before each call that sends, waits, or hands on to another application.",
    texts=[r"coroutine '.*' was never awaited"],
    shown=["1.4"],
)
mistake(
    "sync-in-async",
    "A plain method in an async consumer",
    symptom="`TypeError: object NoneType can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'NoneType' object can't be awaited`",
    cause="Something is awaited that is no coroutine: an async consumer awaits its handlers.",
    fix="Write async def before each handler, and await only what is async.",
    texts=[
        r"object (NoneType|int|str|bool|dict|list) can't be used in 'await' expression",
        r"'(NoneType|int|str|bool|dict|list)' object can't be awaited",
    ],
    shown=["1.4"],
)
mistake(
    "plain-await",
    "await before a plain function",
    symptom="the same TypeError about an 'await' expression, raised in a line of your own",
    cause="The function is not async: it has done its work already, and there is nothing to await.",
    fix="Leave out the await; to wait, write await asyncio.sleep(...) and not time.sleep(...).",
    shown=["1.4"],
)
mistake(
    "async-to-sync",
    "async_to_sync in async code",
    symptom="`RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop`",
    cause="async_to_sync is for sync code that has to wait for async code.",
    fix="In an async method, await the function itself.",
    texts=["You cannot use AsyncToSync in the same thread as an async event loop"],
    shown=["1.4"],
)
mistake(
    "database-in-async",
    "The database in async code",
    symptom="`SynchronousOnlyOperation: You cannot call this from an async context - "
    "use a thread or sync_to_async.`",
    cause="Django's database calls block, and an async handler must not.",
    fix="Use the async methods (await Model.objects.aget(...)) or database_sync_to_async.",
    texts=["You cannot call this from an async context"],
)
mistake(
    "blocking",
    "time.sleep in async code",
    symptom="clients of an async consumer are served one after the other; "
    "`The server's event loop does not answer`",
    cause="A handler keeps the event loop to itself, so that no other connection gets its turn.",
    fix="In async code: await asyncio.sleep(...); "
    "for work that has to block: await asyncio.to_thread(...).",
    texts=["event loop does not answer"],
    shown=["1#sync-async", "1.4"],
)
mistake(
    "one-thread",
    "Sync consumers share one thread",
    symptom="four clients of a sync consumer are served one after the other",
    cause="All sync consumers of a process work in one thread, one after the other.",
    fix="Derive it from AsyncConsumer, with async def handlers, await self.send(...) and "
    "await asyncio.sleep(...).",
    shown=["1#sync-async", "1.4"],
)
mistake(
    "send-after-close",
    "Send after close",
    symptom="`RuntimeError: Unexpected ASGI message 'websocket.send', "
    "after sending 'websocket.close'.`",
    cause="The consumer has closed the connection; nothing can follow.",
    fix="Send first, close last, and return after the close, or put what follows into else:.",
    texts=[r"after sending 'websocket\.close'", "Attempt to send on a closed protocol"],
    shown=["1.3"],
)
mistake(
    "close-before-accept",
    "Close before accept",
    symptom="`server rejected WebSocket connection: HTTP 403`; the browser is told 1006",
    cause="Before the accept there is no WebSocket yet, so a close has no code: "
    "the handshake is refused with HTTP 403.",
    fix="If the client shall learn the code: accept, then close with it.",
    texts=["server rejected WebSocket connection: HTTP 403", "(?<!proxy )rejected .*HTTP 403"],
    shown=["2#who-may-connect", "2.3"],
)
mistake(
    "invalid-close-code",
    "A close code that cannot be sent",
    symptom="`ValueError: invalid close code 1006`; in a browser `The close code must be either "
    "1000, or between 3000 and 4999.`",
    cause="Some codes are reserved for what no side says itself, others are not defined.",
    fix="Codes from 4000 to 4999 are yours to use; 1000 stands for a normal end.",
    texts=[
        "invalid close code",
        "close code must be either 1000",
        "InvalidAccessError",  # all that Firefox names
        "invalid status code",
    ],
    shown=["1.3", "3.3"],
)
mistake(
    "close-code-type",
    "A close code that is no number",
    symptom="`TypeError: 'code' of websocket.close must be int, not str`",
    cause="close takes the code as an int, and here it was given a value of another type.",
    fix="Give it an int, as in self.close(code=4000).",
    texts=[r"'code' of websocket\.close must be int"],
    shown=["1.3"],
)
mistake(
    "reason-too-long",
    "A reason that is too long",
    symptom="`ValueError: a close reason has at most 123 bytes`",
    cause="A close frame has room for 123 bytes of reason, as UTF-8.",
    fix="Say it shorter, or send a message before the close.",
    texts=["a close reason has at most 123 bytes", "control frame too long"],
    shown=["1.3"],
)
mistake(
    "stopped-early",
    "The consumer ends, the connection does not",
    symptom="`The application returned while the connection was open.`",
    cause="StopConsumer (or a return of the application) ends the consumer, "
    "and the server has to close for it.",
    fix="Close with a code first, and raise StopConsumer in websocket_disconnect only.",
    texts=["returned while the connection was open", "returned without completing handshake"],
    shown=["1.3"],
)
mistake(
    "shared-state",
    "State shared between connections",
    symptom="one client receives, or counts, what another client sent",
    cause="A list, a dict or a number in the class (or the module) is the same for everybody.",
    fix="Set it in connect: self.messages = []. Each connection has an instance of its own.",
    shown=["2#as-asgi", "2.1"],
)
mistake(
    "super-init",
    "__init__ without super().__init__",
    symptom="`TypeError: 'NoneType' object is not iterable`, when a client connects",
    cause="The generic consumers prepare themselves in __init__.",
    fix="Call super().__init__(*args, **kwargs), or set your attributes in connect.",
    texts=["'NoneType' object is not iterable"],
    shown=["2.1"],
)
mistake(
    "text-not-number",
    "Text is not a number",
    symptom="`TypeError: 'str' object cannot be interpreted as an integer`",
    cause='What a client sends is text: "3" and not 3.',
    fix='Convert it: int(event["text"]).',
    texts=[
        "'str' object cannot be interpreted as an integer",
        r"unsupported operand type\(s\) for -: 'str' and 'int'",
        "'>=?' not supported between instances of 'str' and 'int'",
    ],
    shown=["1.2"],
)

# --- Routing (lesson 2) --------------------------------------------------------------------------

mistake(
    "one-instance",
    "One consumer for everybody",
    symptom="answers go to another client, or count what others sent",
    cause="The route holds an instance of the consumer, and all connections share it.",
    fix="Write Consumer.as_asgi() in the route: it makes an instance for each connection.",
    shown=["2.1"],
)
mistake(
    "as-asgi-not-called",
    "as_asgi without its parentheses",
    symptom="`TypeError: AsyncConsumer.as_asgi() takes 1 positional argument but 4 were given`",
    cause="as_asgi is a method, and the route needs what it returns.",
    fix='Call it: path("...", Consumer.as_asgi()).',
    texts=[r"as_asgi\(\) takes 1 positional argument but"],
    shown=["2.1"],
)
mistake(
    "no-as-asgi",
    "as_asgi() is missing",
    symptom="`TypeError: object Echo can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'Echo' object can't be awaited`; "
    "for a raw consumer `TypeError: Echo() takes no arguments`",
    cause="The consumer's class stands where an ASGI application is needed.",
    fix="Write Consumer.as_asgi() in its place, with the parentheses.",
    texts=[
        r"object \w+ can't be used in 'await' expression",
        r"'\w+' object can't be awaited",
        r"^TypeError: \w+\(\) takes no arguments",
        r"__call__\(\) missing 1 required positional argument: 'send'",
    ],
    shown=["2#as-asgi", "2.1"],
)
mistake(
    "no-route",
    "No route for this path",
    symptom="`ValueError: No route found for path`, and HTTP 500 for the client",
    cause="No pattern matches this path from its beginning to its end.",
    fix="Compare them piece by piece: the slashes, the spelling, and what each <...> takes "
    "(<int:...> only digits).",
    texts=["No route found for path"],
    shown=["2#several-consumers", "2.1"],
)
mistake(
    "leading-slash",
    "A slash too many, at the beginning",
    symptom='`path("/ws/...")` matches nothing, and nothing warns',
    cause="The router takes the leading slash away before it compares.",
    fix='Write the pattern without it: path("ws/...").',
    shown=["2#never-match", "2.1"],
)
mistake(
    "trailing-slash",
    "A slash too few (or too many), at the end",
    symptom="`ValueError: No route found for path`, for a path that looks right",
    cause="The pattern and the path of the client differ in their last slash.",
    fix="End both the same way; Django's habit is a slash at the end.",
    shown=["2#never-match", "2.1"],
)
mistake(
    "regex-in-path",
    "A regular expression in path()",
    symptom='`path(r"^ws/(?P<room>\\w+)/$")` matches nothing, and nothing warns',
    cause="path() takes its pattern literally, apart from <str:name>.",
    fix="Use re_path() for a regular expression, or <str:name> in path().",
    shown=["2#never-match", "2.1"],
)
mistake(
    "bad-regex",
    "Not a regular expression",
    symptom='`"*" is not a valid regular expression: nothing to repeat at position 0`',
    cause="re_path() takes regular expressions, and in these * repeats what stands before it.",
    fix='What matches every path is r"", or r"^.*$".',
    texts=["is not a valid regular expression"],
    shown=["2.3"],
)
mistake(
    "accept-code",
    "accept with a code",
    symptom="`TypeError: 'subprotocol' of websocket.accept must be str, not int`; "
    "`WebsocketConsumer.accept() got an unexpected keyword argument 'code'`",
    cause="accept lets the client in; it is the close that has a code.",
    fix="Write both: self.accept(), and then self.close(code=...).",
    texts=[
        "'subprotocol' of websocket.accept must be str, not int",
        r"accept\(\) got an unexpected keyword argument 'code'",
    ],
    shown=["2.3"],
)
mistake(
    "unanchored",
    "A regular expression without an end",
    symptom='`re_path(r"ws/news/")` also takes `ws/news/sport/`',
    cause="re_path() is content when the path begins like its pattern, or holds it somewhere.",
    fix='Anchor it on both sides: r"^ws/news/$".',
    shown=["2#never-match", "2.4"],
)
mistake(
    "include",
    "include() in a URLRouter",
    symptom="`include() is not supported in URLRouter. Use nested URLRouter instances instead.`",
    cause="URLRouter does not know include().",
    fix='Nest routers: path("ws/", URLRouter([path("a/", ...)])).',
    texts=[r"include\(\) is not supported in URLRouter"],
    shown=["2#never-match"],
)
mistake(
    "no-url-route",
    "A consumer without a router",
    symptom="`KeyError: 'url_route'`",
    cause='scope["url_route"] is the router\'s work, and no router led here.',
    fix="Launch a list of routes, and not the consumer alone.",
    texts=["KeyError: 'url_route'"],
    shown=["2.1"],
)
mistake(
    "wrong-argument-name",
    "The name is not the one in the URL pattern",
    symptom="`KeyError: 'name'`",
    cause='scope["url_route"]["kwargs"] has the names of the pattern, letter by letter.',
    fix='For <str:name> in the pattern, read kwargs["name"].',
    texts=["KeyError: '(room|room_name|name)'"],
    shown=["2#scope", "2.1"],
)
mistake(
    "no-name-in-pattern",
    "The pattern has no name in it",
    symptom="a KeyError for the name, and the pattern has no name in it",
    cause='The router puts only named pieces of the path into scope["url_route"]["kwargs"].',
    fix=r"Write <str:name> in path(), or (?P<name>\w+) in re_path().",
    shown=["2.1"],
)
mistake(
    "not-in-kwargs",
    "A step is missing on the way to the name",
    symptom="a KeyError for kwargs, or for a name that the pattern has",
    cause='The names of the pattern are in scope["url_route"]["kwargs"], and nowhere else.',
    fix='Read self.scope["url_route"]["kwargs"]["name"].',
    texts=["KeyError: 'kwargs'"],
    shown=["2.1"],
)
mistake(
    "bytes-and-text",
    "Bytes and text mixed",
    symptom="`TypeError: a bytes-like object is required, not 'str'`",
    cause='scope["query_string"] is bytes, and text is looked for in it.',
    fix='Decode it first: scope["query_string"].decode().',
    texts=["a bytes-like object is required, not 'str'"],
    shown=["2.2"],
)
mistake(
    "no-websocket-key",
    "No application for WebSockets",
    symptom="`ValueError: No application configured for scope type 'websocket'`; "
    "`ValueError: Django can only handle ASGI/HTTP connections, not websocket.`",
    cause='ProtocolTypeRouter has no key "websocket", or Django\'s own application stands alone.',
    fix='Give ProtocolTypeRouter both: {"http": ..., "websocket": URLRouter([...])}.',
    texts=[
        "No application configured for scope type",
        "Django can only handle ASGI/HTTP connections",
    ],
    shown=["2#protocol-type-router"],
)
mistake(
    "origin",
    "The page comes from somewhere else",
    symptom="HTTP 403; the transcript says `is another site's page`",
    cause="The Origin header names a site that may not connect; a browser always sends it.",
    fix="Open the page from this server, or allow the origin: launch(..., allow_origins=[...]).",
    texts=["is another site's page"],
    shown=["2#who-may-connect"],
)
mistake(
    "apps-not-loaded",
    "Imported too early",
    symptom="`AppRegistryNotReady: Apps aren't loaded yet.`",
    cause="A module with models was imported before Django was set up.",
    fix="Call get_asgi_application() first, and import consumers after it.",
    texts=["Apps aren't loaded yet"],
)
mistake(
    "after-refusal",
    "Going on after a refusal",
    symptom="`RuntimeError: Unexpected ASGI message 'websocket.accept', "
    "after the connection was refused.`",
    cause="The connection was refused with websocket.close, and the code went on.",
    fix="return after the refusal, so that the application inside never runs.",
    texts=["after the connection was refused"],
    shown=["2.2"],
)

# --- Browser handlers (lesson 3) -----------------------------------------------------------------

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
    "object-object",
    "A dict sent as it is from the browser",
    symptom="the server receives `[object Object]`; "
    "`JSONDecodeError: Expecting value: line 1 column 2 (char 1)`",
    cause="send() turns an object into a string in its own way, and that is [object Object].",
    fix="Send JSON: socket.send(JSON.stringify(value)).",
    texts=[r"\[object Object\]", r"Expecting value: line 1 column 2 \(char 1\)"],
    shown=["4#why-strings", "4.2"],
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
    "subprotocol",
    "A subprotocol that nobody agreed on",
    symptom="the browser is told 1006; the transcript says "
    "`The client did not offer the subprotocol 'chat'`",
    cause="Offered and accepted subprotocols have to be the same one.",
    fix='Accept one of scope["subprotocols"], or offer none.',
    texts=["Sec-WebSocket-Protocol", "did not offer the subprotocol"],
    shown=["2#who-may-connect"],
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

# --- JSON conversion (lesson 4) ------------------------------------------------------------------

mistake(
    "no-text-frame",
    "An empty or binary message met JSON code",
    symptom="`ValueError: No text section for incoming WebSocket frame!`",
    cause="JsonWebsocketConsumer raises it for a binary message, and for an empty one.",
    fix="Override receive(self, text_data=None, bytes_data=None), answer with an error, "
    "and keep the connection.",
    texts=["No text section for incoming WebSocket frame"],
    shown=["4#bad-input", "4.2"],
)
mistake(
    "none-decoded",
    "None was to be decoded",
    symptom="`TypeError: the JSON object must be str, bytes or bytearray, not NoneType`",
    cause="json.loads takes text, and this is None, as text_data is for a binary message.",
    fix='Write json.loads(text_data or ""), which raises a ValueError, or catch the TypeError too.',
    texts=["the JSON object must be str, bytes or bytearray, not NoneType"],
    shown=["4.2"],
)
mistake(
    "decoded-already",
    "It is decoded already",
    symptom="`TypeError: the JSON object must be str, bytes or bytearray, not dict`",
    cause="json.loads takes text, and this is a value: receive_json is given what was decoded.",
    fix="Leave out the json.loads.",
    texts=["the JSON object must be str, bytes or bytearray, not"],
    shown=["4.1"],
)
mistake(
    "dict-attribute",
    "A dictionary has keys, and no attributes",
    symptom="`AttributeError: 'dict' object has no attribute 'op'`",
    cause="message.op is JavaScript's way; in Python a key stands in square brackets.",
    fix='Write message["op"], or message.get("op"), which is None where there is no such key.',
    texts=["'dict' object has no attribute"],
    shown=["4.1"],
)
mistake(
    "python-not-json",
    "Python's spelling is not JSON",
    symptom="`JSONDecodeError: Expecting property name enclosed in double quotes`",
    cause="str(value) and an f-string write Python: single quotes, True, None.",
    fix="Write JSON with json.dumps(value), or JSON.stringify(value) in the browser.",
    texts=["Expecting property name enclosed in double quotes"],
    shown=["4#python", "4.1"],
)
mistake(
    "exception-as-value",
    "The exception itself is sent",
    symptom="`TypeError: Object of type ZeroDivisionError is not JSON serializable`",
    cause="An exception is an object of a class that JSON does not know.",
    fix='Send its text: {"error": str(error)}.',
    texts=[r"Object of type \w*(Error|Exception) is not JSON serializable"],
    shown=["4.1"],
)
mistake(
    "dump-or-dumps",
    "dump instead of dumps",
    symptom="`TypeError: dump() missing 1 required positional argument: 'fp'`; "
    "`AttributeError: 'str' object has no attribute 'read'`",
    cause="json.dump and json.load are for files; those for text end in s.",
    fix="Write json.dumps(value) and json.loads(text).",
    texts=[
        r"\bdump\(\) missing 1 required positional argument: 'fp'",
        "'(str|bytes|NoneType)' object has no attribute 'read'",
    ],
    shown=["4.1"],
)
mistake(
    "goes-on",
    "It goes on after the error",
    symptom="after an error comes a second answer, or an exception",
    cause="After the error was sent, the code below it runs as well.",
    fix="return after the error, or put what follows into else:.",
    shown=["4.1"],
)
mistake(
    "no-json-consumer",
    "Not a JSON consumer",
    symptom="`AttributeError: 'Echo' object has no attribute 'send_json'`",
    cause="Only JsonWebsocketConsumer and its async twin have send_json.",
    fix="Derive the class from it, or write self.send(text_data=json.dumps(value)).",
    texts=["object has no attribute '(send|encode|decode)_json'"],
    shown=["4.1"],
)
mistake(
    "bad-json",
    "An exception on bad JSON",
    symptom="`JSONDecodeError: Expecting value: line 1 column 1 (char 0)`, "
    "and the connection is gone",
    cause="json.loads raises it for what is no JSON, and an exception ends the connection.",
    fix='Catch json.JSONDecodeError, answer {"error": ...}, and keep the connection.',
    texts=["JSONDecodeError"],
    shown=["4#bad-input", "4.2"],
)
mistake(
    "not-serializable",
    "A type that JSON does not know",
    symptom="`TypeError: Object of type datetime is not JSON serializable`",
    cause="json.dumps knows dict, list, str, int, float, bool and None.",
    fix="Convert it first, or let json.dumps(value, default=...) do it; "
    "the place is encode_json in a JSON consumer.",
    texts=["Object of type .* is not JSON serializable"],
    shown=["4#json-consumer", "4.3"],
)
mistake(
    "keys",
    "A key that JSON does not know",
    symptom="`TypeError: keys must be str, int, float, bool or None, not tuple`",
    cause="The keys of a JSON object are strings.",
    fix="Make the keys strings before you encode.",
    texts=["keys must be str, int, float, bool or None"],
    shown=["4#types"],
)
mistake(
    "nan-refused",
    "NaN is refused, and nobody replaces it",
    symptom="`ValueError: Out of range float values are not JSON compliant`",
    cause="allow_nan=False finds NaN and Infinity, and raises.",
    fix="Replace them before you encode: None becomes null.",
    texts=["Out of range float values are not JSON compliant"],
    shown=["4#types", "4.3"],
)
mistake(
    "nan",
    "NaN is not JSON",
    symptom='in the browser, a SyntaxError that ends in `"NaN" is not valid JSON`',
    cause="json.dumps writes NaN and Infinity, which no other language reads.",
    fix="Send null instead (None in Python); json.dumps(value, allow_nan=False) finds them.",
    texts=['"NaN" is not valid JSON', "is not valid JSON.*NaN", "unexpected character.*NaN"],
    shown=["4#types", "4.3"],
)
mistake(
    "json-twice",
    "JSON encoded twice",
    symptom=r'the wire shows `"{\"a\": 1}"`, and the other side decodes a string',
    cause="What is sent was a JSON string already: send_json encodes by itself.",
    fix="Encode once: self.send_json(value), or self.send(text_data=json.dumps(value)).",
    shown=["4#bad-input", "4.1"],
)
mistake(
    "not-decoded",
    "JSON that is still a string",
    symptom="`TypeError: string indices must be integers, not 'str'`; "
    "`AttributeError: 'str' object has no attribute 'get'`",
    cause="The value is text: it was never decoded, or the other side encoded it twice.",
    fix="Decode it with json.loads(text) once, and look at its type.",
    texts=[
        "string indices must be integers",
        "'str' object has no attribute '(get|items|keys)'",
    ],
    shown=["4#bad-input", "4.1"],
)

# --- In Python -----------------------------------------------------------------------------------

mistake(
    "no-such-variable",
    "A name that Python does not know",
    symptom="`NameError: name 'text' is not defined`",
    cause="Nothing of that name was set, defined or imported before this line.",
    fix='Compare the spelling. Is it an attribute, as in self.count? Is it a text, as in "text"?',
    texts=["NameError: name '.*' is not defined"],
    shown=["1.1"],
)
mistake(
    "only-generic",
    "accept and close belong to generic consumers",
    symptom="`AttributeError: 'Echo' object has no attribute 'accept'`",
    cause="A raw consumer and a middleware only send messages.",
    fix='Send {"type": "websocket.accept"} or {"type": "websocket.close"}.',
    texts=["object has no attribute '(accept|close)'"],
    shown=["1.4"],
)
mistake(
    "arguments-of-call",
    "A middleware is no consumer",
    symptom="`AttributeError: 'TokenRequired' object has no attribute 'send'`",
    cause="scope, receive and send are the arguments of its __call__, and no attributes.",
    fix="Leave out the self.: await send(...).",
    texts=["object has no attribute '(scope|receive|send)'"],
    shown=["2.2"],
)
mistake(
    "no-attribute",
    "There is no attribute of that name",
    symptom="`AttributeError: 'Echo' object has no attribute 'count'`",
    cause="Nobody has set it in this object, or its class has no such method.",
    fix="Compare the spelling with the line that sets it; connect and __init__ are places for it.",
    texts=[r"AttributeError: '(?!NoneType')[A-Z]\w*' object has no attribute"],
    shown=["2.1"],
)
mistake(
    "unbound",
    "A variable without a value",
    symptom="`UnboundLocalError: cannot access local variable 'count' where it is not associated "
    "with a value`",
    cause="A name that a function assigns to is its own, and nothing was assigned to it before.",
    fix="What another method has set is an attribute: self.count. Else give it a value first.",
    texts=["cannot access local variable"],
    shown=["2.1"],
)
mistake(
    "text-and-value",
    "Text and another value are added",
    symptom='`TypeError: can only concatenate str (not "int") to str`',
    cause="With text on its left side, + takes nothing but text on its right.",
    fix="Put both into an f-string, or convert the value: str(value).",
    texts=["can only concatenate str"],
    shown=["4.4"],
)
mistake(
    "none-called",
    "None is called",
    symptom="`TypeError: 'NoneType' object is not callable`",
    cause="What is called here is None: what a function returned, or what get did not find.",
    fix="Pass the function itself, without parentheses: asyncio.to_thread(time.sleep, 0.2).",
    texts=["'NoneType' object is not callable"],
    shown=["1.4"],
)
mistake(
    "too-few-arguments",
    "A method is called with too little",
    symptom="`TypeError: JsonWebsocketConsumer.send_json() missing 1 required positional "
    "argument: 'content'`",
    cause="It was given no value; or the value was taken for self, as in cls.send_json(value).",
    fix="Call it on the consumer: self.send_json(value). A classmethod has no self, and cannot.",
    texts=[r"\b(send_json|send|close|accept)\(\) missing \d+ required positional argument"],
    shown=["4.2"],
)
mistake(
    "no-number",
    "A function for numbers was given something else",
    symptom="`TypeError: must be real number, not str`",
    cause="math.isfinite and its like take numbers only.",
    fix="Look at the type first: isinstance(value, float) and not math.isfinite(value).",
    texts=["must be real number, not"],
    shown=["4.3"],
)

# --- In a notebook -------------------------------------------------------------------------------

mistake(
    "running-loop",
    "A second event loop",
    symptom="`RuntimeError: asyncio.run() cannot be called from a running event loop`",
    cause="Cells of a notebook and handlers of async consumers run inside an event loop already.",
    fix="Write await instead of asyncio.run: at the top level of a cell, or in an async def.",
    texts=[
        r"asyncio\.run\(\) cannot be called from a running event loop",
        "Cannot run the event loop while another loop is running",
    ],
)
mistake(
    "client-without-with",
    "A client without with",
    symptom="`DeprecationWarning: connect() must be used as a context manager`",
    cause="Nobody closes the connection when the cell ends, or fails.",
    fix="Write with connect(...) as ws, and use it inside.",
    texts=[r"connect\(\) must be used as a context manager"],
)
mistake(
    "proxy",
    "A proxy in between",
    symptom="`proxy rejected connection: HTTP 403`",
    cause="The environment names a proxy, and the client asks it for a server of this machine.",
    fix="Import server before you connect, which keeps 127.0.0.1 out of it; "
    "elsewhere write connect(..., proxy=None).",
    texts=[
        "proxy rejected connection",
        "did not receive a valid HTTP response from proxy",
        r"connect(ing)? (to|through) (a )?(HTTP|SOCKS) proxy",
        "isn't a valid proxy",
        "Tunnel connection failed",
    ],
)
mistake(
    "nobody-listens",
    "Nobody listens there",
    symptom="`ConnectionRefusedError`",
    cause="The server is closed or has another port; or it is a proxy of the environment "
    "that is not there.",
    fix="Launch again, and connect to live.url(...); with a proxy set, import server first.",
    texts=["ConnectionRefusedError", "Connection refused", "Connect call failed"],
)

# --- By symptom ----------------------------------------------------------------------------------

CODES = {
    1000: "Normal closure: the side that closed had nothing more to say.",
    1001: "Going away: a browser left the page, or a server shuts down.",
    1002: "Protocol error: one side sent something that RFC 6455 does not allow.",
    1003: "Unsupported data: one side got a kind of message that it does not take.",
    1005: "No status received: the close frame had no code, as close() in a browser sends it.",
    1006: "Abnormal closure: the connection ended without a close frame, or never opened. No side "
    "sends this code. Look for an exception in the consumer, for a refused handshake "
    "(403, 500), or for a server that is gone.",
    1007: "Invalid data: a text message was not UTF-8.",
    1008: "Policy violation: the one who closed does not want to say more.",
    1009: "Message too big for the side that closed.",
    1010: "Mandatory extension: the server did not agree to one that the client needs.",
    1011: "Internal error: the consumer raised an exception, and the server closed for it. "
    "The transcript has the traceback.",
    1012: "Service restart: the server was launched again, or closed.",
    1013: "Try again later: the server is too busy.",
    1014: "Bad gateway: a server in between got an invalid answer.",
    1015: "TLS handshake failed. No side sends this code.",
}
