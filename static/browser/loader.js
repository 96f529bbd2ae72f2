// Puts the live frame in the place of the recording, where the cell's server is found.
(() => {
  const cell = document.currentScript.previousElementSibling;
  const config = document.getElementById("jupyter-config-data");
  // A page that is no notebook (an exported one) has no business with the reader's machine.
  if (!config && location.protocol !== "vscode-webview:") return;
  const { browserCell: name, hash, port } = cell.dataset;
  const path = `browser/${name}/${hash}`;
  const places = [];
  let proxied = null;
  // On a page from elsewhere a request to loopback would make the browser ask for permission, and
  // the kernel is elsewhere too. A page from loopback may come through a tunnel: try both.
  if (!config || /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname)) {
    places.push(`http://127.0.0.1:${port}/${path}`);
  }
  if (config) {
    const { baseUrl } = JSON.parse(config.textContent);
    proxied = new URL(`${baseUrl}proxy/${port}/${path}`, location).href;
    places.push(proxied);
  }

  const frame = document.createElement("iframe");
  frame.title = `Browser cell ${name}: console and wire`;
  frame.style.cssText = "display: block; width: 100%; height: 0; border: 0;";
  let greeted = false;
  let timer;

  const tellTheme = () => {
    const light = document.body.dataset.jpThemeLight;
    const theme = light === "false" ? "dark" : light === "true" ? "light" : null;
    frame.contentWindow?.postMessage({ browserCell: { theme } }, "*");
  };
  const watcher = new MutationObserver(() => {
    if (frame.isConnected) tellTheme();
    else stop();
  });
  const stop = () => {
    watcher.disconnect();
    removeEventListener("message", listen);
  };
  const listen = ({ source, data }) => {
    if (!cell.isConnected) stop();
    if (source !== frame.contentWindow || !data?.browserCell) return;
    const { hello, height } = data.browserCell;
    if (hello === `${name}/${hash}`) {
      greeted = true;
      clearTimeout(timer);
      tellTheme();
      for (const recording of cell.querySelectorAll("details")) recording.open = false;
      for (const note of cell.querySelectorAll("p")) note.hidden = true;
    }
    if (height) frame.style.height = `${height}px`;
  };
  const giveUp = async () => {
    stop();
    frame.remove();
    for (const recording of cell.querySelectorAll("details")) recording.open = true;
    const note = document.createElement("p");
    note.textContent =
      "The server of this cell is not running: run the launch cell, then this one.";
    if (proxied) {
      // The server may be there, and refuse the name by which this page was reached.
      const answer = await fetch(proxied).catch(() => null);
      const text = answer?.status === 403 ? await answer.text() : "";
      if (text.startsWith("Host ")) note.textContent = text;
    }
    cell.prepend(note);
  };
  const tryNext = () => {
    clearTimeout(timer);
    if (places.length === 0) {
      giveUp();
      return;
    }
    frame.src = places.shift();
    timer = setTimeout(tryNext, 8000);
  };
  // Whatever answers, only the cell's own server says hello, and does so while it loads. A frame
  // whose cell is moved loads anew, and perhaps from a server that is gone.
  frame.addEventListener("load", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!greeted) tryNext();
      greeted = false;
    }, 1000);
  });
  addEventListener("message", listen);
  watcher.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  tryNext();
  cell.prepend(frame);
})();
