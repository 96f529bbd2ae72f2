"""Mistakes that any exercise can show: nothing comes, or nearly the right thing."""

from __future__ import annotations

from ..mistakes.registry import mistake

__all__ = [
    "CLOSED_TOO_EARLY",
    "MORE_THAN_ASKED",
    "NEARLY",
    "NO_ANSWER",
    "NO_F",
    "ONLY_BEGINNING",
    "ONLY_EXAMPLES",
    "PRINTED",
    "SENT_AGAIN",
    "STILL_BUSY",
]

PRINTED = mistake(
    "printed",
    "It is printed, and not sent",
    symptom="the answer stands in the notebook, and the client waits",
    cause="print writes for you alone; the client is told nothing.",
    fix='Send it: self.send({"type": "websocket.send", "text": ...}), or in a generic consumer '
    "self.send(text_data=...).",
)
NO_ANSWER = mistake(
    "no-answer",
    "A message is missing",
    symptom="the client waits, and nothing comes",
    cause="The client waits for it, and the consumer does not send it; a return sends nothing.",
    fix="Follow your code for this message: does it come to a self.send(...)?",
)
STILL_BUSY = mistake(
    "still-busy",
    "The handler is still at work",
    symptom="the client waits, and nothing comes for a long time",
    cause="A handler has begun and not come to its end: a pause, or an endless loop.",
    fix="Leave out the pause, or look at what ends the loop.",
)
CLOSED_TOO_EARLY = mistake(
    "closed-too-early",
    "The connection is closed too early",
    symptom="the connection ends with 1000, and the client expects more",
    cause="The consumer closes it while the conversation goes on.",
    fix="Leave out the close; after it nothing can be sent, and nothing is received.",
)
NEARLY = mistake(
    "nearly",
    "Nearly the same text",
    symptom="the text that comes looks right, and is not taken",
    cause="The client compares letter by letter: capital letters, spaces and signs count.",
    fix="Compare what came with what is expected, letter by letter.",
)
MORE_THAN_ASKED = mistake(
    "more-than-asked",
    "More than is asked for",
    symptom="the text that comes holds the right one, and is not taken",
    cause="The right text is there, and more stands before or behind it.",
    fix="Send what is expected, and nothing else in the same message.",
)
NO_F = mistake(
    "no-f",
    "An f-string without its f",
    symptom="the client is sent braces with the name of a variable in them",
    cause="Only in an f-string do the braces stand for a value.",
    fix='Put an f before the quotes: f"you said: {text_data}".',
)
ONLY_BEGINNING = mistake(
    "only-beginning",
    "Only the beginning of the text",
    symptom="the text that comes is how the expected one begins, and the rest is missing",
    cause="Each send is a message of its own, and this one ends before the text does.",
    fix='Put all of it into one text, as in f"you said: {text_data}", and send that once.',
)
SENT_AGAIN = mistake(
    "sent-again",
    "The same message once more",
    symptom="the message of before comes again, in the place of the next one",
    cause="The client has had it already, and the consumer has sent more messages than were "
    "asked for.",
    fix="Look for a second send, or for a loop around it.",
)
ONLY_EXAMPLES = mistake(
    "only-examples",
    "Right for the examples only",
    symptom="the values of the table are answered, and no others",
    cause="The client sends other values than those of the table, and this one gets no right "
    "answer.",
    fix="Make the answer out of what the client sends.",
)
INPUT = mistake(
    "input",
    "input() asks whoever sits at the server",
    symptom="a box to type into appears below the cell, and nothing goes on",
    cause="input() waits for somebody at the server's keyboard, and not for the client.",
    fix="Take the client's message from the handler's argument: event[\"text\"] or text_data.",
    texts=["nobody sits at the keyboard of a server"],
    shown=["1.2"],
)
EXIT = mistake(
    "exit",
    "exit() ends the program",
    symptom="`SystemExit`",
    cause="It is meant for the whole program, and that is the server with all its connections.",
    fix="To end one connection, close it: self.close(code=..., reason=...).",
    texts=["^SystemExit"],
    shown=["1.3"],
)
