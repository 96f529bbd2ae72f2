"""The mistakes that lesson 1 shows, in its order: consumers."""

from __future__ import annotations

from ...mistakes.registry import also, mistake, show

show("no-accept", "1#no-accept", "1.1")
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
    over=["not-a-string"],
    shown=["1.1"],
)
mistake(
    "message-as-text",
    "A generic consumer sends text",
    symptom="`TypeError: 'text' of websocket.send must be str, not dict: it is an ASGI message "
    "itself`",
    cause="send of a generic consumer takes the text alone, and wraps it in the message itself.",
    fix="Write self.send(text_data=...); and self.accept() and self.close(code=..., reason=...).",
    texts=["it is an ASGI message itself"],
    over=["dict-as-text", "not-a-string"],
    shown=["1.3"],
)
also(
    "message-as-text",
    r"Expected ASGI message 'websocket\.accept'.* but got 'websocket\.send'",
    when=lambda facts: (
        facts.consumer in ("generic", "json") and "websocket.accept" in facts.expression
    ),
)
mistake(
    "not-called",
    "A method without its parentheses",
    symptom="`TypeError: 'text' of websocket.send must be str, not builtin_function_or_method`",
    cause="Without parentheses it is the method itself, and not what it returns.",
    fix="Call it, as in text.upper().",
    texts=[
        "must be str, not (builtin_function_or_method|method|function)",
        r"without parentheses, in line \d+: it is not called",
    ],
    over=["not-a-string"],
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
        "'(int|float|bool)' object has no attribute 'encode'",
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
    over=["dict-as-text"],
    when=lambda facts: facts.holder == "event",
    shown=["1.1"],
)
mistake(
    "event-key",
    "The event has no such key",
    symptom="`KeyError: 'data'`",
    cause='In a websocket.receive event, a text is under "text" and bytes are under "bytes".',
    fix='Write event["text"]; print(event) shows all that is in it.',
    texts=["KeyError: '(?!text'|bytes')"],
    over=["event-has-no-key"],
    when=lambda facts: facts.holder == "event" and facts.event in ("", "websocket.receive"),
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
show("printed", "1.1")
show("no-answer", "1.1")
show("still-busy", "1.2")
show("closed-too-early", "1.2")
show("nearly", "1.2")
show("more-than-asked", "1.1", "1.2")
show("no-f", "1.3")
show("only-beginning", "1.1", "1.3")
show("sent-again", "1.1", "1.3")
show("returned-by-handler", "1.1", "1.2", "1.3")
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
    texts=[
        r"but got '(?!websocket\.((accept|send|close|connect|receive|disconnect)'|http\.)|http\.)"
        "[^']*'"
    ],
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
    when=lambda facts: facts.consumer in ("generic", "json"),
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
    over=["event-has-no-key"],
    when=lambda facts: facts.holder == "event" and facts.event in ("", "websocket.receive"),
    shown=["1#receive"],
)
mistake(
    "receive-signature",
    "receive with other parameters",
    symptom="`TypeError: Echo.receive() got an unexpected keyword argument 'bytes_data'`",
    cause="It is called with text_data=... or with bytes_data=..., by these names.",
    fix="Write def receive(self, text_data=None, bytes_data=None).",
    texts=[
        r"(?<!Bridge\.)\breceive\(\) got an unexpected keyword argument '(bytes_data|text_data)'",
        r"(?<!Bridge\.)\breceive\(\) takes \d+ positional arguments? but \d+ were given",
        r"(?<!Bridge\.)\breceive\(\) missing \d+ required positional argument",
        r"\breceive\(\) got multiple values for argument '(bytes_data|text_data)'",
    ],
    shown=["1.2", "4.2"],
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
    texts=[r"No handler for message type (websocket|http)\."],
    shown=["1#stop", "1.1"],
)
show("no-stop-consumer", "1#stop", "1.1")
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
    over=["missing-await"],
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
show("sync-in-async", "1.4")
show("plain-await", "1.4")
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
show("blocking", "1#sync-async", "1.4")
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
    fix="Raise StopConsumer in websocket_disconnect only; where the connection is to end, close "
    "it with a code.",
    texts=["returned while the connection was open", "returned without completing handshake"],
    shown=["1.3"],
)
mistake(
    "text-not-number",
    "Text is not a number",
    symptom="`TypeError: 'str' object cannot be interpreted as an integer`",
    cause='What a client sends is text: "3" and not 3.',
    fix='Convert it: int(event["text"]), or int(text_data) in a generic consumer.',
    texts=[
        "'str' object cannot be interpreted as an integer",
        r"unsupported operand type\(s\) for -: 'str' and 'int'",
        "'>=?' not supported between instances of 'str' and 'int'",
    ],
    shown=["1.2"],
)
mistake(
    "no-such-variable",
    "A name that Python does not know",
    symptom="`NameError: name 'text' is not defined`",
    cause="Nothing of that name was set, defined or imported before this line.",
    fix="Compare the spelling. Is it a module, to be imported? Is it an attribute, as in "
    'self.count? A text, as in "text"?',
    texts=["NameError: name '.*' is not defined"],
    shown=["1.1"],
)
mistake(
    "no-self",
    "self is missing",
    symptom="`NameError: name 'close' is not defined`, in a consumer",
    cause="What belongs to the consumer is found through self, and not by its name alone.",
    fix="Write self and a dot before it, as in self.send(...).",
    texts=[
        r"NameError: name '(accept|send|send_json|close|scope|channel_name|channel_layer)' is not "
        "defined",
    ],
    when=lambda facts: facts.consumer in ("generic", "json"),
    shown=["1.1", "1.3"],
)
also(
    "no-self",
    "NameError: name '(send|scope|channel_name|channel_layer)' is not defined",
    when=lambda facts: facts.consumer == "raw",
)
mistake(
    "close-keyword",
    "close has other parameters",
    symptom="`TypeError: WebsocketConsumer.close() got an unexpected keyword argument 'message'`",
    cause="close of a generic consumer has the parameters code and reason.",
    fix='Write self.close(code=4000, reason="...").',
    texts=[r"WebsocketConsumer\.close\(\) got an unexpected keyword argument"],
    shown=["1.3"],
)
mistake(
    "only-generic",
    "accept and close belong to generic consumers",
    symptom="`AttributeError: 'Echo' object has no attribute 'accept'`",
    cause="A raw consumer and a middleware only send messages.",
    fix='Send {"type": "websocket.accept"} or {"type": "websocket.close"}.',
    texts=["object has no attribute '(accept|close)'"],
    over=["no-attribute"],
    shown=["1.4"],
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
