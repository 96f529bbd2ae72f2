"""The exercises of lesson 4: JSON conversion."""

from __future__ import annotations

import ast
import json
import math
import operator
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, NoReturn

from channels.generic.websocket import JsonWebsocketConsumer

from ...exercises.check import empty_method
from ...exercises.mistakes import ONLY_EXAMPLES
from ...exercises.registry import exercise
from ...exercises.scenario import Client, End, Trial, a_word, came, quote, unless_right
from ...mistakes.diagnosis import find_failure, last_line
from ...mistakes.registry import MISTAKES, Mistake, mistake

BINARY_JSON = mistake(
    "binary-json",
    "The answer is binary",
    cause="The JSON is there, and it travels as bytes.",
    fix="Send a str: JSON is text.",
)
CLOSED_ON_ERROR = mistake(
    "closed-on-error",
    "One bad message ends the conversation",
    cause="The consumer closes the connection.",
    fix="Answer with an error, leave out the close, and let the client try again.",
)
NOT_JSON = mistake(
    "not-json",
    "The answer is no JSON",
    cause="The other side cannot decode this text.",
    fix="Build a dict, and encode it: json.dumps(...), or send_json(...) in a JSON consumer.",
)
NO_CLS = mistake(
    "no-cls",
    "A class method without cls",
    symptom="`TypeError: Echo.decode_json() takes 1 positional argument but 2 were given`",
    cause="encode_json and decode_json are given the class first, and then the value.",
    fix="Write @classmethod, and below it def decode_json(cls, text_data).",
    texts=[r"\b(de|en)code_json\(\) takes \d+ positional arguments? but \d+ were given"],
    shown=["4.2"],
)
JSON_OPTIONS = mistake(
    "json-options",
    "dumps and loads have different options",
    symptom="`TypeError: JSONDecoder.__init__() got an unexpected keyword argument 'allow_nan'`",
    cause="allow_nan and default belong to json.dumps, which writes.",
    fix="json.loads has parse_constant and parse_float for what it reads.",
    texts=[r"JSON(De|En)coder\.__init__\(\) got an unexpected keyword argument"],
    shown=["4.2"],
)
ASYNC_ENCODER = mistake(
    "async-encoder",
    "An async method in the sync twin",
    symptom="a TypeError that names a coroutine where a str, or a value, should be",
    cause="JsonWebsocketConsumer calls encode_json and decode_json and does not await them.",
    fix="Write def instead of async def; only AsyncJsonWebsocketConsumer awaits them.",
    shown=["4.3"],
)


def async_encoder(trial: Trial) -> Mistake | None:
    """Return the mistake of an answer that has an async conversion in a sync consumer."""
    answer = trial.answer
    if not (isinstance(answer, type) and issubclass(answer, JsonWebsocketConsumer)):
        return None
    names = ("encode_json", "decode_json")
    is_async = any(iscoroutinefunction(getattr(answer, name)) for name in names)
    return ASYNC_ENCODER if is_async else None


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, as a browser does."""
    raise ValueError(name)


def strict_json(text: str) -> Any:
    """Decode JSON as a browser does.

    Raises:
        ValueError: It is no JSON.

    """
    return json.loads(text, parse_constant=refuse_constant)


def decodes(text: str, decode: Callable[[str], Any]) -> bool:
    """Tell whether a text can be decoded."""
    try:
        decode(text)
    except (ValueError, SyntaxError, RecursionError):
        return False
    return True


def json_mistake(got: object) -> Mistake | None:
    """Return the mistake behind an answer that is not JSON, or JSON twice over."""
    if isinstance(got, bytes):
        return BINARY_JSON
    if not isinstance(got, str):
        return None
    if decodes(got, strict_json):
        value = strict_json(got)
        if isinstance(value, str) and decodes(value, strict_json):
            return MISTAKES["json-twice"]
        return None
    if decodes(got, json.loads):
        return MISTAKES["nan"]
    return MISTAKES["python-not-json"] if decodes(got, ast.literal_eval) else NOT_JSON


def answers_json(
    client: Client,
    what: str,
    expected: object,
    likely: Callable[[Any], Mistake | None] = lambda value: None,
    after_error: bool = False,
    quiet: bool = False,
    fallback: Mistake | None = None,
) -> None:
    """Expect a message that is the JSON of a value, however it is spaced and ordered.

    Args:
        client: Who expects it.
        what: The expectation, in words.
        expected: The value.
        likely: Returns the mistake behind another value; ``None`` stands for no message.
        after_error: The same was answered well before the client was told of an error.
        quiet: Only that it does not come is worth a line.
        fallback: The mistake behind anything else.

    """
    got = client.receive()
    value: Any = None
    mistake = json_mistake(got)
    if mistake is None and isinstance(got, str):
        value = strict_json(got)
        if same(value, expected):
            if not quiet:
                client.trial.passed(what)
            return
    failures = client.trial.failures
    if mistake is None and failures:
        mistake = async_encoder(client.trial)
    if mistake is None and not failures:
        mistake = likely(value)
    if mistake is None and after_error and got is not None:
        if failures:
            mistake = find_failure(failures[0])
        elif isinstance(got, End):
            mistake = CLOSED_ON_ERROR
        if mistake in (None, MISTAKES["unbound"], MISTAKES["text-and-value"]):
            mistake = MISTAKES["goes-on"]
    client.trial.fail(what, quote(json.dumps(expected)), came(got), mistake or fallback)


def same(value: object, expected: object) -> bool:
    """Tell whether two JSON values are the same; 6.0 and 6 are, and 1 and true are not."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(same(value[k], expected[k]) for k in value)
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(same, value, expected))
    return value == expected


def is_error(value: object) -> bool:
    """Tell whether a value is an object with an error in it."""
    return isinstance(value, dict) and is_text(value.get("error"))


def is_text(value: object) -> bool:
    """Tell whether a value is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


AN_ERROR = 'an object with an "error"'
ERROR_FORM = mistake(
    "error-form",
    "The answer is no error in the form that is asked for",
    cause='The client looks for an object that has a text of yours under "error".',
    fix='Answer {"error": "..."}: a dict, with a text that says what is wrong.',
)

# 4.1

BARE_NUMBER = mistake(
    "bare-number",
    "The number alone",
    cause="The client looks for the result under a name.",
    fix='Answer with a dict: {"result": ...}.',
)
RESULT_IS_TEXT = mistake(
    "result-is-text",
    "The result is a string",
    cause='In JSON, 5 and "5" are not the same.',
    fix="Leave the number a number; json.dumps turns the whole dict into text.",
)
EXCEPTION_ENDS_IT = mistake(
    "exception-ends-it",
    "An exception ends the connection",
    cause="Nobody catches what the division by zero raises.",
    fix='Catch ZeroDivisionError, and answer {"error": ...}.',
)
OTHER_KEY = mistake(
    "other-key",
    "The result has another name",
    cause='The client looks for it under "result".',
    fix='Answer {"result": ...}.',
)
OTHER_OPERATION = mistake(
    "other-operation",
    "Another operation was carried out",
    cause="The message names one of four.",
    fix='Look at message["op"] before you calculate.',
)
FRACTION_LOST = mistake(
    "fraction-lost",
    "The fraction is lost",
    cause="// and int() give whole numbers.",
    fix="Divide with /, and take the numbers as they came.",
)
NO_ERROR = mistake(
    "no-error",
    "No error is told",
    cause="A division by zero has no result, and the client has to learn that.",
    fix='Answer {"error": ...} with a text of your own.',
)


ANY_CODE = mistake(
    "any-code",
    "A client can run code of its own",
    cause='Its "op" has become part of a calculation in Python, as with eval, and it can be any '
    "code.",
    fix="Choose among the four yourself: with if and elif, match, or a dict of functions.",
)


ENDLESS = mistake(
    "endless",
    "The handler never ends",
    cause="receive is called anew for each message; a loop in it sends the same answer for ever.",
    fix="Leave out the loop: one message, one call, one answer.",
)
ALL_AT_ONCE = mistake(
    "all-at-once",
    "All four are calculated, whichever is asked for",
    cause="With b = 0 the division raises, also where the client wants a sum.",
    fix="Calculate only the one that op names: with if and elif, or a dict of functions.",
)
ZERO_IS_A_RESULT = mistake(
    "zero-is-a-result",
    "0 is a result",
    cause="if result: is false for 0 as well.",
    fix="Ask for what you mean: whether there was an exception, or result is not None.",
)
TAKEN_FOR_ANOTHER = mistake(
    "taken-for-another",
    "Any other op is taken for one of the four",
    cause="The last else carries it out, whatever the client has named.",
    fix='Give the fourth a condition of its own, and answer {"error": ...} in the else.',
)
STRANGE_OPS = {"+ 10 +": 15, "+-": -1, "-*": None, "%": 2, "**": 8, "": None}
"""What no client may name, and what comes of it for 2 and 3 where it is carried out."""


@exercise("4.1", "A calculator", name="Calculator")
def calculator(trial: Trial) -> None:
    """It calculates in JSON, and tells of a division by zero."""
    client = trial.connect("ws/calculator/")
    for op, a, b, result in (
        ("+", 2, 3, 5),
        ("-", 7, 10, -3),
        ("*", 1.5, 4, 6),
        ("/", 1, 4, 0.25),
    ):
        client.send(json.dumps({"op": op, "a": a, "b": b}))
        what = f'{a} {op} {b} is answered with {{"result": {result}}}'
        answers_json(client, what, {"result": result}, partial(not_calculated, trial, op, a, b))
    what = "so are numbers that are not in the table"
    for op, calculate in OPERATIONS.items():
        a, b = random.randint(100, 999), random.choice((2, 4, 8))
        client.send(json.dumps({"op": op, "a": a, "b": b}))
        likely = unless_right(partial(not_calculated, trial, op, a, b))
        answers_json(client, what, {"result": calculate(a, b)}, likely, quiet=True)
    trial.passed(what)
    client.send(json.dumps({"op": "/", "a": 1, "b": 0}))
    what = "1 / 0 is answered with an error"
    got = client.receive()
    if isinstance(got, End) and any(text.startswith("ZeroDiv") for text in raised(trial)):
        trial.fail(what, AN_ERROR, came(got), EXCEPTION_ENDS_IT)
    mistake = json_mistake(got)
    ok = mistake is None and isinstance(got, str) and is_error(strict_json(got))
    if mistake is None and not trial.failures:
        mistake = ERROR_FORM if "error" in str(got) else NO_ERROR
    trial.expect(what, ok, AN_ERROR, came(got), mistake)
    client.send(json.dumps({"op": "+", "a": 1, "b": 1}))
    what = "nothing else follows the error, and the next answer is right: 1 + 1"
    answers_json(client, what, {"result": 2}, after_error=True)
    for op, a, b, result in (("+", 1, 0, 1), ("*", 4, 0, 0), ("/", 0, 5, 0), ("-", 3, 3, 0)):
        client.send(json.dumps({"op": op, "a": a, "b": b}))
        what = f'{a} {op} {b} is answered with {{"result": {result}}}'
        answers_json(client, what, {"result": result}, partial(not_with_zero, b), quiet=True)
    trial.passed("a 0 is a number like any other: 1 + 0, 4 * 0, 0 / 5, 3 - 3")
    for op, carried_out in STRANGE_OPS.items():
        not_carried_out(trial, {"op": op, "a": 2, "b": 3}, carried_out)
    trial.passed("an op that is none of the four is not carried out")
    not_carried_out(trial, {"op": "+", "a": "7*6", "b": 0}, 42)
    not_carried_out(trial, {"op": "*", "a": 1, "b": "7*6"}, 42)
    trial.passed("a text in the place of a number is not run as code either")
    trial.forgive_failures()


def not_with_zero(b: float, value: Any) -> Mistake | None:
    """Return the mistake behind an answer to a calculation with 0 in it."""
    if is_error(value):
        return ALL_AT_ONCE if b == 0 else ZERO_IS_A_RESULT
    return None


def not_carried_out(trial: Trial, message: dict[str, Any], result: float | None) -> None:
    """Send what no calculator may carry out; whatever else is answered will do."""
    client = trial.connect("ws/calculator/", "another client connects", quiet=True)
    client.send(json.dumps(message))
    got = client.receive()
    value = strict_json(got) if isinstance(got, str) and decodes(got, strict_json) else None
    what = f"{json.dumps(message)} is not carried out"
    answer = value.get("result") if isinstance(value, dict) else None
    if isinstance(answer, int | float):
        numbers = [part for part in (message["a"], message["b"]) if not isinstance(part, str)]
        usual = [calculate(*numbers) for calculate in OPERATIONS.values() if len(numbers) == 2]
        is_code = answer == result or answer not in usual
        trial.fail(
            what, "anything but a result", came(got), ANY_CODE if is_code else TAKEN_FOR_ANOTHER
        )


def raised(trial: Trial) -> list[str]:
    """Return the last lines of the exceptions that the answer raised."""
    return ["".join(failure.format_exception_only()) for failure in trial.failures]


def is_endless(trial: Trial) -> bool:
    """Tell whether a handler that has answered goes on and on."""
    # Counted, and for long: a server may be held by something else than the handler.
    for _ in range(200):
        if trial.idle:
            return False
        time.sleep(0.01)
    return True


def not_calculated(trial: Trial, op: str, a: float, b: float, value: Any) -> Mistake | None:
    """Return the mistake behind a wrong result."""
    if value is not None and is_endless(trial):
        return ENDLESS
    if not isinstance(value, dict):
        return BARE_NUMBER if isinstance(value, int | float) else None
    if "result" not in value:
        return None if "error" in value else OTHER_KEY
    result = value["result"]
    if isinstance(result, str):
        return RESULT_IS_TEXT
    if result in (math.floor(OPERATIONS[op](a, b)), OPERATIONS[op](int(a), int(b))):
        return FRACTION_LOST
    others = (calculate(a, b) for calculate in OPERATIONS.values())
    return OTHER_OPERATION if result in others else None


# Not as the solution has it: a class gets this file, and is not to find one here.
FUNCTIONS = (operator.add, operator.sub, operator.mul, operator.truediv)
OPERATIONS: dict[str, Callable[[float, float], float]] = dict(zip("+-*/", FUNCTIONS, strict=True))


# 4.2

SILENT = mistake(
    "silent",
    "The error is swallowed",
    cause="The client sent something wrong and is told nothing.",
    fix="Answer with an error, and with a text of your own.",
)
TOO_STRICT = mistake(
    "too-strict",
    "Good JSON is refused",
    cause="A text, a number or a list alone is JSON too.",
    fix="Let json.loads decide what is JSON.",
)
TOOK_IT = mistake(
    "took-it",
    "Bad input is taken for good",
    cause="The client sent no JSON, and is not told so.",
    fix='Answer {"error": ...} for everything that json.loads does not take.',
)
FALSE_REFUSED = mistake(
    "false-refused",
    "What counts as false is good JSON too",
    cause="if not content: is true for null, false, 0, an empty text, an empty list and {}.",
    fix="Tell good from bad by the exception: answer in the else: of the try.",
    shown=["4.2"],
)
TEXT_REFUSED = mistake(
    "text-refused",
    "Good JSON is refused",
    cause="NaN is part of a text here, and a text can hold any word.",
    fix="Let json.loads tell them apart: it calls your parse_constant for a NaN outside of texts "
    "only.",
)
NO_JSON_NUMBER = mistake(
    "no-json-number",
    "A number out of range is taken",
    cause="json.loads reads NaN and Infinity, which are no JSON, and takes 1e400, which is too "
    "large for a float, for Infinity.",
    fix="Refuse them while you read: parse_constant and parse_float, as in section 5.",
)
UNCAUGHT = mistake(
    "uncaught",
    "An exception that nobody catches",
    cause="What was raised here is of no kind that stands behind an except around it.",
    fix='Catch its kind as well, ValueError and RecursionError, and answer {"error": ...}.',
)
CAUGHT_LATE = re.compile(r"RecursionError|(?<!JSONDecode)(?<!\w)ValueError: (?!No text section)")
"""What reading raises besides the errors for no JSON and for no text."""


@exercise("4.2", "Bad input")
def bad_input(trial: Trial) -> None:
    """Good JSON comes back, all else is answered with an error, and nothing ends it."""
    client = trial.connect("ws/robust/")
    good(client, '{"a": 1}')
    good(client, json.dumps([{a_word(): [1.5, None]}, True]), words="other good JSON")
    for text in ("7", "true"):
        good(client, text, quiet=True)
    for text in ("0", "false", '""', "[]", "{}", "null"):
        good(client, text, strict=FALSE_REFUSED, quiet=True)
    client.trial.passed('0, false, "", [], {} and null are good JSON too')
    bad(client, "hello")
    good(client, '"hello"', after_error=True)
    bad(client, "[object Object]", "[object Object]")
    bad(client, "", "an empty message")
    bad(client, b"\x00\xff", "a binary message")
    bad(client, "NaN", "NaN, which Python takes and a browser does not,", NO_JSON_NUMBER)
    bad(client, "[NaN]", "NaN in a list", NO_JSON_NUMBER)
    good(client, '["NaN", 2.5]', strict=TEXT_REFUSED)
    bad(client, "[1e400]", "[1e400], a number that is too large,", NO_JSON_NUMBER)
    bad(client, "[-Infinity]", "-Infinity in a list", NO_JSON_NUMBER)
    bad(client, f"{{{a_word()}: 1}}", "other text that is no JSON")
    bad(client, "[" * TOO_DEEP, f"a text of {TOO_DEEP} times [")


TOO_DEEP = 500_000
"""So many brackets that every Python gives up on them (since 3.14 that is up to the size of the
stack), in a message that is not too long."""


def good(
    client: Client,
    text: str,
    after_error: bool = False,
    strict: Mistake = TOO_STRICT,
    words: str = "",
    quiet: bool = False,
) -> None:
    """Expect that good JSON comes back; ``quiet``: only that it does not is worth a line."""
    client.send(text)
    expected = {"you sent": json.loads(text)}
    what = f"{text} is answered with {json.dumps(expected)}"
    if words:
        what = f'{words} is answered with {{"you sent": ...}}'
    if after_error:
        what = f"nothing else follows the error, and then {what}"

    def likely(value: object) -> Mistake | None:
        if is_error(value):
            return strict
        return ONLY_EXAMPLES if words else None

    answers_json(client, what, expected, likely, after_error, quiet)


def bad(client: Client, message: str | bytes, words: str = "", if_taken: Mistake = TOOK_IT) -> None:
    """Expect an error, and that the connection stays."""
    client.send(message)
    what = f"{words or str(message)} is answered with an error"
    got = client.receive()
    trial = client.trial
    mistake: Mistake | None = None
    if isinstance(got, str | bytes):
        mistake = json_mistake(got)
        if mistake is None and isinstance(got, str) and is_error(strict_json(got)):
            trial.passed(what)
            return
        if mistake in (None, MISTAKES["nan"]):
            mistake = if_taken if "you sent" in str(got) else ERROR_FORM
    elif not trial.failures:
        mistake = SILENT if got is None else CLOSED_ON_ERROR
    else:
        text = last_line(trial.failures[-1])
        if "Out of range float" in text:
            mistake = if_taken
        elif CAUGHT_LATE.search(text):
            mistake = UNCAUGHT
    trial.fail(what, AN_ERROR, came(got), mistake)


# 4.3

PRICE_IS_FLOAT = mistake(
    "price-is-float",
    "A price that has become a float",
    cause="3.10 is 3.1 now, and a float cannot hold every amount exactly.",
    fix="Send a Decimal as text: str(value).",
)
SET_AS_TEXT = mistake(
    "set-as-text",
    "A set as Python writes it",
    cause="str(value) makes one text of the whole set, in Python's spelling.",
    fix="Make a list of it, and sort it.",
)
NOT_SORTED = mistake(
    "not-sorted",
    "The order of a set is not fixed",
    cause="The same set may be sent in another order tomorrow.",
    fix="Sort it: sorted(value) is a list.",
)
NOT_NESTED = mistake(
    "not-nested",
    "Only the outer values are looked at",
    cause="A list or a dict can hold lists and dicts, and what is inside is to be converted as "
    "well.",
    fix="Let the function that replaces values call itself for what is inside a list or a dict.",
)
NAN_LEFT = mistake(
    "nan-left",
    "NaN is written all the same",
    cause="json.dumps knows floats and asks default about none of them, and NaN equals nothing.",
    fix="Replace it before you encode; math.isfinite(value) is False for NaN and for infinity.",
)
NULL_AS_TEXT = mistake(
    "null-as-text",
    "A text instead of null",
    cause='JSON has null without quotes; "null" is a text like any other.',
    fix="Put None in the place of the number: json.dumps makes null of it.",
)
OTHER_DATE = mistake(
    "other-date",
    "The date has another form",
    cause="ISO text is year, month and day, with dashes between them.",
    fix="A date writes itself so: value.isoformat().",
)
ONLY_NAN = mistake(
    "only-nan",
    "Infinity is no JSON either",
    cause="NaN is replaced, and Infinity and -Infinity are not.",
    fix="Ask math.isfinite(value): it is False for all three.",
)
TEXT_DAMAGED = mistake(
    "text-damaged",
    "A text was changed as well",
    cause="Replacing in the JSON changes each NaN and Infinity, also those that are part of a "
    "text.",
    fix="Replace the values before you encode them, and not the text afterwards.",
)
VALUE_LOST = mistake(
    "value-lost",
    "null instead of the value",
    cause="The function that converts the value returns None.",
    fix="Look for a branch without return.",
)
TAGS = ["black", "green", "hot", "loose", "strong"]


@exercise("4.3", "An encoder")
def an_encoder(trial: Trial) -> None:
    """Dates, decimals, sets and NaN go over the wire as JSON."""
    client = trial.connect("ws/shop/")
    ask(client, "name", "tea")
    ask(client, "price", "3.10", lambda v: PRICE_IS_FLOAT if isinstance(v, float) else None)
    ask(client, "since", "2024-02-29", lambda v: OTHER_DATE if isinstance(v, str) else None)
    ask(client, "tags", TAGS, set_mistake)
    ask(client, "rating", None, lambda v: NULL_AS_TEXT if isinstance(v, str) else None)
    ask(client, "motto", "from NaN to Infinity", lambda v: TEXT_DAMAGED if v else None)
    ask(client, "ratings", [4.5, None, [None, None]])
    offer = {"price": "2.90", "until": "2024-12-24", "tags": ["green", "hot"]}
    ask(client, "offers", [offer], lambda v: NOT_NESTED if isinstance(v, list) else None)
    price, day, tags = (
        Decimal(random.randint(100, 999)) / 100,
        date(2030, 6, 1),
        {a_word(), a_word()},
    )
    new: dict[str, tuple[object, object]] = {
        "a new price": (price, str(price)),
        "a new date": (day, "2030-06-01"),
        "new tags": (tags, sorted(tags)),
        "a new offer": ([{"prices": [price, float("nan")]}], [{"prices": [str(price), None]}]),
    }
    with added(trial, {key: value for key, (value, _) in new.items()}) as stock:
        for key, (_, expected) in new.items() if stock else ():
            client.send(json.dumps(key))
            what = f"{key} in STOCK is converted as well"
            answers_json(client, what, {key: expected}, quiet=True, fallback=by_hand(stock))
    trial.passed("values that are not in the table are converted as well")


BY_HAND = mistake(
    "by-hand",
    "Only the values of the table are converted",
    cause="STOCK was changed, and what is added to it later is not converted.",
    fix="Leave STOCK as it is, and convert in encode_json, which sees every value that is sent.",
)


def by_hand(stock: dict[str, Any]) -> Mistake:
    """Return why a value that is new in the stock is not converted."""
    return ONLY_EXAMPLES if isinstance(stock.get("price"), Decimal) else BY_HAND


@contextmanager
def added(trial: Trial, values: dict[str, object]) -> Iterator[dict[str, Any]]:
    """Put values into the shop's stock for a while; empty where there is none to be found."""
    method = getattr(trial.answer, "receive_json", None)
    stock = getattr(method, "__globals__", {}).get("STOCK")
    if not isinstance(stock, dict):
        yield {}
        return
    stock.update(values)
    try:
        yield stock
    finally:
        for key in values:
            stock.pop(key, None)


def ask(
    client: Client,
    key: str,
    value: object,
    likely: Callable[[Any], Mistake | None] = lambda value: None,
) -> None:
    """Ask the shop for one of its values."""
    client.send(json.dumps(key))
    what = f'"{key}" is answered with {json.dumps({key: value})}'
    got = client.receive()
    mistake = json_mistake(got)
    if mistake is MISTAKES["nan"]:
        mistake = NAN_LEFT
        if key == "ratings":
            mistake = NOT_NESTED if "NaN" in str(got) else ONLY_NAN
    if mistake is NOT_JSON and "-null" in str(got):
        mistake = TEXT_DAMAGED
    if mistake is None and isinstance(got, str):
        answer = strict_json(got)
        if same(answer, {key: value}):
            client.trial.passed(what)
            return
        if isinstance(answer, dict) and key in answer:
            mistake = VALUE_LOST if answer[key] is None else likely(answer[key])
    if key in ("ratings", "offers") and any(map(LEFT_INSIDE.search, raised(client.trial))):
        mistake = NOT_NESTED
    mistake = mistake or async_encoder(client.trial)
    client.trial.fail(what, json.dumps({key: value}), came(got), mistake)


LEFT_INSIDE = re.compile("Out of range float|is not JSON serializable")
"""What json.dumps says of a value that was well replaced before, outside of a list."""


def set_mistake(value: object) -> Mistake | None:
    """Return the mistake behind a set that was sent as something else."""
    if isinstance(value, str):
        return SET_AS_TEXT
    if isinstance(value, list) and set(map(str, value)) == set(TAGS):
        return NOT_SORTED
    return None


# 4.4

NO_TYPE = mistake(
    "no-type",
    "The answer has no type",
    cause="The browser chooses its handler by the type, as the server does.",
    fix='Send {"type": "count", "value": ...}.',
)
NO_FIRST_COUNT = mistake(
    "no-first-count",
    "A new client is told nothing",
    cause="The browser cannot show a count that it does not know.",
    fix="Send the count right after the accept.",
)
VALUE_IS_TEXT = mistake(
    "value-is-text",
    "The count is a string",
    cause='In JSON, 2 and "2" are not the same.',
    fix="Leave the number a number; send_json turns the whole dict into text.",
)
NO_VALUE = mistake(
    "no-value",
    "The count has another name",
    cause='The browser looks for it under "value".',
    fix='Send {"type": "count", "value": ...}.',
    shown=["4.4"],
)
NOT_KEPT = mistake(
    "not-kept",
    "The count stays as it was",
    cause="The new count is told before it is set, or it is set on a name that ends with the call.",
    fix="Set it on self, self.count += by, and tell it after that.",
    shown=["4.4"],
)
NOT_ADDED = mistake(
    "not-added",
    "by takes the place of the count",
    cause="The message says by how much the count changes, and not what it is.",
    fix="Add it: self.count += by.",
)
NO_OBJECT = mistake(
    "no-object",
    "JSON that is no object has no type",
    cause="A client can send a list, a text or a number, and none of them has a type.",
    fix='Look with isinstance(content, dict) first, and answer {"type": "error", ...}.',
)
ERROR_WITHOUT_TYPE = mistake(
    "error-without-type",
    "The error has no type",
    cause="The browser chooses its handler by the type, for an error too.",
    fix='Send {"type": "error", "text": ...}.',
)
UNKNOWN_TYPE = mistake(
    "unknown-type",
    "An unknown type is not answered with an error",
    cause="A client can send any type, also one that has no handler.",
    fix='Answer {"type": "error", ...} in an else:, and go on.',
)
NOT_A_NUMBER = mistake(
    "not-a-number",
    "A value of the wrong type gets through",
    cause='JSON keeps types: "2" and true are no numbers, and 2.5 is no whole one.',
    fix="Look at the type before you add: type(by) is int.",
)
ERROR_WITHOUT_TEXT = mistake(
    "error-without-text",
    "The error has no text",
    cause="An error tells the client what is wrong.",
    fix='Send {"type": "error", "text": "..."} with a text of your own.',
)
GOOD_REFUSED = mistake(
    "good-refused",
    "A good message is refused",
    cause="The answer to a message that is as it should be is an error.",
    fix="Follow your code for this message: a whole number may be negative too, and reset has no "
    "by.",
)
MISSING_KEY = mistake(
    "missing-key",
    "A client can leave out any key",
    cause="A message without its by, or without a type, has to be answered with an error as well.",
    fix="content[...] raises KeyError for it; content.get(...) is None then, which fits nothing.",
)
ANY_METHOD = mistake(
    "any-method",
    "A client can call any method",
    cause="The type is used as the name of a method, whichever it is.",
    fix="Look the type up in a dict of your own handlers, or give their names a prefix.",
)
NOT_RESET = mistake(
    "not-reset",
    "The count is not reset",
    cause="After a reset the count is 0.",
    fix="Set the count of this connection to 0, and tell it.",
)


@exercise(
    "4.4",
    "A counter for two",
    empty_method("receive_json", "look at the type of the message, and answer with the count."),
)
def a_counter(trial: Trial) -> None:
    """Messages with a type change a count that both sides know."""
    client = trial.connect("ws/counter/")
    counted(client, "a new client is told the count", 0, NO_FIRST_COUNT)
    say(client, {"type": "add", "by": 2}, 2)
    say(client, {"type": "add", "by": 40}, 42)
    other = trial.connect("ws/counter/", "another client connects")
    counted(other, "its count is its own", 0, MISTAKES["shared-state"])
    say(other, {"type": "add", "by": -1}, -1, MISTAKES["shared-state"])
    say(client, {"type": "add", "by": 1}, 43, MISTAKES["shared-state"])
    say(client, {"type": "reset"}, 0, NOT_RESET)
    steps = [random.randint(3, 900) for _ in range(3)]
    what = "other numbers are added as well"
    for place, by in enumerate(steps):
        client.send(json.dumps({"type": "add", "by": by}))
        count = {"type": "count", "value": sum(steps[: place + 1])}
        answers_json(client, what, count, unless_right(), quiet=True)
    trial.passed(what)
    told_off(client, {"type": "explode"}, UNKNOWN_TYPE)
    told_off(client, {"type": "close"}, ANY_METHOD)
    told_off(client, {"type": "send_json"}, ANY_METHOD)
    told_off(client, {"type": "add", "by": "2"}, NOT_A_NUMBER)
    told_off(client, {"type": "add", "by": True}, NOT_A_NUMBER)
    told_off(client, {"type": "add", "by": 2.5}, NOT_A_NUMBER)
    told_off(client, {"type": "add"}, MISSING_KEY)
    told_off(client, {}, MISSING_KEY)
    told_off(client, [7], NO_OBJECT)
    say(client, {"type": "add", "by": 5}, 5)


def counted(
    client: Client, what: str, value: int, mistake: Mistake | None, wrong: int | None = None
) -> None:
    """Expect a count; ``wrong`` is the one that comes if ``by`` takes its place."""

    def likely(got: Any) -> Mistake | None:
        if not isinstance(got, dict):
            return mistake if mistake is NO_FIRST_COUNT else None
        if "type" not in got:
            return NO_TYPE
        if got["type"] == "error":
            return GOOD_REFUSED
        if got["type"] == "count" and "value" not in got:
            return NO_VALUE
        if isinstance(got.get("value"), str):
            return VALUE_IS_TEXT
        if mistake is NO_FIRST_COUNT:
            return None
        if wrong is not None and got.get("value") == wrong:
            return NOT_ADDED
        stays = mistake is None and wrong is not None and got.get("value") == value - wrong
        return NOT_KEPT if stays else mistake

    answers_json(client, what, {"type": "count", "value": value}, likely)


def say(
    client: Client, message: dict[str, Any], value: int, mistake: Mistake | None = None
) -> None:
    """Send a message, and expect a count."""
    client.send(json.dumps(message))
    what = f"{json.dumps(message)}: the count is {value}"
    counted(client, what, value, mistake, message.get("by"))


def told_off(client: Client, message: object, mistake: Mistake) -> None:
    """Send a message that is wrong, and expect an error, and nothing else."""
    trial = client.trial
    client.send(json.dumps(message))
    what = f"{json.dumps(message)} is answered with an error"
    got = client.receive()
    found = json_mistake(got)
    if found is None and isinstance(got, str):
        value = strict_json(got)
        if isinstance(value, dict) and "type" not in value:
            found = ERROR_WITHOUT_TYPE
        elif isinstance(value, dict) and value["type"] == "error":
            if is_text(value.get("text")):
                trial.passed(what)
                client.send(json.dumps({"type": "reset"}))
                what = "nothing else follows the error, and after a reset the count is 0"
                count = {"type": "count", "value": 0}
                answers_json(client, what, count, after_error=True, quiet=True)
                return
            found = ERROR_WITHOUT_TEXT
    elif trial.failures and mistake is not ANY_METHOD:
        failure = trial.failures[-1]
        missing = last_line(failure) in ("KeyError: 'type'", "KeyError: 'by'")
        found = MISSING_KEY if missing else find_failure(failure)
        if found in (MISTAKES["no-attribute"], MISTAKES["key-error"]):
            # It was looked for by the client's type.
            found = None
    elif mistake is not ANY_METHOD:
        found = found or (SILENT if got is None else CLOSED_ON_ERROR)
    trial.fail(what, 'an object with the type "error"', came(got), found or mistake)
