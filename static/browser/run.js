// Runs a cell's code in a page of its own, and tells the frame around it what happens: the lines
// of the console, the frames on the wire, and whether anything is still going on.
//
// The code sees the globals of an ordinary page; all that is wrapped here behaves as it did.

import { lookAt, watchHandlers } from "./handlers.js";
import { describeError, format, inspect, shorten } from "./inspect.js";
import { throughProxy } from "./through.js";

const cell = JSON.parse(document.getElementById("cell").textContent);
// The frame around this page has another origin; the code sees nothing of what is said to it.
const { port1: toFrame, port2: end } = new MessageChannel();
const tellFrame = (what, about) => {
  Reflect.apply(post, toFrame, [[what, about]]);
};
const post = toFrame.postMessage;
toFrame.onmessage = ({ data: { ask, colorScheme } }) => {
  if (ask) tellFrame("here");
  if (colorScheme) document.documentElement.style.colorScheme = colorScheme;
};
window.parent.postMessage(null, "*", [end]);
tellFrame("begin", cell.page);

// A timer that is set for later than this is not waited for.
const SOON = 10_000;

// A page that makes so many sockets has lost count of them, and would freeze the browser.
const MAX_SOCKETS = 100;

const prefix = location.pathname.slice(0, -1);
const port = String(cell.port);
// From here on this page is the one at the root of the server, as a real one would be: its
// address, and all that is resolved against it, is what the lesson says.
history.replaceState(null, "", location.pathname);

// --- Time ---------------------------------------------------------------------------------------

// How late the timer was that fired last. A machine that stalls fires timers late, and what waits
// of its own accord shall be told from that.
let lateness = 0;

/** Return the time at which it would be now, had the timers fired when they were due. */
function punctual() {
  return performance.now() - lateness;
}

function show(line) {
  tellFrame("line", { at: punctual(), ...line });
}

// --- Which words are the browser's own ---------------------------------------------------------

// Chromium and Firefox word their errors differently. A recording marks such words, and a
// comparison leaves them out.
const ownWords = new Set();
const NATIVE_ERRORS = [
  DOMException, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
];

function noteError(error) {
  const native = NATIVE_ERRORS.some((type) => error instanceof type);
  const text = native ? String(error.message) : "";
  // An error that the cell makes itself has its words from the cell.
  if (text && !cell.code.includes(text) && ownWords.size < 100) ownWords.add(text);
}

/** Return `native`, noting the words of what it throws. */
function noting(native) {
  return new Proxy(native, {
    apply(target, self, args) {
      try {
        return Reflect.apply(target, self, args);
      } catch (error) {
        noteError(error);
        throw error;
      }
    },
    construct(target, args, newTarget) {
      try {
        return Reflect.construct(target, args, newTarget);
      } catch (error) {
        noteError(error);
        throw error;
      }
    },
  });
}

JSON.parse = noting(JSON.parse);
JSON.stringify = noting(JSON.stringify);
window.URL = noting(URL);
window.BigInt = noting(BigInt);

// --- Console -----------------------------------------------------------------------------------

let indent = 0;
const counts = new Map();

function write(kind, args, line) {
  const text = "  ".repeat(indent) + format(args, noteError);
  tell({ kind, text }, line);
}

function tell(line, number) {
  const own = [...ownWords].filter((words) => line.text.includes(words));
  if (own.length > 0) line.own = own;
  if (number) line.line = number;
  show(line);
  update();
}

const replacements = {
  log: (...args) => write("log", args),
  info: (...args) => write("info", args),
  warn: (...args) => write("warn", args),
  error: (...args) => write("error", args),
  debug: (...args) => write("debug", args),
  dir: (value) => write("log", [inspect(value, noteError)]),
  table: (value) => write("log", [inspect(value, noteError)]),
  trace: (...args) => write("log", ["Trace:", ...args]),
  assert: (condition, ...args) => {
    if (!condition) write("error", ["Assertion failed:", ...args]);
  },
  count: (label = "default") => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    write("log", [`${label}: ${counts.get(label)}`]);
  },
  group: (...args) => {
    write("log", args);
    indent = Math.min(indent + 1, 10);
  },
  groupEnd: () => {
    indent = Math.max(indent - 1, 0);
  },
};
replacements.groupCollapsed = replacements.group;

for (const [name, replacement] of Object.entries(replacements)) {
  const native = console[name];
  // The browser's own devtools go on showing everything.
  console[name] = (...args) => {
    Reflect.apply(native, console, args);
    replacement(...args);
  };
}

// --- What does nothing, and says nothing --------------------------------------------------------

/** Say something about the code that the browser does not say. */
function advise(text) {
  tell({ kind: "warn", text });
}

window.print = () => advise("print() prints this page on paper; console.log(...) writes here.");

document.write = document.writeln = () => advise(
  "document.write(...) does nothing once a page is there: use document.body.append(...).",
);

const { addEventListener: originalListen } = EventTarget.prototype;

for (const target of [document, window]) {
  target.addEventListener = function addEventListener(type, ...args) {
    if (type === "DOMContentLoaded" && document.readyState !== "loading") {
      advise(
        "DOMContentLoaded is over when a cell's code begins, so this function is never called: " +
        "write its lines without it.",
      );
    }
    return Reflect.apply(originalListen, this, [type, ...args]);
  };
}

// In the place of this page comes another one.
Reflect.apply(originalListen, window, ["pagehide", () => tellFrame("left", cell.page)]);

// What the browser's words mean in a cell.
const MEANINGS = [
  [
    /import statement outside|import declarations? may only/,
    "A cell is a script and no module, and has no import at its beginning: " +
      "write import(...).then(...), or paste the function.",
  ],
  [
    /\brequire is not defined/,
    "require belongs to Node.js. A browser has WebSocket and JSON without it.",
  ],
  [
    /await is only valid/,
    "await may stand in an async function only: write (async () => { ... })() around these lines.",
  ],
  [
    /Unexpected token '<'|expected expression, got '<'/,
    "This is HTML, and a cell takes JavaScript: leave out <script> and </script>, " +
      "and make elements with document.createElement(...).",
  ],
];

function explain(words) {
  const found = MEANINGS.find(([pattern]) => pattern.test(words));
  if (found) advise(found[1]);
}

// --- Errors that nobody catches ----------------------------------------------------------------

let source = ""; // the address under which the cell's code runs

window.addEventListener("error", (event) => {
  // A notice about layout, which the room for the page brings about, and no error of the code.
  if (!event.error && event.message.startsWith("ResizeObserver loop")) return;
  const line = event.filename === source ? event.lineno : lineOf(event.error);
  write("uncaught", ["Uncaught", thrown(event.error ?? event.message)], line);
  explain(event.message);
});

window.addEventListener("unhandledrejection", (event) => {
  write("uncaught", ["Uncaught (in promise)", thrown(event.reason)], lineOf(event.reason));
});

function thrown(value) {
  if (value instanceof Error || value instanceof DOMException) {
    noteError(value);
    return describeError(value);
  }
  return inspect(value, noteError);
}

/** Return the line of the cell that an error's stack names first. */
function lineOf(error) {
  const place = String(error?.stack ?? "").split(`${source}:`)[1];
  return place ? parseInt(place, 10) : undefined;
}

// --- The wire ----------------------------------------------------------------------------------

const NativeWebSocket = window.WebSocket;
const numbers = new WeakMap();
const unsettled = new Set(); // sockets that are CONNECTING or CLOSING
let made = 0;

// Through a proxy that adds a path, sockets to this server are carried by another class.
const carrier = `${location.protocol.replace("http", "ws")}//${location.host}${prefix}` +
  `/browser/${cell.name}/${cell.hash}/${cell.token}/relay`;
const ThroughWebSocket = throughProxy(carrier, targetOf);

window.WebSocket = new Proxy(noting(NativeWebSocket), {
  construct(target, args, newTarget) {
    if (made === MAX_SOCKETS) {
      tellFrame(
        "stop",
        `This page has made ${MAX_SOCKETS} WebSockets, and was stopped: ` +
        "look for new WebSocket(...) in a loop, in setInterval, or in a handler that runs twice.",
      );
    }
    if (made >= MAX_SOCKETS) throw new RangeError(`${MAX_SOCKETS} WebSockets are too many`);
    const [address, protocols] = args;
    const here = args.length > 0 && isHere(address);
    const carried = prefix !== "" && here;
    if (here && !carried) args[0] = withPassport(address);
    const socket = carried ? new (noting(ThroughWebSocket))(...args)
      : Reflect.construct(target, args, newTarget);
    watch(socket, protocols);
    if (carried) {
      const text = `through Jupyter's server, as ${socket.url}`;
      show({ kind: "note", socket: numbers.get(socket), text });
    }
    return socket;
  },
});
NativeWebSocket.prototype.constructor = window.WebSocket;

// This page's origin is nobody's, so that it cannot reach anything of Jupyter's; browsers call it
// "null". To its own server it shows a passport with each address, of which neither the code nor
// the application hears.
const PASSPORT = /[?&]browser-cell=\w+$/;
const nativeUrl = Object.getOwnPropertyDescriptor(NativeWebSocket.prototype, "url");
Object.defineProperty(NativeWebSocket.prototype, "url", {
  ...nativeUrl,
  get() { return Reflect.apply(nativeUrl.get, this, []).replace(PASSPORT, ""); },
});

function withPassport(address) {
  const { href, hash, protocol } = new URL(address, location);
  // What no WebSocket can be opened to, the browser itself says, and in its own words.
  if (hash || !/^(ws|http)s?:$/.test(protocol)) return address;
  return `${href}${href.includes("?") ? "&" : "?"}browser-cell=${cell.passport}`;
}

for (const { prototype } of [NativeWebSocket, ThroughWebSocket]) {
  const { send: originalSend, close: originalClose } = prototype;
  watchHandlers(prototype, remark);

  prototype.send = function send(...args) {
    try {
      Reflect.apply(originalSend, this, args);
    } catch (error) {
      noteError(error);
      throw error;
    }
    const late = this.readyState > WebSocket.OPEN;
    tellWire(this, late ? "dropped" : "sent", payload(args[0]));
  };

  prototype.close = function close(...args) {
    const before = this.readyState;
    try {
      Reflect.apply(originalClose, this, args);
    } catch (error) {
      noteError(error);
      throw error;
    }
    if (before < WebSocket.CLOSING) {
      unsettled.add(this);
      tellWire(this, "closing", `close(${args.map((value) => inspect(value)).join(", ")})`);
    }
  };
}

/** Add a listener of this page's own, which is none that the cell has set. */
function listen(socket, type, listener) {
  EventTarget.prototype.addEventListener.call(socket, type, listener);
}

function remark(socket, text) {
  show({ kind: "note", socket: numbers.get(socket), text });
}

/** Tell what happens on a socket, before the cell's own handlers hear of it. */
function watch(socket, protocols) {
  made += 1;
  numbers.set(socket, made);
  unsettled.add(socket);
  const wanted = [protocols ?? []].flat().join(", ");
  tellWire(socket, "connecting", place(socket.url) + (wanted && `, subprotocols: ${wanted}`));
  listen(socket, "open", () => {
    unsettled.delete(socket);
    tellWire(socket, "open", socket.protocol && `subprotocol: ${socket.protocol}`);
  });
  listen(socket, "message", (event) => {
    tellWire(socket, "received", payload(event.data));
  });
  listen(socket, "error", () => tellWire(socket, "error", ""));
  listen(socket, "close", ({ code, reason, wasClean }) => {
    unsettled.delete(socket);
    const words = reason ? `reason ${JSON.stringify(reason)}` : "no reason";
    const text = `code ${code}, ${words}, ${wasClean ? "clean" : "not clean"}`;
    tellWire(socket, "closed", text, { code, reason });
  });
  for (const type of ["open", "message", "error", "close"]) {
    listen(socket, type, () => lookAt(socket, type, remark));
  }
}

function tellWire(socket, kind, text, more) {
  show({ kind, socket: numbers.get(socket), text, ...more });
  update();
}

/** Return an address as a lesson writes it: only the path, where it is this server's. */
function place(address) {
  return isHere(address) ? targetOf(new URL(address)) : address;
}

/** Tell whether an address is this server's, by its name here or on its own machine. */
function isHere(address) {
  let url;
  try {
    url = new URL(address, location);
  } catch {
    return false; // the browser itself says what is wrong with it
  }
  const written = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname) && url.port === port;
  return url.host === location.host || written;
}

/** Return what the server knows an address of its own by: without what the proxy adds. */
function targetOf(url) {
  const inside = prefix !== "" && url.pathname.startsWith(`${prefix}/`);
  return url.pathname.slice(inside ? prefix.length : 0) + url.search;
}

function payload(data) {
  if (data instanceof Blob) return bytes(data.size);
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return bytes(data.byteLength);
  return shorten(String(data));
}

function bytes(size) {
  return size === 1 ? "1 byte" : `${size.toLocaleString("en")} bytes`;
}

// --- Is anything still going on? ---------------------------------------------------------------

const native = {
  setTimeout: window.setTimeout,
  clearTimeout: window.clearTimeout,
  setInterval: window.setInterval,
  clearInterval: window.clearInterval,
  fetch: window.fetch,
};
const timers = new Set();
let fetching = 0;
let ran = false;

/** Return what a timer is given as a number that a browser can wait for. */
function milliseconds(delay) {
  const written = Math.max(0, Number(delay) || 0);
  // Browsers keep 32 bits of it: Infinity is no delay at all.
  return written < 2 ** 31 ? written : Math.max(0, written | 0);
}

window.setTimeout = function setTimeout(handler, delay, ...args) {
  const callable = typeof handler === "function";
  const asked = milliseconds(delay);
  tellFrame("fact", { kind: "timer", at: punctual(), delay: asked, callable });
  if (!callable || asked >= SOON) {
    return native.setTimeout.call(window, handler, delay, ...args);
  }
  const due = punctual() + asked;
  const id = native.setTimeout.call(window, () => {
    timers.delete(id);
    lateness = performance.now() - due;
    try {
      Reflect.apply(handler, window, args);
    } finally {
      update();
    }
  }, delay);
  timers.add(id);
  update();
  return id;
};

window.setInterval = function setInterval(handler, delay, ...args) {
  const id = native.setInterval.call(window, handler, delay, ...args);
  if (milliseconds(delay) < SOON) timers.add(id);
  update();
  return id;
};

// The two kinds of timer share their numbers, and either function clears either kind.
for (const name of ["clearTimeout", "clearInterval"]) {
  window[name] = (id) => {
    native[name].call(window, id);
    timers.delete(id);
    update();
  };
}

window.fetch = async function fetch(...args) {
  fetching += 1;
  try {
    return await native.fetch.apply(window, args);
  } finally {
    fetching -= 1;
    update();
  }
};

function update() {
  tellFrame("busy", !ran || timers.size > 0 || unsettled.size > 0 || fetching > 0);
}

// --- Run ---------------------------------------------------------------------------------------

// What the cell writes into its page is shown in the height that it needs.
new ResizeObserver(() => {
  tellFrame("pageHeight", document.body.getBoundingClientRect().height);
}).observe(document.body);

// A script with an address of its own: an error names the line of the cell in every browser. The
// empty line stands for the %%browser line, which JupyterLab counts.
const script = document.createElement("script");
script.src = source = URL.createObjectURL(new Blob(["\n", cell.code], { type: "text/javascript" }));
script.onload = script.onerror = () => {
  script.remove();
  ran = true;
  update();
};
document.head.append(script);
