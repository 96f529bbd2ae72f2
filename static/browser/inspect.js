// What a console shows for a value: one line of text, the way devtools write it.

// Past these bounds a value is cut short: a view is for reading, not for keeping.
const MAX_DEPTH = 4;
const MAX_ITEMS = 100;
const MAX_TEXT = 10_000;

// Events that stand for the browser's own, where through.js speaks in its place.
const trusted = new WeakSet();

export function trust(event) {
  trusted.add(event);
}

/**
 * Return the line that `console.log(...args)` shows.
 *
 * `onError` is called with every error object on the way: the caller wants to know which words
 * are the browser's own.
 */
export function format(args, onError = () => {}) {
  const rest = [...args];
  const parts = [];
  if (typeof rest[0] === "string" && /%[sdifoOc%]/.test(rest[0])) {
    const template = rest.shift();
    parts.push(template.replace(/%([sdifoOc%])/g, (directive, letter) => {
      if (letter === "%") return "%";
      if (rest.length === 0) return directive;
      const value = rest.shift();
      switch (letter) {
        case "s": return typeof value === "string" ? value : inspect(value, onError);
        case "d":
        case "i": return typeof value === "bigint" ? `${value}n` : `${parseInt(value, 10)}`;
        case "f": return `${parseFloat(value)}`;
        case "c": return ""; // a style: there is nothing to read in it
        default: return inspect(value, onError);
      }
    }));
  }
  for (const value of rest) {
    parts.push(typeof value === "string" ? value : inspect(value, onError));
  }
  return shorten(parts.join(" "));
}

/** Return one value as text; a string comes in quotes. */
export function inspect(value, onError = () => {}) {
  return shorten(show(value, { depth: 0, seen: [], onError }));
}

/** Return text cut to what a view can hold, and say how long it was. */
export function shorten(text, limit = MAX_TEXT) {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit)}… (${text.length.toLocaleString("en")} characters)`;
}

function show(value, state) {
  switch (typeof value) {
    case "string": return quote(value);
    case "bigint": return `${value}n`;
    case "symbol": return value.toString();
    case "function": return showFunction(value);
    case "object": return value === null ? "null" : showObject(value, state);
    default: return Object.is(value, -0) ? "-0" : String(value);
  }
}

function quote(text) {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : "`";
  return mark + shorten(text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")) + mark;
}

function showFunction(value) {
  const isClass = /^class\b/.test(Function.prototype.toString.call(value));
  return isClass ? `class ${value.name}` : `ƒ ${value.name}()`;
}

function showObject(value, state) {
  if (state.seen.includes(value)) return "[Circular]";
  try {
    const deeper = { ...state, depth: state.depth + 1, seen: [...state.seen, value] };
    return showKind(value, deeper);
  } catch (error) {
    // A proxy or a getter that throws must not take the console line with it.
    return `[${className(value) ?? "Object"} that cannot be read]`;
  }
}

function showKind(value, state) {
  const name = className(value);
  if (value instanceof Error || value instanceof DOMException) {
    state.onError(value);
    return describeError(value);
  }
  if (Array.isArray(value)) return list("", "[", "]", value.length, items(value, state), state);
  if (value instanceof Date) return isNaN(value) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return "Promise {}";
  if (value instanceof Blob) {
    return `${name}(${value.size})${value.type ? ` {type: ${quote(value.type)}}` : ""}`;
  }
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
  if (value instanceof DataView) return `DataView(${value.byteLength})`;
  if (ArrayBuffer.isView(value)) {
    return list(`${name}(${value.length}) `, "[", "]", value.length, items(value, state), state);
  }
  if (value instanceof Map) {
    const pairs = function* () {
      for (const [key, item] of value) yield `${show(key, state)} => ${show(item, state)}`;
    };
    return list(`Map(${value.size}) `, "{", "}", value.size, pairs(), state);
  }
  if (value instanceof Set) {
    return list(`Set(${value.size}) `, "{", "}", value.size, items(value, state), state);
  }
  if (value instanceof WebSocket) {
    return `WebSocket {url: ${quote(value.url)}, readyState: ${value.readyState}}`;
  }
  if (value instanceof Event) return showEvent(value, name, state);
  if (value instanceof Element) return `<${value.localName}${value.id ? ` id="${value.id}"` : ""}>`;
  if (value instanceof Node) return value.nodeName.toLowerCase();
  if (value === window) return "Window {…}";
  if (value instanceof URL || value instanceof Location) {
    return `${name} {href: ${quote(value.href)}}`;
  }
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return `${name} {${show(value.valueOf(), state)}}`;
  }
  return showFields(value, name, state);
}

// An event's data are getters of its class; these are the ones that lessons read.
function showEvent(value, name, state) {
  const fields = {
    CloseEvent: ["code", "reason", "wasClean"],
    MessageEvent: ["data", "origin"],
  }[name] ?? [];
  const pairs = ["type", ...fields].map((key) => `${key}: ${show(value[key], state)}`);
  pairs.unshift(`isTrusted: ${value.isTrusted || trusted.has(value)}`);
  return `${name} {${pairs.join(", ")}}`;
}

function showFields(value, name, state) {
  const keys = Object.keys(value);
  const pairs = function* () {
    for (const key of keys) {
      const property = Object.getOwnPropertyDescriptor(value, key);
      // Reading a getter may change things; devtools wait for a click, and so does this.
      const text = property && "value" in property ? show(property.value, state) : "(...)";
      yield `${/^[\w$]+$/.test(key) ? key : quote(key)}: ${text}`;
    }
  };
  const prefix = name === null || name === "Object" ? "" : `${name} `;
  return list(prefix, "{", "}", keys.length, pairs(), state);
}

function* items(values, state) {
  // By index and not by iterator: a hole in an array is shown as one.
  if (Array.isArray(values)) {
    for (let index = 0; index < values.length; index += 1) {
      yield index in values ? show(values[index], state) : "empty";
    }
  } else {
    for (const value of values) yield show(value, state);
  }
}

function list(prefix, open, close, size, texts, state) {
  if (size === 0) return `${prefix}${open}${close}`;
  if (state.depth > MAX_DEPTH) return `${prefix}${open}…${close}`;
  const shown = [];
  for (const text of texts) {
    if (shown.length === MAX_ITEMS) {
      shown.push(`… ${size - MAX_ITEMS} more`);
      break;
    }
    shown.push(text);
  }
  return `${prefix}${open}${shown.join(", ")}${close}`;
}

/** Return `Name: message`, without the stack. */
export function describeError(error) {
  const { name, message } = error;
  return message ? `${name}: ${message}` : String(name);
}

function className(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null) return null;
  const maker = prototype.constructor;
  return typeof maker === "function" && maker.name ? maker.name : "Object";
}
