"""The peers: how each library computes a case, at its best and hot.

A maker takes a case and its operands and returns two functions: one that computes, and one that
makes of its result a C-contiguous array. The first alone is "the view", both together are what
counts, since a `jax.Array` is always contiguous. Whatever a library lets its user do once (trace,
find a path, make an expression, move arrays) is done in the maker; einlab and eager `jnp.einsum`
are called with the equation every time.

Every maker runs in a process of its own and imports its library there: importing all of them into
one process would mix their thread pools and allocators.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import Case

__all__ = ["PEERS", "Peer", "Prepared"]

LARGEST = 2**40  # elements
Make = Callable[[Case, Sequence[np.ndarray]], "Prepared"]


@dataclass(frozen=True)
class Prepared:
    """A case ready to be computed again and again."""

    compute: Callable[[], Any]
    """Computes the result and waits for it."""
    contiguous: Callable[[Any], Any]
    """The result as a C-contiguous array; the same object where it is one already."""


@dataclass(frozen=True)
class Peer:
    """A library that a case can be timed with."""

    package: str
    """What must be installed."""
    make: Make
    """Gets a case ready."""
    what: str
    """What is called, for the reader of a table."""

    @property
    def is_installed(self) -> bool:
        """Whether the package can be found; it is not imported."""
        return importlib.util.find_spec(self.package) is not None


def _same(result: Any) -> Any:
    return result


def _in_c_order(result: Any) -> np.ndarray:
    return np.asarray(result, order="C")  # np.ascontiguousarray would make a scalar a vector


def _jax(call: Callable[..., Any], arrays: Sequence[np.ndarray]) -> Prepared:
    """JAX arrays in, a finished JAX array out; float32 products at full precision on any device."""
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    held = [jax.device_put(array) for array in arrays]
    return Prepared(lambda: call(*held).block_until_ready(), _same)


def _einlab(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    from einlab import contract

    return _jax(partial(contract, case.equation), arrays)


def _jit(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    import jax
    import jax.numpy as jnp

    return _jax(jax.jit(partial(jnp.einsum, case.equation)), arrays)


def _eager(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    import jax.numpy as jnp

    return _jax(partial(jnp.einsum, case.equation), arrays)


def _opt_einsum(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    import opt_einsum

    expression = opt_einsum.contract_expression(case.equation, *case.shapes)
    return Prepared(lambda: expression(*arrays), _in_c_order)


def _numpy(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    # without a limit of its own NumPy makes no intermediate larger than an operand or the result
    path = np.einsum_path(case.equation, *arrays, optimize=("greedy", LARGEST))[0]
    return Prepared(lambda: np.einsum(case.equation, *arrays, optimize=path), _in_c_order)


def _torch(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    torch = importlib.import_module("torch")  # no type checker need have it
    held = [torch.from_numpy(array) for array in arrays]
    return Prepared(lambda: torch.einsum(case.equation, *held), torch.Tensor.contiguous)


def _cotengra(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    import cotengra

    expression = cotengra.einsum_expression(case.equation, *case.shapes)
    return Prepared(lambda: expression(*arrays), _in_c_order)


PEERS: dict[str, Peer] = {
    "einlab": Peer("einlab", _einlab, "contract(equation, *arrays), called eagerly"),
    "jit": Peer("jax", _jit, "jax.jit of jnp.einsum"),
    "eager": Peer("jax", _eager, "jnp.einsum, called eagerly"),
    "opt_einsum": Peer("opt_einsum", _opt_einsum, "an opt_einsum expression on NumPy arrays"),
    "numpy": Peer("numpy", _numpy, "np.einsum along a path found beforehand"),
    "torch": Peer("torch", _torch, "torch.einsum"),
    "cotengra": Peer("cotengra", _cotengra, "a cotengra expression on NumPy arrays"),
}
"""Every peer by the name given to `--peers`; the first is ours."""
