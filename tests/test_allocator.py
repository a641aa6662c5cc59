"""Freed memory is kept where one asks for it in time, and given back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

import einlab
from einlab import allocator, cli
from einlab.config import Config, config
from einlab.errors import ArgumentError, ArgumentTypeError

FAULTS = """
import resource
import einlab
{before}
import jax
f, x = jax.jit(lambda x: x * 2), jax.numpy.ones(2**23)
for _ in range(20): f(x).block_until_ready()
first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): f(x).block_until_ready()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first) // 10)
"""
glibc = pytest.mark.skipif(not allocator.is_glibc(), reason="malloc is not glibc's")


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "JAX_PLATFORMS": "cpu", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@glibc
def test_kept_memory_saves_most_page_faults() -> None:
    usual = run(FAULTS.format(before=""))
    by_setting = run(FAULTS.format(before="einlab.config.host_memory = 'keep'"))
    by_variable = run(FAULTS.format(before=""), EINLAB_HOST_MEMORY="keep")
    assert int(usual.stdout) > 2**23 * 4 // os.sysconf("SC_PAGE_SIZE") // 2
    assert int(by_setting.stdout) < int(usual.stdout) * 0.7, by_setting.stderr
    assert int(by_variable.stdout) < int(usual.stdout) * 0.7, by_variable.stderr


@glibc
def test_it_is_too_late_once_jax_has_a_device() -> None:
    jax.devices()
    with pytest.raises(ArgumentError, match="too late"):
        config.host_memory = "keep"
    assert config.host_memory == "system"
    late = run("import jax; jax.devices(); import einlab", EINLAB_HOST_MEMORY="keep")
    assert "comes too late: JAX has begun to compute" in late.stderr


@glibc
def test_memory_once_kept_stays_so() -> None:
    done = run(
        "import einlab; einlab.config.host_memory = 'keep'; einlab.config.host_memory = 'keep'\n"
        "print(einlab.config.host_memory, einlab.config.release_memory())\n"
        "einlab.config.host_memory = 'system'"
    )
    assert done.stdout.startswith("keep "), done.stderr
    assert "for the rest of the process; release_memory() gives back" in done.stderr


def test_a_refusal_of_glibc_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = SimpleNamespace(mallopt=lambda number, value: int(number != -8))
    monkeypatch.setattr(allocator, "is_glibc", lambda: True)
    monkeypatch.setattr(allocator, "has_begun", lambda: False)
    monkeypatch.setattr("ctypes.CDLL", lambda name: refusing)
    with pytest.raises(ArgumentError, match="glibc refuses M_ARENA_MAX"):
        allocator.keep_memory()


def test_an_allocator_other_than_glibcs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "is_glibc", lambda: False)
    assert not allocator.keep_memory()
    assert not allocator.release_memory()


def test_the_module_and_the_object_are_the_same_settings(tmp_path: Path) -> None:
    with config.using(cache_dir=tmp_path):
        assert einlab.config.cache_dir == tmp_path
    with pytest.raises(ArgumentError, match="did you mean 'host_memory'"):
        einlab.config.host_memry = "keep"
    assert "host_memory='system'" in repr(Config())


def test_what_is_no_way_to_hold_memory_is_refused() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'keep'"):
        config.host_memory = "keeps"
    with pytest.raises(ArgumentError, match="there are 'system' and 'keep'"):
        config.host_memory = "2GiB"
    with pytest.raises(ArgumentTypeError, match="not True"):
        config.host_memory = True  # type: ignore[assignment]


def test_commands_that_contract_keep_memory_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[str] = []
    monkeypatch.setattr(cli, "keep_memory", lambda: kept.append(sys.argv[1]))
    monkeypatch.setattr(cli, "commands", lambda prog_name: None)
    for words in (["run", "i->", "a.npy"], ["plan", "i->"], ["demo"], ["--help"]):
        monkeypatch.setattr(sys, "argv", ["einlab", *words])
        cli.main()
    assert kept == ["run", "demo"]
