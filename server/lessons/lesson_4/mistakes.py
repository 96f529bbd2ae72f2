"""The mistakes that lesson 4 shows, in its order: JSON conversion."""

from __future__ import annotations

from ...mistakes.registry import also, mistake, show

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
    over=["not-a-string", "dict-attribute"],
    shown=["4#why-strings", "4.1"],
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
    "object-object",
    "A dict sent as it is from the browser",
    symptom="the server receives `[object Object]`; "
    "`JSONDecodeError: Expecting value: line 1 column 2 (char 1)`",
    cause="send() turns an object into a string in its own way, and that is [object Object].",
    fix="Send JSON: socket.send(JSON.stringify(value)).",
    texts=[r"\[object Object\]"],
    over=["bad-json"],
    shown=["4#why-strings", "4.2"],
)
also(
    "object-object",
    "JSONDecodeError",
    when=lambda facts: facts.document.startswith("[object "),
)
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
    over=["decoded-already"],
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
    when=lambda facts: "{'" in facts.document,
    shown=["4#python", "4.1"],
)
mistake(
    "exception-as-value",
    "The exception itself is sent",
    symptom="`TypeError: Object of type ZeroDivisionError is not JSON serializable`",
    cause="An exception is an object of a class that JSON does not know.",
    fix='Send its text: {"error": str(error)}.',
    texts=[r"Object of type \w*(Error|Exception) is not JSON serializable"],
    over=["bad-json", "not-serializable"],
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
        "'(str|bytes)' object has no attribute 'read'",
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
    over=["no-attribute"],
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
    over=["text-parsed"],
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
show("json-receive", "4.4")
