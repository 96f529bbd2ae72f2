"""The kept project, as for the tests of the helper."""

from tests.project.conftest import cookie, filled, kept, new_project, place, project

__all__ = ["cookie", "filled", "kept", "new_project", "place", "project"]
