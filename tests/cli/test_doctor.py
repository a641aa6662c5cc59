"""`einlab doctor` finds what is wrong, says why, and fails only where something is broken."""

from __future__ import annotations

import json
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from einlab.cli import checks
from einlab.cli.accelerators import Evidence, evidence, explain
from einlab.cli.checks import Finding
from einlab.extras import EXTRAS
from einlab.native import keeping
from tests.cli.calling import call


def test_this_computer_is_in_order() -> None:
    done = call("doctor", "--json")
    assert done.exit_code == 0, done.stdout
    rows = {row["what"]: row for row in json.loads(done.stdout)["rows"]}
    assert rows["dtypes"]["state"] == "ok"
    assert {"einlab", "jax", "numpy", "devices", "accelerator", "memory", "cache folder"} <= set(
        rows
    )
    assert {f"extra {extra}" for extra in EXTRAS.values()} <= set(rows)


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("note", 0), ("failed", 1)])
def test_a_failed_check_exits_with_1_and_a_note_does_not(
    state: checks.State, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding("thing", "strange", state, "mend it")]
    monkeypatch.setattr("einlab.cli.doctor.all_findings", lambda version: found)
    done = call("doctor")
    assert done.exit_code == code
    assert "thing: mend it" in done.stdout
    row = {"state": state, "what": "thing", "found": "strange", "advice": "mend it"}
    assert json.loads(call("doctor", "--json").stdout)["rows"] == [row]


def test_a_missing_package_and_an_old_jax_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "numba":
            raise metadata.PackageNotFoundError(name)
        return "0.9.1" if name == "jax" else "99.0"

    monkeypatch.setattr(metadata, "version", version)
    found = {finding.what: finding for finding in checks.packages()}
    assert found["numba"].state == found["jax"].state == "failed"
    assert "pip install numba" in found["numba"].advice
    assert "0.10.2" in found["jax"].advice
    assert found["numpy"].state == "ok"


def test_a_jax_that_does_not_start_is_a_failure_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import jax

    def fail() -> None:
        raise RuntimeError("Unknown backend: 'cuda' requested\nmore")

    monkeypatch.setattr(jax, "devices", fail)
    (found,) = checks.devices()
    assert found.state == "failed"
    assert found.advice == "JAX says: Unknown backend: 'cuda' requested"


def test_a_dtype_that_contracts_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "contracts_right", lambda name: name != "float16")
    first = next(iter(checks.dtypes(wide=False)))
    assert (first.state, first.found) == ("failed", "wrong: float16")


def test_the_check_of_a_dtype_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.contracts_right("float32")
    monkeypatch.setattr("einlab.contracting.contract", lambda *args: np.zeros((2, 2)))
    assert not checks.contracts_right("float32")


def test_the_check_of_dtypes_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checks.contracts_right("int64")


def test_missing_extras_are_named_with_the_command_that_brings_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = {finding.what: finding for finding in checks.extras()}
    assert set(found) == {f"extra {extra}" for extra in EXTRAS.values()}
    assert found["extra models"].found == "safetensors and tokenizers not installed"
    assert found["extra models"].advice == "pip install 'einlab[models]'"


def test_misspelt_variables_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = checks.variables({"EINLAB_CACHEDIR": "/x", "HOME": "/root"})
    assert "did you mean EINLAB_CACHE_DIR?" in found.advice


def test_a_cache_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(tmp_path / "new" / "cache"))
    (found,) = checks.cache()
    assert found.state == "ok"
    assert found.found.endswith("not made yet")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (found,) = checks.cache()
    assert (found.state, "read-only" in found.found) == ("note", True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("seen", "told", "advice"),
    [
        (Evidence(), "none found", ""),
        (Evidence(nvidia=True, driver=580), "NVIDIA GPU, unused", "einlab[cuda13]"),
        (Evidence(nvidia=True, driver=550), "NVIDIA GPU, unused", "einlab[cuda12]"),
        (Evidence(nvidia=True), "NVIDIA GPU, unused", "einlab[cuda12]"),
        (Evidence(nvidia=True, driver=470), "NVIDIA GPU, unused", "older than CUDA 12 needs"),
        (Evidence(nvidia=True, driver=580, plugins=("jax-cuda12-plugin",)), "unused", "messages"),
        (Evidence(nvidia=True, driver=580, platforms="cpu"), "unused", "JAX_PLATFORMS=cpu"),
        (Evidence(tpu=True), "TPU, unused", "einlab[tpu]"),
        (Evidence(tpu=True, plugins=("libtpu",)), "TPU, unused", "another process"),
        (Evidence(amd=True), "AMD GPU, unused", "ROCm"),
    ],
)
def test_why_an_accelerator_is_unused_and_what_to_install(
    seen: Evidence, told: str, advice: str
) -> None:
    found, what_to_do = explain({"cpu"}, seen)
    assert told in found
    assert advice in what_to_do
    assert bool(advice) == bool(what_to_do)
    assert explain({"gpu", "cpu"}, seen) == ("in use", "")


def test_evidence_comes_from_device_files_and_the_environment(tmp_path: Path) -> None:
    assert evidence({}, tmp_path) == Evidence(plugins=evidence({}, tmp_path).plugins)
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n"
        "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
    )
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    (tmp_path / "dev/accel0").touch()
    seen = evidence({"JAX_PLATFORMS": "cpu"}, tmp_path)
    assert (seen.nvidia, seen.driver, seen.tpu, seen.amd) == (True, 570, True, True)
    assert seen.platforms == "cpu"


def test_native_code_is_compiled_or_will_be_or_cannot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EINLAB_NATIVE", "auto")
    monkeypatch.setattr(keeping, "folder", lambda: tmp_path)
    first = checks.native()
    assert (first.state, first.found) == ("note", "compiled when it is first wanted")
    (tmp_path / "built").touch()
    assert checks.native() == Finding("native code", "compiled")
    monkeypatch.setattr(keeping, "folder", lambda: None)
    assert checks.native().found == "cannot be kept"
    monkeypatch.setenv("EINLAB_NATIVE", "off")
    assert checks.native().found == "turned off"
