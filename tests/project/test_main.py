"""``python -m server.project new FOLDER``: the project as a beginning of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.project import Project
from server.project.__main__ import main


def test_new(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder is there, what to do next is said, and the next command works."""
    mine = tmp_path / "mine"
    assert main(["new", str(mine)]) == 0
    assert capsys.readouterr().out == (
        f"The project is in {mine}. Next:\n\n"
        f"    cd {mine}\n"
        "    pip install -r requirements.txt\n"
        "    python manage.py migrate\n"
        "    python manage.py createsuperuser\n"
        "    python manage.py test\n"
        "    python manage.py runserver\n"
    )
    project.run(f"python {mine}/manage.py check")
    assert capsys.readouterr().out == "System check identified no issues (0 silenced).\n"


def test_not_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is there already gives a sentence, and exit status 1."""
    (tmp_path / "file").touch()
    assert main(["new", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path} is there already and is not empty: name a new folder.\n"
    )
