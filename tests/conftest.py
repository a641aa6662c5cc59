"""How the tests run: on which device, with which examples, and what is said when nothing ran.

`EINLAB_TEST_DEVICE` names the kind of device that arrays lie on: cpu (the default), gpu or tpu. It
is read before JAX is imported, so that a CPU run never waits for an accelerator.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import jax

DEVICE = os.environ.get("EINLAB_TEST_DEVICE", "cpu")
if DEVICE == "cpu":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")

# What is started in the background may ignore Ctrl-C, which tests send to themselves and others.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test reads or writes the user's own cache; a test of the cache names a folder of its own.
os.environ["EINLAB_CACHE_DIR"] = tempfile.mkdtemp(prefix="einlab-tests-")
atexit.register(shutil.rmtree, os.environ["EINLAB_CACHE_DIR"], ignore_errors=True)

# Native code is tested from the first call on; without this it would come when it is compiled.
os.environ.setdefault("EINLAB_NATIVE", "wait")

# Examples are drawn from the law's own text, so that two runs see the same ones; a law takes longer
# than Hypothesis expects because a program is compiled for each.
settings.register_profile(
    "laws",
    max_examples=60,  # the long tests say their own counts
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("laws")

_missing: list[str] = []


@pytest.fixture(scope="session")
def device() -> Iterator[jax.Device]:
    """The device that the test's arrays lie on; without one, everything that asks is skipped.

    Products of float32 are computed in float32 there, not in the coarser default of accelerators.
    """
    import jax

    try:
        (found, *_) = jax.devices(DEVICE)
    except RuntimeError:
        _missing.append(DEVICE)
        pytest.skip(f"NO {DEVICE.upper()} ON THIS MACHINE: nothing that needs one ran")
    precision = None if DEVICE == "cpu" else "highest"
    with jax.default_device(found), jax.default_matmul_precision(precision):
        yield found


@pytest.fixture(autouse=True, scope="module")
def _forget_programs() -> Iterator[None]:
    """Thousands of compiled programs are kept no longer than the tests of one file."""
    yield
    if "jax" in sys.modules:
        import jax

        jax.clear_caches()


@pytest.fixture
def x64() -> Iterator[None]:
    """JAX with 64-bit numbers."""
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture
def only_32_bits() -> Iterator[None]:
    """JAX without 64-bit numbers, as it is unless one asks."""
    import jax

    with jax.enable_x64(False):
        yield


@pytest.fixture(scope="module")
def xla_alone() -> Iterator[None]:
    """Plans without native products, as where compiled code of our own cannot be had."""
    from einlab.config import config

    config.native = "off"
    yield
    config.native = None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `gpu` need one, whatever device the others use."""
    if item.get_closest_marker("gpu") is not None and DEVICE != "gpu":
        pytest.skip("needs a GPU: EINLAB_TEST_DEVICE=gpu")


def pytest_unconfigure() -> None:
    """A missing accelerator stands in the last line, where nobody overlooks it."""
    if _missing:
        sys.stderr.write(f"\nNO {_missing[0].upper()} FOUND: NO LAW WAS TESTED ON ONE\n")
