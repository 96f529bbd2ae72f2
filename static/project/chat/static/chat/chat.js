// The page of a room: shows what is said, says what is typed, and comes back after a cut.
const room = document.currentScript.dataset.room;
const scheme = location.protocol === "https:" ? "wss" : "ws";
const messages = document.getElementById("messages");
const state = document.getElementById("state");
const text = document.getElementById("text");
const seen = new Set();
let tries = 0;
let socket;

function connect() {
    socket = new WebSocket(`${scheme}://${location.host}/ws/chat/${room}/`);
    socket.onopen = () => {
        tries = 0;
        state.textContent = "connected";
    };
    socket.onmessage = (event) => {
        const message = JSON.parse(event.data);
        // The history comes again with each connection.
        if (seen.has(message.id)) return;
        seen.add(message.id);
        const item = document.createElement("li");
        item.textContent = `${message.from}: ${message.text}`;
        messages.append(item);
    };
    socket.onclose = (event) => {
        state.textContent = event.code === 4401 ? event.reason : "not connected";
        if (event.code === 4401) return;
        // Longer from try to try, and not all clients at the same moment.
        const delay = Math.min(30000, 500 * 2 ** tries++) * (0.5 + Math.random() / 2);
        setTimeout(connect, delay);
    };
}

document.getElementById("form").onsubmit = (event) => {
    event.preventDefault();
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({text: text.value}));
    text.value = "";
};
connect();
