"""The Django settings: a project's own where there are any, else the few that Channels needs."""

from __future__ import annotations

import os

import django
from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE, settings

__all__ = ["SettingsError", "configure"]


class SettingsError(RuntimeError):
    """A project's settings cannot be used, for the reason that is its one sentence."""


def configure() -> None:
    """Configure Django for a notebook, unless somebody has configured it already.

    A project's own settings are used where ``DJANGO_SETTINGS_MODULE`` names them.

    Raises:
        SettingsError: They cannot be loaded, or it was too late to name them.

    """
    module = os.environ.get(ENVIRONMENT_VARIABLE)
    if settings.configured:
        if module and is_ours():
            raise SettingsError(
                f"{ENVIRONMENT_VARIABLE} was set to {module!r} after server was imported, which "
                f"has settings of its own by then: restart the kernel, and set it before the "
                f"import."
            )
        if not apps.ready:
            django.setup()
        return
    if module:
        use_project(module)
        return
    settings.configure(
        # Nothing in a lesson signs anything; Django refuses to start without a key.
        SECRET_KEY="a notebook signs nothing",
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "[::1]"],
        INSTALLED_APPS=["channels"],
        USE_TZ=True,
        NOTEBOOK_DEFAULTS=True,
    )
    django.setup()


def is_ours() -> bool:
    """Tell whether the settings are the few from here."""
    return bool(getattr(settings, "NOTEBOOK_DEFAULTS", False))


def use_project(module: str) -> None:
    """Set Django up with a project's settings."""
    try:
        django.setup()
    except Exception as exc:
        raise SettingsError(
            f"{ENVIRONMENT_VARIABLE} names {module!r}, and Django cannot be set up with it: "
            f"{type(exc).__name__}: {exc}. Start the notebook in the project's folder, the one of "
            f"manage.py, or take the variable away."
        ) from exc
