// A plain client: connect, send, close, and a log of what happens.

const MAX_LINES = 500;
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

const element = (id) => document.getElementById(id);

let socket = null;

element("connection").addEventListener("submit", (event) => {
  event.preventDefault();
  socket?.close();
  // Resolved against this page: it works at the root and behind a proxy that adds a path.
  const url = new URL(element("path").value, new URL(".", location));
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  try {
    socket = new WebSocket(url);
  } catch (error) {
    write("error", `${error.name}: ${error.message}`);
    return;
  }
  write("connecting", url.href);
  listen(socket);
  showState();
});

function listen(opened) {
  opened.onopen = () => {
    write("open", opened.protocol);
    element("message").focus();
  };
  opened.onmessage = ({ data }) => {
    write("received", typeof data === "string" ? data : `${data.size} bytes`);
  };
  opened.onerror = () => write("error", "the browser does not say why");
  opened.onclose = ({ code, reason, wasClean }) => {
    write("closed", `code ${code}, ${reason ? `reason "${reason}"` : "no reason"}, ` +
      `${wasClean ? "clean" : "not clean"}`);
  };
}

element("sending").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(element("message").value);
  write("sent", element("message").value);
  element("message").value = "";
});

element("closing").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = element("code").value;
  const reason = element("reason").value;
  try {
    if (code) socket.close(Number(code), reason);
    else socket.close();
    write("closing", code && `code ${code}`);
  } catch (error) {
    write("error", `${error.name}: ${error.message}`);
  }
});

element("clear").addEventListener("click", () => element("lines").replaceChildren());

function write(kind, text) {
  const line = document.createElement("li");
  const label = document.createElement("span");
  line.dataset.kind = kind;
  label.textContent = kind;
  line.append(label, ` ${text}`);
  const lines = element("lines");
  lines.append(line);
  while (lines.childElementCount > MAX_LINES) lines.firstElementChild.remove();
  element("log").scrollTop = element("log").scrollHeight;
  showState();
}

function showState() {
  const state = socket?.readyState;
  element("state").textContent =
    socket === null ? "no socket yet" : `readyState ${state} (${STATES[state]})`;
  element("send").disabled = state !== WebSocket.OPEN;
  element("close").disabled = socket === null || state > WebSocket.OPEN;
}
