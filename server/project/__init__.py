"""A Django project beside the notebook: its files, its servers as processes, a Valkey.

>>> from server.project import Project

"""

from __future__ import annotations

from .project import Project, Server

__all__ = ["Project", "Server"]
