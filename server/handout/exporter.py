"""The exporter behind ``jupyter nbconvert --to handout``."""

# Much of nbconvert has no types.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import IO, Any

from bs4 import BeautifulSoup
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]
from traitlets import Bool, Enum, TraitError, default
from traitlets.config import Application, Config

from ..authoring.tags import tags
from ..paths import NOTEBOOKS, STATIC
from .markup import terminal
from .notes import Notes
from .preprocessors import KINDS, Arrange, CheckLesson, CleanOutputs, LeaveOut, RenderProse
from .reading import NO_TEXT, HandoutError, mend, read_notebook

__all__ = ["EDITIONS", "HandoutExporter"]

EDITIONS = ("student", "teacher")

COURSE = "WebSockets with Django Channels"
"""What stands at the head of the course's own pages."""

CODE = re.compile(r'(<div class="[^"]*highlight[^"]*"><pre>)(.*?)(</pre>)', re.DOTALL)

SHORT_LINE = 28
"""A line of code with as many signs fits on every screen."""

DEEPEST = 24
"""The deepest indentation that a wrapped line keeps."""

PAPER_WIDTH = 672
"""How many pixels wide the text of an A4 page is."""

TALLEST = 560
"""How many pixels of a page's height a drawing may take; a page has about 1,000."""

SMALLEST = 8 / 0.75
"""How many pixels letters of 8 points have."""

USE = re.compile(r"^(from|import) server\b", re.MULTILINE)
"""What a lesson of the course has in one of its cells."""


class Compiled(BytecodeCache):
    """The templates as compiled code, for all exporters of a process.

    To compile them takes longer than a page does, and what Jinja keeps belongs to one exporter.
    """

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self.code.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class HandoutExporter(HTMLExporter):
    """A notebook as one page that needs no network, no server and no script to be read.

    A lesson of the course that breaks a rule for lessons is refused. Any other notebook becomes a
    page, and what of it is not on the page is logged.

    Options are nbconvert's, and which edition it is::

        jupyter nbconvert --to handout --HandoutExporter.edition=teacher 01_consumers.ipynb

    """

    export_from_notebook = "Handout"

    edition = Enum(
        EDITIONS,
        default_value="student",
        help="""
        Whom the page is for. The student's edition has no solutions, and its answers come at the
        end. The teacher's has them all, with minutes and notes.
        """,
    ).tag(config=True)

    strict = Bool(
        None,
        allow_none=True,
        help="""
        Whether a notebook that breaks a rule for lessons is refused. By default, that is so for
        the lessons of the course, and what is wrong with any other is logged.
        """,
    ).tag(config=True)

    def __init__(self, config: Config | None = None, **kw: Any) -> None:
        with one_sentence():
            try:
                super().__init__(config, **kw)
            except TraitError as error:
                raise HandoutError(str(error)) from error

    @default("template_name")
    def _template_name_default(self) -> str:
        return "handout"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(STATIC)]

    @default("optimistic_validation")
    def _optimistic_validation_default(self) -> bool:
        return True

    @default("default_preprocessors")
    def _default_preprocessors_default(self) -> list[Any]:
        return [
            CheckLesson,
            LeaveOut,
            TagRemovePreprocessor,
            "nbconvert.preprocessors.CoalesceStreamsPreprocessor",
            "nbconvert.preprocessors.HighlightMagicsPreprocessor",
            CleanOutputs,
            RenderProse,
            Arrange,
        ]

    @property
    def default_config(self) -> Config:
        config = Config(
            {
                "NbConvertBase": {"display_data_priority": list(KINDS)},
                "HighlightMagicsPreprocessor": {
                    "enabled": True,
                    "languages": {
                        "%%browser": "javascript",
                        "%%answer": "python3",
                        "%%write": "python3",
                    },
                },
                "CoalesceStreamsPreprocessor": {"enabled": True},
            }
        )
        merged: Config = super().default_config.copy()
        merged.merge(config)
        return merged

    @property
    def suffix(self) -> str:
        """What the names of this edition's files end in."""
        return "" if self.edition == "student" else f"-{self.edition}"

    # What nbconvert calls

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()
        environment.bytecode_cache = COMPILED
        return environment

    def _init_preprocessors(self) -> None:
        super()._init_preprocessors()
        student = self.edition == "student"
        for preprocessor in self._preprocessors:
            if isinstance(preprocessor, TagRemovePreprocessor):
                # In addition to what a teacher's own configuration removes, and not in its place.
                preprocessor.enabled = True
                # On paper a check has nothing to check.
                preprocessor.remove_cell_tags |= {"check", "live"}
                # The same in the words of Jupyter Book and of others.
                preprocessor.remove_cell_tags |= {"remove-cell", "remove_cell"}
                preprocessor.remove_all_outputs_tags |= {"remove-output", "remove_output"}
                for name in ("remove-input", "remove_input", "hide-input", "hide_input"):
                    preprocessor.remove_input_tags |= {name}
                if student:
                    preprocessor.remove_cell_tags |= {"solution"}
            elif isinstance(preprocessor, RenderProse):
                preprocessor.suffix = self.suffix
            elif isinstance(preprocessor, Arrange):
                preprocessor.answers_apart = student
            elif isinstance(preprocessor, LeaveOut):
                preprocessor.for_students = student

    def _init_resources(self, resources: dict[str, Any] | None) -> dict[str, Any]:
        resources = super()._init_resources(resources)
        resources["edition"] = self.edition
        ours = is_of_the_course(resources["metadata"].get("path", ""))
        resources.setdefault("course", COURSE if ours else "")
        resources["strict"] = ours if self.strict is None else self.strict
        resources["notes"] = Notes()
        resources["style"] = self.static("handout.css")
        resources["script"] = self.static("handout.js")
        # Of all pictures: those in the outputs have them already.
        resources["colours"] = (STATIC / "pictures" / "colours.css").read_text("utf-8")
        return resources

    def from_file(  # type: ignore[override]
        self, file_stream: IO[str], resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        with one_sentence():
            name = Path(getattr(file_stream, "name", "") or "the input").name
            try:
                text = file_stream.read()
            except UnicodeDecodeError:
                raise HandoutError(f"{name} {NO_TEXT}") from None
            notebook = read_notebook(text, name)
            return self.from_notebook_node(notebook, resources, **kw)

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        with one_sentence():
            nb = deepcopy(nb)
            resources = {"metadata": {"name": "Notebook"}, **(resources or {})}
            # nbconvert itself wants a sound notebook.
            resources["mended"] = mend(nb, resources["metadata"]["name"])
            if uses_the_course(nb):
                resources.setdefault("course", COURSE)
            self.register_filter("highlight_code", highlighter(nb, self))
            # HTMLExporter's own method parses the whole page again, to add the text alternatives
            # that the template here gives, and writes it in another way, which breaks the hashes.
            page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        page = with_hanging_lines(without_colourless_marks(page, resources["style"]))
        for note in resources["notes"]:
            self.log.warning("%s: %s", resources["metadata"]["name"], note)
        # nbconvert's command names the file by this. A name that somebody chose stays as it is.
        if resources["unique_key"] == resources["metadata"]["name"]:
            resources["unique_key"] += self.suffix
        return page, resources

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()
        yield "alternative", alternative
        yield "csp_hash", csp_hash
        yield "css_string", css_string
        yield "heading_first", heading_first
        yield "picture_texts", picture_texts
        yield "tags", tags
        yield "too_much_for_paper", too_much_for_paper
        yield "terminal", terminal

    def static(self, name: str) -> str:
        """Return the text of a file of the template."""
        source: str = self.environment.loader.get_source(self.environment, name)[0]
        return source


def is_of_the_course(path: str) -> bool:
    """Tell whether a folder is that of the course's lessons."""
    return Path(path).resolve() == NOTEBOOKS.resolve()


def uses_the_course(nb: NotebookNode) -> bool:
    """Tell whether a notebook is a lesson of this course, wherever it lies."""
    return any(cell.cell_type == "code" and USE.search(cell.source) for cell in nb.cells)


def highlighter(nb: NotebookNode, parent: HandoutExporter) -> Highlight2HTML:
    """Return what colours the code of a notebook, in the language that it names."""
    names = []
    for key, parts in (
        ("language_info", ("pygments_lexer", "name")),
        ("kernelspec", ("language", "name")),
    ):
        found = nb.metadata.get(key)
        names += [found.get(part) for part in parts] if isinstance(found, dict) else []
    language = next((name for name in names if isinstance(name, str) and is_lexer(name)), "text")
    if not any(names) or language in ("python", "python3"):
        language = "ipython3"
    return Highlight2HTML(language, parent=parent)


def is_lexer(name: str) -> bool:
    """Tell whether Pygments knows a language."""
    try:
        return bool(get_lexer_by_name(name))
    except ClassNotFound:
        return False


@contextmanager
def one_sentence() -> Iterator[None]:
    """End ``jupyter nbconvert`` with the sentence of a HandoutError, in place of a traceback."""
    try:
        yield
    except HandoutError as error:
        app = Application.instance() if Application.initialized() else None
        if app is None or app.name != "jupyter-nbconvert":
            raise
        app.log.error(str(error))
        app.exit(1)


def without_colourless_marks(page: str, style: str) -> str:
    """Return a page without the marks around words of code that its style does not colour."""
    coloured = set(re.findall(r"\.highlight \.(\w+)", style))
    marks = "|".join(sorted(set(STANDARD_TYPES.values()) - coloured - {""}))
    page = re.sub(rf'<span class="(?:{marks})">([^<]*)</span>', r"\1", page)
    # Pygments begins each block with an empty one.
    return page.replace("<pre><span></span>", "<pre>")


def with_hanging_lines(page: str) -> str:
    """Return a page whose lines of code go on below where they begin, where they are wrapped."""

    def hang(found: re.Match[str]) -> str:
        return found[1] + "\n".join(map(hanging, found[2].split("\n"))) + found[3]

    return re.sub(
        r'(<div class="[^"]*highlight[^"]*"><pre>)(.*?)(</pre>)', hang, page, flags=re.DOTALL
    )


def hanging(line: str) -> str:
    """Return a line of code with a class that says how far it is indented, if it may be wrapped."""
    text = re.sub(r"<[^>]*>", "", line)
    indent = len(text) - len(text.lstrip(" "))
    if len(text) <= SHORT_LINE:
        return line
    return f'<span class="in-{min(indent, DEEPEST) // 2 * 2}">{line}</span>'


def alternative(output: NotebookNode, kind: str) -> str:
    """Return the text that says what a picture of pixels shows."""
    alt = output.metadata.get(kind, {}).get("alt") or output.data.get("text/plain", "")
    return str(alt).strip()


def picture_texts(output: NotebookNode) -> tuple[str, str]:
    """Return the title of a drawing, and what it shows as text."""
    drawing = BeautifulSoup(output.data["image/svg+xml"], "html.parser")
    title, text = (
        part.get_text().strip() if (part := drawing.find(name)) else ""
        for name in ("title", "desc")
    )
    return title or "A picture", text or str(output.data.get("text/plain", "")).strip()


def too_much_for_paper(drawing: str, tallest: int = TALLEST) -> bool:
    """Tell whether paper has a drawing's text in its place.

    It has it where the drawing would take much of a page, or where its letters would be small.

    """
    size = re.search(r"<svg\b[^>]*? width=\"([0-9]{1,6})\" height=\"([0-9]{1,6})\"", drawing)
    letters = [
        float(found) for found in re.findall(r'font-size="([0-9]{1,3}(?:\.[0-9]+)?)"', drawing)
    ]
    if size is None:
        return False
    width, height = map(int, size.groups())
    shrunk = min(1, PAPER_WIDTH / width)
    return height * shrunk > tallest or min(letters, default=12) * shrunk < SMALLEST


def heading_first(markup: str) -> tuple[str, str]:
    """Return HTML in two parts: up to the end of its first heading, and what follows."""
    end = re.search(r"</h[1-6]>", markup)
    return (markup[: end.end()], markup[end.end() :]) if end else ("", markup)


def csp_hash(text: str) -> str:
    """Return how a Content-Security-Policy names a style or a script that may be in a page."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def css_string(text: str) -> str:
    """Return a text as a string of CSS that can stand in an HTML page."""
    escaped = re.sub(r"[^\w ,.:;()!?'-]", lambda match: f"\\{ord(match[0]):x} ", text)
    return f'"{escaped}"'
