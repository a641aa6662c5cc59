"""Compiled code is loaded again without Numba, and with it where that cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from einlab.native import building, keeping, objects

LOADED = """
import sys
import jax.numpy as jnp, numpy as np
import einlab
x = np.arange(4096.0, dtype=np.float32).reshape(64, 64) / 64
plan = einlab.plan("ij,jk->ki", (64, 64), (64, 64))
result = einlab.contract(plan, jnp.asarray(x), jnp.asarray(x))
np.testing.assert_allclose(result, (x @ x).T, rtol=1e-4)
from einlab.native.building import build
assert {"handler", "vector_bytes", "tile_rows"} <= set(build())
print("numba" in sys.modules)
import numba  # what it compiles itself still runs
assert numba.njit("float64(float64[:])")(lambda x: x.sum())(np.ones(5)) == 5
"""


def run(**settings: str) -> str:
    environment = os.environ | {
        "EINLAB_NATIVE": "wait",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="object files are read on Linux alone")
def test_another_process_loads_the_code_without_numba() -> None:
    building.build()
    assert run() == "False"


def test_code_that_was_not_kept_is_not_loaded(tmp_path: Path) -> None:
    assert objects.load(tmp_path) is None


def test_code_that_calls_what_is_not_there_is_left_to_numba(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = keeping.folder()
    assert place is not None
    building.build()
    (tmp_path / objects.FILE).write_bytes((place / objects.FILE).read_bytes())
    monkeypatch.setattr(objects, "_undefined", lambda code: iter(["no_such_symbol"]))
    assert objects.load(tmp_path) is None
