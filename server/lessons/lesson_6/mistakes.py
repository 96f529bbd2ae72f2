"""The mistakes of lesson 6: the layer, users, the database, tests, and going live."""

from __future__ import annotations

from ...mistakes.registry import mistake, show

# --- The layer -----------------------------------------------------------------------------------

mistake(
    "layer-down",
    "Valkey cannot be reached",
    symptom="`redis.exceptions.ConnectionError: Error 111 connecting to`; "
    "`redis.exceptions.ConnectionError: Connection closed by server.`",
    cause="A consumer that has a channel layer asks it first; with the layer down it dies at once.",
    fix="See that Valkey runs and that its address is right; let clients come back.",
    texts=[r"Error \d+ connecting to", "Connection closed by server"],
    shown=["6#killed"],
)
mistake(
    "idle-timeout",
    "A quiet consumer dies after five seconds",
    symptom="`redis.exceptions.TimeoutError: Timeout reading from`",
    cause="The core layer waits five seconds for a message, and a socket of redis-py 8 no longer.",
    fix='Give the host {"address": url, "socket_timeout": None}, or install redis<8.',
    texts=["Timeout reading from"],
    shown=["6#idle"],
)
mistake(
    "old-redis",
    "The server is too old for the layer",
    symptom="`unknown command 'BZPOPMIN'`",
    cause="The core layer needs a command that Redis has since version 5.",
    fix="Use Valkey or a current Redis.",
    texts=["unknown command '?BZPOPMIN"],
)
mistake(
    "connection-of-another-loop",
    "A connection of another event loop",
    symptom="`RuntimeError: Event loop is closed`",
    cause="A connection belongs to the loop that made it; asyncio.run makes a new one each time.",
    fix="Make the client within the loop, or keep one loop; in a task, use async_to_sync.",
    texts=["Event loop is closed", "attached to a different loop"],
)
mistake(
    "not-for-msgpack",
    "An event that cannot travel",
    symptom="`TypeError: can not serialize 'UUID' object`; also for datetime, Decimal and set",
    cause="Between processes an event travels as msgpack, which knows what JSON knows, and bytes.",
    fix="Put text into it: str(value), or value.isoformat().",
    texts=["can not serialize '"],
    shown=["6.3"],
)
mistake(
    "int-keys",
    "An event with a key that is a number",
    symptom="`ValueError: int is not allowed for map key when strict_map_key=True`",
    cause="It was sent, and whoever receives it refuses the key.",
    fix="Make the keys text: str(key).",
    texts=["is not allowed for map key"],
)
mistake(
    "over-capacity",
    "The slow member of a group",
    symptom="`1 of 1 channels over capacity in group`, and messages are missing; "
    "a direct send raises ChannelFull",
    cause="The core layer keeps a hundred messages for a channel and drops what comes after.",
    fix="Make the handler faster, send less, or raise the capacity; pub/sub has no such bound.",
    texts=["channels over capacity in group"],
    shown=["6#valkey"],
)

# --- Users ---------------------------------------------------------------------------------------

show("no-auth-middleware", "6#users")
mistake(
    "stack-order",
    "Middleware that needs another one around it",
    symptom="`ValueError: AuthMiddleware cannot find session in scope. SessionMiddleware must be "
    "above it.`; `ValueError: No cookies in scope - SessionMiddleware needs to run inside of "
    "CookieMiddleware.`",
    cause="Cookies come first, then the session, then the user.",
    fix="Write AuthMiddlewareStack, which has all three in order.",
    texts=["cannot find session in scope", "No cookies in scope", "Cannot find session in scope"],
)
mistake(
    "always-anonymous",
    "scope['user'] is always AnonymousUser",
    symptom="who has logged in is a stranger over the WebSocket",
    cause="The handshake had no cookie of this session: another host or scheme, or a log-out.",
    fix="Look at the handshake's Cookie header, and use one name for the host everywhere.",
    shown=["6#users"],
)
mistake(
    "authenticated-called",
    "is_authenticated is no method",
    symptom="`TypeError: 'bool' object is not callable`",
    cause="It is an attribute, and true or false.",
    fix="Leave out the parentheses: user.is_authenticated.",
    texts=["'bool' object is not callable"],
)

# --- The database --------------------------------------------------------------------------------

mistake(
    "database-locked",
    "Two processes write to SQLite",
    symptom="`django.db.utils.OperationalError: database is locked`",
    cause="One process writes at a time; another one waits five seconds and gives up.",
    fix="Keep transactions short; with several servers, use a database that is a server itself.",
    texts=["database is locked"],
    shown=["6#database"],
)
mistake(
    "too-many-connections",
    "The database has no connection left",
    symptom="FATAL: too many connections for role; InterfaceError: connection already closed "
    "(from reports, not run here)",
    cause="Each thread of each process keeps a connection, for ever with a CONN_MAX_AGE.",
    fix="Set CONN_MAX_AGE to 0 under ASGI, and count threads and processes; or use a pool.",
    texts=["too many connections", "connection already closed"],
)

# --- Tests ---------------------------------------------------------------------------------------

mistake(
    "test-saw-close",
    "The consumer closed where a test expects a message",
    symptom="`AssertionError: Expected type 'websocket.send', but was 'websocket.close'`",
    cause="It refused the client, or raised: the test reads on and meets the close.",
    fix="Look at what connect() returned, and at the user and the origin that the test gives.",
    texts=[r"Expected type 'websocket\.send', but was 'websocket\.close'"],
)
# --- Going live ----------------------------------------------------------------------------------

mistake(
    "asgi-attribute",
    "The server does not find the application",
    symptom='`Error loading ASGI app. Attribute "app" not found in module "mysite.asgi".`',
    cause="Behind the colon stands the name of a variable in the module.",
    fix="Write mysite.asgi:application.",
    texts=["Error loading ASGI app"],
)
mistake(
    "asgi-setting",
    "ASGI_APPLICATION names no module",
    symptom="`Cannot import ASGI_APPLICATION module`",
    cause="The setting is a path with dots, and the module has to be importable.",
    fix='Write "mysite.asgi.application"; the colon is for the command line only.',
    texts=["ASGI_APPLICATION module"],
    shown=["6.4"],
)
mistake(
    "wsgi-for-asgi",
    "The server was given the WSGI application",
    symptom="`TypeError: WSGIHandler.__call__() missing 1 required positional argument: "
    "'start_response'`",
    cause="An ASGI server calls it in another way.",
    fix="Serve mysite.asgi:application, and not mysite.wsgi.",
    texts=["required positional argument: 'start_response'"],
)
mistake(
    "layer-hosts-text",
    "The hosts of the layer are a text",
    symptom="`ValueError: You must pass a list of Redis hosts, even if there is only one.`",
    cause="The setting takes several hosts.",
    fix='Put brackets around it: "hosts": [url].',
    texts=["You must pass a list of Redis hosts"],
    shown=["6.4"],
)
mistake(
    "no-upgrade-header",
    "A proxy does not pass the upgrade on",
    symptom="`Not Found: /ws/chat/lobby/`",
    cause="The request arrives as plain HTTP, and no view has that path.",
    fix="Let nginx set the headers Upgrade and Connection, and use proxy_http_version 1.1.",
    texts=["Not Found: /ws/"],
    shown=["6#in-front"],
)
mistake(
    "port-taken",
    "The port is taken",
    symptom="`address already in use`",
    cause="Another process listens there, often the same server from before.",
    fix="End that process, or choose another port.",
    texts=[r"[Aa]ddress already in use"],
)
