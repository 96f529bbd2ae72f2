"""The mistakes that lesson 2 shows, in its order: routing."""

from __future__ import annotations

import re

from ...mistakes.registry import also, mistake, show

mistake(
    "connect-parameters",
    "connect takes nothing but self",
    symptom="`TypeError: Echo.connect() missing 1 required positional argument: 'name'`",
    cause="connect of a generic consumer is called without arguments.",
    fix="Write def connect(self). What the path says is in self.scope.",
    texts=[r"\bconnect\(\) (takes \d+ positional|missing \d+ required)"],
    shown=["2.1"],
)
show("close-before-accept", "2#who-may-connect", "2.3")
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
    when=lambda facts: facts.raiser.startswith("channels.generic.websocket.websocket_"),
    shown=["2.1"],
)
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
        r"object [A-Z]\w+ can't be used in 'await' expression",
        r"'[A-Z]\w+' object can't be awaited",
        r"^TypeError: \w+\(\) takes no arguments",
        r"__call__\(\) missing 1 required positional argument: 'send'",
    ],
    over=["sync-in-async"],
    when=lambda facts: (
        facts.of == "consumer" or not (facts.own or facts.consumer or facts.raiser.endswith(".app"))
    ),
    shown=["2#as-asgi", "2.1"],
)
show("no-route", "2#several-consumers", "2.1")
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
    "braces-in-path",
    "Braces in path()",
    symptom='`path("ws/{room}/")` matches nothing, and nothing warns',
    cause="path() takes braces literally; what it puts a name to stands between < and >.",
    fix='Write <str:name>: path("ws/room/<str:name>/", ...).',
    shown=["2.1"],
)
mistake(
    "bad-regex",
    "Not a regular expression",
    symptom='`"*" is not a valid regular expression: nothing to repeat at position 0`',
    cause="re_path() takes regular expressions, and in these * repeats what stands before it.",
    fix='What matches every path is r"", or r"^.*$".',
    texts=["is not a valid regular expression: nothing to repeat"],
    shown=["2.3"],
)
mistake(
    "unreadable-regex",
    "A regular expression that cannot be read",
    symptom="`is not a valid regular expression: unknown extension`",
    cause="Python's re takes it letter by letter, and at that position something else is expected.",
    fix=r"Compare it with a good one: a named group is (?P<name>\w+), and brackets come in pairs.",
    texts=["is not a valid regular expression: (?!nothing to repeat)"],
    shown=["2.1"],
)
mistake(
    "group-without-p",
    "A named group without its ?P",
    symptom='`re_path(r"ws/room/(<name>...)/")` matches nothing, and nothing warns',
    cause="Without ?P before it, <name> is a piece of the path, taken letter by letter.",
    fix=r"Write (?P<name>\w+).",
    shown=["2.1"],
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
    over=["key-error"],
    shown=["2.1"],
)
also(
    "no-url-route",
    "KeyError: 'url_route'",
    over=["scope-has-no-key"],
    when=lambda facts: facts.holder == "scope",
)
mistake(
    "wrong-argument-name",
    "The name is not the one in the URL pattern",
    symptom="`KeyError: 'name'`",
    cause='scope["url_route"]["kwargs"] has the names of the pattern, letter by letter.',
    fix='For <str:name> in the pattern, read kwargs["name"].',
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "kwargs" and not facts.holder_empty,
    shown=["2#scope", "2.1"],
)
mistake(
    "no-name-in-pattern",
    "The pattern has no name in it",
    symptom="a KeyError for the name, and the pattern has no name in it",
    cause='The router puts only named pieces of the path into scope["url_route"]["kwargs"].',
    fix=r"Write <str:name> in path(), or (?P<name>\w+) in re_path().",
    texts=["^KeyError"],
    when=lambda facts: facts.holder == "kwargs" and facts.holder_empty,
    shown=["2.1"],
)
mistake(
    "not-in-kwargs",
    "A step is missing on the way to the name",
    symptom="a KeyError for kwargs, or for a name that the pattern has",
    cause='The names of the pattern are in scope["url_route"]["kwargs"], and nowhere else.',
    fix='Read self.scope["url_route"]["kwargs"]["name"].',
    texts=["^KeyError"],
    when=lambda facts: (
        facts.holder == "url_route"
        or (facts.holder == "scope" and facts.key in ("kwargs", "room", "room_name", "name"))
    ),
    over=["scope-has-no-key"],
    shown=["2.1"],
)
also(
    "not-in-kwargs",
    "^IndexError: tuple index out of range",
    when=lambda facts: (
        re.search(r"""url_route["']\]\[["']args["']""", facts.expression) is not None
    ),
)
mistake(
    "bytes-and-text",
    "Bytes and text mixed",
    symptom="`TypeError: a bytes-like object is required, not 'str'`",
    cause='Text is looked for in bytes: scope["query_string"] and headers are bytes.',
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
mistake(
    "subprotocol",
    "A subprotocol that nobody agreed on",
    symptom="the browser is told 1006; the transcript says "
    "`The client did not offer the subprotocol 'chat'`",
    cause="Offered and accepted subprotocols have to be the same one.",
    fix='Accept one of scope["subprotocols"], or offer none.',
    texts=["Sec-WebSocket-Protocol", "did not offer the subprotocol", "offered the subprotocols"],
    shown=["2#subprotocol-text"],
)
mistake(
    "application-not-async",
    "The application is no async function",
    symptom="`TypeError: The application returned None: write async def.`",
    cause="The server awaits what the application returns, and this is nothing to be awaited.",
    fix="Write async def __call__(self, scope, receive, send), and await the calls in it.",
    texts=["The application returned .*: write async def"],
    shown=["2.2"],
)
mistake(
    "arguments-not-handed-on",
    "The application inside is not given its arguments",
    symptom="`missing 3 required positional arguments: 'scope', 'receive', and 'send'`",
    cause="An ASGI application is called with the scope, with receive and with send.",
    fix="Hand on all three: await self.app(scope, receive, send).",
    texts=[
        "missing 3 required positional arguments: 'scope', 'receive', and 'send'",
        "missing 2 required positional arguments: 'receive' and 'send'",
        r"(?<!__call__\(\) )missing 1 required positional argument: 'send'",
    ],
    shown=["2.2"],
)
mistake(
    "call-parameters",
    "__call__ with other parameters",
    symptom="`TokenRequired.__call__() takes 3 positional arguments but 4 were given`",
    cause="An ASGI application is called with three values, and self comes before them.",
    fix="Write async def __call__(self, scope, receive, send).",
    texts=[r"__call__\(\) takes \d+ positional arguments? but 4 were given"],
    shown=["2.2"],
)
mistake(
    "message-to-receive",
    "receive is given a message",
    symptom="`Bridge.receive() takes 1 positional argument but 2 were given`",
    cause="receive takes nothing, and gives the next event; it is send that takes a message.",
    fix="Call send. The parameters stand in the order scope, receive, send.",
    texts=[r"Bridge\.receive\(\) takes 1 positional argument but"],
    shown=["2.2"],
)
mistake(
    "http-answer",
    "An answer to an HTTP request",
    symptom="`but got 'http.response.start'`, for a WebSocket",
    cause="A WebSocket is answered with messages whose types begin with websocket.",
    fix='To refuse, send {"type": "websocket.close"}: the server makes HTTP 403 of it.',
    texts=[r"but got 'http\."],
    shown=["2.2"],
)
mistake(
    "arguments-of-call",
    "A middleware is no consumer",
    symptom="`AttributeError: 'TokenRequired' object has no attribute 'send'`",
    cause="scope, receive and send are the arguments of its __call__, and no attributes.",
    fix="Leave out the self.: await send(...).",
    texts=["object has no attribute '(scope|receive|send)'"],
    when=lambda facts: facts.of == "application",
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
