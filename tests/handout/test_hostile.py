"""Whatever a notebook holds: its page, and the printing of it, load nothing and go nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from server.handout import pdf
from server.handout.exporter import EDITIONS, HandoutExporter
from server.handout.lesson import CONSOLE_KINDS
from server.handout.markup import sound_base64
from server.handout.reading import HandoutError
from server.notebook.recordings import WIRE_WORDS
from tests.browser import finding
from tests.handout import validity
from tests.handout.hostile import FILE, FOR_TEACHERS, MARKUP, PLACES, SITE, lesson_with
from tests.handout.samples import code, prose, recorded, shown

NOWHERE = {"", "about:blank", "about:srcdoc", "chrome-error://chromewebdata/"}
"""Where a frame is that has nothing to show."""


@dataclass
class World:
    """What is around a page: a file of the teacher's, and a site that counts who asks for it."""

    file: str
    site: str
    asked: list[str] = field(default_factory=list)

    def addressed(self, text: str) -> str:
        """Return a text with addresses that lead to something."""
        return text.replace(FILE, self.file).replace(SITE, self.site)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with a file and a site."""
    file = tmp_path_factory.mktemp("teacher") / "secret.html"
    file.write_text("<p>the teacher's own words</p>")
    asked: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield World(file.as_uri(), f"http://127.0.0.1:{site.server_port}/", asked)
    site.shutdown()
    site.server_close()
    thread.join()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def reader(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """A reader's browser, which may go wherever it likes."""
    browser = playwright.chromium.launch(executable_path=chromium, args=finding.chromium_flags())
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def printer(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """The browser that prints."""
    with pdf.running(playwright, chromium) as browser:
        yield browser


@cache
def exporter(edition: str) -> HandoutExporter:
    """Return an exporter, which reads its templates once."""
    return HandoutExporter(edition=edition)


def refusal(notebook: NotebookNode) -> str:
    """Return the sentence with which a notebook is refused among the course's lessons."""
    with pytest.raises(HandoutError) as info:
        HandoutExporter(strict=True).from_notebook_node(notebook, {"metadata": {"name": "1"}})
    return str(info.value)


def export(notebook: NotebookNode, edition: str, path: str = "") -> str:
    """Return the page of a notebook."""
    with warnings.catch_warnings():
        # A language that nobody knows is code without colours.
        warnings.filterwarnings("ignore", "No lexer found")
        warnings.filterwarnings("ignore", message=".*looks more like.*")
        resources = {"metadata": {"name": "1", "path": path}}
        return exporter(edition).from_notebook_node(notebook, resources)[0]


def faults(page: str) -> list[str]:
    """Say what is on a page that no handout has of its own."""
    tree, _ = validity.parsed(page)
    names = Counter(str(element.tag) for element in tree.iter() if isinstance(element.tag, str))
    found = [
        f"{names[name]} of {name}"
        for name, count in {"meta": 5, "script": 1, "style": 2, "title": 1, "main": 1}.items()
        if names[name] != count
    ]
    known = validity.PHRASING | validity.FLOW | validity.PARTS - {"link"}
    found += [f"<{name}>" for name in names if name not in known]
    for element in tree.iter():
        of_its_own = validity.ATTRIBUTES.get(str(element.tag), set()) | {"value"}
        for name, value in element.attrib.items():
            if name not in validity.ATTRIBUTES["*"] | of_its_own:
                found.append(f"{element.tag} {name}={value!r}")
            if name == "src" and not re.fullmatch(
                r"data:image/(svg\+xml|png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*", value
            ):
                found.append(f"src={value!r}")
            if name == "href" and not re.match(r"#|https?://|[\w.-]+\.html", value):
                found.append(f"href={value!r}")
    body = tree.find("body")
    if body is None or [child.tag for child in body] != ["a", "header", "div", "footer"]:
        found.append("parts of the body")
    if "The *end*." in page or "The <em>end</em>.</p>" not in page:
        found.append("the end")
    emphasised = tree.findall(".//em")
    if not emphasised or "end" not in (emphasised[-1].text or ""):
        found.append("the end is in something else")
    return found


def pages(markup: str) -> Iterator[tuple[str, str]]:
    """Return pages with some markup in each place, and in the title."""
    for edition, places in {"student": PLACES, "teacher": FOR_TEACHERS}.items():
        for place in places:
            yield f"{place}, {edition}", export(lesson_with(PLACES[place](markup)), edition)
        yield f"the title, {edition}", export(lesson_with([], markup), edition)


def test_how_many() -> None:
    """There are many kinds of markup, and many places for it."""
    assert len(MARKUP) >= 60
    assert len(PLACES) >= 30


def test_a_harmless_page_has_no_fault() -> None:
    """What is looked for is not in every page."""
    assert {place: found for place, page in pages("x") if (found := faults(page))} == {}


def everywhere(*markups: str) -> NotebookNode:
    """Return a lesson with some markup in all places at once."""
    cells = [cell for markup in markups for place in PLACES.values() for cell in place(markup)]
    return lesson_with(cells, markups[0])


@pytest.mark.parametrize("name", MARKUP)
def test_nothing_breaks_out(world: World, name: str) -> None:
    """In no place does hostile markup become an element, an attribute or an address that acts."""
    markup = world.addressed(MARKUP[name])
    # What breaks out of one place is on this page as well, or makes what follows a part of itself,
    # and then the end is not where it belongs.
    found = {edition: faults(export(everywhere(markup), edition)) for edition in EDITIONS}
    if any(found.values()):
        found |= {place: faults(page) for place, page in pages(markup)}
    assert {place: one for place, one in found.items() if one} == {}


@pytest.mark.parametrize(
    ("name", "kept", "broken"),
    [
        ("refresh to a file", "&lt;meta", "<meta"),
        ("comment without end", "&lt;!--", "<!--"),
        ("plain text without end", "&lt;plaintext&gt;", "<plaintext>"),
        ("selection without end", "&lt;select&gt;", "<select>"),
        ("style of an element", "&lt;p style", "<p style"),
    ],
)
def test_one_place_of_all_is_seen(name: str, kept: str, broken: str) -> None:
    """What breaks out of a single place is a fault of the page with all of them."""
    page = export(everywhere(MARKUP[name]), "teacher")
    places = [found.start() for found in re.finditer(re.escape(kept), page)]
    # Not in an attribute, where it is text as well.
    places = [place for place in places if page.rfind("<", 0, place) < page.rfind(">", 0, place)]
    assert len(places) > 5
    for place in places[1::5]:
        assert faults(page[:place] + broken + page[place + len(kept) :]) != []


def rest(page: Page) -> None:
    """Wait for what a page does by itself: its own timers of no time come before this one."""
    page.evaluate("() => new Promise((done) => setTimeout(done, 100))")


@contextmanager
def read(reader: Browser, file: Path) -> Iterator[list[str]]:
    """Open a page as a reader does; yield what it asks for, without what is in the page itself."""
    with reader.new_context() as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(file.as_uri())
        rest(page)
        yield [url for url in asked if not url.startswith("data:")]


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_page_that_is_read_goes_nowhere(
    reader: Browser, world: World, tmp_path: Path, edition: str
) -> None:
    """A browser that opens a handout with all markup in all places asks for that one file."""
    page = export(everywhere(*map(world.addressed, MARKUP.values())), edition)
    file = tmp_path / "1.html"
    file.write_text(page, "utf-8")
    with read(reader, file) as asked:
        assert asked == [file.as_uri()]
    assert world.asked == []
    # None of it hides what stands below it: the browser finds the elements that are there.
    tree, _ = validity.parsed(page)
    names = Counter(element.tag for element in tree.iter() if isinstance(element.tag, str))
    with reader.new_context(java_script_enabled=False) as context:
        shown = context.new_page()
        shown.goto(file.as_uri())
        found = shown.locator("html").evaluate(NAMES)
    assert Counter(found) == names


NAMES = "html => [html, ...html.querySelectorAll('*')].map((element) => element.localName)"


def test_a_page_that_goes_away_is_seen(reader: Browser, world: World, tmp_path: Path) -> None:
    """A reader's browser follows what no handout holds."""
    file = tmp_path / "1.html"
    file.write_text(world.addressed(f"<img src={SITE}here.png>"), "utf-8")
    with read(reader, file) as asked:
        assert asked == [file.as_uri(), f"{world.site}here.png"]
    assert world.asked == ["/here.png"]
    world.asked.clear()


@pytest.mark.parametrize("name", MARKUP)
def test_printing_goes_nowhere(printer: Browser, world: World, tmp_path: Path, name: str) -> None:
    """The browser that prints stays where it is, even on a page that nobody has cleaned."""
    file = tmp_path / "1.html"
    file.write_text(f"<h1>here</h1>{world.addressed(MARKUP[name])}", "utf-8")
    with pdf.shown(printer, file) as page:
        rest(page)
        assert page.url == f"{pdf.SITE}1.html"
        assert page.locator("h1").text_content() == "here"
        assert {frame.url for frame in page.frames[1:]} <= NOWHERE
        assert pdf.printed(page, "8in", "10in").startswith(b"%PDF")
    assert world.asked == []


def test_a_picture_that_is_none_leaves_no_trace(world: World, tmp_path: Path) -> None:
    """A picture that would lead to a teacher's file prints as if it were not there."""
    papers = []
    for folder, data in (("a", world.addressed(MARKUP["refresh after a picture"])), ("b", "")):
        notebook = tmp_path / folder / "1.ipynb"
        notebook.parent.mkdir()
        picture = shown({"image/png": data, "text/plain": "x"})
        nbformat.write(lesson_with([code("x", picture)]), notebook)
        command = [sys.executable, "-m", "server.handout.build", "1.ipynb", "--out", "out"]
        subprocess.run(command, check=True, cwd=notebook.parent, capture_output=True)
        papers.append([file.read_bytes() for file in sorted(notebook.parent.rglob("*.pdf"))])
    assert papers[0] == papers[1]
    assert len(papers[0]) == 4
    assert world.asked == []


# Files


@pytest.mark.parametrize(
    "address",
    [
        *("../secret.png", "a/../../secret.png", "link.png", "%2e%2e/secret.png", "secret.txt"),
        *("{folder}/secret.png", "file://{folder}/secret.png", "below/../../secret.png"),
        *("~/secret.png", "\0.png", "x" * 5000 + ".png", "..\\secret.png", "folder.png"),
    ],
)
@pytest.mark.parametrize(
    "form", ["![x](<{}>)", '<img src="{}">', "[x](<{}>)", '<a href="{}">x</a>']
)
def test_files_from_elsewhere(tmp_path: Path, form: str, address: str) -> None:
    """Only a picture that lies with the lesson comes into its page, whatever leads elsewhere."""
    folder = tmp_path / "lesson"
    (folder / "folder.png").mkdir(parents=True)
    for secret in (tmp_path / "secret.png", folder / "secret.txt"):
        secret.write_bytes(b"secret of the teacher's")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    cell = prose(form.format(address.format(folder=tmp_path)))
    page = export(lesson_with([cell]), "student", str(folder))
    assert "c2VjcmV0IG9m" not in page
    assert faults(page) == []


def test_files_of_exercises(tmp_path: Path) -> None:
    """The name of an exercise leads to no file but the exercise's own."""
    (tmp_path / "x.md").write_text("## wrong: a\n\nDiagnosis: `b`\n\n```python\nsecret\n```\n")
    for exercise in (str(tmp_path / "x"), "../answers/1.1", "9.9"):
        cell = code("x", tags=("solution",), exercise=exercise)
        page = export(lesson_with([cell]), "teacher")
        assert "Wrong answers" not in page
        assert "secret" not in page


# What is no text


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (code("x", tags=("hint",), exercise="1"), "has the tag 'hint' and is not Markdown"),
        (code("x", tags=("answer",)), "has the tag 'answer' and is not Markdown"),
        (prose("x", exercise=["1"]), "does not say which exercise it belongs to"),
        (prose("x", teacher="x"), "has a note for the teacher without 'minutes' and 'say'"),
        (prose("x", teacher={"minutes": "<b>"}), "has minutes that are no whole number"),
        (prose("x", teacher={"minutes": True}), "has minutes that are no whole number"),
        (
            prose("x", teacher={"say": ["<b>"]}),
            "has something for the teacher to say that is no text",
        ),
    ],
)
def test_metadata_that_is_not_what_it_should_be(
    caplog: pytest.LogCaptureFixture, cell: NotebookNode, sentence: str
) -> None:
    """A note or a name that is none is refused in a sentence, or told and left out."""
    assert refusal(lesson_with([cell])) == f"1: cell 'cell-2' {sentence}"
    with caplog.at_level("WARNING"):
        assert faults(export(lesson_with([cell]), "teacher")) == []
    assert f"1: cell 3: {sentence}" in caplog.messages


@pytest.mark.parametrize(
    "browser",
    [
        *("x", ["x"], {}, {"name": "x"}, {"name": "x", "hash": 1}),
        *({"name": "x", "hash": "x", "lines": lines} for lines in ("x", {"x": 1}, ["x"], [{}])),
        *(
            {"name": "x", "hash": "x", "lines": [{"kind": "log", "text": "x"} | line]}
            for line in (
                *({"kind": "x"}, {"kind": ["log"]}, {"text": 1}, {"kind": "open"}),
                *({"socket": "<b>", "kind": "sent"}, {"socket": True, "kind": "sent"}),
                *({"socket": 1}, {"line": "<b>"}, {"own": "x"}, {"own": [1]}),
            )
        ),
    ],
)
def test_recordings_that_are_none(browser: Any) -> None:
    """A recording that no browser cell can have made is refused, or left out."""
    notebook = lesson_with([code("x", shown({}, {"browser": browser}))])
    assert refusal(notebook) == "1: cell 'cell-2' has a recording that no browser cell has made"
    assert faults(export(notebook, "student")) == []


@pytest.mark.parametrize(
    ("data", "sound"),
    [
        ("AAAA\nAAA=\n", "AAAAAAA="),
        *((data, None) for data in ("", "AAA", 'AAAA"', "AA=A", "Ä", None, 1, ["AAAA"])),
    ],
)
def test_base64(data: object, sound: str | None) -> None:
    """Base64 comes without its line ends; what is none does not come at all."""
    assert sound_base64(data) == sound


def test_a_recording_of_each_kind_is_taken() -> None:
    """What browser cells do make is no fault."""
    lines = [{"kind": kind, "text": "x"} for kind in CONSOLE_KINDS]
    lines += [{"kind": kind, "text": "x", "socket": 1} for kind in WIRE_WORDS]
    assert "Between browser and server" in export(
        lesson_with([code("x", recorded(lines))]), "student"
    )
