"""The registry of the mistakes that learners really make, and how one is made out of a text.

Whoever knows a mistake enters it with :func:`mistake`; an id is entered once. The lessons bring
theirs, in the order in which they show them.

"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ..live.failure import Facts

__all__ = [
    "MISTAKES",
    "SHOWN",
    "Mistake",
    "Rule",
    "When",
    "also",
    "diagnose_text",
    "matches",
    "mistake",
    "show",
]

MAX_TEXT = 2_000
"""Characters of a text in which a mistake is looked for: its words are near the beginning."""

When: TypeAlias = Callable[[Facts], bool]
"""Tells whether an exception is of this mistake, by what was known when it was raised."""


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


@dataclass(frozen=True)
class Rule:
    """What the text of an error looks like that gives a mistake away."""

    pattern: re.Pattern[str]
    mistake: Mistake
    over: frozenset[str]
    """Ids of the mistakes that this one wins over, where a text looks like both."""

    when: When | None = None
    """What must be so besides; a text alone, of which nothing else is known, does not do then."""


MISTAKES: dict[str, Mistake] = {}
"""All mistakes by id."""

RULES: list[Rule] = []
"""All rules; their order does not matter."""

SHOWN: dict[str, tuple[str, ...]] = {}
"""Where the course shows a mistake, by its id: an exercise, ``1.1``, or the cell of a section,
``1#leaving``. In the order in which the lessons say so."""


def mistake(
    id: str,
    name: str,
    *,
    cause: str,
    fix: str,
    symptom: str = "",
    texts: Iterable[str] = (),
    over: Iterable[str] = (),
    when: When | None = None,
    shown: Iterable[str] = (),
) -> Mistake:
    """Enter a mistake, with patterns of the errors that give it away, and return it.

    Args:
        id: Words in small letters with dashes, as no other mistake has.
        name, cause, fix, symptom: See :class:`Mistake`.
        texts: Regular expressions, found anywhere in an error's last line.
        over: Ids of mistakes whose expressions find more, so that this one says it better.
        when: What must be so besides, where the text alone does not tell. Such a mistake wins over
            those that look at the text only.
        shown: Where the course shows it.

    Raises:
        ValueError: The id is entered already.

    """
    if id in MISTAKES:
        raise ValueError(f"two mistakes are called {id!r}: {MISTAKES[id].name!r} and {name!r}")
    found = MISTAKES[id] = Mistake(id, name, cause, fix, symptom)
    also(id, *texts, over=over, when=when)
    if shown:
        show(id, *shown)
    return found


def also(id: str, *texts: str, over: Iterable[str] = (), when: When | None = None) -> None:
    """Enter another way in which a mistake is made out; see :func:`mistake`."""
    RULES.extend(Rule(re.compile(text), MISTAKES[id], frozenset(over), when) for text in texts)


def show(id: str, *places: str) -> None:
    """Say where the course shows a mistake; a later lesson adds to what an earlier one said."""
    SHOWN[id] = (*SHOWN.get(id, ()), *places)


def matches(text: str, facts: Facts | None = None) -> list[Mistake]:
    """Return the mistakes that an error's text looks like and that none of the others wins over.

    More than one: it is not known which it is.

    Args:
        text: An error's last line.
        facts: What else is known of it.

    """
    text = text[:MAX_TEXT]
    rules = [rule for rule in RULES if rule.pattern.search(text)]
    if facts is not None and facts.own and facts.expression.startswith("raise "):
        # The learner has said so, and knows why: only the kind of exception may be a mistake.
        kind, _, _ = text.partition(":")
        rules = [rule for rule in rules if rule.pattern.search(kind)]
    sure = [rule for rule in rules if rule.when and facts is not None and rule.when(facts)]
    rules = sure or [rule for rule in rules if rule.when is None]
    beaten = {id for rule in rules for id in rule.over}
    found = {rule.mistake.id: rule.mistake for rule in rules}
    return [mistake for id, mistake in found.items() if id not in beaten]


def diagnose_text(text: str, facts: Facts | None = None) -> Mistake | None:
    """Return the mistake that an error's text gives away; None where it is not known which."""
    found = matches(text, facts)
    return found[0] if len(found) == 1 else None
