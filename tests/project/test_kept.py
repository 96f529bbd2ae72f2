"""The project that the course keeps: its own tests pass, and the lesson builds the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.authoring.notebooks import read
from server.paths import NOTEBOOKS
from server.project import Project, Server
from server.project.folder import TEMPLATE
from tests.project.clients import hear, join, log_in, say

CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
DAPHNE = "daphne -b 127.0.0.1 -p {port} mysite.asgi:application"
UVICORN = "uvicorn --host 127.0.0.1 --port {port} mysite.asgi:application"
VALKEY = 'valkey-server --bind 127.0.0.1 --port {port} --save ""'


@pytest.fixture
def valkey(kept: Project) -> Server:
    return kept.start(VALKEY)


def address(valkey: Server) -> str:
    return f"redis://{valkey.address}"


# What Python 3.14 and later say of txaio, which is below daphne.
NOT_OURS = "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"


@pytest.mark.parametrize("layer", ["", CORE, PUBSUB], ids=["memory", "core", "pubsub"])
def test_its_own_tests(
    layer: str, kept: Project, valkey: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """They pass with each layer, on daphne and on uvicorn."""
    for name in ("tests_uvicorn.py", "uvicorn_process.py"):
        kept.write(f"chat/{name}", Path(__file__).with_name(name).read_text("utf-8"))
    settings = {"VALKEY_URL": address(valkey), "LAYER": layer} if layer else {}
    capsys.readouterr()
    # Warnings are errors, but for one of daphne's that Python 3.14 and later give.
    kept.run(
        f"python -W error -W {shlex.quote(NOT_OURS)} manage.py test --noinput -v 2", **settings
    )
    shown = capsys.readouterr().out
    assert re.search(r"^Ran 6 tests in … s\n\nOK$", shown, re.MULTILINE), shown
    assert "UvicornLiveTests" in shown


def test_checks_and_migrations(kept: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Django has nothing to say about it, and the migrations are those of the models."""
    kept.run("python manage.py check")
    kept.run("python manage.py makemigrations --check --dry-run")
    assert capsys.readouterr().out.endswith(
        "System check identified no issues (0 silenced).\nNo changes detected\n"
    )


WRITTEN = re.compile(r"%%write (\S+)\n(.*)", re.DOTALL)
COPIED = re.compile(r"\"([\w./]+)\"")

OF_THE_LESSON = {
    "mysite/faulty.py",
    "mysite/impatient.py",
    "mysite/no_websocket.py",
    "mysite/too_early.py",
    "mysite/uncured.py",
    "mysite/wrong_order.py",
}
"""Files that show a mistake; nobody keeps them."""

BESIDES = {"README.md", "requirements.txt", "chat/migrations/0001_initial.py"}
"""What the lesson does not write: a command does, or it is about the copy."""


def test_lesson_builds_it() -> None:
    """What the lesson writes is, file by file, what is kept."""
    built: dict[str, str] = {}
    for cell in read(NOTEBOOKS / "06_going_live.ipynb").cells:
        if cell.cell_type != "code" or "exercise" in cell.metadata:
            continue
        if written := WRITTEN.fullmatch(cell.source):
            built[written[1]] = written[2] + "\n"
        elif "project.copy(" in cell.source:
            for name in COPIED.findall("".join(re.findall(r"copy\((.*?)\)", cell.source))):
                built[name] = (TEMPLATE / name).read_text("utf-8")
    kept = {
        path.relative_to(TEMPLATE).as_posix(): path.read_text("utf-8")
        for path in TEMPLATE.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".sqlite3") and path.name != "__init__.py"
    }
    assert set(built) - set(kept) == OF_THE_LESSON
    assert set(kept) - set(built) == BESIDES
    for name in set(kept) & set(built):
        assert built[name] == kept[name], name


@pytest.mark.parametrize("command", [DAPHNE, UVICORN], ids=["daphne", "uvicorn"])
def test_who_may_come(command: str, kept: Project) -> None:
    """A stranger is sent away with 4401, another site's page with 403; a user may talk."""
    server = kept.start(command)
    cookie = log_in(server.page("accounts/login/"))
    with join(server) as ws, pytest.raises(ConnectionClosed) as closed:
        ws.recv(timeout=30)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus, match="HTTP 403"):
        join(server, cookie, origin="http://other.example").__enter__()
    with join(server, cookie) as ws:
        say(ws, "hello")
        assert hear(ws, "hello") == ["hello"]


@pytest.mark.parametrize("layer", [CORE, PUBSUB], ids=["core", "pubsub"])
def test_all_servers_hear(layer: str, kept: Project, valkey: Server, cookie: str) -> None:
    """Members on daphne and on uvicorn are in one room."""
    settings = {"VALKEY_URL": address(valkey), "LAYER": layer}
    one, two = kept.start(DAPHNE, **settings), kept.start(UVICORN, **settings)
    with join(one, cookie) as ada, join(two, cookie) as bob:
        say(ada, "hello")
        assert hear(bob, "hello") == ["hello"]
        say(bob, "good day")
        assert hear(ada, "good day") == ["hello", "good day"]


RETRY = """
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from .settings import *

for host in CHANNEL_LAYERS["default"]["CONFIG"]["hosts"]:
    host["retry"] = Retry(ConstantBackoff(0.1), 200)
"""


@pytest.mark.parametrize(
    ("layer", "heard"), [(PUBSUB, True), (CORE, False)], ids=["pubsub", "core"]
)
def test_retry(layer: str, heard: bool, kept: Project, valkey: Server, cookie: str) -> None:
    """With a retry a member survives Valkey's restart; on the core layer, deaf."""
    kept.write("mysite/retry.py", RETRY)
    server = kept.start(
        UVICORN,
        VALKEY_URL=address(valkey),
        LAYER=layer,
        DJANGO_SETTINGS_MODULE="mysite.retry",
    )
    with join(server, cookie) as member:
        say(member, "before")
        hear(member, "before")
        valkey.kill()
        valkey.start()
        # Its own message, which the layer has to bring, tells whether it is still in the group.
        with join(server, cookie) as newcomer:
            say(newcomer, "afterwards")
            hear(newcomer, "afterwards")
        if heard:
            assert hear(member, "afterwards")[-1] == "afterwards"
        else:
            with pytest.raises(TimeoutError):
                member.recv(timeout=0.5)
