"""What the README warns of is so."""

from __future__ import annotations

import html
import re

import nbformat
from nbconvert import HTMLExporter

from server.exercises import solution
from server.handout.exporter import HandoutExporter
from server.lessons import lessons
from server.paths import NOTEBOOKS

ROOT = NOTEBOOKS.parent

WARNING = """\
Plain `jupyter nbconvert --to html` shows everything that is in a notebook, solutions too. `--to
handout` does not."""


def test_plain_html_shows_solutions() -> None:
    """nbconvert's own HTML has the solutions, a handout has not, and the README says both."""
    assert WARNING in (ROOT / "README.md").read_text("utf-8")
    path = lessons()[0].notebook
    notebook = nbformat.read(path, as_version=4)
    (line,) = re.findall(r'^ +(.*event\["text"\]\.upper\(\).*)$', repr(solution("1.1")), re.M)
    for exporter, shows in ((HTMLExporter(), True), (HandoutExporter(edition="student"), False)):
        resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
        page, _ = exporter.from_notebook_node(notebook, resources)
        assert (line in html.unescape(re.sub(r"<[^>]+>", "", page))) == shows
