"""Whatever a notebook holds: its page, and the printing of it, load nothing and go nowhere."""

from __future__ import annotations

import itertools
import re
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from server.handout import pdf
from server.handout.build import build, pages_to_print
from server.handout.exporter import EDITIONS, HandoutExporter
from server.handout.lesson import CONSOLE_KINDS
from server.handout.markup import sound_base64
from server.handout.reading import HandoutError
from server.notebook.recordings import WIRE_WORDS
from tests.browser import finding
from tests.handout import validity
from tests.handout.hostile import (
    EVERYWHERE,
    FILE,
    MARKUP,
    PLACES,
    SITE,
    TITLE,
    lesson_in,
    lesson_with,
)
from tests.handout.samples import code, prose, recorded, shown

NOWHERE = {"", "about:blank", "about:srcdoc", "chrome-error://chromewebdata/"}
"""Where a frame is that has nothing to show."""


@dataclass
class World:
    """What is around a page: a file of the teacher's, and a site that notes what is asked for."""

    file: str
    site: str
    asked: list[str] = field(default_factory=list)

    def markup(self, name: str) -> str:
        """Return markup with addresses that lead to something; the site's say whose they are."""
        site = f"{self.site}{re.sub(r'[^a-zA-Z]+', '-', name)}/"
        return MARKUP[name].replace(FILE, self.file).replace(SITE, site)


@contextmanager
def surroundings(folder: Path) -> Iterator[World]:
    """Run a site, and write a file."""
    file = folder / "secret.html"
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
    try:
        yield World(file.as_uri(), f"http://127.0.0.1:{site.server_port}/", asked)
    finally:
        site.shutdown()
        site.server_close()
        thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with a file and a site, of which nobody asks anything."""
    with surroundings(tmp_path_factory.mktemp("teacher")) as world:
        yield world


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
    if "end" not in [element.text for element in tree.iter("em")][-1:]:
        found.append("the end is in something else")
    return found


def test_how_many() -> None:
    """There are many kinds of markup, and many places for it."""
    assert len(MARKUP) >= 60
    assert len(PLACES) >= 30


def alone(markup: str, edition: str) -> dict[str, str]:
    """Return a page for each place, with some markup there and nowhere else."""
    return {place: export(lesson_in({place: markup}), edition) for place in EVERYWHERE}


def broken_out(page: str, markup: str, edition: str) -> dict[str, list[str]]:
    """Say what broke out on a page with markup in all places at once, and in which places.

    What breaks out anywhere leaves an element, an attribute or an address that is none of the
    page's own, or the end of the page is not where it belongs. Others beside it take none of that
    away, so a page without a fault is without one in each place. Only where there is one, each
    place gets a page for itself, which tells where it was.
    """
    together = faults(page)
    if not together:
        return {}
    found = {place: faults(page) for place, page in alone(markup, edition).items()}
    return {place: some for place, some in found.items() if some} or {"all together": together}


PageOf = Callable[[str, str], str]


@pytest.fixture(scope="module")
def page_of(world: World) -> PageOf:
    """What makes the page of an edition with some markup in all places at once, and keeps it."""

    @cache
    def lesson(name: str) -> NotebookNode:
        return lesson_in(dict.fromkeys(EVERYWHERE, world.markup(name)))

    @cache
    def made(name: str, edition: str) -> str:
        return export(lesson(name), edition)

    return made


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_harmless_page_has_no_fault(edition: str) -> None:
    """What is looked for is not in every page."""
    pages = {
        **alone("x", edition),
        "all": export(lesson_in(dict.fromkeys(EVERYWHERE, "x")), edition),
    }
    assert {place: found for place, page in pages.items() if (found := faults(page))} == {}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", MARKUP)
def test_nothing_breaks_out(world: World, page_of: PageOf, name: str, edition: str) -> None:
    """In no place does hostile markup become an element, an attribute or an address that acts."""
    assert broken_out(page_of(name, edition), world.markup(name), edition) == {}


@pytest.mark.parametrize("edition", EDITIONS)
def test_all_places_at_once_hide_nothing(world: World, edition: str) -> None:
    """Among the others each place shows as much as alone, and what breaks out of it is found."""
    markup = world.markup("refresh after a quote")
    marks = {place: f"place{number}here" for number, place in enumerate(EVERYWHERE)}
    together = export(lesson_in({place: mark + markup for place, mark in marks.items()}), edition)
    shown = {place: together.count(mark) for place, mark in marks.items()}
    by_itself = {
        place: export(lesson_in({place: mark + markup}), edition).count(mark)
        for place, mark in marks.items()
    }
    assert shown == by_itself
    seen = [place for place in EVERYWHERE if shown[place]]
    assert len(seen) > 25
    assert faults(together) == []
    assert [place for place in seen if not faults(together.replace(marks[place], markup))] == []


@pytest.mark.parametrize(
    ("place", "edition"),
    [("a table", "student"), ("an error", "teacher"), ("a hint", "student"), (TITLE, "teacher")],
)
def test_a_place_that_lets_markup_out_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str, edition: str
) -> None:
    """Where one place lets markup through, that place and no other is told."""
    markup = world.markup("refresh after a quote")
    sound, lesson = export, lesson_in

    def lets_out(notebook: NotebookNode, edition: str) -> str:
        return sound(notebook, edition).replace("HOLE", markup)

    def lesson_with_a_hole(texts: Mapping[str, str]) -> NotebookNode:
        return lesson({**texts, **dict.fromkeys({place} & {*texts}, "HOLE")})

    monkeypatch.setattr(sys.modules[__name__], "export", lets_out)
    monkeypatch.setattr(sys.modules[__name__], "lesson_in", lesson_with_a_hole)
    page = lets_out(lesson_with_a_hole(dict.fromkeys(EVERYWHERE, markup)), edition)
    assert set(broken_out(page, markup, edition)) == {place}


# What a browser does with them

START_TO_REST = "() => { window.rested = new Promise((done) => setTimeout(done, 100)) }"


def rest(tab: Page) -> None:
    """Wait for what a page does by itself: its own timers of no time come before this one."""
    for step in (START_TO_REST, "window.rested"):
        try:
            tab.evaluate(step)
        except Error as error:
            # One that goes away meanwhile has asked for what it goes to.
            if "context was destroyed" not in error.message:
                raise


def read(reader: Browser, files: Mapping[str, Path]) -> dict[str, list[str]]:
    """Open pages as a reader does; say what else each asks for, or opens, if it does.

    What is in the page itself is not asked for.
    """
    asked: dict[str, list[str]] = {}
    with reader.new_context() as context:
        # A tab that is left open may ask for more: it asks for its own page, and not for the next.
        asked_by: dict[Page, list[str]] = {}

        def new_tab() -> Page:
            tab = context.new_page()
            tab.on("request", lambda request: asked_by[tab].append(request.url))
            tab.on("popup", lambda popup: asked_by[tab].append(popup.url))
            return tab

        tab = new_tab()
        for name, file in files.items():
            asked_by[tab] = asked[name] = []
            tab.goto(file.as_uri(), wait_until="commit")
            tab.wait_for_load_state()
            rest(tab)
            if len(asked[name]) > 1:
                # It may be on its way to somewhere, and would take the next page with it. It stays
                # open: Chromium may never close a tab that is being led away (crbug.com/536385539).
                tab = new_tab()
    outside = {
        name: [url for url in urls if not url.startswith("data:")] for name, urls in asked.items()
    }
    return {name: urls for name, urls in outside.items() if urls != [files[name].as_uri()]}


def written(folder: Path, pages: Mapping[str, str]) -> dict[str, Path]:
    """Write pages to files of their own."""
    files = {name: folder / f"{number}.html" for number, name in enumerate(pages)}
    for name, page in pages.items():
        files[name].write_text(page, "utf-8")
    return files


def test_a_page_that_is_read_goes_nowhere(
    reader: Browser, world: World, page_of: PageOf, tmp_path: Path
) -> None:
    """A browser that opens a handout asks for that one file, whatever markup it was made of.

    That nothing breaks out of either edition, the tests above say; each kind of markup is read in
    one of them.
    """
    editions = zip(MARKUP, itertools.cycle(EDITIONS), strict=False)
    files = written(tmp_path, {name: page_of(name, edition) for name, edition in editions})
    assert read(reader, files) == {}
    assert world.asked == []


def test_a_page_that_goes_away_is_seen(reader: Browser, tmp_path: Path) -> None:
    """A reader's browser follows what no handout holds, and it is told which page led there."""
    with surroundings(tmp_path) as world:
        led = {
            "refresh to a file": world.file,
            "refresh to a site": f"{world.site}refresh-to-a-site/",
            "picture of a file": world.file,
            "picture of a site": f"{world.site}picture-of-a-site/x.png",
            "script": f"{world.site}script/",
            "frame of a text": world.file,
            "sound": f"{world.site}sound/x.mp3",
        }
        pages = {name: f"<p>here</p>{world.markup(name)}" for name in led}
        files = written(tmp_path, {"none": "<p>here</p>", **pages})
        found = read(reader, files)
        assert found == {name: [files[name].as_uri(), address] for name, address in led.items()}
        assert "/picture-of-a-site/x.png" in world.asked


def test_printing_goes_nowhere(printer: Browser, world: World, tmp_path: Path) -> None:
    """The browser that prints stays where it is, even on pages that nobody has cleaned."""
    files = written(tmp_path, {name: f"<h1>here</h1>{world.markup(name)}" for name in MARKUP})
    found = {}
    with pdf.alone(printer) as tab:
        for name, file in files.items():
            pdf.show(tab, file)
            rest(tab)
            shown_in_frames = {frame.url for frame in tab.frames[1:]} - NOWHERE
            title = tab.locator("h1").text_content()
            begin = pdf.printed(tab, "8in", "10in")[:4]
            found[name] = (tab.url, title, shown_in_frames, begin)
    assert found == {
        name: (f"{pdf.SITE}{file.name}", "here", set(), b"%PDF") for name, file in files.items()
    }
    assert world.asked == []


def test_a_picture_that_is_none_leaves_no_trace(
    printer: Browser, world: World, tmp_path: Path
) -> None:
    """A picture that would lead to a teacher's file prints as if it were not there."""
    papers = []
    for folder, data in (("a", world.markup("refresh after a picture")), ("b", "")):
        notebook = tmp_path / folder / "1.ipynb"
        notebook.parent.mkdir()
        picture = shown({"image/png": data, "text/plain": "x"})
        nbformat.write(lesson_with([code("x", picture)]), notebook)
        pages = build([notebook], notebook.parent / "out")
        pdf.print_with(printer, pages_to_print(pages))
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
