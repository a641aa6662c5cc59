"""Settings come from assignments, then the environment, then the platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from einlab.config import (
    VARIABLES,
    Config,
    config,
    default_cache_dir,
    unknown_variables,
)
from einlab.errors import ArgumentError, ArgumentTypeError


def test_an_assignment_wins_over_the_environment_which_wins_over_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Config()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("EINLAB_CACHE_DIR", raising=False)
    assert settings.cache_dir == default_cache_dir(
        sys.platform, {"XDG_CACHE_HOME": str(tmp_path / "xdg")}
    )
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(tmp_path / "env"))
    assert settings.cache_dir == tmp_path / "env"
    settings.cache_dir = tmp_path / "assigned"
    assert settings.cache_dir == tmp_path / "assigned"
    settings.cache_dir = None
    assert settings.cache_dir == tmp_path / "env"


@pytest.mark.parametrize(
    ("platform", "environ", "tail"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/einlab"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/einlab"),
        ("linux", {}, "/home/me/.cache/einlab"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/me/Library/Caches/einlab"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/einlab/Cache"),
        ("win32", {}, "/home/me/AppData/Local/einlab/Cache"),
    ],
)
def test_every_platform_has_its_own_cache_folder(
    platform: str, environ: dict[str, str], tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert default_cache_dir(platform, environ).as_posix() == tail


def test_without_a_home_folder_the_error_names_the_variable_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ArgumentError, match="set EINLAB_CACHE_DIR"):
        default_cache_dir("linux", {})


def test_asking_for_the_cache_folder_does_not_create_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(tmp_path / "new"))
    assert not Config().cache_dir.exists()
    code = "import einlab.config"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert not (tmp_path / "new").exists()


def test_a_part_of_the_cache_is_created_and_tagged_once(tmp_path: Path) -> None:
    settings = Config()
    settings.cache_dir = tmp_path / "c"
    part = settings.cache_part("plans")
    assert part == settings.cache_part("plans") == tmp_path / "c" / "plans"
    assert (part / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f")


def test_every_assignment_raises_the_generation_and_tells_the_listeners(tmp_path: Path) -> None:
    settings = Config()
    heard = []
    settings.on_change(lambda: heard.append(settings.generation))
    settings.cache_dir = tmp_path
    with settings.using(cache_dir=tmp_path / "a"):
        assert settings.cache_dir == tmp_path / "a"
    assert settings.cache_dir == tmp_path
    assert heard == [1, 2, 3]


def test_a_block_of_settings_ends_even_when_it_fails(tmp_path: Path) -> None:
    before = config.cache_dir
    with pytest.raises(ZeroDivisionError), config.using(cache_dir=tmp_path):
        _ = 1 / 0
    assert config.cache_dir == before


def test_a_misspelt_setting_is_refused_with_the_likely_one_and_changes_nothing() -> None:
    settings = Config()
    with pytest.raises(ArgumentError, match="did you mean 'cache_dir'"):
        settings.cachedir = "/x"
    with pytest.raises(ArgumentError, match="there are cache_dir"):
        settings.zebra = 1
    assert settings.generation == 0


@pytest.mark.parametrize("value", [5, b"/x", ["a"]])
def test_a_folder_that_is_no_path_is_refused_by_type(value: object) -> None:
    with pytest.raises((ArgumentTypeError, ArgumentError), match="cache_dir"):
        Config().cache_dir = value  # type: ignore[assignment]


@pytest.mark.parametrize("value", ["", "  ", "a\0b"])
def test_a_folder_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(ArgumentError, match="no path"):
        Config().cache_dir = value


def test_a_file_in_the_place_of_the_cache_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "file"
    taken.write_text("x")
    with pytest.raises(ArgumentError, match=r"cache_dir .* which is a file"):
        Config().cache_dir = taken
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(taken))
    with pytest.raises(ArgumentError, match="EINLAB_CACHE_DIR"):
        _ = Config().cache_dir


def test_misspelt_variables_are_found_and_known_ones_are_not() -> None:
    known = dict.fromkeys(VARIABLES.values(), "/x")
    assert unknown_variables({**known, "PATH": "/bin"}) == {}
    assert unknown_variables({"EINLAB_CACHEDIR": "x", "EINLAB_ZZZZ": "y"}) == {
        "EINLAB_CACHEDIR": "EINLAB_CACHE_DIR",
        "EINLAB_ZZZZ": "",
    }
