"""Try the first commands on a fresh Debian: a real one, in a temporary folder.

``python -m tests.machines.fresh trixie`` makes the smallest Debian there is, with Python, its venv
module, make and git. The committed state of this checkout is cloned in there, with an empty home.
``make lab`` has to answer with lesson 1, and ``make test`` has to pass. Needs root, and a Debian
around it. It runs under any Python that has no packages.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

__all__ = ["CannotError", "Machine", "fresh", "possible"]

REPOSITORY = Path(__file__).resolve().parents[2]

PACKAGES = ("python3", "python3-venv", "make", "git")

# How this machine reaches the network: without these, a new one may not reach it at all.
SETTINGS = (
    "etc/hosts",
    "etc/resolv.conf",
    "etc/pip.conf",
    "etc/xdg/pip",
    "etc/ssl/certs",
    "usr/local/share/ca-certificates",
)
VARIABLES = re.compile(r"(PIP_|UV_|SSL_CERT_).*|.*_proxy", re.IGNORECASE)

# Processes and mounts end with the command: what it leaves running dies, and nothing is left to
# unmount, however this program ends.
ENTER = """
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"
"""

ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+/\S*\?token=\w+")


class CannotError(Exception):
    """A fresh machine cannot be made here."""


class Machine:
    """A Debian in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        known = {name: value for name, value in os.environ.items() if VARIABLES.fullmatch(name)}
        # Wheels in a folder of this machine are not on that one.
        known.pop("PIP_FIND_LINKS", None)
        self.environment = {
            **known,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "TERM": "dumb",
        }

    def enter(self, command: str) -> list[str]:
        """Return what runs a line of shell in the checkout in there."""
        inside = ["/bin/sh", "-c", f'cd "$HOME/course" && {command}']
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*own, "/bin/sh", "-c", ENTER, str(self.root), *inside]

    def run(self, command: str) -> float:
        """Run a line of shell in there, and return how many seconds it took."""
        started = time.monotonic()
        done = subprocess.run(self.enter(command), env=self.environment)
        if done.returncode != 0:
            raise CannotError(f"on the fresh machine, this failed: {command}")
        return time.monotonic() - started

    def open_lesson(self, make: str, patience: float) -> float:
        """Run ``make lab`` in there until it answers, and return how many seconds that took."""
        started = time.monotonic()
        lab = subprocess.Popen(
            self.enter(f"{make} lab LAB_ARGS=--no-browser 2>&1"),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert lab.stdout is not None
        try:
            for line in lab.stdout:
                sys.stdout.buffer.write(line)
                sys.stdout.flush()
                if (found := ADDRESS.search(line)) is not None:
                    answers_with_lesson_1(found[0].decode())
                    return time.monotonic() - started
                if time.monotonic() - started > patience:
                    break
        finally:
            lab.kill()
            lab.wait()
        raise CannotError("make lab printed no address")


def answers_with_lesson_1(address: str) -> None:
    """Ask JupyterLab for the page that it has printed, and for what that page opens."""
    found = urlsplit(address)
    # The address of this very machine needs no proxy.
    opener = build_opener(ProxyHandler({}))
    # JupyterLab prints its address a moment before it listens.
    for left in reversed(range(100)):
        try:
            with opener.open(address, timeout=60) as answer:
                page, where = answer.read().decode(), answer.url
            break
        except URLError as error:
            if not left:
                raise CannotError(f"nobody listens at {address}") from error
            time.sleep(0.5)
    lesson = "my-lessons/01_consumers.ipynb"
    if not urlsplit(where).path.endswith(lesson) or "jupyter-config-data" not in page:
        raise CannotError(f"make lab opens no lesson: {where}")
    contents = f"{found.scheme}://{found.netloc}/api/contents/{lesson}?{found.query}"
    with opener.open(contents, timeout=60) as answer:
        first = json.load(answer)["content"]["cells"][0]["source"]
    if not first.startswith("# "):
        raise CannotError(f"lesson 1 does not begin with its title: {first[:60]!r}")
    print(f"make lab answers with {first.splitlines()[0].removeprefix('# ')!r}", flush=True)


def mirror(indexes: str) -> str:
    """Return where this machine gets Debian from, as ``apt-get indextargets`` lists it."""
    for line in indexes.splitlines():
        label, component, address = line.split(" ", 2)
        if (label, component) == ("Debian", "main"):
            return address
    raise CannotError("this machine's apt knows no mirror of Debian")


def own_mirror() -> str:
    """Return where this machine gets Debian from."""
    layout = "$(LABEL) $(COMPONENT) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", layout, "Created-By: Packages"]
    return mirror(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def possible() -> bool:
    """Tell whether a fresh machine can be made: by root, on Debian."""
    is_root = hasattr(os, "getuid") and os.getuid() == 0
    return is_root and shutil.which("apt-get") is not None


def get_ready() -> None:
    """Get debootstrap, or say what is missing."""
    if not possible():
        raise CannotError("a fresh machine is made by root, on Debian")
    if shutil.which("debootstrap") is None:
        for command in (["update"], ["install", "--yes", "debootstrap"]):
            subprocess.run(["apt-get", "--quiet", *command], check=True)


def debootstrap(suite: str, root: Path, packages: tuple[str, ...]) -> None:
    """Install the smallest Debian of a suite, and some packages."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}"]
    command += [suite, str(root), own_mirror()]
    if not Path("/usr/share/debootstrap/scripts", suite).exists():
        # All suites of today are installed alike; this debootstrap is older than this one's name.
        command.append("/usr/share/debootstrap/scripts/sid")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise CannotError(f"no Debian {suite}: {' '.join(done.stdout.splitlines()[-3:])}")


@contextmanager
def fresh(suite: str, packages: tuple[str, ...] = PACKAGES) -> Iterator[Machine]:
    """Make a fresh machine with this checkout's last commit; it is deleted afterwards."""
    get_ready()
    with tempfile.TemporaryDirectory(prefix=f"fresh-{suite}-", dir="/var/tmp") as folder:
        root = Path(folder, "root")
        debootstrap(suite, root, packages)
        for name in SETTINGS:
            copy(Path("/", name), root / name)
        # A mirror may lag behind, or stand still.
        Path(root, "etc/apt/apt.conf.d/99mirror").write_text('Acquire::Check-Valid-Until "false";')
        home = root / "root"
        clone = ["git", "clone", "--quiet", "--no-local", str(REPOSITORY), str(home / "course")]
        subprocess.run(clone, check=True)
        yield Machine(root)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, if there is one; links become what they lead to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore_dangling_symlinks=True)
    elif source.exists():
        target.unlink(missing_ok=True)
        shutil.copy(source, target)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.machines.fresh", description=__doc__)
    parser.add_argument("suite", help="a release of Debian: trixie, forky, sid")
    parser.add_argument("--python", default="", help="a version beside the suite's own: 3.15")
    parser.add_argument("--no-test", action="store_true", help="only make lab")
    parser.add_argument("--pytest-args", default="", help="what make test gets as PYTEST_ARGS")
    wanted = parser.parse_args()
    packages, make = PACKAGES, "make"
    if wanted.python:
        name = f"python{wanted.python}"
        packages, make = (*PACKAGES, name, f"{name}-venv"), f"make PYTHON={name}"
    figures = []
    try:
        started = time.monotonic()
        with fresh(wanted.suite, packages) as machine:
            figures.append(f"the machine {time.monotonic() - started:.0f} s")
            figures.append(f"make lab {machine.open_lesson(make, patience=1800):.0f} s")
            machine.run(".venv/bin/python --version && git status --short")
            if not wanted.no_test:
                seconds = machine.run(f"{make} test PYTEST_ARGS='{wanted.pytest_args}'")
                figures.append(f"make test {seconds:.0f} s")
    except CannotError as error:
        sys.exit(str(error))
    print(f"fresh {wanted.suite}: {', '.join(figures)}")


if __name__ == "__main__":
    main()
