"""Other machines: what can be said of them without making one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machines.fresh import CannotError, Machine, mirror
from tests.machines.pythons import SUITES, commands, versions


def test_mirror_is_that_of_debian_itself():
    """Of all that apt knows, the part with Debian's own main packages counts."""
    indexes = (
        "Some tool main http://tool.test/apt/\n"
        "Debian-Security main http://mirror.test/debian-security/\n"
        "Debian contrib http://other.test/debian/\n"
        "Debian main http://mirror.test/debian/\n"
    )
    assert mirror(indexes) == "http://mirror.test/debian/"
    with pytest.raises(CannotError, match="knows no mirror of Debian"):
        mirror("")


def test_machine_is_told_how_to_reach_the_network(monkeypatch: pytest.MonkeyPatch):
    """A new machine gets this one's settings for networks, and nothing else of its environment."""
    monkeypatch.setattr(
        "os.environ",
        {"https_proxy": "http://proxy.test", "PIP_CERT": "/ca.pem", "PYTHONPATH": "/x", "PS1": "$"},
    )
    machine = Machine(Path("/nowhere"))
    assert machine.environment["https_proxy"] == "http://proxy.test"
    assert machine.environment["PIP_CERT"] == "/ca.pem"
    assert set(machine.environment) == {"https_proxy", "PIP_CERT", "HOME", "LANG", "PATH", "TERM"}


def test_first_way_to_a_python_that_is_open():
    """A Python is looked for, then got without root, then on a machine of its own."""
    closed = lambda version: None  # noqa: E731
    assert commands("3.14", [closed, lambda version: ["second", version]]) == ["second", "3.14"]
    with pytest.raises(CannotError) as raised:
        commands("3.14", [closed])
    assert str(raised.value) == "make test-all needs Python 3.14: install it, with its venv module"


def test_debian_has_the_versions():
    """Each Python that some Debian has is one that the course names."""
    assert set(SUITES) <= set(versions("Programming Language :: Python"))
