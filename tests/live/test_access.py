"""Who may talk to the live server."""

from __future__ import annotations

import pytest

from server.live.access import Access
from server.live.record import Record
from tests.serving import AsyncEcho, RawClient, serving

OPEN = Access(frozenset("*"), frozenset("*"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.1.2.3:80",
        "localhost",
        "LOCALHOST:8000",
        "[::1]",
        "[::1]:8000",
        "localhost:",
    ],
)
def test_loopback_by_any_name(host: str) -> None:
    """Loopback's names are let in, whatever the port: a tunnel may change it."""
    assert Access().refuse_host(host) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("evil.example", "evil.example"),
        ("evil.example:8000", "evil.example"),
        ("127.0.0.1.evil.example", "127.0.0.1.evil.example"),
        ("localhost.evil.example", "localhost.evil.example"),
        ("192.168.0.2:8000", "192.168.0.2"),
        ("0.0.0.0:8000", "0.0.0.0"),
        ("[2001:db8::1]:8000", "2001:db8::1"),
        ("2130706433", "2130706433"),
    ],
)
def test_another_host(host: str, name: str) -> None:
    """A name that is not loopback's is refused: it may have been pointed here (DNS rebinding)."""
    assert Access().refuse_host(host) == (
        f"Host {host!r} is not this machine's: a page elsewhere may have pointed its own name "
        f'here. If it is yours: launch(..., allow_hosts=["{name}"]).'
    )


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "127.0.0.1, evil.example",
        "127.0.0.1/evil",
        "evil.example@127.0.0.1",
        "127.0.0.1#",
        "127.0.0.1:80:80",
        "[::1",
        "::1",
        "127.0.0.1 evil",
    ],
)
def test_no_proper_host(host: str | None) -> None:
    """No host, several, or what is more than a name and a port, is refused."""
    assert Access().refuse_host(host) == (
        "The request does not say, in one Host header, which host it is for."
    )


def test_allowed_hosts() -> None:
    """A name that is allowed is let in, and a star lets all in."""
    access = Access(frozenset({"hub.example"}))
    assert access.refuse_host("Hub.Example:443") is None
    assert access.refuse_host("evil.example") is not None
    assert OPEN.refuse_host("evil.example") is None
    assert OPEN.refuse_host(None) is not None


def test_its_own_page() -> None:
    """A page of the server's own may connect, by either scheme; so may what is no browser."""
    access = Access()
    assert access.refuse_origin(None, "127.0.0.1:8000") is None
    assert access.refuse_origin("http://127.0.0.1:8000", "127.0.0.1:8000") is None
    assert access.refuse_origin("https://Hub.Example", "hub.example") is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:9999",
        "http://localhost:8000",
        "http://127.0.0.1:8000@evil.example",
        "",
        "http://[",
    ],
)
def test_another_origin(origin: str) -> None:
    """Any other page is refused, and so is a page that hides where it is from."""
    assert Access().refuse_origin(origin, "127.0.0.1:8000") == (
        f"Origin {origin!r} is another site's page, and this server answers only its own. "
        f'If it is yours: launch(..., allow_origins=["{origin}"]).'
    )


def test_a_page_that_hides_where_it_is_from() -> None:
    """Nobody is told to allow it: any page can hide so."""
    assert Access().refuse_origin("null", "127.0.0.1:8000") == (
        "Origin 'null' is a page that hides where it is from; this server answers only its own."
    )


@pytest.mark.parametrize(
    ("origin", "means"),
    [
        ("https://example.org/", "https://example.org"),
        ("HTTPS://Example.org:443", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:8080", "http://example.org:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        (" https://example.org ", "https://example.org"),
        ("*", "*"),
    ],
)
def test_forms_of_an_origin(origin: str, means: str) -> None:
    """An origin may be given as an address bar shows it; browsers send it in one form."""
    assert Access.from_environment((), [origin]).origins == {means}


@pytest.mark.parametrize(
    "origin", ["example.org", "https://example.org/a", "https://", "null", "", "http://[", "a:b"]
)
def test_what_is_no_origin(origin: str) -> None:
    """What could never match is refused in a sentence."""
    with pytest.raises(ValueError) as raised:
        Access.from_environment((), [origin])
    assert str(raised.value) == (
        f"allow_origins takes origins such as 'https://example.org', and {origin!r} is none."
    )


def test_forms_of_a_host() -> None:
    """A port is no part of a name; an address is no name."""
    names = ["Example.org:8000", "[2001:db8::1]", "*"]
    assert Access.from_environment(names).hosts == {"example.org", "2001:db8::1", "*"}
    with pytest.raises(ValueError) as raised:
        Access.from_environment(["https://example.org/"])
    assert str(raised.value) == (
        "allow_hosts takes names such as 'example.org', and 'https://example.org/' is none."
    )


def test_no_host_matches_no_origin() -> None:
    """An origin that is empty is not the same as a host that is missing."""
    assert Access().refuse_origin("null", None) is not None


def test_allowed_origins() -> None:
    """An origin that is allowed is let in, and a star lets all in."""
    access = Access(origins=frozenset({"https://example.org"}))
    assert access.refuse_origin("https://Example.org", "127.0.0.1") is None
    assert access.refuse_origin("https://evil.example", "127.0.0.1") is not None
    assert OPEN.refuse_origin("null", "127.0.0.1") is None


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """COURSE_ALLOWED_HOSTS adds names; on a JupyterHub every name is the Hub's."""
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    monkeypatch.setenv("COURSE_ALLOWED_HOSTS", " One.example, ,two.example")
    access = Access.from_environment(["Three.example"], ["https://Page.example"])
    assert access.hosts == {"one.example", "two.example", "three.example"}
    assert access.origins == {"https://page.example"}
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    access = Access.from_environment()
    assert access.refuse_host("hub.example") is None
    assert access.refuse_origin("http://evil.example", "hub.example") is not None


def test_nothing_is_open_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments and environment, no name is added."""
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    monkeypatch.delenv("COURSE_ALLOWED_HOSTS", raising=False)
    assert Access.from_environment() == Access()


# On the wire


FOREIGN = "Origin 'http://evil.example' is another site's page"
NO_HOST = "The request does not say, in one Host header, which host it is for."


def test_a_page_of_another_site_is_refused() -> None:
    """A WebSocket from another site's page gets 403, the reason, and a line in the record."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        answer = client.handshake("/ws/", "Origin: http://evil.example")
        assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
        assert FOREIGN in answer
        [(by, status, why)] = live.refusals()
        assert (by, status) == ("server", 403)
        assert why.startswith(f"/ws/: {FOREIGN}")
        assert live.kinds() == ["Refused"]


@pytest.mark.parametrize(
    "origins",
    [["null"], ["http://127.0.0.1:{port}", "http://evil.example"], ["http://localhost:{port}"]],
)
def test_origins_that_are_refused(origins: list[str]) -> None:
    """So are a page without an origin, two origins, and loopback by another name."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        headers = [f"Origin: {origin.format(port=live.host.port)}" for origin in origins]
        assert client.handshake("/", *headers).startswith("HTTP/1.1 403 ")
        assert len(live.refusals()) == 1


def test_two_origins_where_all_are_allowed() -> None:
    """Two Origin headers are refused, even by a server that is open to all."""
    with serving(AsyncEcho, access=OPEN) as live, RawClient(live.host.port) as client:
        answer = client.handshake("/", "Origin: http://a.example", "Origin: http://b.example")
        assert answer.startswith("HTTP/1.1 403 ")
        why = "The request says in several Origin headers which page it comes from."
        assert answer.endswith(f"\r\n\r\n{why}\n")
        assert live.refusals() == [("server", 403, f"/: {why}")]


def test_its_own_page_is_let_in() -> None:
    """A page of the server's own connects, and the record has its origin."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        origin = f"http://127.0.0.1:{live.host.port}"
        assert client.handshake("/", f"Origin: {origin}").startswith("HTTP/1.1 101 ")
        assert live.entries()[0].what.origin == origin


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("Host: evil.example", "Host 'evil.example' is not this machine's"),
        ("Host: 127.0.0.1\r\nHost: evil.example", NO_HOST),
        ("X-No-Host: 1", NO_HOST),
        ("Host: \xff", "Host '\N{REPLACEMENT CHARACTER}' is not this machine's"),
    ],
)
@pytest.mark.parametrize("websocket", [True, False], ids=["websocket", "http"])
def test_a_foreign_host_is_refused(host: str, why: str, websocket: bool) -> None:
    """A name that was pointed here gets 403 for pages and WebSockets, and a line in the record."""
    with serving(AsyncEcho) as live, RawClient(live.host.port) as client:
        if websocket:
            answer = client.handshake("/ws/", host=host)
        else:
            answer = client.request("/ws/", host=host)
        assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
        assert why in answer
        [(by, status, text)] = live.refusals()
        assert (by, status) == ("server", 403)
        assert text.startswith(f"/ws/: {why}")


def test_it_listens_on_loopback_only() -> None:
    """Nobody on the network reaches the server."""
    with serving(AsyncEcho) as live:
        assert live.host.listeners[0].getsockname() == ("127.0.0.1", live.host.port)
        assert isinstance(live.record, Record)
