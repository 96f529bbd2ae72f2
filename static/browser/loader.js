// Puts the live frame in the place of the recording, where the cell's server is found.
(() => {
  const cell = document.currentScript.previousElementSibling;
  const config = document.getElementById("jupyter-config-data");
  // A page that is no notebook (an exported one) has no business with the reader's machine.
  if (!config && location.protocol !== "vscode-webview:") return;
  const { browserCell: name, hash, port, token, key, door } = cell.dataset;
  const path = `browser/${name}/${hash}`;
  const places = [];
  // On a page from elsewhere a request to loopback would make the browser ask for permission, and
  // the kernel is elsewhere too. A page from loopback may come through a tunnel: try both.
  if (!config || /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname)) {
    places.push(async () => {
      const address = `http://127.0.0.1:${port}/${path}`;
      return await provesBrowserCell(address, port, key) && `${address}/${token}`;
    });
  }
  if (config && door) {
    places.push(async () => {
      // Jupyter's own server knows the socket by its name, which nobody else can take.
      const { baseUrl } = JSON.parse(config.textContent);
      const address = `${baseUrl}channels-notebooks/${door}/${path}/${token}`;
      return (await fetch(address, { method: "HEAD" })).ok && address;
    });
  }

  const frame = document.createElement("iframe");
  frame.title = `Browser cell ${name}: console and wire`;
  // An origin of its own, and in Chromium a process of its own: the code in it reaches nothing of
  // Jupyter's, and an endless loop does not stop it.
  frame.sandbox = "allow-scripts allow-forms allow-modals allow-popups allow-downloads";
  frame.style.cssText = "display: block; width: 100%; height: 0; border: 0;";
  let left = [...places];
  let expected = false; // Whether the page that loads is one that has been found.
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
      clearTimeout(timer);
      left = [...places];
      tellTheme();
      for (const recording of cell.querySelectorAll("details")) recording.open = false;
      for (const note of cell.querySelectorAll("p")) note.hidden = true;
    }
    if (height) frame.style.height = `${height}px`;
  };
  const giveUp = () => {
    stop();
    frame.remove();
    for (const recording of cell.querySelectorAll("details")) recording.open = true;
    const note = document.createElement("p");
    note.textContent =
      "The server of this cell is not running: run the launch cell, then this one.";
    cell.prepend(note);
  };
  const tryNext = async () => {
    clearTimeout(timer);
    const find = left.shift();
    if (!find) {
      giveUp();
      return;
    }
    const address = await find().catch(() => null);
    if (!frame.contentWindow) return;
    if (!address) {
      tryNext();
      return;
    }
    expected = true;
    timer = setTimeout(tryNext, BROWSER_CELL_PATIENCE);
    // Not as its src: a frame that is moved would load that anew, whoever answers by then.
    frame.contentWindow.location.replace(new URL(address, location));
  };
  frame.addEventListener("load", () => {
    if (expected) {
      // The cell's own server says hello while it loads, or a little later.
      expected = false;
    } else {
      // An empty frame: the first time, or because its cell was moved.
      tryNext();
    }
  });
  addEventListener("message", listen);
  watcher.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  cell.prepend(frame);
})();
