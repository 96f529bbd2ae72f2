"""What the code of a consumer's class gives away before anything goes wrong.

It is the source that is looked at, once for each class; nothing of it is run.

"""

from __future__ import annotations

import ast
import inspect
import sys
import time
from collections.abc import Iterator
from difflib import get_close_matches
from types import CodeType, FunctionType
from weakref import WeakKeyDictionary

from channels.consumer import SyncConsumer

from .failure import ConsumerKind, consumer_kind, tree_of
from .tracebacks import is_library

__all__ = ["blocking_call", "habits", "has_been_redefined", "unawaited_handler", "unused_receive"]

RAW = ("websocket_connect", "websocket_receive", "websocket_disconnect")
GENERIC = ("connect", "receive", "disconnect")

HANDLERS: dict[ConsumerKind, tuple[str, ...]] = {
    "raw": RAW,
    "generic": GENERIC,
    "json": ("connect", "receive_json", "disconnect"),
    "http": ("handle", "disconnect"),
}
"""The methods of each kind of consumer that are called for its client."""

OTHER_NAMES = {
    "open": 0,
    "connected": 0,
    "on_open": 0,
    "onopen": 0,
    "on_connect": 0,
    "onconnect": 0,
    "websocket_open": 0,
    "websocket_accept": 0,
    "message": 1,
    "recv": 1,
    "on_message": 1,
    "onmessage": 1,
    "on_receive": 1,
    "received": 1,
    "receive": 1,
    "receive_text": 1,
    "receive_bytes": 1,
    "receive_data": 1,
    "receive_message": 1,
    "receive_json": 1,
    "websocket_message": 1,
    "websocket_text": 1,
    "websocket_receive_json": 1,
    "disconnected": 2,
    "on_close": 2,
    "onclose": 2,
    "on_disconnect": 2,
    "ondisconnect": 2,
    "websocket_close": 2,
    "connect": 0,
    "disconnect": 2,
}
"""What other libraries, JavaScript and other consumers call the three."""

NEAR = 0.84
"""From which likeness on a name is taken for a misspelt one."""

TEXT = 40
"""How much of a text is quoted."""

MAKERS = {"async_to_sync", "sync_to_async", "database_sync_to_async"}

VALUES = {"dumps", "str", "repr", "dict", "list", "bytes", "encode", "format"} | {
    "HttpResponse",
    "JsonResponse",
    "StreamingHttpResponse",
    "render",
}
"""Functions whose result is what somebody wanted to send."""

BLOCKING = {
    "time": {"sleep"},
    "requests": {"get", "post", "put", "patch", "delete", "head", "request"},
    "urllib.request": {"urlopen"},
    "subprocess": {"run", "call", "check_call", "check_output"},
    "builtins": {"input"},
}
"""Modules, and those of their functions that wait without letting go of the event loop."""


def methods(cls: type) -> dict[str, FunctionType]:
    """Return the methods that the learner has written, by name."""
    found: dict[str, FunctionType] = {}
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if type(value) is FunctionType and not is_library(value.__code__.co_filename):
                found.setdefault(name, value)
    return found


known: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()
unused: WeakKeyDictionary[type, str] = WeakKeyDictionary()
"""What was found out about each class: it does not change, and is asked for with each message."""


def habits(cls: type) -> tuple[str, ...]:
    """Return what is to be said about a consumer's class, a sentence each."""
    if cls not in known:
        kind = consumer_kind(cls)
        own = methods(cls)
        known[cls] = (
            *misnamed(cls, kind, own),
            *letters(cls),
            *other_receive(cls, kind, own),
            *(line for name, method in own.items() for line in idle_lines(cls, kind, name, method)),
        )
    return known[cls]


def misnamed(cls: type, kind: ConsumerKind, own: dict[str, FunctionType]) -> Iterator[str]:
    """Say which method has the name of no handler, and resembles one that is not there."""
    handlers = HANDLERS.get(kind, ())
    used = {name for method in own.values() for name in names_in(method.__code__)}
    for name in own:
        if name in used or (kind in ("generic", "json") and name in ("receive", *RAW)):
            continue
        if name == "receive_json" and kind == "generic":
            yield (
                f"{cls.__name__}.receive_json is never called: only a JSON consumer calls it, and "
                f"{cls.__name__} is none."
            )
            continue
        near = get_close_matches(name.lower(), handlers, 1, NEAR)
        meant = near[0] if near else None
        if meant is None and name in OTHER_NAMES and kind != "http":
            meant = handlers[OTHER_NAMES[name]]
        if meant is not None and meant not in own and meant != name:
            yield f"{cls.__name__} has a method {name}, and nobody calls it: did you mean {meant}?"


def letters(cls: type) -> Iterator[str]:
    """Say that ``groups`` is a text, which Channels takes for a list of its letters."""
    groups = inspect.getattr_static(cls, "groups", None)
    if type(groups) is str and groups:
        yield (
            f"{cls.__name__}.groups is the text {groups[:TEXT]!r}: the consumer is in a group for "
            f"each of its letters."
        )


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the names that a function uses, and the texts that may name a method."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)
        elif type(constant) is str:
            yield constant.replace(".", "_")


def other_receive(cls: type, kind: ConsumerKind, own: dict[str, FunctionType]) -> Iterator[str]:
    """Say that a JSON consumer's ``receive`` is not what its author takes it for."""
    receive = own.get("receive")
    if kind != "json" or receive is None:
        return
    if "text_data" not in inspect.signature(receive).parameters:
        yield (
            f"{cls.__name__}.receive has no parameter text_data: a JSON consumer calls "
            f"receive_json(self, content) with what was decoded."
        )
    elif "receive_json" in own and not {"receive_json", "super"} & set(names_in(receive.__code__)):
        yield (
            f"{cls.__name__}.receive_json is never called: {cls.__name__}.receive stands in its "
            f"way, and does not hand the message on with super().receive(...)."
        )


def idle_lines(cls: type, kind: ConsumerKind, name: str, method: FunctionType) -> Iterator[str]:
    """Say which lines of a method do nothing."""
    where = f"{cls.__name__}.{name}"
    handlers = (*HANDLERS.get(kind, ()), "receive")
    for node, line in statements(method):
        match node:
            case ast.Return(value=ast.expr() as value) if name in handlers and is_value(value):
                yield (
                    f"{where} returns a value, in line {line}, and nobody takes it: "
                    f"what the client shall get is sent."
                )
            case ast.Expr(value=ast.Attribute(value=ast.Name(id="self"), attr=attribute)) if (
                type(inspect.getattr_static(cls, attribute, None)) is FunctionType
            ):
                yield (
                    f"{where} has self.{attribute} without parentheses, in line {line}: "
                    f"it is not called."
                )
            case ast.Expr(value=ast.Call(func=ast.Name(id=maker))) if maker in MAKERS:
                yield (
                    f"{where} calls {maker}(...), in line {line}, and not what it returns: "
                    f"write {maker}(...)(...)."
                )


def statements(method: FunctionType) -> Iterator[tuple[ast.AST, int]]:
    """Yield what a function's code consists of, without functions inside it, and the lines."""
    code = method.__code__
    waiting = [node for whole in tree_of(code).body[:1] for node in ast.iter_child_nodes(whole)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        yield node, code.co_firstlineno + getattr(node, "lineno", 1) - 1
        waiting.extend(ast.iter_child_nodes(node))


def is_value(node: ast.expr) -> bool:
    """Tell whether an expression makes something that somebody wanted to send."""
    match node:
        case ast.Constant(value=value):
            return value is not None
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in VALUES
        case _:
            return isinstance(
                node,
                ast.JoinedStr
                | ast.Dict
                | ast.List
                | ast.ListComp
                | ast.DictComp
                | ast.BinOp
                | ast.Name
                | ast.Subscript,
            )


def unused_receive(cls: type) -> str:
    """Say whose empty method takes the messages; nothing where one of the class's own does."""
    text = unused.get(cls)
    if text is None:
        text = unused[cls] = find_unused_receive(cls)
    return text


def find_unused_receive(cls: type) -> str:
    """Find out the same."""
    kind = consumer_kind(cls)
    if kind not in ("generic", "json"):
        return ""
    own = methods(cls)
    if {"receive", "websocket_receive", "dispatch"} & own.keys():
        return ""
    name = "receive_json" if kind == "json" else "receive"
    taker = inspect.getattr_static(cls, name, None)
    module = getattr(taker, "__module__", None)
    if name in own or module != "channels.generic.websocket":
        return ""
    base = taker.__qualname__.partition(".")[0]
    return (
        f"Nobody has used this message: {cls.__name__} has no {name}, and that of {base} does "
        f"nothing."
    )


def unawaited_handler(cls: type, kind: str) -> str:
    """Say that a sync consumer has an asynchronous method for a message of this type."""
    name = kind.replace(".", "_")
    if not issubclass(cls, SyncConsumer) or not inspect.iscoroutinefunction(
        inspect.getattr_static(cls, name, None)
    ):
        return ""
    return (
        f"{cls.__name__}.{name} is async, and {cls.__name__} is a sync consumer, which calls its "
        f"handlers and awaits none."
    )


def blocking_call(cls: type) -> str:
    """Say which line of a consumer's asynchronous code waits with the event loop in its hand."""
    if issubclass(cls, SyncConsumer):
        return ""
    for name, method in methods(cls).items():
        if inspect.iscoroutinefunction(method):
            call, line = blocks(method)
            if call:
                return f"{cls.__name__}.{name} calls {call}, in line {line},"
    return ""


def blocks(method: FunctionType, deep: bool = True) -> tuple[str, int]:
    """Return what a function calls that blocks, itself or in a function that it calls."""
    for node, line in statements(method):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        function = found(method, node.func)
        module, name = getattr(function, "__module__", ""), getattr(function, "__name__", "")
        if function is time.sleep or name in BLOCKING.get(module or "", ()):
            return call, line
        if module and module.partition(".")[0] == "requests" and name in BLOCKING["requests"]:
            return call, line
        if (
            deep
            and type(function) is FunctionType
            and not is_library(function.__code__.co_filename)
        ):
            inner, _ = blocks(function, deep=False)
            if inner and not inspect.iscoroutinefunction(function):
                return f"{call}, which calls {inner}", line
    return "", 0


def found(method: FunctionType, node: ast.expr) -> object:
    """Return the function that a name stands for, where it is a global one."""
    match node:
        case ast.Name(id=name):
            builtins = vars(sys.modules["builtins"])
            return method.__globals__.get(name, builtins.get(name))
        case ast.Attribute(value=inner, attr=name):
            module = found(method, inner)
            # Nothing but modules is looked into: reading another object's attribute may run code.
            return vars(module).get(name) if type(module) is type(sys) else None
        case _:
            return None


def has_been_redefined(cls: type) -> bool:
    """Tell whether the class's name stands for another class by now: its cell was run again."""
    module = sys.modules.get(cls.__module__)
    if "." in cls.__qualname__ or module is None:
        return False
    now = vars(module).get(cls.__name__)
    return isinstance(now, type) and now is not cls
