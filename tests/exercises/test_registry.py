"""All exercises by their ids."""

from __future__ import annotations

import pytest

from server.exercises import registry


def test_an_id_is_entered_once() -> None:
    """A second exercise with the same id is an error, and the first one stays."""
    first = registry.find("1.1")
    with pytest.raises(ValueError, match=r"^two exercises are called '1\.1'$"):
        registry.enter(first)
    assert registry.find("1.1") is first
