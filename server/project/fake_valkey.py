"""A Valkey for Windows, where the wheel has none: fakeredis, in a process of its own.

It takes the options of ``valkey-server`` and heeds ``--port``. It knows what the pub/sub layer
needs.

"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Serve on loopback until the process is ended."""
    from fakeredis import TcpFakeServer

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    options, _ = parser.parse_known_args(argv)
    with TcpFakeServer(("127.0.0.1", options.port), server_type="valkey") as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
