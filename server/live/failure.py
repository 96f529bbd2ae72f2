"""An exception as the record keeps it: its traceback, and what was known while its objects lived.

A traceback in words has lost which dictionary had no such key, what was None, and whose code ran.
:func:`capture` looks at the frames before they go, and keeps nothing of them but words. It runs no
code of a learner's: no ``repr``, no property, no comparison.

"""

from __future__ import annotations

import ast
import inspect
import json
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from tokenize import TokenError
from traceback import TracebackException
from types import CodeType, FrameType, TracebackType
from typing import Any, Literal, TypeAlias

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from pure_eval import CannotEval, Evaluator

from .tracebacks import is_library

__all__ = ["Facts", "Failure", "Holder", "capture", "chain", "consumer_kind"]

Holder: TypeAlias = Literal[
    "", "scope", "url_route", "kwargs", "headers", "event", "content", "query", "other"
]
"""Which dictionary it was; empty where none took part, or none was found."""

ConsumerKind: TypeAlias = Literal["", "raw", "generic", "json", "http"]

TEXT = 200
"""How many characters of an expression or a message are kept."""


@dataclass(frozen=True)
class Facts:
    """What was known of an exception, in words."""

    own: bool = False
    """Whether the line that raised it is the learner's own, and no library's."""

    raiser: str = ""
    """Module and function that raised it: ``channels.routing.__call__``."""

    through: frozenset[str] = frozenset()
    """Names of the functions between the learner's innermost line and the one that raised it."""

    functions: tuple[str, ...] = ()
    """Names of the learner's functions on the way, outermost first."""

    expression: str = ""
    """The learner's expression that was being worked out."""

    consumer: ConsumerKind = ""
    """The kind of consumer whose handler ran; empty: none did."""

    is_async: bool = False
    """Whether it is an asynchronous one."""

    has_layer: bool = False
    """Whether it has a channel layer."""

    event: str = ""
    """The type of the event that it was handling."""

    holder: Holder = ""
    holder_words: str = ""
    """The dictionary as the learner writes it."""

    holder_empty: bool = False
    key: str = ""
    """The key that it has not, where that is a text."""

    of: Literal["", "None", "consumer", "application", "dict", "other"] = ""
    """What was asked for an attribute that it has not."""

    none: str = ""
    """The expression that was None."""

    document: str = ""
    """The beginning of the text that was decoded."""

    connection: int = 0
    """The connection whose client has left, where something was sent to one."""


class Failure(TracebackException):
    """A traceback, with the facts of each exception in its chain of causes."""

    facts: tuple[Facts | None, ...] = ()


def capture(exc: BaseException) -> Failure:
    """Return what the record keeps of an exception."""
    failure = Failure.from_exception(exc)
    assert isinstance(failure, Failure)
    failure.facts = tuple(facts_of(one) for one in causes(exc))
    return failure


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what caused it, in the order of :func:`chain`."""
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def chain(exception: TracebackException) -> Iterator[tuple[TracebackException, Facts | None]]:
    """Yield a traceback and those of its causes, each with its facts, where there are any."""
    facts = exception.facts if isinstance(exception, Failure) else ()
    seen: set[int] = set()
    current: TracebackException | None = exception
    while current is not None and id(current) not in seen:
        place = len(seen)
        seen.add(id(current))
        yield current, facts[place] if place < len(facts) else None
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def facts_of(exc: BaseException) -> Facts | None:
    """Return what is known of one exception; ``None`` for one that was never raised."""
    steps = list(walk(exc.__traceback__))
    if not steps:
        return None
    last, _ = steps[-1]
    own = [step for step in steps if not is_library(step[0].f_code.co_filename)]
    beyond = steps[steps.index(own[-1]) + 1 :] if own else steps
    telling = [step for step in steps if step in own or is_channels(step[0])]
    consumer, event = running(telling)
    kind = consumer_kind(type(consumer))
    look = Look(own[-1] if own else None, telling, event)
    found: dict[str, Any] = {}
    match exc:
        case KeyError():
            found = look.missing_key(exc)
        case AttributeError():
            found = look.missing_attribute(exc)
        case TypeError():
            found = look.wrong_type()
        case json.JSONDecodeError():
            found = {"document": exc.doc[:TEXT]}
    return Facts(
        own=last is own[-1][0] if own else False,
        raiser=f"{last.f_globals.get('__name__', '')}.{last.f_code.co_name}",
        through=frozenset(frame.f_code.co_name for frame, _ in beyond),
        functions=tuple(frame.f_code.co_name for frame, _ in own),
        expression=look.words[:TEXT],
        consumer=kind,
        is_async=consumer is not None and not issubclass(type(consumer), SyncConsumer),
        has_layer=consumer is not None and fields(consumer).get("channel_layer") is not None,
        event=event_type(event),
        connection=number if type(number := fields(exc).get("connection")) is int else 0,
        **found,
    )


Step: TypeAlias = tuple[FrameType, TracebackType]


def walk(traceback: TracebackType | None) -> Iterator[Step]:
    """Yield the frames of a traceback, outermost first."""
    while traceback is not None:
        yield traceback.tb_frame, traceback
        traceback = traceback.tb_next


def is_channels(frame: FrameType) -> bool:
    """Tell whether a frame is one of Channels.

    Its frames and the learner's are all whose variables are read. Python 3.13.0 has crashed once
    where those of websockets were.

    """
    name = frame.f_globals.get("__name__")
    return type(name) is str and name.partition(".")[0] == "channels"


def running(steps: list[Step]) -> tuple[AsyncConsumer | None, Any]:
    """Return the consumer whose handler ran, and the event that it was given."""
    consumer = event = None
    for frame, _ in steps:
        owner = frame.f_locals.get("self")
        if consumer is None and issubclass(type(owner), AsyncConsumer):
            consumer = owner
        if event is None and owner is consumer is not None and frame.f_code.co_name == "dispatch":
            event = frame.f_locals.get("message")
    return consumer, event


def consumer_kind(kind: type) -> ConsumerKind:
    """Return which kind of consumer a class is."""
    if issubclass(kind, JsonWebsocketConsumer | AsyncJsonWebsocketConsumer):
        return "json"
    if issubclass(kind, WebsocketConsumer | AsyncWebsocketConsumer):
        return "generic"
    if issubclass(kind, AsyncHttpConsumer):
        return "http"
    return "raw" if issubclass(kind, AsyncConsumer) else ""


def fields(value: object) -> dict[str, Any]:
    """Return what has been set in an object, past whatever its class does."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def event_type(value: Any) -> str:
    """Return the type of an ASGI event; empty for what is none."""
    kind = value.get("type") if type(value) is dict else None
    return kind[:TEXT] if type(kind) is str else ""


class Look:
    """A look at the learner's innermost line, while its frame is there."""

    def __init__(self, step: Step | None, steps: list[Step], event: Any) -> None:
        self.frame = step[0] if step is not None else None
        self.steps = steps
        self.event = event
        self.words = source_of(*step) if step is not None else ""
        self.node = parsed(self.words)

    def value(self, node: ast.expr | None) -> Any:
        """Return what an expression stands for, without running any code; else an exception."""
        if node is None or self.frame is None:
            raise CannotEval
        return Evaluator.from_frame(self.frame)[node]

    def missing_key(self, exc: KeyError) -> dict[str, Any]:
        """Return which dictionary has no such key."""
        key = exc.args[0] if exc.args else None
        found = {"key": key[:TEXT]} if type(key) is str else {}
        match self.node:
            case ast.Subscript(value=holder):
                pass
            case ast.Call(func=ast.Attribute(value=holder, attr="pop" | "popitem")):
                pass
            case _:
                return found
        return found | self.describe(holder)

    def missing_attribute(self, exc: AttributeError) -> dict[str, Any]:
        """Return what has no such attribute."""
        holder = self.node.value if isinstance(self.node, ast.Attribute) else None
        kind = type(exc.obj)
        if exc.obj is None and exc.name is not None:
            return {"of": "None", "none": words_of(holder)}
        if issubclass(kind, AsyncConsumer):
            return {"of": "consumer"}
        if kind is dict:
            place = holder or ast.Name("", ast.Load())
            return {
                "of": "dict",
                "holder": self.holder(place, exc.obj),
                "holder_words": words_of(holder),
            }
        # A class of Python's own has a __call__ as well, and no module.
        is_callable = {"__call__", "__module__"} <= kind.__dict__.keys()
        return {"of": "application" if is_callable else "other"}

    def wrong_type(self) -> dict[str, Any]:
        """Return what was None, or which dictionary stood where none can."""
        parts: list[ast.expr] = []
        match self.node:
            case ast.Call(func=function, args=args):
                parts = [function, *args]
            case ast.Subscript(value=holder):
                parts = [holder]
            case ast.BinOp(left=left, right=right):
                parts = [left, right]
            case ast.Compare(left=left, comparators=others):
                parts = [left, *others]
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() as whole:
                parts = [whole.generators[0].iter]
            case ast.expr() as whole:
                parts = [whole]
        found: dict[str, Any] = {}
        for part in parts:
            try:
                value = self.value(part)
            except CannotEval:
                continue
            if issubclass(type(value), type) and issubclass(value, AsyncConsumer):
                found["of"] = "consumer"
            if value is None and not isinstance(part, ast.Constant):
                found.setdefault("none", words_of(part))
            elif type(value) is dict and "holder" not in found:
                found |= self.describe(part)
        return found

    def describe(self, node: ast.expr) -> dict[str, Any]:
        """Return which dictionary an expression stands for."""
        try:
            value = self.value(node)
        except CannotEval:
            value = None
        holder = self.holder(node, value)
        if holder == "":
            return {}
        return {
            "holder": holder,
            "holder_words": words_of(node),
            "holder_empty": type(value) is dict and not value,
        }

    def holder(self, node: ast.expr, value: Any) -> Holder:
        """Tell which dictionary it is: by where it comes from, then by what is in it."""
        root = root_of(node)
        made_by = self.maker(root)
        if made_by in ("loads", "decode_json", "receive_json_from", "json"):
            return "content"
        if made_by in ("parse_qs", "QueryDict"):
            return "query"
        if isinstance(root, ast.Name) and self.is_content(root):
            return "content"
        if type(value) is not dict:
            return ""
        if value is self.event or event_type(value).startswith(("websocket.", "http.")):
            return "event"
        if event_type(value) in ("websocket", "http") and "path" in value:
            return "scope"
        if value.keys() == {"args", "kwargs"} and type(value["kwargs"]) is dict:
            return "url_route"
        if self.is_kwargs(value):
            return "kwargs"
        if value and all(type(key) is bytes for key in value):
            return "headers"
        return "other"

    def is_content(self, root: ast.Name) -> bool:
        """Tell whether a name is what ``receive_json`` was given."""
        if self.frame is None or self.frame.f_code.co_name != "receive_json":
            return False
        code = self.frame.f_code
        return code.co_varnames[1 : code.co_argcount] == (root.id,)

    def is_kwargs(self, value: Any) -> bool:
        """Tell whether a dictionary is what a router has taken from the path."""
        for frame, _ in self.steps:
            scope = fields(frame.f_locals.get("self")).get("scope", frame.f_locals.get("scope"))
            route = scope.get("url_route") if type(scope) is dict else None
            if type(route) is dict and route.get("kwargs") is value:
                return True
        return False

    def maker(self, root: ast.expr) -> str:
        """Return the name of the function whose result it is; empty where that is not known."""
        if isinstance(root, ast.Name):
            return assigned(self.frame, root.id)
        return call_name(root)


def root_of(node: ast.expr) -> ast.expr:
    """Return what an expression with subscripts begins with."""
    while True:
        match node:
            case ast.Subscript(value=inner) | ast.Await(value=inner):
                node = inner
            case ast.Call(func=ast.Attribute(value=inner, attr="get")):
                node = inner
            case _:
                return node


def call_name(node: ast.expr) -> str:
    """Return the name of the function that an expression calls."""
    match node:
        case ast.Await(value=inner):
            return call_name(inner)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
        case _:
            return ""


def assigned(frame: FrameType | None, name: str) -> str:
    """Return what function a local variable was given the result of; empty: several, or none."""
    if frame is None or name not in frame.f_code.co_varnames:
        return ""
    makers = set()
    for node in ast.walk(tree_of(frame.f_code)):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=value)
                | ast.NamedExpr(target=ast.Name(id=target), value=value)
            ) if target == name:
                makers.add(call_name(value))
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if (
                target == name
            ):
                makers.add(call_name(value))
    return makers.pop() if len(makers) == 1 else ""


def tree_of(code: CodeType) -> ast.Module:
    """Return the source of a function as a tree; an empty one where it is not to be had.

    :func:`inspect.getsource` would look through all modules that there are, for each function.

    """
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    try:
        return ast.parse(dedent("".join(inspect.getblock(lines))))
    except (SyntaxError, TokenError, ValueError):
        return ast.Module([], [])


def source_of(frame: FrameType, traceback: TracebackType) -> str:
    """Return the expression that a frame was working out when it raised."""
    positions = list(frame.f_code.co_positions())
    line, end_line, column, end_column = positions[traceback.tb_lasti // 2]
    if line is None or end_line is None or column is None or end_column is None:
        return ""
    lines = [
        text.encode()
        for text in (
            linecache.getline(frame.f_code.co_filename, number, frame.f_globals)
            for number in range(line, end_line + 1)
        )
    ]
    if not lines or not all(lines):
        return ""
    # In this order: it may be one line.
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    return b"".join(lines).decode("utf-8", "replace")


def parsed(words: str) -> ast.expr | None:
    """Return an expression, or what a loop goes over; ``None`` for what is neither."""
    try:
        node = ast.parse(f"({words})", mode="eval").body
    except (SyntaxError, ValueError):
        return loop_over(words)
    return node.value if isinstance(node, ast.Await) else node


def loop_over(words: str) -> ast.expr | None:
    """Return what a loop goes over: the whole of it is what Python says has raised."""
    try:
        loop = ast.parse(dedent(words)).body[:1]
    except (SyntaxError, ValueError):
        return None
    return loop[0].iter if loop and isinstance(loop[0], ast.For) else None


def words_of(node: ast.expr | None) -> str:
    """Return an expression as it is written."""
    return ast.unparse(node)[:TEXT] if node is not None else ""
