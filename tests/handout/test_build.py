"""``make handouts``: a class set, the same whenever it is made, or nothing at all."""

from __future__ import annotations

import hashlib
import re
import socket
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import nbformat
import pytest

from server.handout import build as module
from server.handout import pdf
from server.handout.build import build, main
from server.handout.markup import plain
from server.handout.reading import HandoutError
from tests.handout.conftest import LESSONS
from tests.handout.samples import lesson

SIZE = 500_000

SAID = "00_sample.ipynb: cell 3: JavaScript is not on the page, which says so"
"""What is said of the sample."""


def contents(folder: Path) -> dict[str, str]:
    """Return what is in a folder, by name."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_class_set(handouts):
    """There is a page for each lesson and edition, an index for each folder, and two zips."""
    names = [file.stem for file in handouts.notebooks]
    assert set(contents(handouts.folder)) == {
        *("index.html", "student.zip", "teacher.zip"),
        *("student/index.html", "teacher/index.html"),
        *(f"student/{name}.html" for name in names),
        *(f"teacher/{name}-teacher.html" for name in names),
    }


def test_the_same_when_built_twice(handouts, tmp_path):
    """A second build is the same, byte for byte."""
    build(handouts.notebooks, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(handouts.folder)


def test_pages_are_light(handouts):
    """Each page is under 500 KB."""
    assert {page.name: page.stat().st_size for page in handouts.pages if too_big(page)} == {}


def too_big(page: Path) -> bool:
    return page.stat().st_size > SIZE


def test_zips(handouts):
    """A zip holds the pages of one edition: a class gets no solutions with it."""
    with ZipFile(handouts.folder / "student.zip") as zipped:
        names = zipped.namelist()
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in zipped.infolist())
        page = zipped.read("student/00_sample.html").decode()
    assert names == sorted(f"student/{f.name}" for f in (handouts.folder / "student").iterdir())
    assert page == (handouts.folder / "student" / "00_sample.html").read_text("utf-8")


def test_links_lead_to_files_that_are_there(handouts):
    """No page links to a file that is not in the set."""
    lost = set()
    for page in handouts.pages:
        for href in re.findall(r'href="([^"#:]+)(?:#[^"]*)?"', page.read_text("utf-8")):
            if not (page.parent / href).exists():
                lost.add(href)
    # The sample follows no lesson of its own.
    assert lost <= {"02_routing.html", "02_routing-teacher.html"} - {p.name for p in LESSONS}


def test_nothing_of_the_machine(handouts):
    """No page knows where, by whom and on which machine it was made."""
    secrets = {str(Path.home()), str(Path(__file__).parents[2]), str(handouts.folder.parent)}
    secrets |= {socket.gethostname()} - {"localhost"}
    for page in handouts.pages:
        text = page.read_text("utf-8")
        assert not [secret for secret in secrets if len(secret) > 3 and secret in text], page


def solutions(notebook: nbformat.NotebookNode) -> set[str]:
    """Return the lines of solutions that stand nowhere else in a lesson."""
    cells = notebook.cells
    solved = {id(cell) for cell in cells if "solution" in cell.metadata.get("tags", [])}
    # A hint may say a line, broken into two.
    shown = " ".join(
        word for cell in cells if id(cell) not in solved for word in cell.source.split()
    )
    lines = {
        line.strip() for cell in cells if id(cell) in solved for line in cell.source.splitlines()
    }
    return {line for line in lines if len(line) > 12 and line not in shown}


@pytest.mark.parametrize("number", range(1 + len(LESSONS)))
def test_no_trace_of_a_solution(handouts, number):
    """No line of a solution, and no word that only it has, is anywhere in a student's page."""
    file = handouts.notebooks[number]
    lines = solutions(nbformat.read(file, 4))
    page = (handouts.folder / "student" / f"{file.stem}.html").read_text("utf-8")
    text = words(page)
    assert not [line for line in lines if line in text or line in page]
    other = (handouts.folder / "teacher" / f"{file.stem}-teacher.html").read_text("utf-8")
    assert [line for line in lines if line not in words(other)] == []
    assert 'class="wrong' not in page


def words(page: str) -> str:
    """Return the text of a page without its marks."""
    return plain(page[page.index("<main") :])


# Bad input


def test_bad_lesson_leaves_the_old_set(tmp_path, capsys):
    """A lesson that is none ends the build in a sentence, and what was there stays."""
    good = tmp_path / "1.ipynb"
    nbformat.write(lesson(), good)
    bad = tmp_path / "2.ipynb"
    notebook = lesson()
    notebook.cells[1].metadata.tags = ["hnit"]
    nbformat.write(notebook, bad)
    out = tmp_path / "out"
    build([good], out)
    before = contents(out)
    with pytest.raises(SystemExit) as info:
        main([str(good), str(bad), "--out", str(out), "--no-pdf", "--strict"])
    assert info.value.code == ("handouts: 2: cell 'cell-2' has the tag 'hnit', which no lesson has")
    assert contents(out) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1.ipynb", "2.ipynb", "out"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff", "x.ipynb is not a notebook: it is no text in UTF-8"),
        (b"{}", "x.ipynb is not a notebook: it does not say which format it has"),
    ],
)
def test_bad_files(tmp_path, content, sentence):
    """A file that is not there, or no notebook, is named."""
    file = tmp_path / "x.ipynb"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(HandoutError, match=re.escape(sentence)):
        build([file], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_with_other_things(tmp_path):
    """A folder that holds more than handouts is not written over."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(HandoutError, match="has other things than handouts in it"):
        build([], tmp_path)
    assert (tmp_path / "letter.txt").exists()


def test_no_lessons(tmp_path, monkeypatch):
    """Without lessons there are no handouts."""
    monkeypatch.setattr(module, "NOTEBOOKS", tmp_path)
    with pytest.raises(SystemExit, match="has no lessons"):
        main(["--no-pdf"])


def test_command(sample, tmp_path, capsys, monkeypatch):
    """The command says what it has written, and that a browser would have made PDFs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    main([str(sample), "--out", "class-set"])
    assert capsys.readouterr().out.splitlines() == [
        SAID,
        "2 handouts and 0 PDFs are in class-set",
        "no Chromium was found, so there are no PDFs: a browser's own print dialog makes them",
    ]


def test_command_without_playwright(sample, tmp_path, capsys, monkeypatch):
    """Without what drives a browser there are handouts all the same, and a sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    main([str(sample), "--out", "class-set"])
    assert capsys.readouterr().out.splitlines() == [
        SAID,
        "2 handouts and 0 PDFs are in class-set",
        "Playwright is not installed, so there are no PDFs: "
        "python -m pip install playwright brings it",
    ]


def test_a_new_set_takes_the_place_of_the_old_one(sample, tmp_path):
    """What an earlier build left is gone, whatever lessons it had."""
    other = tmp_path / "x.ipynb"
    nbformat.write(lesson(), other)
    out = tmp_path / "out"
    build([other], out)
    pages = build([sample], out)
    assert {page.file for page in pages} <= set(out.rglob("*.html"))
    assert not list(out.rglob("x*"))


def test_folder_elsewhere(sample, tmp_path, capsys):
    """A folder that is not below the current one is named in full."""
    main([str(sample), "--out", str(tmp_path / "x"), "--no-pdf"])
    assert capsys.readouterr().out == f"{SAID}\n2 handouts and 0 PDFs are in {tmp_path / 'x'}\n"


# PDFs


def test_pdfs(sample, tmp_path, capsys, monkeypatch, chromium):
    """With a browser the command makes PDFs on both papers, the same whenever they are made."""
    monkeypatch.setattr(module, "find_browser", lambda: chromium)
    main([str(sample), "--out", str(tmp_path / "a")])
    assert capsys.readouterr().out == f"{SAID}\n2 handouts and 4 PDFs are in {tmp_path / 'a'}\n"
    build([sample], tmp_path / "b", chromium)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    papers = {}
    for file in sorted((tmp_path / "a").rglob("*.pdf")):
        content = file.read_bytes()
        size = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content).groups()
        papers[file.name] = [round(25.4 * float(length) / 72) for length in size]
        # Nothing of the folder in which it was made, nor of the day.
        assert b"file:" not in content
        assert content.count(b"(D:20000101000000") == 2
    a4, letter = [210, 297], [216, 279]
    assert papers == {
        "00_sample-a4.pdf": a4,
        "00_sample-letter.pdf": letter,
        "00_sample-teacher-a4.pdf": a4,
        "00_sample-teacher-letter.pdf": letter,
    }
    index = (tmp_path / "a" / "index.html").read_text("utf-8")
    assert 'href="teacher/00_sample-teacher-letter.pdf"' in index


def test_browser_that_does_not_start(sample, tmp_path):
    """A browser that does not start ends the build in a sentence."""
    with pytest.raises(pdf.NoBrowserError, match=r"^false did not print: BrowserType\.launch: "):
        build([sample], tmp_path / "out", "/bin/false")
    assert not (tmp_path / "out").exists()


def test_browser_that_refuses(tmp_path, chromium, monkeypatch):
    """What a browser refuses is an error with its own words."""
    monkeypatch.setitem(pdf.PAPERS, "A4", ("-1in", "1in"))
    page = tmp_path / "x.html"
    page.write_text("<p>x</p>")
    with pytest.raises(pdf.NoBrowserError, match=r"did not print: Page\.pdf: "):
        pdf.print_pages(chromium, {page: [("A4", tmp_path / "x.pdf")]})


def test_find_browser(monkeypatch):
    """The first browser that is here prints."""
    monkeypatch.setattr(pdf.shutil, "which", {"google-chrome": "/opt/chrome"}.get)
    assert pdf.find_browser() == "/opt/chrome"
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(pdf.NoBrowserError, match=r"^no Chromium was found"):
        pdf.find_browser()


@pytest.mark.parametrize("user", [0, 1000])
def test_sandbox(monkeypatch, user):
    """Only as root, whom it refuses, a browser runs without its sandbox."""
    monkeypatch.setattr("os.getuid", lambda: user)
    launched = []

    def launch(**options):
        launched.append(options)
        return SimpleNamespace(close=lambda: None)

    playwright = SimpleNamespace(chromium=SimpleNamespace(launch=launch))
    with pdf.running(playwright, "chromium"):
        assert launched[0]["chromium_sandbox"] == (user != 0)
