"""Mistakes that the live server itself knows, or that no lesson shows."""

from __future__ import annotations

from ..live.failure import Facts
from .registry import also, mistake


def awaited(kinds: str) -> str:
    """Return what Python says when one of these is awaited, and what it says since 3.14."""
    return rf"object ({kinds}) can't be used in 'await' expr|'({kinds})' object can't be awaited"


AWAITED = awaited(r"\w+")


def in_init(facts: Facts) -> bool:
    """Tell whether a consumer was being made."""
    return facts.of == "consumer" and "__init__" in facts.functions


def layerless(facts: Facts) -> bool:
    """Tell whether what was None is a channel layer, or a consumer has none."""
    if facts.of == "consumer":
        return not facts.has_layer and not in_init(facts)
    return facts.none.endswith(("channel_layer", "get_channel_layer()"))


def handed_on(facts: Facts) -> bool:
    """Tell whether asgiref was given a function that is not async."""
    return "main_wrap" in facts.through


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
)
mistake(
    "no-stop-consumer",
    "No StopConsumer",
    symptom="`The consumer took too long to shut down and was killed`, some time after the client "
    "has left",
    cause="websocket_disconnect returns, and the consumer goes on waiting for events.",
    fix="End websocket_disconnect with raise StopConsumer(); generic consumers do it for you.",
    texts=["took too long to shut down and was killed"],
)
mistake(
    "sync-in-async",
    "A plain method in an async consumer",
    symptom="`TypeError: object NoneType can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'NoneType' object can't be awaited`",
    cause="Something is awaited that is no coroutine: an async consumer awaits its handlers.",
    fix="Write async def before each handler, and await only what is async.",
    texts=[AWAITED],
    when=lambda facts: not facts.own and facts.is_async and not handed_on(facts),
)
mistake(
    "plain-await",
    "await before a plain function",
    symptom="the same TypeError about an 'await' expression, raised in a line of your own",
    cause="The function is not async: it has done its work already, and there is nothing to await.",
    fix="Leave out the await; to wait, write await asyncio.sleep(...) and not time.sleep(...).",
    texts=[awaited("NoneType|int|float|str|bytes|bool|dict|list")],
    when=lambda facts: facts.own,
)
mistake(
    "not-awaitable",
    "await before what cannot be awaited",
    symptom="`TypeError: object dict can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'dict' object can't be awaited`",
    cause="Coroutines, tasks and futures can be awaited, and this is something else.",
    fix="Look at what the call returns: is the function an async def, and is it called?",
    texts=[AWAITED],
)
mistake(
    "awaited-uncalled",
    "await before a function that is not called",
    symptom="`TypeError: object method can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'method' object can't be awaited`",
    cause="Without parentheses it is the function itself, and only its call can be awaited.",
    fix="Call it: await self.load().",
    texts=[awaited("method|function|builtin_function_or_method|partial")],
    over=["not-awaitable"],
)
also(
    "awaited-uncalled",
    awaited("method|function|builtin_function_or_method|partial"),
    over=["sync-in-async", "plain-await"],
    when=lambda facts: True,
)
mistake(
    "sync-to-async-uncalled",
    "sync_to_async is not called twice",
    symptom="`TypeError: object SyncToAsync can't be used in 'await' expression`; "
    "since Python 3.14 `TypeError: 'SyncToAsync' object can't be awaited`",
    cause="sync_to_async(f) only makes an async function of f, and does not call it.",
    fix="Call what it returns: await sync_to_async(f)(...). The same holds for "
    "database_sync_to_async.",
    texts=[
        awaited("DatabaseSyncToAsync|SyncToAsync|AsyncToSync"),
        r"calls \w+\(\.\.\.\), in line \d+, and not what it returns",
    ],
    over=["not-awaitable"],
)
also(
    "sync-to-async-uncalled",
    awaited("DatabaseSyncToAsync|SyncToAsync|AsyncToSync"),
    over=["sync-in-async", "plain-await", "no-as-asgi"],
    when=lambda facts: True,
)
mistake(
    "async-to-sync-of-sync",
    "async_to_sync of what is no async function",
    symptom="the same TypeError about an 'await' expression, raised inside async_to_sync; "
    "`UserWarning: async_to_sync was passed a non-async-marked callable`",
    cause="async_to_sync wraps an async function, and this is a plain one, or a call.",
    fix="Call what is plain as it is: self.send(...). Wrap a function, not its call: "
    "async_to_sync(layer.group_send)(...).",
    texts=[AWAITED],
    when=handed_on,
)
also("async-to-sync-of-sync", "async_to_sync was passed a non-async-marked callable")
mistake(
    "coroutine-as-value",
    "A coroutine where a value belongs",
    symptom="`TypeError: 'text' of websocket.send must be str, not coroutine`; "
    "`TypeError: Object of type coroutine is not JSON serializable`",
    cause="A call of an async function gives a coroutine; only await gives what it returns.",
    fix="Put await before the call that makes the value.",
    texts=["coroutine found", r"not \(?['\"]?coroutine", "type coroutine", "'coroutine'"],
    over=[
        "not-a-string",
        "text-and-value",
        "not-serializable",
        "bad-json",
        "text-for-bytes",
        "message-not-dict",
        "decoded-already",
        "no-number",
        "close-code-type",
        "text-not-number",
        "no-attribute",
        "dict-as-text",
    ],
)
mistake(
    "key-error",
    "The dictionary has no such key",
    symptom="`KeyError: 'room'`",
    cause="A value was asked for by a key that is not in the dictionary.",
    fix="Print the dictionary in the line before, and compare the spelling.",
    texts=["KeyError: "],
)
mistake(
    "scope-has-no-key",
    "The scope has no such key",
    symptom="a KeyError in self.scope[...]",
    cause="The server and each middleware put something into the scope, and nobody put this.",
    fix="print(sorted(self.scope)) shows all that is in it.",
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "scope",
)
mistake(
    "no-auth-middleware",
    "No middleware has put the user into the scope",
    symptom="`KeyError: 'user'`, raised by self.scope",
    cause='scope["user"] is the work of AuthMiddleware, and none of it stands before the consumer.',
    fix="Wrap the routes: AuthMiddlewareStack(URLRouter([...])).",
    texts=["^KeyError: 'user'"],
    over=["scope-has-no-key"],
    when=lambda facts: facts.holder == "scope",
)
mistake(
    "no-session-middleware",
    "No middleware has put the session into the scope",
    symptom="`KeyError: 'session'`, raised by self.scope",
    cause='scope["session"] is the work of SessionMiddleware, and scope["cookies"] of '
    "CookieMiddleware.",
    fix="Wrap the routes: SessionMiddlewareStack(URLRouter([...])), which holds both.",
    texts=["^KeyError: '(session|cookies)'"],
    over=["scope-has-no-key"],
    when=lambda facts: facts.holder == "scope",
)
mistake(
    "header-key",
    "Headers are pairs of bytes",
    symptom='a KeyError in dict(self.scope["headers"])[...]',
    cause="Their names are bytes in small letters, and a request does not have all of them.",
    fix='Write dict(self.scope["headers"]).get(b"user-agent"), and look whether it is None.',
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "headers",
)
mistake(
    "query-key",
    "The query string has no such name",
    symptom="a KeyError in what parse_qs gave",
    cause="The client may leave it out; and of bytes, parse_qs makes names that are bytes.",
    fix='Write parse_qs(self.scope["query_string"].decode()).get("name"): a list, or None.',
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "query",
)
mistake(
    "content-key",
    "The message has no such key",
    symptom="a KeyError for the content of a JSON message",
    cause="What the client sent was decoded, and it has other keys.",
    fix='Look with content.get("name"), and answer with an error where it is missing.',
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "content",
)
mistake(
    "event-has-no-key",
    "This event has no such key",
    symptom="a KeyError for an event",
    cause="Each type of event has keys of its own; a group's has those that were sent to it.",
    fix="print(event) shows all that is in it.",
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "event",
)
mistake(
    "no-bytes",
    "A text message met binary code",
    symptom="`KeyError: 'bytes'`",
    cause="The client sent text, and then the event has no bytes.",
    fix='Look with event.get("bytes") first; text is in event["text"].',
    texts=["^KeyError: 'bytes'"],
    over=["event-has-no-key"],
    when=lambda facts: facts.holder == "event" and facts.event in ("", "websocket.receive"),
)
mistake(
    "scope-in-init",
    "__init__ comes before the connection",
    symptom="`AttributeError: 'Chat' object has no attribute 'scope'`, raised in __init__",
    cause="A consumer is made first; its scope, its channel name and its send come afterwards.",
    fix="Move it to connect (websocket_connect in a raw consumer).",
    texts=[r"object has no attribute '(scope|channel_name|channel_layer|base_send)'"],
    when=in_init,
)
mistake(
    "init-parameters",
    "__init__ of a consumer is given nothing",
    symptom="`TypeError: Chat.__init__() missing 1 required positional argument: 'scope'`",
    cause="as_asgi() makes the consumer with its own keyword arguments; the scope comes later.",
    fix="Write def __init__(self, *args, **kwargs) with super().__init__(*args, **kwargs) in it, "
    "and use self.scope in connect.",
    texts=[
        r"__init__\(\) (missing \d+ required|takes \d+ positional|got an unexpected)",
        r"\w+\(\) takes no arguments",
    ],
    when=lambda facts: facts.raiser == "channels.consumer.app",
)
mistake(
    "no-channel-layer",
    "There is no channel layer",
    symptom="`AttributeError: 'NoneType' object has no attribute 'group_send'`; "
    "`AttributeError: 'Chat' object has no attribute 'channel_name'`",
    cause="A consumer has a channel layer and a channel name only where the settings name a layer.",
    fix='Set CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}.',
    texts=[
        r"'NoneType' object has no attribute '(group_\w+|new_channel)'",
        "BACKEND is unconfigured or doesn't support groups",
    ],
    over=["none-used"],
)
also(
    "no-channel-layer",
    "object has no attribute 'channel_(name|layer|receive)'",
    r"'NoneType' object has no attribute '(send|receive|group_\w+|new_channel)'",
    when=layerless,
)
also("no-channel-layer", "object has no attribute 'channel_name'", over=["no-attribute"])
mistake(
    "javascript-method",
    "A method has another name in Python",
    symptom="`AttributeError: 'str' object has no attribute 'toUpperCase'`",
    cause="JavaScript calls it so; Python's names are its own.",
    fix="Write upper, lower, strip, startswith or find; append for push; len(value) for length; "
    "in for includes.",
    texts=[
        r"'(str|bytes|int|float|bool|list|tuple)' object has no attribute "
        r"'(to[A-Z]\w+|length|push|shift|unshift|splice|slice|concat|trim|trimStart|trimEnd|"
        r"startsWith|endsWith|includes|indexOf|lastIndexOf|substring|substr|charAt|padStart|"
        r"padEnd|replaceAll|forEach|map|filter|hasOwnProperty)'",
    ],
    shown=["1.1"],
)
mistake(
    "javascript-global",
    "A name of JavaScript's",
    symptom="`NameError: name 'setTimeout' is not defined`",
    cause="The browser knows it, and Python does not.",
    fix="Write print for console.log, json for JSON, asyncio.sleep for setTimeout, int for "
    "parseInt, None, True, False.",
    texts=[
        r"NameError: name '(console|JSON|setTimeout|setInterval|parseInt|parseFloat|Math|Date|"
        r"undefined|null|true|false|window|document|WebSocket)' is not defined",
    ],
    over=["no-such-variable"],
    shown=["1.4"],
)
mistake(
    "await-in-def",
    "await in a plain def",
    symptom="`SyntaxError: 'await' outside async function`",
    cause="await may stand in an async def, and at the top level of a notebook's cell.",
    fix="Write async def; in a sync consumer leave out the await.",
    texts=["'await' outside async function"],
)
mistake(
    "send-in-json-consumer",
    "A JSON consumer has send_json",
    symptom="a TypeError about a dict or a list in a send, in a JSON consumer",
    cause="send takes a str, and makes no JSON of a dict or a list; send_json does.",
    fix="Write self.send_json(value).",
    texts=[r"'text' of websocket\.send must be str, not (dict|list|tuple): convert it"],
    when=lambda facts: facts.consumer == "json",
    shown=["4.4"],
)
mistake(
    "none-used",
    "None is used as if it were something",
    symptom="`AttributeError: 'NoneType' object has no attribute 'send'`",
    cause="The value is None: what a function without return gives, or what get() did not find.",
    fix="Look where it gets its value, and print it there.",
    texts=[
        r"'NoneType' object (has no|does not)",
        r"'NoneType' object is not (iterable|subscriptable|a mapping|an iterator)",
        r"'NoneType' has no len",
        r"non-iterable NoneType",
        r"argument of type 'NoneType' is not",
        r"unsupported operand type\(s\) for .*'NoneType'",
        r"not supported between instances of .*'NoneType'",
    ],
)
mistake(
    "http-consumer",
    "A consumer of the other protocol",
    symptom="`ValueError: No handler for message type websocket.connect`, in an AsyncHttpConsumer",
    cause="An HTTP consumer knows HTTP requests only, and a WebSocket consumer WebSockets only.",
    fix='Give each its place: ProtocolTypeRouter({"http": ..., "websocket": ...}).',
    texts=[r"No handler for message type (websocket|http)\."],
    when=lambda facts: (facts.consumer == "http") != facts.event.startswith("http."),
)
mistake(
    "no-event-handler",
    "No handler for what another consumer has sent",
    symptom="`ValueError: No handler for message type chat.message`",
    cause="The type of an event names the method, with _ for the dot, and there is none.",
    fix="Add it: for the type chat.message, def chat_message(self, event); or mend the type.",
    texts=[r"No handler for message type (?!(websocket|http)\.)"],
)
mistake(
    "member-left",
    "Sending to somebody who has left",
    symptom="`sent something to client 2, who had left`, in the transcript",
    cause="A list holds a consumer whose client is gone, and sending to it fails in the sender's "
    "handler.",
    fix="Take it out in disconnect, and catch OSError around each send; or let a group do it.",
    texts=[r"sent something to client \d+, who had left"],
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
)
mistake(
    "short-hold",
    "Async code that holds the event loop",
    symptom="`kept the event loop to itself`, in the transcript",
    cause="While a handler waits with time.sleep, or works, no other connection gets its turn.",
    fix="In async code: await asyncio.sleep(...); "
    "for work that has to block: await asyncio.to_thread(...).",
    texts=["kept the event loop to itself"],
)
mistake(
    "handler-misnamed",
    "No handler of that name is called",
    symptom="`nobody calls it: did you mean receive?`, in the transcript",
    cause="A consumer's methods are called by their names, letter by letter.",
    fix="Mend the name: connect, receive, disconnect; with websocket_ before it in a raw consumer.",
    texts=["nobody calls it: did you mean"],
)
mistake(
    "json-receive",
    "A JSON consumer calls receive_json",
    symptom="`a JSON consumer calls receive_json(self, content)`, in the transcript",
    cause="receive of a JSON consumer takes the text, decodes it and calls receive_json.",
    fix="Write def receive_json(self, content), and leave receive as it is.",
    texts=[r"a JSON consumer calls receive_json\(", "receive_json is never called"],
)
also(
    "json-receive",
    r"\breceive\(\) got an unexpected keyword argument 'text_data'",
    when=lambda facts: facts.consumer == "json",
)
mistake(
    "returned-by-handler",
    "It is returned, and not sent",
    symptom="`and nobody takes it`, in the transcript; the client waits",
    cause="What a handler returns is thrown away; a WebSocket has no answer to a message.",
    fix="Send it: self.send(...), with await in an async consumer.",
    texts=["returns a value, in line"],
)
mistake(
    "unused-message",
    "Nobody has used the message",
    symptom="`Nobody has used this message`, in the transcript",
    cause="The class has no method for messages, and the one that it inherits does nothing.",
    fix="Write def receive(self, text_data=None, bytes_data=None), or receive_json(self, content).",
    texts=["Nobody has used this message"],
)
mistake(
    "class-from-before",
    "The server is the one from before",
    symptom="`has been defined anew since the launch`, or `The launch after it has failed`",
    cause="A server keeps the class that it was launched with.",
    fix="Run the cell with launch(...) again, and mend what it says.",
    texts=["has been defined anew since the launch", "The launch after it has failed"],
)
mistake(
    "other-loop",
    "Sent from another event loop",
    symptom="`A message was sent from another event loop`, in the transcript",
    cause="asyncio.run makes a loop of its own, and a connection belongs to the server's.",
    fix="Keep loop = asyncio.get_running_loop() in a handler; in the thread: "
    "asyncio.run_coroutine_threadsafe(self.send(...), loop).",
    texts=["sent from another event loop"],
)
mistake(
    "slow-connect",
    "connect takes too long",
    symptom="`It is still at work.`, after a handshake that nobody answered",
    cause="connect is at work or waits for something, and the client waits for its answer.",
    fix="Accept first; what takes long comes after it, or into a task of its own.",
    texts=["neither accepted nor closed .* It is still at work"],
    over=["no-accept"],
)
mistake(
    "tls",
    "wss:// on a port without TLS",
    symptom="`A client began with TLS`, in the transcript; the client raises an SSLError",
    cause="The client spoke TLS, as wss:// and https:// do, and this server speaks none.",
    fix="Write ws://. In production a proxy before the application speaks TLS.",
    texts=["A client began with TLS", r"SSL: WRONG_VERSION_NUMBER", r"SSL: RECORD_LAYER_FAILURE"],
)
mistake(
    "request-body",
    "A request with a body",
    symptom="HTTP 501 for a POST; `The live server reads none`, in the transcript",
    cause="The library below the live server reads requests without a body only.",
    fix="Try pages that take a POST under uvicorn, daphne or runserver.",
    texts=["The live server reads none"],
)
mistake(
    "sent-too-late",
    "Sent after the client had left",
    symptom="`after its client had left`, in the transcript",
    cause="The client is gone, so nobody can read it.",
    fix="Send before the end; what runs beside the handlers is cancelled in disconnect.",
    texts=[r"sent something (in websocket_disconnect, )?after its client had left"],
)
mistake(
    "close-before-accept",
    "Close before accept",
    symptom="`server rejected WebSocket connection: HTTP 403`; the browser is told 1006",
    cause="Before the accept there is no WebSocket yet, so a close has no code: "
    "the handshake is refused with HTTP 403.",
    fix="If the client shall learn the code: accept, then close with it.",
    texts=["server rejected WebSocket connection: HTTP 403", "(?<!proxy )rejected .*HTTP 403"],
)
mistake(
    "no-route",
    "No route for this path",
    symptom="`ValueError: No route found for path`, and HTTP 500 for the client",
    cause="No pattern matches this path from its beginning to its end.",
    fix="Compare them piece by piece: the slashes, the spelling, and what each <...> takes "
    "(<int:...> only digits).",
    texts=["No route found for path"],
)
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
also("member-left", "the client has left", when=lambda facts: facts.connection > 0)
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
