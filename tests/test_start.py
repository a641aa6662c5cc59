"""start.py finds a Python, says what it will do, and puts what fails into sentences."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import start

SCRIPT = Path(start.__file__)
OLD = [f"python{version}" for version in ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10")]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and shell scripts of POSIX")


def program(path: Path, text: str) -> Path:
    """An executable script for this Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path


# What it is written in


def test_it_uses_only_syntax_that_python_2_7_has() -> None:
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="ascii"))):
        assert not isinstance(node, newer), ast.dump(node)
        if isinstance(node, ast.arguments):
            assert not node.kwonlyargs
            assert not node.posonlyargs
            assert not any(argument.annotation for argument in node.args)
        if isinstance(node, ast.Raise):
            assert node.cause is None
        if isinstance(node, ast.Call):
            assert not any(isinstance(argument, ast.Starred) for argument in node.args[:-1])


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.walk(ast.parse(SCRIPT.read_text(encoding="ascii")))
    named = [n.name for node in tree if isinstance(node, ast.Import) for n in node.names]
    tree = ast.walk(ast.parse(SCRIPT.read_text(encoding="ascii")))
    named += [str(node.module) for node in tree if isinstance(node, ast.ImportFrom)]
    assert len(named) > 10
    assert {name.partition(".")[0] for name in named} <= set(sys.stdlib_module_names)


@posix
@pytest.mark.parametrize("old", OLD)
def test_an_old_python_says_that_it_is_old_and_hands_over(old: str, tmp_path: Path) -> None:
    managed = Path.home().glob(f".pyenv/versions/{old.removeprefix('python')}*/bin")
    search = os.pathsep.join([*map(str, managed), os.environ["PATH"]])
    path = shutil.which(old, path=search)
    if path is None or start.answer([path, "-c", "print(1)"]) is None:
        pytest.skip(f"no {old} here")
    name = "python{}.{}".format(*sys.version_info[:2])
    newer = program(tmp_path / name, f"import os, sys; os.execv({sys.executable!r}, sys.argv)")
    newer.write_text(newer.read_text().replace("sys.argv)", "[sys.executable, *sys.argv[1:]])"))
    environ = {"PATH": f"{tmp_path}", "HOME": f"{tmp_path}", "PYENV_VERSION": ""}
    real = start.answer([path, "-c", "import sys; print(sys.executable)"])
    assert real is not None
    for folder, expected in ((tmp_path, f"going on with {newer}"), (None, "Install one")):
        environ["PATH"] = str(folder or tmp_path / "nothing")
        done = subprocess.run(
            [real, SCRIPT, "pythons"], env=environ, capture_output=True, text=True
        )
        assert expected in done.stdout, done.stderr
        assert old.removeprefix("python") in done.stdout
        assert done.returncode == (0 if folder else 1)


# Finding a Python


def test_tested_pythons_come_first_and_dead_shims_are_passed_over(tmp_path: Path) -> None:
    for name in ("shims/python3.13", "bin/python3.14", "bin/python3.12", "bin/python3.10"):
        program(tmp_path / name, "")
    managed = program(tmp_path / "pyenv/versions/3.13.0/bin/python3.13", "")
    environ = {
        "PATH": os.pathsep.join(["", str(tmp_path / "shims"), str(tmp_path / "bin")]),
        "PYENV_ROOT": str(tmp_path / "pyenv"),
    }

    def ask(path: str) -> str | None:
        return None if "shims" in path else path.rpartition("python")[2]

    assert start.pythons(environ, ask) == [
        ("3.13", str(managed)),
        ("3.12", str(tmp_path / "bin/python3.12")),
        ("3.14", str(tmp_path / "bin/python3.14")),
    ]


def test_only_an_interpreter_that_starts_has_a_version(tmp_path: Path) -> None:
    assert start.version_of(sys.executable) == "{}.{}".format(*sys.version_info[:2])
    assert start.version_of(str(tmp_path / "absent")) is None


@posix
def test_a_shim_that_fails_has_no_version(tmp_path: Path) -> None:
    assert start.version_of(str(program(tmp_path / "python3.13", "raise SystemExit(127)"))) is None


def test_without_a_newer_python_it_says_which_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "OLDEST", (99, 0))
    monkeypatch.setattr(start, "pythons", lambda _: [])
    assert start.main(["demo"]) == 1
    assert re.search(r"no python3\.11 or newer that works is on the PATH", capsys.readouterr().out)


# What it says before it begins


def test_it_says_what_it_downloads_what_it_needs_and_how_to_undo_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start.announce("/clone/.einlab", "demo", {"PIP_CACHE_DIR": "/clone/.einlab/downloads"}, 9999)
    said = capsys.readouterr().out
    download, disk = start.MEGABYTES["demo"]
    for fact in (f"{download} MB", f"{disk} MB", "9999 MB", "/clone/.einlab", "undo", "Ctrl-C"):
        assert fact in said


def test_it_names_a_cache_that_the_user_keeps_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    start.announce("/clone/.einlab", "test", {"PIP_CACHE_DIR": "/big/cache"}, 9999)
    assert "pip's cache in /big/cache" in capsys.readouterr().out


def test_too_small_a_disk_is_refused_before_anything_is_downloaded() -> None:
    with pytest.raises(start.Stop, match=r"The disk is full: .* and 17 MB are free"):
        start.announce("/clone/.einlab", "test", {"PIP_CACHE_DIR": "/clone/.einlab/x"}, 17)


def test_an_unknown_command_is_answered_with_the_two_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert start.main([]) == start.main(["tests"]) == 2
    assert start.main(["--help"]) == 0
    assert capsys.readouterr().out.count("python3 start.py demo") == 3


# What pip says, in sentences

NAMES = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"
NONE = "ERROR: No matching distribution found for jaxlib==0.12.0"
OUTPUTS = {
    "name resolution": (f"WARNING: Retrying (Retry(total=4)) after {NAMES}\n{NONE}", "No network"),
    "refused": ("urllib3.exceptions.NewConnectionError: Connection refused", "No network"),
    "proxy": ("ProxyError('Cannot connect to proxy.', OSError('Tunnel failed'))", "No network"),
    "slow": ("ReadTimeoutError: Read timed out. (read timeout=15)", "No network"),
    "certificate": ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE", "No network"),
    "forbidden": ("ERROR: HTTP error 403 while getting jaxlib", "No network"),
    "no wheel": (f"ERROR: Could not find a version (from versions: none)\n{NONE}", "No wheel"),
    "disk": ("ERROR: Could not install: [Errno 28] No space left on device", "The disk is full"),
    "quota": ("OSError: [Errno 122] Disk quota exceeded: 'jaxlib.so'", "The disk is full"),
    "disk of Windows": ("[WinError 112] There is not enough space on the disk", "The disk is full"),
    "rights": ("ERROR: [Errno 13] Permission denied: '/opt/einlab'", "Not allowed"),
    "something else": ("ERROR: ResolutionImpossible", ""),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_pips_words_become_a_sentence(case: str) -> None:
    output, sentence = OUTPUTS[case]
    said = start.explain(["Collecting jaxlib", *output.splitlines()], "/f", (900, 12), "3.14")
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)
    assert "{" not in said


def test_sentences_name_the_package_the_python_the_sizes_and_the_folder() -> None:
    assert "jaxlib" in start.explain([NONE], "/f", (900, 12), "3.14")
    assert "Python 3.14" in start.explain([NONE], "/f", (900, 12), "3.14")
    full = start.explain(["No space left on device"], "/f", (900, 12), "3.14")
    assert "900 MB in /f, and 12 MB are free" in full


def test_only_the_failed_step_of_the_installation_is_read() -> None:
    pip = "nox > /clone/.einlab/py3.13/bin/python -m pip install ."
    failed = (
        "nox > Command /clone/.einlab/py3.13/bin/python -m pip install . failed with exit code 1"
    )
    assert start.installing([pip, "fine", "nox > pytest", "Connection refused"]) == []
    assert start.installing(["before", pip, NONE, failed, "end"]) == [pip, NONE, failed, "end"]
