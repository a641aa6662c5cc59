"""A memory limit is kept by the program that runs, or refused with one that would do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.errors import MemoryLimitError
from einlab.execute.executable import Limited, device_memory, one_contraction
from einlab.execute.programs import program_bytes
from einlab.memory import host_memory
from einlab.settings import settings_from
from tests.strategies import Case, cases, law
from tests.test_contracting import assert_right

pytestmark = pytest.mark.usefixtures("device")

PAIR = "ij,jk,kl->il"


def held(equation: str, arrays: list[Any], limit: int) -> int:
    """Bytes of the program of a call within another."""

    def limited(*operands: Any) -> jax.Array:
        return einlab.contract(equation, *operands, memory_limit=f"{limit}B")

    found = program_bytes(jax.jit(limited).lower(*arrays).compile())
    assert found is not None
    return found


@law(cases(least=2, most=5, sizes=(2, 3, 5), dtypes=("float32", "int8")), st.floats(0.2, 1),
     quick=10, long=200)  # fmt: skip
def test_the_compiled_program_keeps_the_limit(case: Case, share: float) -> None:
    arrays = case.arrays()
    free = einlab.plan(case.equation, *arrays)
    given = sum(array.nbytes for array in arrays)
    limit = max(given + int(share * (free.peak - given)), 1)
    smallest: int | None = 0
    try:
        assert held(case.equation, arrays, limit) <= limit
    except MemoryLimitError as error:
        smallest = error.smallest
    assert smallest is not None
    if smallest:
        assert smallest > limit
        return
    assert_right(einlab.contract(case.equation, *arrays, memory_limit=f"{limit}B"), case, arrays)


def test_the_limit_that_an_error_names_will_do_with_the_plan_it_brings() -> None:
    arrays = [np.ones((64, 64), "float32") for _ in range(3)]
    with pytest.raises(MemoryLimitError, match="its plan takes") as caught:
        einlab.contract(PAIR, *arrays, memory_limit="50kB")
    smallest, plan = caught.value.smallest, caught.value.plan
    assert isinstance(smallest, int)
    assert isinstance(plan, einlab.Plan)
    assert held(PAIR, arrays, smallest) <= smallest
    np.testing.assert_allclose(einlab.contract(plan, *arrays), np.full((64, 64), 4096.0))


def test_a_program_is_compiled_once_and_runs_as_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[str] = []
    lower = jax.stages.Lowered.compile

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        compiled.append("once")
        return lower(self, *args, **kwargs)

    monkeypatch.setattr(jax.stages.Lowered, "compile", counting)
    arrays = [jnp.ones((17, 17)) for _ in range(3)]
    start = threading.Barrier(8)

    def call(_: int) -> np.ndarray:
        start.wait()
        return np.asarray(einlab.contract(PAIR, *arrays, memory_limit="1MB"))

    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(call, range(8)):
            np.testing.assert_allclose(result, np.full((17, 17), 289.0))
    assert compiled == ["once"]


def test_a_program_under_new_settings_of_jax_is_checked_anew() -> None:
    made: list[Any] = []
    settings = settings_from({"memory_limit": "1MB"})

    def read(*operands: Any) -> Any:
        made.append(operands)
        return einlab.plan(PAIR, *operands).contraction

    limited = Limited(one_contraction(read), settings, automatic=False)
    arrays = [jnp.ones((5, 5)) for _ in range(3)]
    limited(*arrays)
    limited(*arrays)
    assert len(made) == 1
    with jax.numpy_rank_promotion("warn"):
        limited(*arrays)
    assert len(made) == 2


def test_auto_is_the_memory_of_the_device() -> None:
    a = jnp.ones((4, 4))
    if jax.default_backend() == "cpu":
        assert device_memory([a]) == host_memory() == device_memory(())
    assert einlab.contract("ij,jk->ik", a, a, memory_limit="auto").shape == (4, 4)


def test_scalars_and_numpy_arrays_are_held_to_the_limit_too() -> None:
    result = einlab.contract("ij,->ji", np.ones((2, 3), "float32"), 2.0, memory_limit="1kB")
    np.testing.assert_array_equal(result, np.full((3, 2), 2.0))
    with pytest.raises(MemoryLimitError):
        einlab.contract("ij,->ji", np.ones((2, 3), "float32"), 2.0, memory_limit="10B")
