"""`einlab cache` counts and clears what einlab put there, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from einlab.config import config
from tests.cli.calling import call


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def facts(*args: str) -> dict[str, object]:
    done = call("cache", *args, "--json")
    assert done.exit_code == 0, done.stderr
    return {name: fact["value"] for name, fact in json.loads(done.stdout)["facts"].items()}


def test_a_cache_that_is_not_there_is_empty_and_is_not_made(folder: Path) -> None:
    assert facts() == {"folder": str(folder), "files": 0, "size": 0}
    assert "not made yet" in " ".join(call("cache").stdout.split())
    assert call("cache", "--clear").exit_code == 0
    assert not folder.exists()


def test_files_and_bytes_are_counted_by_part(folder: Path) -> None:
    (config.cache_part("plans") / "one.json").write_text("x" * 100)
    (config.cache_part("machines") / "two.json").write_text("x" * 1000)
    assert facts() == {"folder": str(folder), "files": 2, "size": 1100}
    rows = json.loads(call("cache", "--json").stdout)["rows"]
    assert rows == [
        {"part": "machines", "files": 1, "size": 1000},
        {"part": "plans", "files": 1, "size": 100},
    ]


def test_clearing_deletes_every_part_and_leaves_what_is_not_ours(
    folder: Path, tmp_path: Path
) -> None:
    (config.cache_part("plans") / "one.json").write_text("x")
    (folder / "thesis").mkdir()
    (folder / "thesis" / "draft.tex").write_text("years of work")
    (folder / "letter.txt").write_text("dear")
    (folder / "link").symlink_to(tmp_path)
    assert facts("--clear")["files"] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["letter.txt", "link", "thesis"]
    assert (folder / "thesis" / "draft.tex").read_text() == "years of work"


def test_a_folder_that_another_program_tagged_is_not_ours(folder: Path) -> None:
    other = folder / "other"
    other.mkdir(parents=True)
    (other / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n# pip")
    call("cache", "--clear")
    assert other.exists()


def test_a_part_that_cannot_be_deleted_exits_with_1_and_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = config.cache_part("plans")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("einlab.cli.cache.shutil.rmtree", refuse)
    done = call("cache", "--clear")
    assert done.exit_code == 1
    assert f"{part}: Permission denied" in done.stderr


def test_a_cache_setting_that_cannot_be_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(tmp_path / "file"))
    done = call("cache")
    assert done.exit_code == 2
    assert "EINLAB_CACHE_DIR" in done.stderr
