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
    if (document.activeElement?.disabled || document.activeElement === document.body) {
      other.focus();
    }
  };
  place.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by && on && (by > 0 || step > 1)) {
      event.preventDefault();
      show(step + by);
    }
  });
  // Paper always has the whole conversation.
  addEventListener("beforeprint", () => rows.forEach((row) => (row.hidden = false)));
  addEventListener("afterprint", () => show(step));
  table.before(place);
  show(rows.length);
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
    folded = [...document.querySelectorAll(".wrong:not([open])")];
    folded.forEach((part) => (part.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));
}

document.addEventListener("DOMContentLoaded", () => {
  addThemeButton();
  addCopyButtons();
  followReading();
  document.querySelectorAll(".channels-transcript table").forEach(addReplay);
  unfoldOnPaper();
  reachWideTables();
  addEventListener("resize", reachWideTables);
});
