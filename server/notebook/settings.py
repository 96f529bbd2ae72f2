"""The minimal Django settings that Channels needs where there is no Django project."""

from __future__ import annotations

import django
from django.conf import settings

__all__ = ["configure"]


def configure() -> None:
    """Configure Django for a notebook, unless somebody has configured it already."""
    if settings.configured:
        return
    settings.configure(
        # Nothing in a lesson signs anything; Django refuses to start without a key.
        SECRET_KEY="a notebook signs nothing",
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "[::1]"],
        INSTALLED_APPS=["channels"],
        USE_TZ=True,
    )
    django.setup()
