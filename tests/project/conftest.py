"""A folder to put projects in, and none of their processes left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.project import Project
from server.project.folder import copy_template

CHATTERBOX = """
import signal
import socketserver
import sys
import time


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        print("somebody came")


print("one moment")
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
# As real servers do, it takes a port on which a connection has ended a moment ago.
socketserver.TCPServer.allow_reuse_address = True
with socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever()
"""
"""A server that is there faster than daphne is."""


FILL = """
import os

import django
from django.core.management import call_command

os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth.models import User

for name in ("ada", "bob"):
    User.objects.create_user(name, password="secret")
"""
"""What makes tables and users, in one process and not in three."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which a notebook seems to be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_PROGRESS", raising=False)
    return tmp_path


@pytest.fixture
def new_project(place: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects, and ends their servers."""
    made = []

    def make(name: str = "chat") -> Project:
        made.append(Project(name))
        return made[-1]

    yield make
    for project in made:
        project.stop()


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    """An empty project."""
    return new_project()


@pytest.fixture
def chatterbox(project: Project) -> Project:
    """A project with a small server in it."""
    project.write("chatterbox.py", CHATTERBOX)
    return project


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kept project's database, with its tables and two users."""
    folder = tmp_path_factory.mktemp("kept") / "project"
    copy_template(folder)
    subprocess.run([sys.executable, "-c", FILL], cwd=folder, check=True, capture_output=True)
    return folder / "db.sqlite3"


@pytest.fixture
def kept(project: Project, database: Path) -> Project:
    """The project that the course keeps, with its tables and two users."""
    shutil.rmtree(project.folder)
    copy_template(project.folder)
    shutil.copy(database, project.folder)
    project.note()
    return project
