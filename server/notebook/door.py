"""The way from Jupyter's own server to a live server: a Unix socket that nobody else can take.

A browser that is on another machine than the kernel reaches Jupyter's server only. A port would be
no safe way on from there: when a live server is gone, another user of the machine may take it. The
socket lies in a folder that is the user's alone, and its name, which nobody can guess, is in the
outputs of browser cells. Where there are no Unix sockets, there is no such way.

"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

__all__ = ["close", "name_of", "open", "socket_of"]

LONGEST = 103
"""How many bytes the path of a socket may have on macOS; Linux takes four more."""

SECRET = 16
"""How many bytes the name of a socket is made of; it has two digits for each."""

names: dict[str, str] = {}
"""The names of the sockets of this kernel, by those of its live servers."""


def folder() -> Path:
    """Return the folder of the sockets, which is made where it is missing.

    It is in Jupyter's folder for what runs, or, where that has too long a path, in the system's for
    what is temporary. What somebody else has put there in its place is not taken.

    Raises:
        PermissionError: Others may write to it.

    """
    path = Path(jupyter_runtime_dir(), "channels")
    if len(os.fsencode(path)) + 1 + 2 * SECRET > LONGEST:
        path = Path(tempfile.gettempdir(), f"channels-{os.getuid()}")
    with suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    found = path.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o777 != 0o700:
        raise PermissionError(f"The folder {path} is not this user's alone.")
    return path


def open(server: str) -> list[socket.socket]:
    """Return the socket of a live server, which listens; none where there is no such way."""
    if not hasattr(socket, "AF_UNIX"):
        return []
    name = names.get(server) or secrets.token_hex(SECRET)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path = folder() / name
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen()
    except OSError:
        # A folder of somebody else's, or on a file system without sockets.
        listener.close()
        return []
    names[server] = name
    return [listener]


def close(server: str) -> None:
    """Remove the socket of a live server."""
    name = names.pop(server, None)
    if name is not None:
        with suppress(OSError):
            (folder() / name).unlink()


def name_of(server: str) -> str:
    """Return the name of a live server's socket; empty where there is none."""
    return names.get(server, "")


def socket_of(name: str) -> Path:
    """Return the path of the socket of this name.

    Raises:
        OSError: There is none that is this user's alone.

    """
    path = folder() / name
    if not path.is_socket():
        raise FileNotFoundError(f"There is no socket {name}.")
    return path
