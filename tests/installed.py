"""Use the course as somebody does who has installed it; print what it gave, as JSON.

Run as a file by a Python of an environment that has the wheel, from an empty folder.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import connect

import server
from server import launch
from server.exercises import check
from server.exercises.answers import answers
from server.notebook.runs import Run, runs
from server.paths import NOTEBOOKS


def text_of(url: str) -> str:
    """Return what is at an address."""
    with urlopen(url) as answer:
        return str(answer.read().decode())


def main() -> dict[str, Any]:
    """Use each part once."""
    names: dict[str, Any] = {}
    right = next(answer for answer in answers("1.1") if answer.kind == "right")
    exec(right.imports + right.source, names)
    shout_back = names["ShoutBack"]

    live = launch(shout_back)
    with connect(live.url("ws/sc/")) as client:
        client.send("hello")
        answer = client.recv()
    run = Run("first-socket", "console.log(1);", 0.3, False)
    runs.add(run)
    page = text_of(f"http://127.0.0.1:{live.port}/{run.path}")
    script = text_of(f"http://127.0.0.1:{live.port}/static/browser/frame.js")
    transcript = live.transcript
    text, html = repr(transcript), transcript._repr_html_()
    live.close()
    verdict = check("1.1", shout_back)
    return {
        "server": server.__file__,
        "lessons": sorted(map(str, NOTEBOOKS.glob("*.ipynb"))),
        "answer": answer,
        "frame": page,
        "script": script,
        "text": text,
        "html": html,
        "verdict": repr(verdict),
    }


if __name__ == "__main__":
    print(json.dumps(main()))
