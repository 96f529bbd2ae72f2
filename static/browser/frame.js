// The frame that a browser cell shows: runs the cell's code in a page of its own, lists what its
// console says and what goes over the wire, and tells the kernel when it has come to rest.

const cell = JSON.parse(document.getElementById("cell").textContent);
const { words: WORDS, state_after: STATE_AFTER } =
  JSON.parse(document.getElementById("wire").textContent);

// The newest lines stay in view; the count of all stays exact.
const MAX_LINES = 500;
const MAX_SOCKETS = 8;
// What the kernel hears of a page is `cell.most` lines, and so much of each.
const MAX_TEXT = 300;
// What the kernel hears about activity, at most every so many milliseconds.
const PACE = 50;
const SANDBOX = "allow-scripts allow-forms allow-modals allow-popups allow-downloads";

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const CONSOLE = new Set(["log", "info", "warn", "error", "debug", "uncaught", "stopped"]);

const browser = /firefox/i.test(navigator.userAgent) ? "Firefox"
  : /chrom/i.test(navigator.userAgent) ? "Chromium"
  : /safari/i.test(navigator.userAgent) ? "Safari" : "the browser";

const root = document.documentElement;
const element = (id) => document.getElementById(id);
const address = `/browser/${cell.name}/${cell.hash}`;
const path = `${address}/${cell.token}`;
// What Jupyter's own server adds to the address, where it stands between.
const prefix = location.pathname.slice(0, location.pathname.lastIndexOf(path));

// --- The page around this frame ----------------------------------------------------------------

function tellNotebook(message) {
  if (window.parent !== window) window.parent.postMessage({ browserCell: message }, "*");
}

window.addEventListener("message", ({ source, data, ports }) => {
  if (source === element("page").firstElementChild?.contentWindow) {
    // What comes in the place of a page that has been left is not the cell's.
    if (!run.left && run.port === null && ports.length === 1) attach(ports[0]);
  } else if (source === window.parent && source !== window) {
    const theme = data?.browserCell?.theme;
    if (theme === "light" || theme === "dark") setTheme(theme);
  }
});

function setTheme(theme) {
  root.dataset.theme = theme;
  colorPage();
}

/** The cell's own page follows, as long as its styles do not say otherwise. */
function colorPage() {
  run.port?.postMessage({ colorScheme: root.dataset.theme ?? "light dark" });
}

new ResizeObserver(([{ target }]) => {
  tellNotebook({ height: Math.ceil(target.getBoundingClientRect().height) });
}).observe(element("cell-frame"));

// --- Lines -------------------------------------------------------------------------------------

let total = 0;
let waiting = []; // lines that are not in view yet
let scheduled = false;
let flushed = 0;
const sockets = new Map();

function addLine(line) {
  total += 1;
  tellKernel(line);
  if (run.settled) line.late = true;
  waiting.push(line);
  // What would be pushed out of view before it is drawn need not be kept.
  if (waiting.length > 2 * MAX_LINES) waiting = waiting.slice(-MAX_LINES);
  if (line.socket > 1) element("lines").classList.add("several");
  if (line.kind in STATE_AFTER) {
    if (line.kind === "closed") sockets.delete(line.socket);
    sockets.set(line.socket, STATE_AFTER[line.kind]);
    if (sockets.size > 2 * MAX_SOCKETS) forgetClosed();
  }
  schedule();
}

function forgetClosed() {
  for (const [number, state] of sockets) {
    if (sockets.size <= MAX_SOCKETS) return;
    if (state === 3) sockets.delete(number);
  }
}

function schedule() {
  if (scheduled) return;
  if (performance.now() - flushed > 200) {
    // Nothing was drawn lately: no need to wait, and a frame out of sight gets no frames.
    flush();
    return;
  }
  scheduled = true;
  requestAnimationFrame(flush);
  setTimeout(flush, 200);
}

function flush() {
  scheduled = false;
  if (waiting.length === 0) return;
  flushed = performance.now();
  const log = element("log");
  const lines = element("lines");
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  lines.append(...waiting.slice(-MAX_LINES).map(draw));
  waiting = [];
  while (lines.childElementCount > MAX_LINES) lines.firstElementChild.remove();
  const hidden = total - lines.childElementCount;
  element("dropped").textContent = hidden === 0 ? ""
    : `${total.toLocaleString("en")} lines so far; the ${MAX_LINES} newest are shown.`;
  lines.start = hidden + 1;
  if (follows) log.scrollTop = log.scrollHeight;
  drawSockets();
}

function draw(line) {
  const item = document.createElement("li");
  const isConsole = CONSOLE.has(line.kind) && line.socket === undefined;
  item.dataset.lane = isConsole ? "console" : "wire";
  item.dataset.kind = line.kind;
  if (line.late) item.dataset.late = "";
  const text = document.createElement("p");
  if (isConsole) {
    const kind = ["uncaught", "stopped"].includes(line.kind) ? "error" : line.kind;
    text.append(span("only-read", `console ${kind}: `));
  } else {
    item.dataset.socket = line.socket;
    text.append(span("number", `#${line.socket} `), span("label", `${WORDS[line.kind]} `));
  }
  text.append(span("text", line.text));
  if (line.kind in STATE_AFTER) {
    const state = STATE_AFTER[line.kind];
    text.append(span("label", `${line.text && " "}readyState ${state}`));
  }
  if (line.line) {
    item.dataset.line = line.line;
    text.append(span("label", ` (line ${line.line} of the cell)`));
  }
  if (line.own) {
    item.dataset.own = JSON.stringify(line.own);
    text.append(span("words", ` (${browser}'s words)`));
  }
  item.append(text);
  return item;
}

function span(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}

function drawSockets() {
  const newest = [...sockets].slice(-MAX_SOCKETS);
  element("sockets").replaceChildren(...newest.map(([number, state]) => {
    const item = listItem(`socket ${number}: ${STATES[state]} (${state})`);
    item.dataset.state = state;
    return item;
  }));
  const others = Math.max(0, ...sockets.keys()) - newest.length;
  if (others > 0) element("sockets").prepend(listItem(`${others.toLocaleString("en")} older`));
}

function listItem(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

// --- Runs --------------------------------------------------------------------------------------

let run = { number: 0, port: null, heard: [] };

function start() {
  detach();
  run = {
    number: run.number + 1, page: 0, events: 0, busy: true, settled: false, told: 0, untold: [],
    port: null, left: false, heard: [],
  };
  root.dataset.state = "running";
  total = 0;
  waiting = [];
  sockets.clear();
  element("lines").replaceChildren();
  element("lines").classList.remove("several");
  element("dropped").textContent = "";
  drawSockets();
  const page = document.createElement("iframe");
  page.title = `Page of the cell ${cell.name}`;
  page.sandbox = SANDBOX;
  page.src = `${prefix}/?${path}/page`;
  element("page").classList.remove("shown");
  element("page").replaceChildren(page);
  report();
}

// What the cell's page says. Its origin is not this frame's, so it says it through a port.
const hear = {
  begin(page) {
    run.page = page;
  },

  line: addLine,

  // What the kernel wants to know, and a reader need not see.
  fact: tellKernel,

  /** End a page that would take the browser with it, and say why. */
  stop(why) {
    detach();
    element("page").replaceChildren();
    addLine({ kind: "stopped", text: why, at: performance.now() });
    setStatus(why);
    this.busy(false);
  },

  /** The page has gone to another address, by `location.href = ...` or by a link. */
  left(page) {
    if (page !== run.page || run.left) return;
    detach();
    const text = "The page has gone to another address, and its code has ended. " +
      "A WebSocket needs no other page: new WebSocket(...) connects from this one.";
    addLine({ kind: "warn", text, at: performance.now() });
    this.busy(false);
  },

  busy(busy) {
    run.busy = busy;
    run.events += 1;
    report();
  },

  pageHeight(height) {
    const shown = height > 0;
    element("page").classList.toggle("shown", shown);
    // Room for the margins of the page's body, and no more than a screen can spare.
    const room = shown ? Math.min(Math.ceil(height) + 32, 320) : 0;
    element("page").firstElementChild.style.height = `${room}px`;
  },

  // The answer to a question, which has come behind all that was said before it.
  here() {
    run.heard.shift()();
  },
};

function attach(port) {
  run.port = port;
  port.onmessage = ({ data: [what, about] }) => {
    // A page from before has nothing to say any more.
    if (port === run.port) hear[what](about);
  };
  colorPage();
}

/** Listen to the page no longer; nothing waits for it any more. */
function detach() {
  run.left = true;
  run.port = null;
  for (const resolve of run.heard.splice(0)) resolve();
}

/** Wait until all has been heard that the page has said so far. */
function hearAll() {
  return new Promise((resolve) => {
    if (run.port === null) {
      resolve();
    } else {
      run.heard.push(resolve);
      run.port.postMessage({ ask: true });
    }
  });
}

element("again").addEventListener("click", async () => {
  setStatus(relaunched ? "This run talks to the server that was launched last." : "", true);
  if (channel?.readyState === WebSocket.OPEN || await isOurs().catch(() => false)) {
    start();
    connect(0);
  } else {
    setStatus("The server of this cell is not running: run the launch cell, then this one.");
  }
});

/** Tell whether the server that this page came from is there; throws where nobody answers. */
async function isOurs() {
  if (prefix === "") return provesBrowserCell(address, location.port, cell.key);
  // Jupyter's own server stands between, which takes nobody else for ours.
  return (await fetch(`${prefix}${address}/proof`, { cache: "no-store" })).ok;
}

/** Say something about the server; quietly, where there is nothing to do about it. */
function setStatus(text, quiet = false) {
  element("status").textContent = text;
  element("status").classList.toggle("quiet", quiet);
}

// --- The kernel --------------------------------------------------------------------------------

let channel = null;
let looking = false; // for the server, which has to prove that it is this cell's
let relaunched = false; // the server that this cell ran on is gone
let reported = 0;
let reportPlanned = false;

async function connect(attempt) {
  if (looking || (channel !== null && channel.readyState <= WebSocket.OPEN)) return;
  looking = true;
  try {
    if (await isOurs()) open(attempt);
    else lose(true);
  } catch {
    lookAgain(attempt);
  } finally {
    looking = false;
  }
}

function open(attempt) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(`${scheme}//${location.host}${prefix}${path}/report`);
  channel = opened;
  let wasOpen = false;
  opened.onopen = () => {
    wasOpen = true;
    if (attempt > 0) {
      setStatus("The server was launched again; the sockets from before are closed.", true);
    }
    report();
  };
  opened.onmessage = async ({ data }) => {
    const { quiet, there } = JSON.parse(data);
    await hearAll();
    if (there) {
      opened.send(JSON.stringify({ there }));
      return;
    }
    if (quiet.run !== run.number || quiet.events !== run.events || run.busy) {
      report();
      return;
    }
    flush();
    // What comes later is not part of the recording, unless the cell says so.
    run.settled = !quiet.follow;
    root.dataset.state = "settled";
    sendReport(true);
  };
  opened.onclose = ({ code }) => {
    if (opened !== channel) return;
    relaunched ||= wasOpen;
    if (code === 4404) lose(true);
    else lookAgain(wasOpen ? 0 : attempt);
  };
}

function lookAgain(attempt) {
  if (attempt >= cell.retries.length) {
    lose(false);
    return;
  }
  root.dataset.state = run.settled ? "settled" : "running";
  setStatus("The server of this cell has stopped; looking for it …");
  setTimeout(() => connect(attempt + 1), cell.retries[attempt]);
}

/** Look no further. A page whose server is another one's now must not talk to that. */
function lose(toAnother) {
  root.dataset.state = "lost";
  setStatus("The server of this cell is gone: run the launch cell, then this one.");
  if (toAnother) {
    detach();
    element("page").replaceChildren();
  }
}

/** Keep a line for the next report. */
function tellKernel({ own, late, text = "", reason, ...line }) {
  if (run.told >= cell.most && line.kind !== "stopped") return;
  run.told += 1;
  const short = { text: text.slice(0, MAX_TEXT), reason: reason?.slice(0, MAX_TEXT) };
  run.untold.push({ ...short, ...line });
}

/** Tell the kernel whether the cell is busy; every report says that something has happened. */
function report() {
  if (reportPlanned || (run.settled && run.untold.length === 0)) return;
  if (!run.settled) root.dataset.state = "running";
  const wait = reported + PACE - performance.now();
  if (wait <= 0) {
    sendReport();
  } else {
    reportPlanned = true;
    setTimeout(() => {
      reportPlanned = false;
      sendReport();
    }, wait);
  }
}

function sendReport(settled = run.settled) {
  if (channel?.readyState !== WebSocket.OPEN) return;
  reported = performance.now();
  const { number, page, busy, events } = run;
  const lines = run.untold.splice(0);
  channel.send(JSON.stringify({ run: number, page, busy, events, settled, lines }));
}

tellNotebook({ hello: `${cell.name}/${cell.hash}` });
connect(0);
start();
