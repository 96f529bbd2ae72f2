// Handlers that nobody calls: misspelt ones, and those that are set too late.

const HANDLERS = ["onopen", "onmessage", "onerror", "onclose"];

// What they are called elsewhere.
const OTHER_NAMES = {
  onconnect: "onopen", onconnected: "onopen", onready: "onopen",
  onreceive: "onmessage", ondata: "onmessage", onmsg: "onmessage", onreceived: "onmessage",
  ondisconnect: "onclose", ondisconnected: "onclose", onend: "onclose",
};

/** Return the handler that a name was meant for; undefined for one that is right, or is none. */
export function meantBy(name) {
  if (HANDLERS.includes(name)) return undefined;
  const small = name.toLowerCase();
  if (!small.startsWith("on")) return undefined;
  return OTHER_NAMES[small] ?? HANDLERS.find((handler) => distance(small, handler) <= 2);
}

/** Return how many letters have to be changed, added or left out to make one word of another. */
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, place) => place);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[other.length];
}

/**
 * Watch the handlers of a class of sockets.
 *
 * `tell(socket, text)` is called once for each that nobody calls.
 */
export function watchHandlers(prototype, tell) {
  for (const name of HANDLERS) {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    Object.defineProperty(prototype, name, {
      ...property,
      set(handler) {
        listens(this, name, typeof handler === "function", tell);
        Reflect.apply(property.set, this, [handler]);
      },
    });
  }
  const { addEventListener } = prototype;
  prototype.addEventListener = function (type, ...rest) {
    const name = `on${type}`;
    const meant = /^on/i.test(type) ? meantBy(type) ?? type : meantBy(name);
    if (HANDLERS.includes(name)) {
      listens(this, name, true, tell);
    } else if (HANDLERS.includes(meant)) {
      const text = `no event is called ${type}: addEventListener takes "${meant.slice(2)}"`;
      tellOnce(this, `listener ${type}`, text, tell);
    }
    Reflect.apply(addEventListener, this, [type, ...rest]);
  };
}

const histories = new WeakMap();

function historyOf(socket) {
  if (!histories.has(socket)) {
    histories.set(socket, { listening: new Set(), told: new Set(), unheard: 0 });
  }
  return histories.get(socket);
}

function tellOnce(socket, name, text, tell) {
  const { told } = historyOf(socket);
  if (told.has(name)) return;
  told.add(name);
  tell(socket, text);
}

function listens(socket, name, isHandler, tell) {
  const { listening, unheard } = historyOf(socket);
  if (!isHandler || listening.has(name)) return;
  listening.add(name);
  if (name === "onopen" && socket.readyState >= WebSocket.OPEN) {
    tellOnce(socket, name, "onopen is set after the connection has opened: nobody calls it", tell);
  } else if (name === "onclose" && socket.readyState === WebSocket.CLOSED) {
    tellOnce(socket, name, "onclose is set after the connection has ended: nobody calls it", tell);
  } else if (name === "onmessage" && unheard > 0) {
    const messages = unheard === 1 ? "1 message" : `${unheard} messages`;
    tellOnce(socket, name, `onmessage is set too late: ${messages} came before it`, tell);
  }
}

/** Look at a socket on which something has happened. */
export function lookAt(socket, type, tell) {
  const history = historyOf(socket);
  if (type === "message" && !history.listening.has("onmessage")) history.unheard += 1;
  for (const name of Object.keys(socket)) {
    const meant = meantBy(name);
    if (meant === undefined) continue;
    tellOnce(socket, name, `nobody calls ${name}: a WebSocket calls ${meant}`, tell);
  }
}
