"""The interpreter as XLA calls it: steps in order, threads, batches, and where it cannot run."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from einlab import contract
from einlab.config import config
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.native import building, calling, keeping
from einlab.native.calling import available, call, covers
from einlab.native.words import Axis, Part, Words, assembled, begin, end, fill, product, strided

NATIVE = pytest.mark.skipif(not available(), reason="needs native code")


def matrices(m: int, k: int, n: int, dtype: str = "float32") -> Words:
    """Operands 0 and 1 multiplied into result 2."""
    rows, summed, columns = Axis(m, k, 0, n), Axis(k, 1, n, 0), Axis(n, 0, 1, 1)
    batch: list[Axis] = []
    axes = (batch, [rows], [summed], [columns])
    step = product(Part(0, 0), Part(1, 0), Part(2, 0), axes)
    return assembled(dtype, [step], (m * k, k * n, m * n))


def drawn(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@NATIVE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_is_a_product(dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        left, right = drawn(5, 7, dtype=dtype), drawn(7, 6, dtype=dtype, seed=1)
        run = jax.jit(lambda *given: call(matrices(5, 7, 6, dtype), [(30,)], *given)[0])
        found = np.asarray(run(left, right)).reshape(5, 6)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, left @ right, rtol=1e-5)


@NATIVE
def test_later_steps_see_what_earlier_ones_wrote() -> None:
    """(a * b + a) summed, over a result that was filled with zeros first."""
    vector = [Axis(10, 1, 1, 1)]
    steps = [
        strided(Part(0, 0), Part(1, 0), Part(3, 4), vector),
        strided(Part(0, 0), None, Part(3, 4), vector, add=True),
        fill(Part(2, 0), 3),
        strided(Part(3, 4), None, Part(2, 1), [Axis(10, 1, 0, 0)], add=True),
    ]
    words = assembled("float32", steps, (10, 10, 3, 0))
    left, right = drawn(10), drawn(10, seed=1)
    sums, *_ = jax.jit(lambda *given: call(words, [(3,), (14,)], *given))(left, right)
    np.testing.assert_allclose(sums, [0, (left * right + left).sum(), 0], rtol=1e-5, atol=1e-6)


@NATIVE
def test_a_batch_runs_the_steps_for_each_element() -> None:
    axis = [Axis(4, 1, 1, 1)]
    steps = [
        strided(Part(0, 0), Part(1, 0), Part(3, 0), axis),
        strided(Part(3, 0), Part(0, 0), Part(2, 0), axis),
    ]
    words = assembled("float32", steps, (4, 0, 4, 0), batch=3)
    many, one = drawn(3, 4), drawn(4, seed=1)
    found, _ = jax.jit(lambda *given: call(words, [(12,), (4,)], *given))(many, one)
    np.testing.assert_allclose(np.asarray(found).reshape(3, 4), many * one * many, rtol=1e-5)


@NATIVE
def test_loops_run_within_each_other() -> None:
    """Sums over two axes, one in each loop, of rows that each iteration moves on to."""
    row = [Axis(5, 1, 0, 1)]
    first = strided(Part(0, 0), None, Part(1, 0), row, add=True)
    steps = [
        fill(Part(1, 0), 20),
        begin(4),
        begin(3),
        first._replace(advances=((15, 0, 5), (5, 0, 0))),
        end(),
        strided(Part(1, 0), None, Part(2, 0), row)._replace(advances=((5, 0, 5),)),
        end(),
    ]
    words = assembled("float32", steps, (60, 20, 20, 0))
    given = drawn(4, 3, 5)
    sums, copied, _ = jax.jit(lambda x: call(words, [(4, 5), (4, 5), (0,)], x))(given)
    np.testing.assert_allclose(sums, given.sum(1), rtol=1e-5)
    np.testing.assert_array_equal(copied, sums)


@NATIVE
def test_threads_that_call_at_once_do_not_disturb_each_other() -> None:
    size = 384
    left, right = drawn(size, size), drawn(size, size, seed=1)
    words = matrices(size, size, size)
    run = jax.jit(lambda *given: call(words, [(size * size,)], *given)[0])
    expected = (left.astype("float64") @ right).reshape(-1)
    run(left, right)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: np.asarray(run(left, right)), range(60)))
    for result in found:
        np.testing.assert_allclose(result, expected, atol=2e-3)
    assert all((result == found[0]).all() for result in found)


@NATIVE
def test_two_calls_of_one_program_run_side_by_side() -> None:
    """Neither waits for a thread that the other holds."""
    size = 256
    words = matrices(size, size, size)

    @jax.jit
    def four(left: jax.Array, right: jax.Array) -> list[jax.Array]:
        return [call(words, [(size * size,)], left + i, right)[0] for i in range(4)]

    left, right = drawn(size, size), drawn(size, size, seed=1)
    for _ in range(20):
        found = four(left, right)
    for place, result in enumerate(found):
        expected = ((left + np.float32(place)).astype("float64") @ right).reshape(-1)
        np.testing.assert_allclose(result, expected, atol=2e-3)


def test_words_name_each_step_once() -> None:
    words = matrices(2, 3, 4)
    header = 6
    assert words[1] == 1
    assert words[header] == len(words) - header


def test_dtypes_that_it_computes_in() -> None:
    assert covers("float32")
    assert covers(np.dtype("float64"))
    assert not covers("bfloat16")
    assert not covers("complex64")


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EINLAB_NATIVE", "off")
    assert config.native == "off"
    assert not available()


def test_where_numba_does_not_load_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "build", lambda: import_module("einlab.native.nowhere"))
    calling._registered.cache_clear()
    assert not available()
    calling._registered.cache_clear()


def test_what_is_not_compiled_is_compiled_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Meanwhile there is none; one process is started, however often it is asked for.

    Somebody waits for it, so that it leaves no zombie.
    """
    started: list[list[str]] = []
    waited = threading.Semaphore(0)

    def start(command: list[str], **_: object) -> SimpleNamespace:
        started.append(command)
        return SimpleNamespace(wait=waited.release)

    known = building.build()
    monkeypatch.setattr(calling, "build", lambda: known)
    monkeypatch.setenv("EINLAB_NATIVE", "auto")
    monkeypatch.setattr(keeping, "folder", lambda: tmp_path)
    monkeypatch.setattr("subprocess.Popen", start)
    calling._registered.cache_clear()
    for _ in range(3):
        building.build_elsewhere.cache_clear()  # as another process would ask
        assert not available()
    assert len(started) == 1
    assert started[0][1:] == ["-m", "einlab.native.building"]
    os.utime(tmp_path / "building", (0, 0))  # who wrote it is long gone
    building.build_elsewhere.cache_clear()
    assert not available()
    assert len(started) == 2
    assert all(waited.acquire(timeout=60) for _ in started)
    (tmp_path / "built").touch()
    assert available()
    building.build_elsewhere.cache_clear()


@pytest.mark.parametrize(
    ("value", "error"), [("on", ArgumentError), (1, ArgumentTypeError), (True, ArgumentTypeError)]
)
def test_settings_that_it_has_not_are_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="'auto'"):
        config.native = value  # type: ignore[assignment]
    assert config.native in ("auto", "wait", "off")


@NATIVE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,j->i", ((300, 210), (210,))),
        ("j,ij->i", ((33,), (700, 33))),
        ("bij,bj->ib", ((3, 40, 100), (3, 100))),
        ("bhd,bkhd->bhk", ((2, 3, 64), (2, 90, 3, 64))),
    ],
)
def test_vectors_times_matrices_that_lie_along_the_sum(
    equation: str, shapes: tuple[tuple[int, ...], ...], dtype: str
) -> None:
    operands = [drawn(*shape, dtype=dtype, seed=seed) for seed, shape in enumerate(shapes)]
    with jax.enable_x64(dtype == "float64"):
        found = np.asarray(contract(equation, *operands))
    wanted = np.einsum(equation, *(operand.astype("f8") for operand in operands))
    np.testing.assert_allclose(found, wanted, atol=1e-4 if dtype == "float32" else 1e-12)
