"""start.py runs a command, keeps talking, stops in order, and finds pip where there is one."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import start

SCRIPT = Path(start.__file__)
posix = pytest.mark.skipif(os.name == "nt", reason="signals and shell scripts of POSIX")
UNREACHABLE = (
    "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"
)


def program(path: Path, text: str) -> Path:
    """An executable script for this Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the two files that environments depend on."""
    for name in ("pyproject.toml", "noxfile.py"):
        shutil.copy(SCRIPT.parent / name, tmp_path)
    return tmp_path


def with_nox(monkeypatch: pytest.MonkeyPatch, nox: Path) -> None:
    """Let a script stand for the interpreter that has nox."""
    monkeypatch.setattr(start, "launcher", lambda *_: str(nox))


def test_lines_are_passed_on_and_the_status_comes_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "import sys; sys.stdout.buffer.write(b'caf\\xc3\\xa9 \\xff\\nlast\\n'); sys.exit(3)"
    status, lines = start.watch([sys.executable, "-c", code], os.environ, str(tmp_path))
    assert (status, lines) == (3, ["café \ufffd", "last"])
    assert "last\n" in capfd.readouterr().out


def test_a_silent_command_is_spoken_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import time; print('Collecting jax', flush=True); time.sleep(1.5)"
    command = [sys.executable, "-c", code]
    assert start.watch(command, os.environ, str(tmp_path), patience=0.3)[0] == 0
    assert re.search(r"at work for \d+ s, last: Collecting jax", capfd.readouterr().out)
    assert start.PATIENCE + 0.25 < 5


def test_a_failed_installation_ends_in_a_sentence_and_failed_tests_do_not(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = "print('nox > X -m pip install .'); print({!r}); print('nox > Command X -m {} failed')"
    for tail, sentence in (("pip install .", True), ("pytest", False)):
        code = words.format(UNREACHABLE, tail) + "; raise SystemExit(1)"
        with_nox(monkeypatch, program(clone / "nox", code))
        assert start.main(["nox"], str(clone)) == 1
        assert ("No network: the package index" in capfd.readouterr().out) == sentence


def test_a_complete_installation_is_not_announced_again(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with_nox(monkeypatch, program(clone / "nox", "import sys; print(sys.argv[1:])"))
    assert start.main(["test", "-k", "plan"], str(clone)) == 0
    version = "{}.{}".format(*sys.version_info[:2])
    said = capfd.readouterr().out
    assert "downloads" in said
    assert f"['-m', 'nox', '-s', 'tests({version})', '--', '-k', 'plan']" in said
    stamp = Path(start.stamp(str(clone), f"py{version}", "test"))
    stamp.parent.mkdir(parents=True)
    stamp.write_text(start.key(str(clone)))
    assert start.main(["test"], str(clone)) == 0
    assert "downloads" not in capfd.readouterr().out
    (clone / "pyproject.toml").write_text("changed")
    assert start.main(["test"], str(clone)) == 0
    assert "downloads" in capfd.readouterr().out


def begun(clone: Path, code: str) -> subprocess.Popen[str]:
    """start.py in a process of its own, running code in nox's place; returns when that began."""
    nox = program(clone / "nox", f"import os, pathlib, time\n{code}")
    lines = f"import start, sys; start.launcher = lambda *_: {str(nox)!r}; "
    lines += f"sys.exit(start.main(['nox'], {str(clone)!r}))"
    command = [sys.executable, "-c", lines]
    running = subprocess.Popen(command, cwd=SCRIPT.parent, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    while "began" not in running.stdout.readline():
        assert running.poll() is None
    return running


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interruption_stops_what_runs_and_ends_with_130(clone: Path, name: str) -> None:
    code = "try:\n    print('began', flush=True)\n    time.sleep(60)\n"
    code += "except KeyboardInterrupt:\n    pathlib.Path('stopped').touch()\n"
    running = begun(clone, code)
    running.send_signal(getattr(signal, name))
    rest = running.communicate(timeout=30)[0]
    assert running.returncode == 130
    assert "the same call goes on from here" in rest
    assert (clone / "stopped").exists()


@posix
def test_what_outlives_a_killed_script_is_waited_for(
    clone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "pathlib.Path('pid').write_text(str(os.getpid()))\n"
    running = begun(clone, code + "print('began', flush=True)\ntime.sleep(60)\n")
    running.kill()
    running.communicate()
    try:
        assert start.main(["nox"], str(clone)) == 1
    finally:
        os.kill(int((clone / "pid").read_text()), signal.SIGKILL)
    assert "wait for its end" in capfd.readouterr().out


@posix
def test_a_second_call_in_the_same_clone_waits_its_turn(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl")
    (clone / ".einlab").mkdir()
    with_nox(monkeypatch, program(clone / "nox", ""))
    with (clone / ".einlab" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert start.main(["nox"], str(clone)) == 1
    assert "wait for its end" in capfd.readouterr().out
    assert start.main(["nox"], str(clone)) == 0


@posix
def test_a_folder_that_may_not_be_written_gets_a_sentence(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(clone))

    monkeypatch.setattr(os, "makedirs", refuse)
    assert start.main(["demo"], str(clone)) == 1
    assert f"this user may not write in {clone}" in capfd.readouterr().out


def test_the_users_pip_settings_hold_but_none_leads_out_of_the_folder() -> None:
    theirs = {
        "PIP_INDEX_URL": "http://mirror/simple",
        "PIP_TARGET": "/elsewhere",
        "HOME": "/home/a",
    }
    ours = start.surroundings(theirs, "/clone/.einlab")
    assert ours["PIP_INDEX_URL"] == "http://mirror/simple"
    assert ours["HOME"] == "/home/a"
    assert "PIP_TARGET" not in ours
    folders = [text for name, text in ours.items() if name.endswith(("CACHE_DIR", "DIR", "HOME"))]
    assert len(folders) > 4
    assert all(folder.startswith("/clone/.einlab/") for folder in folders if folder != "/home/a")
    kept = start.surroundings({"PIP_CACHE_DIR": "/big/cache"}, "/clone/.einlab")
    assert kept["PIP_CACHE_DIR"] == "/big/cache"


# The environment that holds nox, and pip


def test_a_half_made_environment_is_made_anew_and_a_whole_one_is_kept(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = clone / ".einlab" / "nox-3.13"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "leftover").touch()
    ran: list[list[str]] = []

    def watch(command: list[str], *_: object) -> tuple[int, list[str]]:
        ran.append(command)
        place.mkdir(parents=True, exist_ok=True)
        return 0, []

    monkeypatch.setattr(start, "watch", watch)
    monkeypatch.setattr(start, "answer", lambda *_: "1")
    for _ in range(2):
        assert start.launcher("python3", "3.13", str(clone), {}) == start.inside(str(place))
        assert [command[1:3] for command in ran] == [["-m", "venv"], ["-m", "pip"]]
    assert "--only-binary=:all:" in ran[1]
    assert not (place / "bin").exists()


def test_without_ensurepip_the_environment_is_made_without_pip(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    (clone / ".einlab").mkdir()

    def watch(command: list[str], *_: object) -> tuple[int, list[str]]:
        ran.append(command)
        return 1, ["Error: [Errno 28] No space left on device"]

    monkeypatch.setattr(start, "watch", watch)
    monkeypatch.setattr(start, "answer", lambda *_: None)
    with pytest.raises(start.Stop, match="The disk is full"):
        start.launcher("python3", "3.13", str(clone), {})
    assert ran[0][-1] == "--without-pip"


@pytest.mark.parametrize("has_pip", ["target", "python3", "other"])
def test_pip_is_the_environments_own_or_another_pythons(
    has_pip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "pythons", lambda _: [("3.12", "other")])
    monkeypatch.setattr(
        start, "answer", lambda command, _: "pip" if command[0] == has_pip else None
    )
    whose = [] if has_pip == "target" else ["--python", "target"]
    assert start.find_pip("python3", "target", {}, "") == [has_pip, "-m", "pip", *whose]


def test_no_pip_anywhere_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "answer", lambda *_: None)
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    with pytest.raises(start.Stop, match="No network"):
        start.find_pip("python9", "target", unreachable, "")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on this machine that holds two wheels of pip, one link with its checksum."""
    project = tmp_path / "simple" / "pip"
    project.mkdir(parents=True)
    (project / "pip-9.0-py3-none-any.whl").write_bytes(b"nine")
    (project / "pip-25.1-py3-none-any.whl").write_bytes(b"twenty-five")
    checksum = hashlib.sha256(b"twenty-five").hexdigest()
    (project / "index.html").write_text(
        '<a href="pip-9.0-py3-none-any.whl">9.0</a> <a href="pip-9.0.tar.gz">source</a>'
        f'<a href="../pip/pip-25.1-py3-none-any.whl#sha256={checksum}">25.1</a>'
    )

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
        server.shutdown()


def test_the_newest_pip_of_an_index_is_fetched_and_checked(index: str, tmp_path: Path) -> None:
    fetched = Path(start.fetch_pip(index, str(tmp_path)))
    assert fetched.name == "pip-25.1-py3-none-any.whl"
    assert fetched.read_bytes() == b"twenty-five"


def test_a_damaged_pip_is_refused_and_not_kept(index: str, tmp_path: Path) -> None:
    (tmp_path / "simple/pip/pip-25.1-py3-none-any.whl").write_bytes(b"damaged")
    with pytest.raises(start.Stop, match=r"pip-25\.1.* is not what the package index says"):
        start.fetch_pip(index, str(tmp_path))
    assert not (tmp_path / "pip-25.1-py3-none-any.whl").exists()


def test_an_index_without_pip_gets_a_sentence_with_what_to_install(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "simple/pip/index.html").write_text("nothing here")
    monkeypatch.setattr(start, "answer", lambda *_: None)
    with pytest.raises(start.Stop, match="neither pip nor ensurepip") as stop:
        start.find_pip("python9", "target", {"PIP_INDEX_URL": index}, str(tmp_path))
    assert index in str(stop.value)


def test_without_an_index_named_pip_comes_from_its_own_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(start, "answer", lambda *_: None)

    def fetch(index: str, _: str) -> str:
        asked.append(index)
        return "pip.whl"

    monkeypatch.setattr(start, "fetch_pip", fetch)
    assert start.find_pip("python9", "target", {}, "") == ["target", "pip.whl/pip"]
    assert asked == ["https://pypi.org/simple"]


@posix
def test_a_command_that_ignores_interruptions_is_ended_all_the_same(tmp_path: Path) -> None:
    code = "import signal as s, time; s.signal(2, s.SIG_IGN); print(1, flush=True); time.sleep(60)"
    stubborn = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == "1\n"
    start.end(stubborn, (0.2, 5.0, 5.0))
    stubborn.stdout.close()
    assert stubborn.poll() == -signal.SIGTERM
