"""Steps from a lesson's notebook to what the page's template shows, in nbconvert's own form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell
from traitlets import Bool, Unicode

from ..authoring.tags import tags
from ..exercises.answers import catalogue
from ..mistakes.registry import MISTAKES, Mistake
from .lesson import check_lesson, make_showable
from .lost import drawing, lost, with_fewer_lines
from .markup import Heading, Prose, hints, sound_base64
from .markup import plain as plain_text
from .notes import Notes
from .reading import HandoutError
from .recording import Diagram, recorded

__all__ = [
    "KINDS",
    "Arrange",
    "CheckLesson",
    "CleanOutputs",
    "LeaveOut",
    "RenderProse",
    "WrongAnswer",
]

Resources = dict[str, Any]

KINDS = ("image/svg+xml", "text/html", "image/png", "image/jpeg", "text/plain")
"""What an output is shown as in the end, the best first."""

PIXELS_OF = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""The pictures of pixels that an output may hold."""

LOST = {
    "application/vnd.jupyter.widget-view+json": "an interactive widget",
    "application/vnd.plotly.v1+json": "an interactive chart (Plotly)",
    "application/javascript": "JavaScript",
    "application/pdf": "a PDF",
    "application/vnd.bokeh": "an interactive chart (Bokeh)",
    "application/vnd.vega": "an interactive chart (Vega)",
    "application/geo+json": "a map",
}
"""What a page shows as a picture, if the notebook has one, or not at all; by how a kind begins."""

BARE = re.compile(r"\s*(<[^<>]*>|[\w.]+\(.*\)|Loading .*)\s*", re.DOTALL)
"""What Python says of a thing that has no text of its own."""

WHOLE_LINES = 24
"""How many lines of code a cell may take so that it is never split between pages."""

PIXELS = 20
"""How many pixels of a drawing are as high, on paper, as a line of code."""


OWN_METADATA = (
    "answered",
    "hints",
    "html",
    "long",
    "magics_language",
    "number",
    "place",
    "transient",
)
"""What the steps below, and nbconvert's, note with a cell for the template, which trusts it."""


BROKEN = "has not the structure of a cell"


class CheckLesson(Preprocessor):
    """Look at what a lesson must be, and forget what only later steps may say of a cell.

    A notebook that is no lesson is refused where the rules are strict. Elsewhere what breaks a
    rule is noted, and mended where no page could be made of it.

    """

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        name = resources["metadata"]["name"]
        if resources["strict"]:
            for number in resources["mended"]:
                raise HandoutError(f"{name}: cell {number} {BROKEN}")
            check_lesson(nb, name)
        else:
            for number in resources["mended"]:
                resources["notes"].add(f"{BROKEN}; the page has what can be read of it", number)
            for problem in make_showable(nb):
                resources["notes"].add(problem.text, problem.cell)
        for number, cell in enumerate(nb.cells, 1):
            for name in OWN_METADATA:
                cell.metadata.pop(name, None)
            cell.metadata.place = number
            for output in cell.get("outputs", []):
                if "metadata" in output:
                    output.metadata.pop("diagram", None)
        return nb, resources


class LeaveOut(Preprocessor):
    """Leave out what the marks of other tools say is not for this reader."""

    enabled = Bool(True).tag(config=True)

    for_students = Bool(True, help="Whether solutions stay out.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        cells = []
        for cell in nb.cells:
            shows = cell.metadata.get("slideshow")
            kind = shows.get("slide_type") if isinstance(shows, dict) else None
            if kind == "skip" or (kind == "notes" and self.for_students):
                text = f"the type of slide {kind!r} is left out"
                resources["notes"].add(text, cell.metadata.get("place", 0))
                continue
            if self.for_students:
                without_solution(cell, resources["notes"])
            cells.append(cell)
        nb.cells = cells
        return nb, resources


HIDDEN = re.compile(
    r"^[^\n]*BEGIN (SOLUTION|HIDDEN TESTS)[^\n]*\n.*?(?:^[^\n]*END \1[^\n]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
"""What nbgrader, too, takes away before a learner sees a notebook."""


def without_solution(cell: NotebookNode, notes: Notes) -> None:
    """Take from a cell what nbgrader marks as a solution."""
    source = HIDDEN.sub("", cell.source)
    own = cell.metadata.get("nbgrader")
    if source == cell.source and isinstance(own, dict) and own.get("solution"):
        source = "*Your answer*" if cell.cell_type == "markdown" else "# Your code"
    if source != cell.source:
        notes.add("a solution is left out of the student's page", cell.metadata.get("place", 0))
        cell.source = source.strip("\n")
        if cell.cell_type == "code":
            cell.outputs = []


class CleanOutputs(Preprocessor):
    """Keep of each output what can be read: no script, no button, no frame."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        prose = Prose("", resources["metadata"].get("path", ""), resources["notes"])
        for cell in nb.cells:
            if cell.cell_type == "code":
                self.clean_outputs(cell, prose)
                cell.metadata.long = paper_lines(cell) > WHOLE_LINES
        return nb, resources

    @staticmethod
    def clean_outputs(cell: NotebookNode, prose: Prose) -> None:
        """Keep of a cell's outputs what a page can show, and a sentence for what it cannot."""
        place = cell.metadata.get("place", 0)
        for output in cell.outputs:
            if recording := recorded(output):
                output.metadata.diagram = Diagram(recording)
                output.data = from_dict({"text/plain": ""})
            elif "data" in output:
                output.data = shown(output.data, prose, place)
            if "text" in output:
                output.text = with_fewer_lines(output.text, prose.notes, place)
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


def shown(data: NotebookNode, prose: Prose, place: int) -> NotebookNode:
    """Return what a page shows of an output: of all that it may be shown as, one kind or two."""
    found: dict[str, str] = {}
    unsound = ""
    if "image/svg+xml" in data:
        drawn = drawing(data["image/svg+xml"])
        unsound = "" if drawn else "a drawing that is not sound"
        if drawn:
            found["image/svg+xml"] = drawn
    for kind in PIXELS_OF:
        if kind in data:
            pixels = sound_base64(data[kind])
            unsound = unsound or ("" if pixels else "a picture that is not sound")
            if pixels:
                found[kind] = pixels
    interactive = next((what for kind in data if (what := interaction(kind))), "")
    plain = data.get("text/plain", "")
    if "text/html" in data and not (interactive and found):
        markup = prose.html_to_page(data["text/html"], place)
        # Sentences alone give way to a picture.
        if markup and not (found and only_lost(markup)):
            found["text/html"] = markup
    elif "text/markdown" in data and not found:
        found["text/html"] = prose.output_to_html(data["text/markdown"], place)
    elif "text/latex" in data and not found:
        found["text/html"] = f"<p>{prose.latex_to_html(data['text/latex'], place)}</p>"
    for kind in ("image/gif", "image/webp"):
        if kind in found:
            alt = escape(plain.strip())
            source = f"data:{kind};base64,{found.pop(kind)}"
            picture = f'<p class="picture"><img src="{source}" alt="{alt}"></p>'
            found.setdefault("text/html", picture)
    if not found and (what := interactive or unsound or other(data)):
        prose.notes.add(f"{what} is not on the page, which says so", place)
        about = "" if BARE.fullmatch(plain) else f"<pre>{escape(plain)}</pre>" if plain else ""
        found["text/html"] = f"<p>{lost(what)}</p>{about}"
    elif "application/json" in data and not found:
        text = json.dumps(data["application/json"], indent=2, ensure_ascii=False)
        found["text/plain"] = with_fewer_lines(text, prose.notes, place)
    if plain and "text/plain" not in found:
        found["text/plain"] = with_fewer_lines(plain, prose.notes, place)
    kept: NotebookNode = from_dict(found)
    return kept


def interaction(kind: str) -> str:
    """Return what an output of a kind is, if it is of use only where it runs."""
    return next((what for begin, what in LOST.items() if kind.startswith(begin)), "")


def other(data: NotebookNode) -> str:
    """Return what an output is of which no kind is known; nothing where there is a text."""
    if not data or "text/plain" in data or "application/json" in data:
        return ""
    return f"an output of the kind {min(data)}"


def only_lost(markup: str) -> bool:
    """Tell whether all that HTML says is that something is not there."""
    rest = re.sub(r'<span class="lost">.*?</span>', "", markup)
    return not plain_text(rest) and "<img" not in rest


def paper_lines(cell: NotebookNode) -> float:
    """Return about how many lines a code cell and its outputs take on paper."""
    lines: float = 2 + cell.source.count("\n")
    for output in cell.outputs:
        data = output.get("data", {})
        if diagram := output.get("metadata", {}).get("diagram"):
            lines += len(diagram.console) + diagram.height / PIXELS
        elif "image/svg+xml" in data:
            height = re.search(r'<svg[^>]* height="([0-9]{1,6})', data["image/svg+xml"])
            lines += int(height[1]) / PIXELS if height else 0
        elif "text/html" in data:
            lines += data["text/html"].count("<tr") * 1.3
        else:
            lines += str(output.get("text", data.get("text/plain", ""))).count("\n")
    return lines


class RenderProse(Preprocessor):
    """Turn Markdown into HTML, and gather the headings for the list of contents."""

    enabled = Bool(True).tag(config=True)

    suffix = Unicode(help="What the names of the pages end in, before .html.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        name = resources["metadata"]["name"]
        folder = resources["metadata"].get("path", "")
        prose = Prose(self.suffix, folder, resources["notes"], resources.get("pages"))
        headings: list[tuple[int, Heading]] = []
        for number, cell in enumerate(nb.cells):
            if cell.cell_type == "markdown":
                start = len(prose.headings)
                place = cell.metadata.get("place", 0)
                cell.metadata.html = prose.to_html(cell.source, cell.get("attachments"), place)
                headings += [(number, heading) for heading in prose.headings[start:]]
        if resources["strict"]:
            self.check_headings(prose, name)
        else:
            headings = self.order_headings(nb, headings, prose, name)
        plan: list[dict[str, Any]] = []
        for number, cell in enumerate(nb.cells):
            plan += [
                {"heading": heading, "minutes": 0}
                for place, heading in headings
                if place == number and (heading.level <= 2 or "exercise" in tags(cell))
            ]
            teacher = cell.metadata.get("teacher", {})
            if plan and teacher.get("minutes"):
                plan[-1]["minutes"] += teacher.minutes
            if teacher.get("say"):
                teacher.say = prose.note_to_html(teacher.say)
            if cell.cell_type == "markdown":
                cell.metadata.html = with_places(cell.metadata.html, prose.anchors)
        resources["lesson"] = {
            "title": headings[0][1].text,
            "sections": [section["heading"] for section in plan[1:]],
            "plan": [section for section in plan if section["minutes"]],
            "minutes": sum(section["minutes"] for section in plan),
        }
        return nb, resources

    @staticmethod
    def check_headings(prose: Prose, name: str) -> None:
        """Raise HandoutError where headings are not in order."""
        for sentence in disorder(prose.headings):
            raise HandoutError(f"{name}: {sentence}")

    @staticmethod
    def order_headings(
        nb: NotebookNode, headings: list[tuple[int, Heading]], prose: Prose, name: str
    ) -> list[tuple[int, Heading]]:
        """Give a page one title and headings in order, whatever the notebook has."""
        first, *more = [*disorder(prose.headings), ""]
        if first:
            others = f", and so on, {len(more)} times" if more[1:] else ""
            prose.notes.add(f"{first}{others}; the page has its headings in order")
        levels = [heading.level for _, heading in headings]
        titled = levels[:1] == [1]
        # Where sections are as high as a title, all below it go down by one.
        shift = int(levels.count(1) > titled)
        level, ordered = 1, []
        for number, (place, heading) in enumerate(headings):
            if number or not titled:
                level = max(2, min(heading.level + shift, level + 1, 6))
            ordered.append((place, heading._replace(level=level)))
        changed = iter([heading.level for _, heading in ordered])
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                cell.metadata.html = HEADING.sub(
                    lambda found: f"<h{(new := next(changed))}{found[1]}</h{new}>",
                    cell.metadata.html,
                )
        if titled:
            return ordered
        given = nb.metadata.get("title")
        title = given if isinstance(given, str) and given.strip() else name.replace("_", " ")
        cell = new_markdown_cell("")
        cell.metadata.html = prose.to_html(f"# {escape(' '.join(title.split()))}")
        nb.cells.insert(0, cell)
        return [(0, prose.headings[-1]), *((place + 1, heading) for place, heading in ordered)]


HEADING = re.compile(r"<h[1-6]([^>]*>.*?)</h[1-6]>", re.DOTALL)

PLACE = re.compile(r'<a href="#([^"]*)">(.*?)</a>', re.DOTALL)


def disorder(headings: list[Heading]) -> Iterator[str]:
    """Say where headings are not in order."""
    level = 0
    for number, heading in enumerate(headings):
        if number and heading.level == 1:
            yield f"{heading.text!r} is a second title"
        if heading.level > level + 1:
            yield f"{heading.text!r} leaves out a level of headings"
        level = heading.level


def with_places(markup: str, anchors: set[str]) -> str:
    """Return HTML whose links within the page lead to places that it has."""
    known = {anchor.casefold(): anchor for anchor in anchors}

    def lead(found: re.Match[str]) -> str:
        wanted = unquote(unescape(found[1]))
        if wanted in anchors:
            return found[0]
        anchor = known.get(wanted.casefold())
        return f'<a href="#{quote(anchor)}">{found[2]}</a>' if anchor else found[2]

    return PLACE.sub(lead, markup)


def asked(markup: str) -> str:
    """Return the last sentence of a question, which is what it asks."""
    text = " ".join(plain_text(markup).split())
    *_, last = re.split(r"(?<=[.?!:]) (?=[A-Z])", text)
    return last if len(last) <= 90 else last[:88].rsplit(" ", 1)[0] + " …"


class WrongAnswer(NamedTuple):
    """A wrong answer to an exercise that the checks know."""

    title: str
    source: str
    diagnosis: str


class Arrange(Preprocessor):
    """Number questions and answers, and put what comes at the end of a page aside.

    In the student's edition the answers come at the end, and so do, on paper, the hints. In the
    teacher's edition all stands where it stands in the lesson, and exercises come with the wrong
    answers that their checks know.

    """

    enabled = Bool(True).tag(config=True)

    answers_apart = Bool(True, help="Whether answers come at the end.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        cells, answers, all_hints = [], [], []
        number = 0
        question: NotebookNode | None = None
        for cell in nb.cells:
            kinds = tags(cell)
            if "predict" in kinds:
                number += 1
                cell.metadata.number = number
                question = cell
            elif "answer" in kinds and question is not None:
                cell.metadata.number = number
                cell.metadata.asked = asked(question.metadata.html)
                question.metadata.answered = True
                question = None
            elif "answer" in kinds:
                # Without a question it is a text as any other.
                cell.metadata.tags = sorted(kinds - {"answer"})
                kinds = tags(cell)
            if "hint" in kinds:
                cell.metadata.hints = hints(cell.metadata.html)
                all_hints.append(cell)
            if "solution" in kinds:
                cell.metadata.wrong_answers = wrong_answers(cell.metadata.get("exercise", ""))
            if "answer" in kinds and self.answers_apart:
                answers.append(cell)
            else:
                cells.append(cell)
        nb.cells = cells
        resources["answers"] = answers
        resources["hints"] = all_hints if self.answers_apart else []
        return nb, resources


def wrong_answers(exercise: str) -> list[WrongAnswer]:
    """Return wrong answers to an exercise, one for each thing that its check says of them."""
    examples: dict[str, WrongAnswer] = {}
    for title, source, id in catalogue(exercise):
        examples.setdefault(id, WrongAnswer(title, source.strip(), said(MISTAKES[id])))
    return list(examples.values())


def said(mistake: Mistake) -> str:
    """Return what a check says of a mistake."""
    return f"{mistake.name}: {mistake.cause} {mistake.fix}"
