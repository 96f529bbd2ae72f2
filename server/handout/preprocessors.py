"""Steps from a lesson's notebook to what the page's template shows, in nbconvert's own form."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from traitlets import Bool, Unicode

from ..authoring.tags import tags
from ..exercises.answers import catalogue
from ..mistakes.registry import MISTAKES, Mistake
from .lesson import HandoutError, check_lesson
from .markup import Prose, clean_output, hints, sound_base64
from .recording import Diagram, recorded

__all__ = ["KINDS", "Arrange", "CheckLesson", "CleanOutputs", "RenderProse", "WrongAnswer"]

Resources = dict[str, Any]

KINDS = ("image/svg+xml", "text/html", "image/png", "image/jpeg", "text/plain")
"""What an output is shown as, the best first."""


PAGE_LINES = 62
"""How many lines of code a page holds; a cell that takes more need not begin on a new page."""

PIXELS = 20
"""How many pixels of a drawing are as high, on paper, as a line of code."""


OWN_METADATA = ("hints", "html", "long", "magics_language", "number", "wrong_answers")
"""What the steps below, and nbconvert's, note with a cell for the template, which trusts it."""


class CheckLesson(Preprocessor):
    """Refuse a notebook that is no lesson, and forget what only later steps may say of a cell."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        check_lesson(nb, resources["metadata"]["name"])
        for cell in nb.cells:
            for name in OWN_METADATA:
                cell.metadata.pop(name, None)
            for output in cell.get("outputs", []):
                if "metadata" in output:
                    output.metadata.pop("diagram", None)
        return nb, resources


class CleanOutputs(Preprocessor):
    """Keep of each output what can be read: no script, no button, no frame, no link."""

    enabled = Bool(True).tag(config=True)

    def preprocess_cell(
        self, cell: NotebookNode, resources: Resources, index: int
    ) -> tuple[NotebookNode, Resources]:
        if cell.cell_type != "code":
            return cell, resources
        for output in cell.outputs:
            if recording := recorded(output):
                output.metadata.diagram = Diagram(recording)
            if "data" in output:
                self.clean_data(output.data)
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]
        cell.metadata.long = paper_lines(cell) > PAGE_LINES
        return cell, resources

    @staticmethod
    def clean_data(data: NotebookNode) -> None:
        """Keep of what an output may be shown as what a handout can show."""
        for kind in list(data):
            if kind == "text/html":
                data[kind] = clean_output(data[kind])
            elif kind in ("image/png", "image/jpeg"):
                data[kind] = sound_base64(data[kind])
            if kind not in KINDS or not data[kind]:
                del data[kind]


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
        prose = Prose(self.suffix, resources["metadata"]["path"])
        plan: list[dict[str, Any]] = []
        for cell in nb.cells:
            if cell.cell_type != "markdown":
                continue
            start = len(prose.headings)
            cell.metadata.html = prose.to_html(cell.source, cell.get("attachments"))
            plan += [
                {"heading": heading, "minutes": 0}
                for heading in prose.headings[start:]
                if heading.level <= 2 or "exercise" in tags(cell)
            ]
            teacher = cell.metadata.get("teacher", {})
            if plan and teacher.get("minutes"):
                plan[-1]["minutes"] += teacher.minutes
            if teacher.get("say"):
                teacher.say = prose.note_to_html(teacher.say)
        self.check_headings(prose, resources["metadata"]["name"])
        resources["lesson"] = {
            "title": prose.headings[0].text,
            "sections": [section["heading"] for section in plan[1:]],
            "plan": [section for section in plan if section["minutes"]],
            "minutes": sum(section["minutes"] for section in plan),
        }
        return nb, resources

    @staticmethod
    def check_headings(prose: Prose, name: str) -> None:
        """Raise HandoutError where headings are not in order."""
        level = 0
        for number, heading in enumerate(prose.headings):
            if number and heading.level == 1:
                raise HandoutError(f"{name}: {heading.text!r} is a second title")
            if heading.level > level + 1:
                raise HandoutError(f"{name}: {heading.text!r} leaves out a level of headings")
            level = heading.level


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
        for cell in nb.cells:
            kinds = tags(cell)
            if "predict" in kinds:
                number += 1
            if kinds & {"predict", "answer"}:
                cell.metadata.number = number
            if "hint" in kinds:
                cell.metadata.hints = hints(cell.metadata.html)
                all_hints.append(cell)
            if "solution" in kinds:
                cell.metadata.wrong_answers = wrong_answers(cell.metadata.exercise)
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
