"""What the documentation of numpy.einsum, opt_einsum.contract and jax.numpy.einsum promises.

Each behaviour is tried on the peers that promise it and on einlab, side by side.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
import pytest

import einlab
from einlab.errors import ArgumentTypeError, OperandError, PathError

pytestmark = pytest.mark.usefixtures("device", "x64")

NUMPY, OPT_EINSUM, JAX = "numpy", "opt_einsum", "jax"
PEERS: dict[str, Callable[..., Any]] = {
    NUMPY: np.einsum,
    OPT_EINSUM: opt_einsum.contract,
    JAX: jnp.einsum,
}
EVERY = (NUMPY, OPT_EINSUM, JAX)


def random_arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(sum(map(sum, shapes)) + len(shapes))
    return [random.normal(size=shape) for shape in shapes]


def assert_as_peers(peers: tuple[str, ...], *arguments: Any, **options: Any) -> None:
    """einlab gives the shape, dtype and values that each of the peers gives."""
    got = einlab.contract(*arguments, **options)
    assert isinstance(got, jax.Array)
    for name in peers:
        expected = np.asarray(PEERS[name](*arguments, **options))
        assert got.shape == expected.shape, name
        assert got.dtype == expected.dtype, name
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        # An implied output holds what occurs once, in alphabetical order, capitals first.
        ("ba", [(2, 3)]),
        ("ab,bc", [(2, 3), (3, 4)]),
        ("bc,ab", [(3, 4), (2, 3)]),
        ("za,bz", [(2, 3), (4, 2)]),
        ("aB", [(2, 3)]),
        ("ij,jh", [(2, 3), (3, 4)]),
        # Traces, diagonals, sums, transposes of one operand.
        ("ii", [(3, 3)]),
        ("ii->", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("iij->ji", [(3, 3, 2)]),
        ("iijj->ij", [(3, 3, 2, 2)]),
        ("ijij", [(2, 3, 2, 3)]),
        ("ij->", [(2, 3)]),
        ("ij->j", [(2, 3)]),
        ("ij->ji", [(2, 3)]),
        ("ij->ij", [(2, 3)]),
        ("->", [()]),
        ("i->i", [(0,)]),
        # Inner, outer, element-wise and matrix products.
        ("i,i", [(3,), (3,)]),
        ("i,i->", [(3,), (3,)]),
        ("i,j->ij", [(3,), (2,)]),
        ("i,j->ji", [(3,), (2,)]),
        ("i,i->i", [(3,), (3,)]),
        ("ij,j", [(2, 3), (3,)]),
        ("ij,ij->i", [(2, 3), (2, 3)]),
        ("ij,ji->", [(2, 3), (3, 2)]),
        ("ijk,jil->kl", [(3, 4, 5), (4, 3, 2)]),
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("ijkl,lm->ijkm", [(2, 2, 2, 3), (3, 2)]),
        (",ij->ij", [(), (2, 3)]),
        ("ij,->ij", [(2, 3), ()]),
        (",", [(), ()]),
        # Hyperedges: an index in three operands, or in the output and many operands.
        ("i,i,i", [(3,), (3,), (3,)]),
        ("i,i,i->i", [(3,), (3,), (3,)]),
        ("ij,ij,ij->ij", [(2, 3), (2, 3), (2, 3)]),
        ("ai,bi,ci->abc", [(2, 3), (2, 3), (2, 3)]),
        ("a,ab,abc->abc", [(2,), (2, 3), (2, 3, 4)]),
        ("a,b,ab,abc->abc", [(2,), (3,), (2, 3), (2, 3, 4)]),
        # Repeated indices inside products.
        ("aab,bc->ac", [(2, 2, 3), (3, 4)]),
        ("aab,bcc->ac", [(2, 2, 3), (3, 4, 4)]),
        ("aa,aa->a", [(2, 2), (2, 2)]),
        ("fff,fae,bef,def->abd", [(2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]),
        # An index that one operand alone holds is summed.
        ("ij,k->k", [(2, 3), (4,)]),
        ("ijk,l->j", [(2, 3, 4), (5,)]),
        # Disconnected parts, and many operands.
        ("ab,cd,ef->acdf", [(2, 3), (2, 3), (2, 3)]),
        ("ab,cd,ab,cd", [(2, 3), (2, 3), (2, 3), (2, 3)]),
        ("ab,bc,cd,de,ef,fg,gh,ha->", [(2, 2)] * 8),
        ("ea,fb,gc,hd,abcd->efgh", [(2, 3)] * 4 + [(3, 3, 3, 3)]),
        # Size 0 gives empty results, or sums of nothing.
        ("ij,jk->ik", [(2, 0), (0, 3)]),
        ("ij,jk->ik", [(0, 2), (2, 3)]),
        ("ij->", [(0, 3)]),
        ("i,j->ij", [(0,), (3,)]),
        # Ellipses: broadcast from the right, first in an implied output.
        ("...", [(2, 3)]),
        ("...->...", [(2, 3)]),
        ("...ij->...ji", [(4, 2, 3)]),
        ("i...->...", [(2, 3, 4)]),
        ("ii...->...i", [(3, 3, 2)]),
        ("...ii->...i", [(2, 3, 3)]),
        ("...ij,...jk", [(5, 2, 3), (5, 3, 4)]),
        ("...ij,...jk->...ik", [(5, 1, 2, 3), (6, 3, 4)]),
        ("ij...,jk...->ik...", [(2, 3, 4), (3, 5, 4)]),
        ("...,...", [(3,), (2, 3)]),
        ("...,...->...", [(), (3,)]),
        ("b...a", [(2, 4, 3)]),
        ("...i,i", [(2, 3), (3,)]),
        ("a...,b...->ab...", [(2, 4), (3, 4)]),
        # Blanks mean nothing.
        ("ij, jk -> ik", [(2, 3), (3, 4)]),
        (" i j , j k -> i k ", [(2, 3), (3, 4)]),
        ("i j", [(2, 3)]),
        ("... i, ... i", [(2, 3), (2, 3)]),
    ],
)
def test_equations_mean_what_they_mean_to_all_peers(
    equation: str, shapes: list[tuple[int, ...]]
) -> None:
    assert_as_peers(EVERY, equation, *random_arrays(*shapes))


@pytest.mark.parametrize(
    ("equation", "shapes", "peers"),
    [
        # A size of 1 is broadcast against any other.
        ("ij,ij->ij", [(1, 3), (2, 3)], (NUMPY, OPT_EINSUM)),
        ("ij,jk->ik", [(2, 1), (3, 4)], (NUMPY, OPT_EINSUM)),
        ("i,i->", [(1,), (3,)], (NUMPY, OPT_EINSUM)),
        ("i,i->i", [(1,), (0,)], (NUMPY,)),
        # An ellipsis that stands for no axis, in an operand or in all of them.
        ("...ab,...ab", [(2, 3), (2, 3)], EVERY),
        ("ab...->ba...", [(2, 3)], EVERY),
        # Symbols beyond the 52 letters.
        ("αβ,βγ->αγ", [(2, 3), (3, 4)], (OPT_EINSUM, JAX)),
        ("行列,列", [(2, 3), (3,)], (OPT_EINSUM,)),
        ("éa,éb", [(2, 3), (2, 4)], (OPT_EINSUM,)),
    ],
)
def test_equations_mean_what_they_mean_to_the_peers_that_take_them(
    equation: str, shapes: list[tuple[int, ...]], peers: tuple[str, ...]
) -> None:
    assert_as_peers(peers, equation, *random_arrays(*shapes))


@pytest.mark.parametrize(
    ("arguments", "peers"),
    [
        (lambda a, b: (a, [0, 1], b, [1, 2], [0, 2]), EVERY),
        (lambda a, b: (a, [0, 1], b, [1, 2]), EVERY),
        (lambda a, b: (a, [5, 1], b, [1, 2]), EVERY),  # implied output: labels in order, 2 then 5
        (lambda a, b: (a, (0, 1), b, (1, 2), (2, 0)), EVERY),
        (lambda a, b: (a, [0, 1], b, [1, 2], []), EVERY),
        (lambda a, b: (a, [..., 0, 1], b, [1, 2], [..., 0, 2]), EVERY),
        (lambda a, b: (a, [..., 1], b, [1, 2], [2, ...]), EVERY),
        (lambda a, b: (a, ["x", "y"], b, ["y", "z"], ["z", "x"]), (OPT_EINSUM,)),
        (
            lambda a, b: (a, ["left", "bond"], b, ["bond", "right"], ["left", "right"]),
            (OPT_EINSUM,),
        ),
        (lambda a, b: (a, [(1,), (0, 0)], b, [(0, 0), (2,)], [(1,), (2,)]), (OPT_EINSUM,)),
    ],
)
def test_operands_between_their_labels(
    arguments: Callable[..., tuple[Any, ...]], peers: tuple[str, ...]
) -> None:
    assert_as_peers(peers, *arguments(*random_arrays((2, 3), (3, 4))))


@pytest.mark.parametrize("optimize", [True, False, "greedy", "optimal", ["einsum_path", (0, 1, 2)]])
def test_optimize_as_numpy_and_jax_take_it(optimize: Any) -> None:
    arrays = random_arrays((2, 3), (3, 4), (4, 5))
    assert_as_peers((NUMPY,), "ij,jk,kl->il", *arrays, optimize=optimize)


@pytest.mark.parametrize(
    "optimize",
    ["auto", "auto-hq", "optimal", "dp", "greedy", "branch-all", "branch-2", "branch-1", "eager",
     "opportunistic", "random-greedy", "random-greedy-128", "dynamic-programming",
     [(0, 1), (0, 1)], [(1, 2), (0, 1)], [(0, 1, 2)], True, False, None],
)  # fmt: skip
def test_optimize_as_opt_einsum_takes_it(optimize: Any) -> None:
    arrays = random_arrays((2, 3), (3, 4), (4, 5))
    expected = opt_einsum.contract("ij,jk,kl->il", *arrays, optimize=optimize or False)
    got = einlab.contract("ij,jk,kl->il", *arrays, optimize=optimize)
    np.testing.assert_allclose(got, expected, rtol=1e-11)


def test_a_path_goes_from_any_peer_to_any_other() -> None:
    arrays = random_arrays((2, 3), (3, 4), (4, 5), (5, 2))
    equation = "ij,jk,kl,lm->im"
    path, _ = einlab.contract_path(equation, *arrays)
    expected = np.einsum(equation, *arrays, optimize=["einsum_path", *path])
    np.testing.assert_allclose(opt_einsum.contract(equation, *arrays, optimize=path), expected)
    for theirs in (
        opt_einsum.contract_path(equation, *arrays)[0],
        np.einsum_path(equation, *arrays)[0],
        jnp.einsum_path(equation, *map(jnp.asarray, arrays))[0],
    ):
        got = einlab.contract(equation, *arrays, optimize=theirs)
        np.testing.assert_allclose(got, expected, rtol=1e-11)


@pytest.mark.parametrize("memory_limit", [-1, None, "max_input", 10, 1])
def test_memory_limits_as_opt_einsum_takes_them(memory_limit: Any) -> None:
    arrays = random_arrays((4, 5), (5, 4), (4, 5))
    got = einlab.contract("ij,jk,kl->il", *arrays, memory_limit=memory_limit)
    np.testing.assert_allclose(got, np.einsum("ij,jk,kl->il", *arrays), rtol=1e-11)


def test_backend_and_use_blas_are_ignored_with_one_warning() -> None:
    a, b = random_arrays((2, 3), (3, 4))
    with pytest.warns(DeprecationWarning, match="backend.*use_blas") as seen:
        einlab.contract("ij,jk->ik", a, b, backend="numpy", use_blas=True)
    assert len(seen) == 1
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    ("name", "value"), [("out", np.empty((2, 4))), ("order", "F"), ("casting", "unsafe")]
)
def test_what_jax_arrays_cannot_do_is_refused_with_the_reason(name: str, value: Any) -> None:
    a, b = random_arrays((2, 3), (3, 4))
    with pytest.raises(ArgumentTypeError, match=name):
        einlab.contract("ij,jk->ik", a, b, **{name: value})
    default = {"out": None, "order": "K", "casting": "safe"}[name]
    assert_as_peers((NUMPY,), "ij,jk->ik", a, b, **{name: default})


# Faults of the peers that are not ours.


def test_a_python_scalar_times_int8_is_int8() -> None:
    vector = jnp.ones(3, "int8")
    assert einlab.contract(",i->i", 2, vector).dtype == "int8"


def test_a_path_that_takes_one_operand_alone_gives_the_right_value() -> None:
    arrays = random_arrays((2,), (2,), (2,))
    got = einlab.contract("a,a,a->a", *arrays, optimize=[(0,), (0, 1), (0, 1)])
    np.testing.assert_allclose(got, arrays[0] * arrays[1] * arrays[2], rtol=1e-12)


def test_an_outer_product_first_is_chosen_where_it_is_cheaper() -> None:
    # opt_einsum's 'optimal' passes over outer products of single operands (its issue 254).
    shapes = (2,), (2,), (2, 2, 1000)
    plan = einlab.plan("a,b,abc->c", *shapes, optimize="optimal")
    _, theirs = opt_einsum.contract_path("a,b,abc->c", *shapes, shapes=True, optimize="optimal")
    assert plan.opt_cost <= theirs.opt_cost


@pytest.mark.parametrize(
    "path",
    [
        [(0, 0), (0, 1)],
        [(0, 1)],
        [(0, 3), (0, 1)],
        [(0, 1), (0, 5)],
        [0, 1],
        [(0, 1), (0, 1), (0, 1)],
        [("a", 1), (0, 1)],
    ],
)
def test_a_wrong_path_is_refused(path: Any) -> None:
    with pytest.raises(PathError):
        einlab.contract("a,a,a->a", *random_arrays((2,), (2,), (2,)), optimize=path)


def test_strings_and_objects_are_no_operands() -> None:
    for operand in ("ij", b"ij", None, np.array(["a", "b"]), np.array([1, "b"], object), object()):
        with pytest.raises(OperandError):
            einlab.contract("i->i", operand)


def test_the_drop_in_calls_take_every_argument_of_opt_einsums() -> None:
    a, b = random_arrays((2, 3), (3, 4))
    for ours, theirs in (
        (einlab.contract, opt_einsum.contract),
        (einlab.contract_path, opt_einsum.contract_path),
        (einlab.contract_expression, opt_einsum.contract_expression),
    ):
        names = [
            name
            for name, parameter in inspect.signature(theirs).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        assert names, theirs
        for name in names:
            if name in ("out", "constants", "shapes"):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                operands = (a.shape, b.shape) if ours is einlab.contract_expression else (a, b)
                default = inspect.signature(theirs).parameters[name].default
                ours("ij,jk->ik", *operands, **{name: default})
