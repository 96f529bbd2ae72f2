"""Who may talk to the live server: the rules for the Host and the Origin of a request.

Any page that a learner has open in a browser can try to reach a server on loopback. Two rules
keep it out: ``Host`` must name loopback (or a page could point its own name there, which is
called DNS rebinding), and ``Origin``, which browsers send with every WebSocket, must be the page
of this very server. Clients that are no browsers send no Origin and are let in.

"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Access"]


DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Access:
    """The rules of one live server."""

    hosts: frozenset[str] = frozenset()
    """Names allowed besides loopback's; ``*`` allows every name."""

    origins: frozenset[str] = frozenset()
    """Origins allowed besides the server's own; ``*`` allows every origin."""

    @classmethod
    def from_environment(cls, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> Access:
        """Add to the names given those that the environment tells.

        On a JupyterHub, requests have passed the Hub's own login, and the name by which the
        browser knows it cannot be known here: every Host is allowed, and Origin still has to
        match it. Elsewhere ``COURSE_ALLOWED_HOSTS`` lists names, separated by commas.

        """
        names = set(hosts)
        names.update(
            name.strip()
            for name in os.environ.get("COURSE_ALLOWED_HOSTS", "").split(",")
            if name.strip()
        )
        if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
            names.add("*")
        return cls(frozenset(map(as_host, names)), frozenset(map(as_origin, origins)))

    def refuse_host(self, host: str | None) -> str | None:
        """Return why a request with this Host header is refused, or ``None``."""
        name = host_name(host or "")
        if not name:
            return "The request does not say, in one Host header, which host it is for."
        if "*" in self.hosts or name in self.hosts or is_loopback(name):
            return None
        return (
            f"Host {host!r} is not this machine's: a page elsewhere may have pointed its own name "
            f'here. If it is yours: launch(..., allow_hosts=["{name}"]).'
        )

    def refuse_origin(self, origin: str | None, host: str | None) -> str | None:
        """Return why a WebSocket from this Origin is refused, or ``None``."""
        if origin is not None and "," in origin:
            return "The request says in several Origin headers which page it comes from."
        if origin is None or "*" in self.origins or origin.lower() in self.origins:
            return None
        try:
            page = urlsplit(origin).netloc.lower()
        except ValueError:
            page = ""
        if page and page == (host or "").lower():
            return None
        if origin == "null":
            return (
                "Origin 'null' is a page that hides where it is from; this server answers only "
                "its own."
            )
        return (
            f"Origin {origin!r} is another site's page, and this server answers only its own. "
            f'If it is yours: launch(..., allow_origins=["{origin}"]).'
        )


def as_host(name: str) -> str:
    """Return a name that a learner allows, as the rules have it.

    Raises:
        ValueError: No Host header could ever match it.

    """
    found = name if name == "*" else host_name(name.strip())
    if not found:
        raise ValueError(f"allow_hosts takes names such as 'example.org', and {name!r} is none.")
    return found


def as_origin(origin: str) -> str:
    """Return an origin that a learner allows, as browsers send it.

    Raises:
        ValueError: No browser could ever send it.

    """
    if origin == "*":
        return origin
    try:
        parts = urlsplit(origin.strip().lower())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.hostname or not parts.scheme or parts.path not in ("", "/") or parts.query:
        raise ValueError(
            f"allow_origins takes origins such as 'https://example.org', and {origin!r} is none."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port is None or DEFAULT_PORTS.get(parts.scheme) == port
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def host_name(host: str) -> str:
    """Return the name in a Host header, in lower case; empty where it is not a name and a port."""
    match = re.fullmatch(r"\[([0-9a-f:.]+)\](:\d*)?|([^][:/?#@,\s]+)(:\d*)?", host.lower())
    return (match[1] or match[3]) if match else ""


def is_loopback(name: str) -> bool:
    """Tell whether a name is loopback's by its very form, with no look-up."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
