"""The pages in a real browser: nothing asked for, nothing inaccessible, nothing cut off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import finding
from tests.handout.conftest import LESSONS
from tests.handout.validity import nu_html_checker, problems

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")

# A browser that stalls is slow, and no more.
expect.set_options(timeout=60_000)

NAMES = [
    *("index.html", "student/index.html", "teacher/index.html"),
    *(f"student/{file.stem}.html" for file in LESSONS),
    *(f"teacher/{file.stem}-teacher.html" for file in LESSONS),
    *("student/00_sample.html", "teacher/00_sample-teacher.html"),
]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=finding.chromium_flags()
        )
        yield browser
        browser.close()


@contextmanager
def quiet_page(browser: Browser) -> Iterator[Page]:
    """A page without a network, which must not complain of anything."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that nobody has looked at."""
    with quiet_page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def looked_at(browser: Browser) -> Iterator[Page]:
    """One page to look at all handouts in; a new one for each would take half as long again."""
    with quiet_page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def judged() -> set[str]:
    """The looks of words that axe-core has found nothing in."""
    return set()


@pytest.fixture
def no_script(browser: Browser) -> Iterator[Page]:
    """A page in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False, offline=True)
    yield context.new_page()
    context.close()


def show(page: Page, handouts, name: str) -> None:
    page.goto((handouts.folder / name).as_uri())


ONE_OF_EACH = """
() => {
  const seen = new Set();
  for (const part of document.querySelectorAll(".highlight span")) {
    if (seen.has(part.className)) part.replaceWith(part.textContent);
    seen.add(part.className);
  }
  for (const row of document.querySelectorAll(".channels-transcript tbody tr")) {
    const looks = row.className + row.querySelectorAll("*").length;
    if (seen.has(looks) && row.parentElement.rows.length > 1) row.remove();
    seen.add(looks);
  }
}
"""
"""Coloured words, and rows of a kind, look the same wherever they stand: one of each is enough to
judge them, and a lesson has thousands."""

CONTRASTS = """
async (judged) => {
  const grounds = new Map([[null, ""]]);
  function ground(element) {
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(element);
      const own = [element.localName, element.className, backgroundColor, backgroundImage, opacity];
      grounds.set(element, ground(element.parentElement) + own.join(" ") + "\\n");
    }
    return grounds.get(element);
  }
  const looks = new Map();
  const known = new Set(judged);
  for (const element of document.body.querySelectorAll("*")) {
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!words || !element.checkVisibility()) continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    const look = [ground(element), color, fontSize, fontWeight, textShadow].join(" ");
    if (!known.has(look) && !looks.has(look)) looks.set(look, element);
  }
  const options = { runOnly: ["color-contrast"], resultTypes: ["violations"] };
  const found = looks.size ? await axe.run({ include: [...looks.values()] }, options) : {};
  return { looks: [...looks.keys()], violations: found.violations ?? [] };
}
"""
"""Words of one colour and size, in elements of the same names and classes with the same grounds up
to the page's own, have one contrast: the first of them is judged for all, on whichever page."""


WIDER = """
() => [...document.querySelectorAll("pre, table, img, p, h2")]
  .filter((part) => part.scrollWidth > part.clientWidth + 1 && part.clientWidth)
  .map((part) => part.outerHTML.slice(0, 200))
"""
"""What is wider than the room that it has."""

ON_THE_LINE = """
() => [...document.querySelectorAll(".outputs")].flatMap((outputs) => {
  const line = outputs.getBoundingClientRect().left + outputs.clientLeft;
  const words = document.createTreeWalker(outputs, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const found = [];
  while (words.nextNode()) {
    range.selectNodeContents(words.currentNode);
    const touching = [...range.getClientRects()].some((box) => box.width && box.left < line + 3);
    if (touching && words.currentNode.data.trim()) found.push(words.currentNode.data.slice(0, 200));
  }
  return found;
})
"""
"""Words that touch the line that runs down beside outputs."""


def findings(page: Page, **options: object) -> list[str]:
    """Return what axe-core finds on a page."""
    bring_axe(page)
    return violations(
        page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **options})
    )


def contrasts(page: Page, judged: set[str]) -> list[str]:
    """Return what axe-core finds of a page's colours, of each look one that is not judged yet."""
    bring_axe(page)
    result = page.evaluate(CONTRASTS, list(judged))
    found = violations(result)
    # Where something is found, the next page is not to pass because of this one.
    if not found:
        judged.update(result["looks"])
    return found


def bring_axe(page: Page) -> None:
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)


def violations(result: dict[str, Any]) -> list[str]:
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in result["violations"]]


@pytest.mark.parametrize("name", NAMES)
def test_valid(handouts, name):
    """No page has an error in its HTML."""
    assert problems((handouts.folder / name).read_text("utf-8")) == []


if os.environ.get("VNU_JAR"):

    def test_valid_for_the_nu_html_checker(handouts):
        """The Nu Html Checker, where somebody has it, finds no error either."""
        assert nu_html_checker(handouts.pages) == ""


@pytest.mark.parametrize("name", NAMES)
def test_accessible_and_alone(looked_at, handouts, judged, name):
    """axe-core finds nothing in either theme, and not one request leaves the page."""
    asked: list[str] = []
    looked_at.set_viewport_size({"width": 1280, "height": 900})
    looked_at.emulate_media(media="screen", color_scheme="light")
    looked_at.on("request", lambda request: asked.append(request.url))
    show(looked_at, handouts, name)
    # Only colours differ between the themes.
    if "sample" in name:
        assert findings(looked_at) == []
        looked_at.emulate_media(color_scheme="dark")
        assert findings(looked_at, runOnly=["color-contrast"]) == []
    else:
        looked_at.evaluate(ONE_OF_EACH)
        assert findings(looked_at, rules={"color-contrast": {"enabled": False}}) == []
        assert contrasts(looked_at, judged) == []
        looked_at.emulate_media(color_scheme="dark")
        assert contrasts(looked_at, judged) == []
    assert [url for url in asked if not url.startswith("data:")] == [
        (handouts.folder / name).as_uri()
    ]


PALE = """
change => {
  const words = [...document.querySelectorAll(".prose > p")].at(-1);
  words.removeAttribute("style");
  words.id = change ? "pale" : "";
  if (change === "words") words.style.color = "#8888";
  if (change === "ground") words.style.backgroundColor = "#777";
}
"""


def test_a_bad_contrast_is_found(page, handouts):
    """Among a lesson's words that look as they should, the few that cannot be read are found."""
    show(page, handouts, f"student/{LESSONS[0].stem}.html")
    page.evaluate(ONE_OF_EACH)
    judged: set[str] = set()
    found: dict[tuple[str, str], list[str]] = {}

    def look(change: str, already: set[str]) -> None:
        page.evaluate(PALE, change)
        found.setdefault((theme, change), []).extend(contrasts(page, already))

    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        # As on the first page that is judged, and as on one after another.
        for change in ("words", "ground"):
            look(change, set())
        look("", judged)
        for change in ("words", "ground"):
            look(change, judged)
    pale = {
        "words": '<p id="pale" style="color: rgba(136, 136, 136, 0.533);">',
        "ground": '<p id="pale" style="background-color: rgb(119, 119, 119);">',
        "": "",
    }
    assert found == {
        (theme, change): [f"color-contrast: {words}"] * 2 if words else []
        for theme in ("light", "dark")
        for change, words in pale.items()
    }


def test_policy_forbids_everything_else(browser, handouts):
    """What a page does not bring along cannot run and cannot be fetched."""
    page = browser.new_page()
    show(page, handouts, "student/00_sample.html")
    refused = page.evaluate(
        """() => new Promise((resolve) => {
          const refused = [];
          document.addEventListener("securitypolicyviolation", (event) => {
            refused.push(event.effectiveDirective);
            if (refused.length === 4) resolve(refused.sort());
          });
          const add = (name, set) => {
            const element = document.createElement(name);
            Object.assign(element, set);
            document.body.append(element);
          };
          add("script", { textContent: "window.ran = true" });
          add("style", { textContent: "body { display: none }" });
          add("img", { src: "https://example.org/x.png" });
          fetch("https://example.org/").catch(() => {});
        })"""
    )
    assert refused == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
    assert page.evaluate("window.ran") is None
    page.close()


@pytest.mark.parametrize("name", [name for name in NAMES if "index" not in name])
def test_nothing_is_cut(looked_at, handouts, name):
    """Nothing is wider than a phone's window, but what scrolls by itself, or than paper's text.

    A window has 320 pixels, the text of an A4 page 178 mm, and that of a Letter page 184 mm. Nor
    do words of an output touch the line beside it.
    """
    looked_at.emulate_media(media="screen")
    looked_at.set_viewport_size({"width": 320, "height": 800})
    show(looked_at, handouts, name)
    assert looked_at.evaluate("document.documentElement.scrollWidth") == 320
    looked_at.emulate_media(media="print")
    for width in (672, 695):
        looked_at.set_viewport_size({"width": width, "height": 1000})
        assert looked_at.evaluate("document.documentElement.scrollWidth") == width
        assert looked_at.evaluate(WIDER) == []
        assert looked_at.evaluate(ON_THE_LINE) == []


def test_readable_without_script(no_script, handouts):
    """Without a script all is there to read, and nothing that needs one."""
    show(no_script, handouts, "student/00_sample.html")
    assert no_script.locator("button").count() == 0
    assert no_script.get_by_text("it is an echo").is_visible()
    assert no_script.locator(".channels-transcript tbody tr").first.is_visible()
    hint = no_script.locator(".hints details").first
    assert not hint.locator("p").is_visible()
    hint.locator("summary").click()
    assert hint.locator("p").is_visible()


# Comforts


def test_theme(page, handouts):
    """A button changes the theme, for this page and for the next."""

    def background() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.emulate_media(color_scheme="light")
    show(page, handouts, "student/00_sample.html")
    light = background()
    to_dark = page.get_by_role("button", name="Dark theme")
    to_dark.click()
    dark = background()
    assert light != dark
    # Chromium stores in the background. On a busy machine a reload may come before it, and once 100
    # reloads did not find what was stored: the theme is chosen again now and then.
    for attempt in range(100):
        page.reload()
        if background() == dark:
            break
        if attempt % 10 == 5:
            to_dark.click()
    assert background() == dark
    page.get_by_role("button", name="Light theme").click()
    assert background() == light


def test_theme_of_the_system(page, handouts):
    """Until somebody chooses, the theme is the system's."""
    page.emulate_media(color_scheme="dark")
    show(page, handouts, "student/00_sample.html")
    button = page.locator("header button").first
    expect(button).to_have_text("Light theme")
    page.emulate_media(color_scheme="light")
    expect(button).to_have_text("Dark theme")


GROUND = """
async (image) => {
    await image.decode();
    const canvas = new OffscreenCanvas(20, 20).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return canvas.getImageData(10, 10, 1, 1).data.join(" ");
}
"""


def test_pictures_follow_the_theme(page, handouts):
    """A drawing is light or dark as the page is, whatever the system's theme."""
    page.emulate_media(color_scheme="light")
    show(page, handouts, "student/00_sample.html")
    drawing = page.get_by_alt_text("browser cell first-socket")
    assert drawing.evaluate(GROUND) == "251 251 250 255"
    page.get_by_role("button", name="Dark theme").click()
    assert drawing.evaluate(GROUND) == "29 34 41 255"


# What a button says for two seconds, it goes on saying.
NO_TIMERS = "() => { window.setTimeout = () => 0 }"


def test_copy(page, handouts):
    """A cell's code is copied as it is."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(page, handouts, "student/00_sample.html")
    page.evaluate(NO_TIMERS)
    page.locator(".code").first.hover()
    button = page.locator(".copy").first
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("from channels.consumer import SyncConsumer\n")
    assert "\n    def websocket_connect(self, event):\n" in copied


def test_copy_where_it_is_forbidden(page, handouts):
    """Where a page may not copy, it selects, and says what to press."""
    show(page, handouts, "student/00_sample.html")
    page.evaluate(NO_TIMERS)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    page.locator(".code").first.hover()
    page.locator(".copy").first.click()
    expect(page.locator(".copy").first).to_have_text("Press Ctrl+C")
    assert page.evaluate("getSelection().toString()").startswith("from channels.consumer")


def test_contents_follow(page, handouts):
    """The list of contents marks the section that is being read."""
    show(page, handouts, "student/00_sample.html")
    page.get_by_role("navigation").get_by_role("link", name="Recap").click()
    current = page.locator("nav a[aria-current]")
    expect(current).to_have_text(["Recap"])
    page.keyboard.press("Control+Home")
    expect(current).to_have_text(["A first consumer & more"])


def test_replay(page, handouts):
    """A conversation is replayed step by step, with the mouse or with the keyboard."""
    show(page, handouts, "student/00_sample.html")
    transcript = page.locator(".channels-transcript").first
    rows = transcript.locator("tbody tr:visible")
    everything = rows.count()
    start = transcript.get_by_role("button", name="Replay step by step")
    start.focus()
    page.keyboard.press("Enter")
    assert rows.count() == 1
    assert transcript.get_by_text(f"Step 1 of {everything}").is_visible()
    assert transcript.get_by_role("button", name="Back").is_disabled()
    page.keyboard.press("Enter")
    assert rows.count() == 2
    assert transcript.locator(".spoken").text_content().startswith("2, client ← Echo, accept")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert rows.count() == 1
    page.keyboard.press("ArrowLeft")
    assert rows.count() == 1
    inside = "place => place.contains(document.activeElement)"
    for _ in range(everything):
        page.keyboard.press("ArrowRight")
        assert transcript.locator(".replay").evaluate(inside)
    assert rows.count() == everything
    # The keyboard goes on from the last step to the first.
    for _ in range(everything):
        page.keyboard.press("ArrowLeft")
        assert transcript.locator(".replay").evaluate(inside)
    assert rows.count() == 1
    for _ in range(everything):
        page.keyboard.press("ArrowRight")
    assert findings(page) == []
    transcript.get_by_role("button", name="Show all").click()
    assert start.evaluate("button => button === document.activeElement")


def test_paper_has_the_whole_conversation(page, handouts):
    """What a replay hides, paper shows."""
    show(page, handouts, "student/00_sample.html")
    transcript = page.locator(".channels-transcript").first
    everything = transcript.locator("tbody tr").count()
    transcript.get_by_role("button", name="Replay step by step").click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert transcript.locator("tbody tr:visible").count() == everything
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert transcript.locator("tbody tr:visible").count() == 1


def test_skip_link_and_focus(page, handouts):
    """The first stop of the keyboard leads past the contents, and every stop can be seen."""
    show(page, handouts, "student/00_sample.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the lesson"
    assert page.locator(".skip").bounding_box()["width"] > 50
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_reduced_motion(page, handouts):
    """Who asks for less motion gets none."""
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    page.emulate_media(reduced_motion="reduce")
    show(page, handouts, "student/00_sample.html")
    assert page.evaluate(behaviour) == "auto"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(behaviour) == "smooth"


# Paper


def test_what_is_on_paper(page, handouts):
    """Paper has lines to write on and the hints, and nothing to press."""
    page.emulate_media(media="print")
    show(page, handouts, "student/00_sample.html")
    for gone in ("nav", "footer", ".hints", "button", ".replay", ".skip"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator(".write").first.is_visible()
    assert page.locator(".on-paper li").count() == 3
    assert page.locator(".on-paper li").first.is_visible()
    link = page.locator("main a[href^='https']").first
    after = link.evaluate("link => getComputedStyle(link, '::after').content")
    assert re.search("channels.readthedocs.io|attr", after)


def test_what_is_on_the_teachers_paper(page, handouts):
    """On the teacher's paper wrong answers are unfolded."""
    page.emulate_media(media="print")
    show(page, handouts, "teacher/00_sample-teacher.html")
    assert page.locator(".wrong .code").first.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".wrong:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".wrong[open]").count() == 0


# In front of a class


@pytest.mark.parametrize("name", ["student/00_sample.html", "teacher/00_sample-teacher.html"])
def test_projector(page, handouts, name):
    """In large type a question stands before its answer, which a button or a key shows."""
    show(page, handouts, name)
    size = "parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"
    before = page.evaluate(size)
    toggle = page.get_by_role("button", name="Projector")
    toggle.focus()
    page.keyboard.press("Enter")
    assert toggle.get_attribute("aria-pressed") == "true"
    expect(page.get_by_role("status")).to_contain_text("Projector mode: large type.")
    assert page.evaluate(size) > 1.4 * before
    assert not page.get_by_role("navigation").is_visible()
    first = page.locator("#question-1 ~ .cell > .outputs").first
    assert not first.is_visible()
    reveal = page.locator("#question-1").get_by_role("button", name="Show the answer")
    reveal.focus()
    page.keyboard.press("Enter")
    assert first.is_visible()
    assert first.evaluate("part => part === document.activeElement")
    expect(page.get_by_role("status")).to_have_text("The answer is shown.")
    second = page.locator("#question-2 ~ .cell > .outputs").first
    page.locator("#question-2").scroll_into_view_if_needed()
    assert not second.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert second.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not second.is_visible()
    page.keyboard.press("PageDown")
    assert second.is_visible()
    assert findings(page) == []
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "false"
    expect(page.get_by_role("status")).to_have_text("Projector mode is off.")
    assert page.evaluate(size) == before


def test_phone(page, handouts):
    """At 390 pixels the contents are folded, and wrapped code keeps its indentation."""
    page.set_viewport_size({"width": 390, "height": 844})
    show(page, handouts, "student/00_sample.html")
    contents = page.get_by_role("navigation").get_by_role("link", name="Recap")
    assert not contents.is_visible()
    page.get_by_text("In this lesson").click()
    assert contents.is_visible()
    lines = page.locator(".code [class^='in-8']").evaluate_all(
        """(lines) => lines.map((line) => {
          const range = document.createRange();
          range.selectNodeContents(line);
          const lefts = [...range.getClientRects()].map((box) => box.left);
          return [lefts.length, Math.max(...lefts.slice(1)), line.getBoundingClientRect()];
        })"""
    )
    wrapped = [(left, box) for count, left, box in lines if count > 1]
    assert wrapped
    assert all(left >= box["left"] + 50 for left, box in wrapped)
