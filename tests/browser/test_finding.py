"""The tests find a browser or say what to install; they never skip silently."""

from __future__ import annotations

import os

import pytest

from tests.browser import finding


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A machine without a browser; commands are noted and fail."""
    monkeypatch.setattr(finding, "installed", lambda names: None)
    monkeypatch.setattr(finding, "downloaded_by_playwright", lambda: None)
    monkeypatch.setattr(finding, "run_by_root_on_debian", lambda: False)
    return []


def failing(commands: list[list[str]]) -> finding.Run:
    def run(command: list[str]) -> bool:
        commands.append(command)
        return False

    return run


def test_installed_browser_is_taken(monkeypatch):
    """An installed browser is taken, in the order of the names."""
    paths = {"google-chrome": "/opt/chrome", "chrome": "/opt/other"}
    monkeypatch.setattr(finding.shutil, "which", paths.get)
    assert finding.chromium(failing([])) == "/opt/chrome"


def test_the_shell_comes_before_the_browser(monkeypatch):
    """Where both are installed, the one without a window is taken: it is the quicker one."""
    monkeypatch.setattr(finding.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert finding.chromium(failing([])) == "/usr/bin/chromium-headless-shell"


def test_playwrights_own_is_taken(bare_machine, monkeypatch):
    """Without an installed one, Playwright's own Chromium is taken."""
    monkeypatch.setattr(finding, "downloaded_by_playwright", lambda: "/cache/chrome")
    assert finding.chromium(failing(bare_machine)) == "/cache/chrome"
    assert bare_machine == []


def test_playwright_is_asked_to_download(bare_machine):
    """Anybody may let Playwright download; a failure ends in one sentence."""
    with pytest.raises(finding.NoBrowserError) as info:
        finding.chromium(failing(bare_machine))
    assert [command[1:] for command in bare_machine] == [
        ["-m", "playwright", "install", "chromium"]
    ]
    assert str(info.value) == (
        "the browser tests need Chromium or Chrome: install one (on Debian: apt install chromium)"
    )


def test_root_on_debian_uses_apt_first(bare_machine, monkeypatch):
    """As root on Debian, apt comes before Playwright's download."""
    monkeypatch.setattr(finding, "run_by_root_on_debian", lambda: True)
    with pytest.raises(finding.NoBrowserError):
        finding.chromium(failing(bare_machine))
    assert bare_machine[0][0] == "apt-get"
    assert "playwright" in bare_machine[-1]


def test_older_debian_gets_the_browser(bare_machine, monkeypatch):
    """A Debian that does not have the shell gets the browser with a window."""
    commands: list[list[str]] = []

    def run(command: list[str]) -> bool:
        commands.append(command)
        return "chromium-headless-shell" not in command

    there = {"chromium": "/usr/bin/chromium"}
    monkeypatch.setattr(finding, "run_by_root_on_debian", lambda: True)
    monkeypatch.setattr(
        finding, "installed", lambda names: there["chromium"] if len(commands) == 4 else None
    )
    assert finding.chromium(run) == "/usr/bin/chromium"
    assert [command[-1] for command in commands[1::2]] == ["chromium-headless-shell", "chromium"]


def test_apt_installs_and_finds(bare_machine, monkeypatch):
    """What apt installs is found afterwards."""
    commands: list[list[str]] = []
    there = {"firefox-esr": "/usr/bin/firefox-esr"}

    def run(command: list[str]) -> bool:
        commands.append(command)
        return True

    monkeypatch.setattr(finding, "run_by_root_on_debian", lambda: True)
    monkeypatch.setattr(
        finding, "installed", lambda names: there["firefox-esr"] if len(commands) == 2 else None
    )
    assert finding.firefox(run) == "/usr/bin/firefox-esr"
    assert commands[1][-1] == "firefox-esr"


def test_no_firefox_says_what_to_install(bare_machine):
    """A missing Firefox ends in one sentence."""
    with pytest.raises(finding.NoBrowserError) as info:
        finding.firefox(failing(bare_machine))
    assert str(info.value) == (
        "BROWSER=firefox needs Firefox: install it (on Debian: apt install firefox-esr)"
    )


def test_unknown_browser_name(monkeypatch):
    """Another browser than the two is refused by name."""
    monkeypatch.setenv("COURSE_BROWSER", "lynx")
    with pytest.raises(finding.NoBrowserError, match="BROWSER is chromium or firefox, not lynx"):
        finding.browser_name()


def test_flags_as_root_and_not(monkeypatch):
    """Only root goes without Chromium's sandbox."""
    monkeypatch.setattr(finding, "is_root", lambda: False)
    assert "--no-sandbox" not in finding.chromium_flags()
    monkeypatch.setattr(finding, "is_root", lambda: True)
    assert "--no-sandbox" in finding.chromium_flags()


def test_command_that_does_not_exist(capsys):
    """A command that cannot run is a failure that is told, not an exception."""
    assert finding.run_aloud([os.path.join(os.sep, "no", "such", "command")]) is False
    assert "no browser yet, trying:" in capsys.readouterr().err
