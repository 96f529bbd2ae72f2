// A WebSocket for pages that came through Jupyter's own server.
//
// That accepts before it has asked the live server, and loses close codes. This class behaves as
// the browser's own does where nothing stands between: it carries everything, the end of the
// connection too, over a real WebSocket to server/notebook/relay.py, which does the same again
// next to the server.

import { trust } from "./inspect.js";

const Native = window.WebSocket;
// Taken before anybody wraps them: what carries is not what the lesson looks at.
const { send: nativeSend, close: nativeClose } = Native.prototype;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const HANDLERS = ["open", "message", "error", "close"];

// What a subprotocol may be made of (RFC 6455, 4.1, and RFC 2616, 2.2).
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

/**
 * Return the class.
 *
 * `carrier` is the address of the relay; `targetOf(url)` gives the path that the server knows.
 */
export function throughProxy(carrier, targetOf) {
  class ThroughWebSocket extends EventTarget {
    #carrier;
    #state = CONNECTING;
    #url;
    #protocol = "";
    #handlers = new Map();

    constructor(address, protocols = []) {
      super();
      const url = new URL(address, location);
      const wanted = [protocols].flat().map(String);
      const distinct = new Set(wanted).size === wanted.length;
      if (url.hash || !distinct || !wanted.every((protocol) => TOKEN.test(protocol))) {
        // Let the browser say it in its own words.
        new Native(address, protocols);
      }
      url.protocol = url.protocol.replace("http", "ws");
      this.#url = url.href;
      this.#carrier = new Native(carrier);
      this.#carrier.onopen = () => {
        this.#transmit(JSON.stringify({ target: targetOf(url), protocols: wanted }));
      };
      this.#carrier.onmessage = ({ data }) => {
        if (typeof data === "string" && data[0] === "c") this.#hear(JSON.parse(data.slice(1)));
        else this.#receive(typeof data === "string" ? data.slice(1) : data);
      };
      this.#carrier.onclose = () => this.#end({ code: 1006, reason: "", wasClean: false });
    }

    get url() { return this.#url; }
    get readyState() { return this.#state; }
    get protocol() { return this.#protocol; }
    get extensions() { return ""; }
    get bufferedAmount() { return this.#carrier.bufferedAmount; }
    get binaryType() { return this.#carrier.binaryType; }
    set binaryType(type) { this.#carrier.binaryType = type; }

    send(data) {
      if (this.#state === CONNECTING) {
        throw new DOMException(
          "Failed to execute 'send' on 'WebSocket': Still in CONNECTING state.",
          "InvalidStateError",
        );
      }
      if (this.#state !== OPEN) return;
      const binary = [Blob, ArrayBuffer].some((type) => data instanceof type)
        || ArrayBuffer.isView(data);
      this.#transmit(binary ? data : `t${data}`);
    }

    close(code, reason = "") {
      if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
        throw new DOMException(
          "Failed to execute 'close' on 'WebSocket': The close code must be either 1000, or " +
          `between 3000 and 4999. ${code} is neither.`,
          "InvalidAccessError",
        );
      }
      if (new TextEncoder().encode(reason).length > 123) {
        throw new DOMException(
          "Failed to execute 'close' on 'WebSocket': The close reason must not be greater than " +
          "123 UTF-8 bytes.",
          "SyntaxError",
        );
      }
      if (this.#state >= CLOSING) return;
      const wasOpen = this.#state === OPEN;
      this.#state = CLOSING;
      if (wasOpen) this.#transmit(`c${JSON.stringify({ code: code ?? null, reason })}`);
      else Reflect.apply(nativeClose, this.#carrier, []);
    }

    #transmit(data) {
      Reflect.apply(nativeSend, this.#carrier, [data]);
    }

    #receive(data) {
      if (this.#state !== OPEN) return;
      const { origin } = new URL(this.#url);
      this.#dispatch(new MessageEvent("message", { data, origin }));
    }

    #hear({ open, closed }) {
      if (open !== undefined && this.#state === CONNECTING) {
        this.#state = OPEN;
        this.#protocol = open;
        this.#dispatch(new Event("open"));
      }
      if (closed !== undefined) this.#end(closed);
    }

    #end(closed) {
      if (this.#state === CLOSED) return;
      // As a browser has it: an error only where the connection never opened, or broke.
      const failed = this.#state === CONNECTING || (this.#state === CLOSING && !closed.wasClean);
      this.#state = CLOSED;
      Reflect.apply(nativeClose, this.#carrier, []);
      if (failed) this.#dispatch(new Event("error"));
      this.#dispatch(new CloseEvent("close", closed));
    }

    #dispatch(event) {
      trust(event);
      this.dispatchEvent(event);
    }

    // `socket.onopen = f` calls f in the place that its first assignment took among listeners.
    static {
      for (const name of HANDLERS) {
        Object.defineProperty(ThroughWebSocket.prototype, `on${name}`, {
          configurable: true, // as the browser's own are
          get() { return this.#handlers.get(name) ?? null; },
          set(handler) {
            if (!this.#handlers.has(name)) {
              this.addEventListener(name, (event) => {
                this.#handlers.get(name)?.call(this, event);
              });
            }
            this.#handlers.set(name, typeof handler === "function" ? handler : null);
          },
        });
      }
    }
  }
  Object.defineProperty(ThroughWebSocket, "name", { value: "WebSocket" });
  // For `instanceof WebSocket`, and for the constants of an instance.
  Object.setPrototypeOf(ThroughWebSocket.prototype, Native.prototype);
  return ThroughWebSocket;
}
