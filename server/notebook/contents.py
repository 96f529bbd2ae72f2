"""Jupyter's files, with lessons that are not changed by being opened.

A committed lesson does not say with which Python it ran. JupyterLab writes the kernel's version
into a notebook that it opens, and marks it as changed if another one, or none, stood there. So the
version of this Python is put in on the way to the browser; the file stays as it is until somebody
saves it. ``make lab`` uses it.

"""

from __future__ import annotations

import platform
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

__all__ = ["LessonContents"]


class LessonContents(AsyncLargeFileManager):
    """The usual manager of files, and the version of Python in notebooks that name none."""

    async def get(self, path: str, *args: Any, **options: Any) -> Any:
        """Return a file or a folder, as the usual manager does."""
        files: Any = super()
        model = await files.get(path, *args, **options)
        if model["type"] == "notebook" and model["content"] is not None:
            name_version(model["content"]["metadata"])
        return model


def name_version(metadata: dict[str, Any]) -> None:
    """Put this Python's version into the metadata of a Python notebook that names none."""
    language = metadata.get("language_info", {})
    if language.get("name") == "python":
        language.setdefault("version", platform.python_version())
