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
from django.test import Client

for name in ("ada", "bob"):
    User.objects.create_user(name, password="secret")
browser = Client()
browser.force_login(User.objects.get(username="ada"))
print(browser.cookies["sessionid"].OutputString().partition(";")[0])
"""
"""What makes tables, users and a session in one process, and prints the session's cookie."""


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
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The kept project's database, with its tables, two users and a session; and its cookie."""
    folder = tmp_path_factory.mktemp("kept") / "project"
    copy_template(folder)
    done = subprocess.run(
        [sys.executable, "-c", FILL], cwd=folder, check=True, capture_output=True, text=True
    )
    return folder / "db.sqlite3", done.stdout.strip()


@pytest.fixture
def kept(project: Project, filled: tuple[Path, str]) -> Project:
    """The project that the course keeps, with its tables, two users and a session."""
    shutil.rmtree(project.folder)
    copy_template(project.folder)
    shutil.copy(filled[0], project.folder)
    project.note()
    return project


@pytest.fixture
def cookie(filled: tuple[Path, str]) -> str:
    """The cookie of the user ada, who has logged in: a password takes a quarter of a second."""
    return filled[1]
