// Puts the live frame in the place of the recording, where the cell's server is found.
(() => {
  const cell = document.currentScript.previousElementSibling;
  const config = document.getElementById("jupyter-config-data");
  // A page that is no notebook (an exported one) has no business with the reader's machine.
  if (!config && location.protocol !== "vscode-webview:") return;
  const { browserCell: name, hash, port } = cell.dataset;
  const path = `browser/${name}/${hash}`;
  const places = [];
  // On a page from elsewhere a request to loopback would make the browser ask for permission, and
  // the kernel is elsewhere too. A page from loopback may come through a tunnel: try both.
  if (!config || /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname)) {
    places.push(`http://127.0.0.1:${port}/${path}`);
  }
  if (config) {
    const { baseUrl } = JSON.parse(config.textContent);
    places.push(new URL(`${baseUrl}proxy/${port}/${path}`, location).href);
  }

  const frame = document.createElement("iframe");
  frame.title = `Browser cell ${name}: console and wire`;
  frame.style.cssText = "display: block; width: 100%; height: 0; border: 0;";
  let found = false;
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
      found = true;
      clearTimeout(timer);
      tellTheme();
      for (const recording of cell.querySelectorAll("details")) recording.open = false;
    }
    if (found && height) frame.style.height = `${height}px`;
  };
  const tryNext = () => {
    clearTimeout(timer);
    if (found) return;
    if (places.length === 0) {
      stop();
      frame.remove();
      const note = document.createElement("p");
      note.textContent =
        "The server of this cell is not running: run the launch cell, then this one.";
      cell.prepend(note);
      return;
    }
    frame.src = places.shift();
    timer = setTimeout(tryNext, 8000);
  };
  // Whatever answers, only the cell's own server says hello, and does so before it has loaded.
  frame.addEventListener("load", () => {
    if (found) return;
    clearTimeout(timer);
    timer = setTimeout(tryNext, 500);
  });
  addEventListener("message", listen);
  watcher.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  tryNext();
  cell.prepend(frame);
})();
