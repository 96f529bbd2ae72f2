// Comforts for whoever reads on a screen. Without them the page says the same.
"use strict";

const root = document.documentElement;

// Light and dark

const remembered = {
  // A page opened from a file may have no storage.
  get theme() {
    try {
      return localStorage.getItem("handout-theme");
    } catch {
      return null;
    }
  },
  set theme(name) {
    try {
      localStorage.setItem("handout-theme", name);
    } catch {
      // It lasts as long as the page, then.
    }
  },
};

if (remembered.theme === "light" || remembered.theme === "dark") {
  root.dataset.theme = remembered.theme;
}

const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

function button(text, act, place) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => act(made));
  place?.append(made);
  return made;
}

function addThemeButton() {
  const text = () => (isDark() ? "Light theme" : "Dark theme");
  const made = button(
    text(),
    () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remembered.theme = root.dataset.theme;
      made.textContent = text();
    },
    document.querySelector("header"),
  );
  system.addEventListener("change", () => (made.textContent = text()));
}

// Copying code

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function addCopyButtons() {
  for (const block of document.querySelectorAll(".highlight")) {
    const source = block.querySelector("pre");
    const place = block.closest(".code") ?? block;
    const made = button("Copy", async () => {
      made.textContent = (await copy(source.textContent)) ? "Copied" : "Press Ctrl+C";
      if (made.textContent !== "Copied") {
        getSelection().selectAllChildren(source);
      }
      setTimeout(() => (made.textContent = "Copy"), 2000);
    });
    made.className = "copy";
    // A word alone says nothing in a list of all buttons of a page.
    made.setAttribute("aria-live", "polite");
    place.append(made);
  }
}

// The list of contents shows where the reader is

function followReading() {
  const links = new Map();
  for (const link of document.querySelectorAll("nav a[href^='#']")) {
    const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (heading) {
      links.set(heading, link);
    }
  }
  const headings = [...links.keys()];
  const mark = () => {
    const limit = innerHeight / 3;
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < limit);
    const current = passed.at(-1);
    for (const [heading, link] of links) {
      if (heading === current) {
        link.setAttribute("aria-current", "location");
      } else {
        link.removeAttribute("aria-current");
      }
    }
  };
  let waiting = false;
  const later = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        mark();
      });
    }
  };
  addEventListener("scroll", later, { passive: true });
  addEventListener("resize", later);
  mark();
}

// A recorded conversation, step by step

function addReplay(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 2) {
    return;
  }
  const place = document.createElement("div");
  place.className = "replay";
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", "Replay");
  let step = rows.length;
  const show = (next) => {
    step = Math.min(Math.max(next, 0), rows.length);
    rows.forEach((row, index) => {
      row.hidden = index >= step;
      row.classList.toggle("now", index === step - 1 && replaying());
    });
    start.hidden = replaying();
    for (const part of [back, forward, all, status]) {
      part.hidden = !replaying();
    }
    back.disabled = step <= 1;
    forward.disabled = step === rows.length;
    const now = rows[step - 1];
    status.textContent = `Step ${step} of ${rows.length}`;
    if (now && replaying()) {
      spoken.textContent = [...now.cells].map((cell) => cell.textContent.trim()).join(", ");
      now.scrollIntoView({ block: "nearest" });
    }
  };
  let on = false;
  const replaying = () => on;
  const start = button(
    "Replay step by step",
    () => {
      on = true;
      show(1);
      forward.focus();
    },
    place,
  );
  const back = button("Back", () => move(-1, forward), place);
  const forward = button("Next", () => move(1, back), place);
  const all = button(
    "Show all",
    () => {
      on = false;
      show(rows.length);
      start.focus();
    },
    place,
  );
  const status = document.createElement("p");
  const spoken = document.createElement("p");
  spoken.className = "spoken";
  spoken.setAttribute("aria-live", "polite");
  place.append(status, spoken);
  const move = (by, other) => {
    show(step + by);
    // A button that can no longer be pressed gives the keyboard on to the other one.
    if ((by > 0 ? forward : back).disabled) {
      other.focus();
    }
  };
  place.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by && on) {
      event.preventDefault();
      if (by > 0 || step > 1) {
        move(by, by > 0 ? back : forward);
      }
    }
  });
  // Paper always has the whole conversation.
  addEventListener("beforeprint", () => rows.forEach((row) => (row.hidden = false)));
  addEventListener("afterprint", () => show(step));
  table.before(place);
  show(rows.length);
}

// Projector: large type, and a question before what answers it

const PROJECTOR = "projector";

function answersTo(question) {
  // In the cells that follow it, and in the answer, which the teacher's page has there.
  const parts = [];
  for (let next = question.nextElementSibling; next; next = next.nextElementSibling) {
    if (next.classList.contains("cell")) {
      parts.push(...next.querySelectorAll(":scope > .outputs"));
    } else if (next.classList.contains("answer")) {
      return [...parts, next];
    } else if (!next.classList.contains("say")) {
      break;
    }
  }
  return parts;
}

function addProjector() {
  const questions = [...document.querySelectorAll("main > .predict")]
    .map((question) => ({ question, parts: answersTo(question) }))
    .filter(({ parts }) => parts.length);
  const on = () => root.dataset.mode === PROJECTOR;
  const spoken = document.createElement("p");
  spoken.className = "spoken";
  spoken.setAttribute("role", "status");
  const hide = (asked, hidden) => {
    asked.hidden = hidden;
    asked.parts.forEach((part) => (part.hidden = hidden));
    asked.reveal.hidden = !hidden;
  };
  const reveal = (asked) => {
    hide(asked, false);
    const [first] = asked.parts;
    first.tabIndex = -1;
    first.focus();
    spoken.textContent = "The answer is shown.";
  };
  for (const asked of questions) {
    asked.reveal = button("Show the answer", () => reveal(asked), asked.question);
    asked.reveal.hidden = true;
  }
  const place = document.querySelector("header");
  const toggle = button(
    "Projector",
    () => {
      if (on()) {
        delete root.dataset.mode;
      } else {
        root.dataset.mode = PROJECTOR;
      }
      toggle.setAttribute("aria-pressed", on());
      questions.forEach((asked) => hide(asked, on()));
      spoken.textContent = on()
        ? "Projector mode: large type. Answers are hidden; Page Down shows the one of a question in view."
        : "Projector mode is off.";
      reachWideTables();
    },
    place,
  );
  toggle.setAttribute("aria-pressed", "false");
  place.append(spoken);
  // What a presenter's remote control sends.
  addEventListener("keydown", (event) => {
    if (!on() || event.key !== "PageDown") {
      return;
    }
    const asked = questions.find(({ question, hidden }) => {
      const box = question.getBoundingClientRect();
      return hidden && box.top < innerHeight && box.bottom > 0;
    });
    if (asked) {
      event.preventDefault();
      reveal(asked);
    }
  });
  // Paper has all of it.
  let hidden = [];
  addEventListener("beforeprint", () => {
    hidden = questions.filter((asked) => asked.hidden);
    hidden.forEach((asked) => hide(asked, false));
  });
  addEventListener("afterprint", () => hidden.forEach((asked) => hide(asked, true)));
}

// What is wider than the window can be scrolled with the keyboard

function reachWideTables() {
  for (const frame of document.querySelectorAll(".wide, .channels-transcript")) {
    if (frame.scrollWidth > frame.clientWidth) {
      frame.tabIndex = 0;
    } else {
      frame.removeAttribute("tabindex");
    }
  }
}

// What is folded away is on paper all the same, where a style alone cannot unfold it

function unfoldOnPaper() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll(".wrong:not([open]), .as-text details:not([open])")];
    folded.forEach((part) => (part.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));
}

document.addEventListener("DOMContentLoaded", () => {
  addThemeButton();
  if (document.getElementById("lesson")) {
    addProjector();
  }
  addCopyButtons();
  followReading();
  document.querySelectorAll(".channels-transcript table").forEach(addReplay);
  unfoldOnPaper();
  reachWideTables();
  addEventListener("resize", reachWideTables);
});
