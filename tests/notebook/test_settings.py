"""Whose Django settings count: a project's own, those of a cell, or the few from here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from server.notebook import settings as module
from server.paths import COURSE

SETTINGS = """
SECRET_KEY = "a project's own"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "chat",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "chat.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""

MODELS = """
from django.db import models

class Message(models.Model):
    text = models.CharField(max_length=100)
"""

BESIDE_THE_SERVER = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
from server import launch
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import URLRouter
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.urls import path
from websockets.sync.client import connect
from chat.models import Message

call_command("makemigrations", "chat", verbosity=0)
call_command("migrate", verbosity=0)
user = User.objects.create_user("ada")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()

class Keeps(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await Message.objects.acreate(text=text_data)
        count = await database_sync_to_async(Message.objects.count)()
        await self.send(f"{self.scope['user'].username} {count}")

class KeepsSync(WebsocketConsumer):
    def receive(self, text_data):
        Message.objects.create(text=text_data)
        self.send(f"{self.scope['user'].username} {Message.objects.count()}")

for consumer in (Keeps, KeepsSync):
    live = launch(AuthMiddlewareStack(URLRouter([path("", consumer.as_asgi())])))
    headers = {"Cookie": f"sessionid={session.session_key}"}
    with connect(live.url(), proxy=None, additional_headers=headers) as ws:
        ws.send("hello")
        print(ws.recv(20))
    print(live.transcript.errors)
    live.close()
print(*Message.objects.values_list("text", flat=True))
"""


def run(folder: Path, code: str) -> str:
    """Run code in a folder, and return what it prints, the last line of a traceback too."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{COURSE}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + "".join(done.stderr.strip().splitlines()[-1:])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Django project with one model."""
    for name in ("mysite", "chat"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "mysite" / "settings.py").write_text(SETTINGS)
    (tmp_path / "chat" / "models.py").write_text(MODELS)
    return tmp_path


def test_project(project: Path) -> None:
    """Models, sessions and users of a project work beside the live server."""
    assert run(project, BESIDE_THE_SERVER).split("\n") == [
        "ada 1",
        "[]",
        "ada 2",
        "[]",
        "hello hello",
        "",
    ]


NAMED = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'mysite.settings'\n"


def test_project_that_is_not_there(tmp_path: Path) -> None:
    """One sentence says which settings cannot be loaded, and why."""
    assert run(tmp_path, f"{NAMED}import server") == (
        "server.notebook.settings.SettingsError: DJANGO_SETTINGS_MODULE names 'mysite.settings', "
        "and Django cannot be set up with it: ModuleNotFoundError: No module named 'mysite'. Start "
        "the notebook in the project's folder, the one of manage.py, or take the variable away."
    )


def test_project_that_is_named_too_late(project: Path) -> None:
    """launch() says so, and does not go on with other settings in silence."""
    code = f"import server\n{NAMED}server.launch(lambda: None)"
    assert run(project, code) == (
        "server.notebook.settings.SettingsError: DJANGO_SETTINGS_MODULE was set to "
        "'mysite.settings' after server was imported, which has settings of its own by then: "
        "restart the kernel, and set it before the import."
    )


def test_settings_of_a_cell(tmp_path: Path) -> None:
    """Settings that a cell has made are kept, and Django is set up with them where it was not."""
    code = """
from django.conf import settings
settings.configure(SECRET_KEY="x", INSTALLED_APPS=["django.contrib.contenttypes"])
import server
from django.apps import apps
print(settings.SECRET_KEY, apps.ready)
import django.contrib.contenttypes.models
server.notebook.settings.configure()
"""
    assert run(tmp_path, code) == "x True\n"


# In this process, with Django set up already


def test_named_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The few settings from here do not stand in for a project's in silence."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    with pytest.raises(module.SettingsError, match="after server was imported"):
        module.configure()


def test_set_up_for_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody has configured Django and not set it up, that is done."""
    done: list[bool] = []
    monkeypatch.setattr(module.apps, "ready", False)
    monkeypatch.setattr("django.setup", lambda: done.append(True))
    module.configure()
    assert done == [True]


def test_project_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that is named in time is set up, and an error becomes one sentence."""
    done: list[bool] = []
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    monkeypatch.setattr(module, "settings", SimpleNamespace(configured=False))
    monkeypatch.setattr("django.setup", lambda: done.append(True))
    module.configure()
    assert done == [True]

    def fail() -> None:
        raise ModuleNotFoundError("No module named 'mysite'")

    monkeypatch.setattr("django.setup", fail)
    with pytest.raises(module.SettingsError, match="ModuleNotFoundError: No module named"):
        module.configure()
