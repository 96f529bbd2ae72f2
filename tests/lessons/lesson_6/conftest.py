"""The kept project, as for the tests of the helper."""

from tests.project.conftest import database, kept, new_project, place, project

__all__ = ["database", "kept", "new_project", "place", "project"]
