"""Several contractions over common operands give what they give apart, and cost no more."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.errors import ArgumentError, ArgumentTypeError, MemoryLimitError, ShapeError
from einlab.execute.programs import program_bytes
from tests.strategies import Case, cases, law
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

Call = tuple[Any, ...]


def environments(sites: int, bond: int = 3) -> tuple[list[Call], list[Any]]:
    """Of a closed chain of matrices, what is left where one of them is taken out."""
    random = np.random.default_rng(sites)
    matrices = [jnp.asarray(random.normal(size=(bond, bond)), jnp.float32) for _ in range(sites)]
    letters = [chr(0x100 + site) for site in range(sites)]
    terms = [letters[site] + letters[(site + 1) % sites] for site in range(sites)]
    calls: list[Call] = []
    for site, term in enumerate(terms):
        others = [other for other in range(sites) if other != site]
        equation = f"{','.join(terms[other] for other in others)}->{term}"
        calls.append((equation, *(matrices[other] for other in others)))
    return calls, matrices


def assert_near(made: jax.Array, wanted: jax.Array) -> None:
    exact = np.asarray(wanted)
    assert_close(made, exact, np.abs(exact) + np.abs(exact).max(initial=1), str(wanted.dtype))


def assert_as_apart(calls: list[Call], **options: Any) -> None:
    together = einlab.contract_many(calls, **options)
    for made, call in zip(together, calls, strict=True):
        alone = einlab.contract(*call, **options)
        assert made.dtype == alone.dtype
        assert_near(made, alone)


@law(cases(least=1, most=5, sizes=(2, 3, 1)), st.data(), quick=25, long=300)
def test_contractions_together_give_what_they_give_apart(case: Case, data: Any) -> None:
    arrays = case.arrays()
    names = {index: chr(0x100 + n) for n, index in enumerate(sorted(sum(case.terms, ())))}
    terms = ["".join(names[index] for index in term) for term in case.terms]
    calls: list[Call] = [(case.equation, *arrays)]
    for _ in range(3):
        taken = data.draw(st.lists(st.integers(0, len(arrays) - 1), min_size=1, max_size=4))
        held = sorted({index for i in taken for index in case.terms[i]})
        kept = "".join(names[index] for index in held if data.draw(st.booleans()))
        call = f"{','.join(terms[i] for i in taken)}->{kept}"
        calls.append((call, *(arrays[i] for i in taken)))
    assert_as_apart(calls)
    joint = einlab.plan_many(calls)
    assert joint.flops <= joint.apart.flops
    assert joint.apart.flops == sum(einlab.plan(*call).flops for call in calls)


def test_all_environments_of_a_chain_cost_in_proportion_to_its_length() -> None:
    joint = {sites: einlab.plan_many(environments(sites)[0]) for sites in (8, 16, 32)}
    product = 2 * 3**3
    for sites, plan in joint.items():
        assert plan.flops <= 3 * sites * product
        assert plan.apart.flops == sites * (sites - 2) * product
    assert_as_apart(environments(8)[0])


def test_gradients_written_out_are_those_of_jax_and_share_the_way_back() -> None:
    random = np.random.default_rng(0)
    shapes = {"ab": (4, 5), "bcd": (5, 6, 2), "de": (2, 3), "cef": (6, 3, 4)}
    arrays = {term: jnp.asarray(random.normal(size=s), jnp.float32) for term, s in shapes.items()}
    sent = jnp.asarray(random.normal(size=(4, 4)), jnp.float32)
    calls: list[Call] = []
    for missing in shapes:
        rest = [term for term in shapes if term != missing]
        equation = f"{','.join(rest)},af->{missing}"
        calls.append((equation, *(arrays[term] for term in rest), sent))

    def contracted(*operands: Any) -> jax.Array:
        return einlab.contract(f"{','.join(shapes)}->af", *operands)

    wanted = jax.vjp(contracted, *arrays.values())[1](sent)
    for made, gradient in zip(einlab.contract_many(calls), wanted, strict=True):
        assert_near(made, gradient)
    joint = einlab.plan_many(calls)
    whole = einlab.plan(f"{','.join(shapes)},af->", *arrays.values(), sent)
    assert joint.flops <= 3 * whole.flops < joint.apart.flops


def test_what_two_contractions_make_alike_is_made_once_whatever_its_letters() -> None:
    a, b, c = (jnp.ones((8, 8)) for _ in range(3))
    joint = einlab.plan_many([("ij,jk->ik", a, b), ("pq,qr,rs->sp", a, b, c[:, :1])])
    assert joint.nodes[0].results == 2 or joint.flops < joint.apart.flops
    twice = einlab.plan_many([("ij,jk->ik", a, b), ("xy,yz->zx", a, b)])
    assert twice.flops == einlab.plan("ij,jk->ik", a, b).flops
    assert_as_apart([("ij,jk->ik", a, b), ("xy,yz->zx", a, b), ("ij,jk->ik", b, a)])


def test_equal_arrays_that_are_not_the_same_are_not_confused() -> None:
    a, b = jnp.ones((3, 3)), jnp.ones((3, 3))
    joint = einlab.plan_many([("ij,jk->ik", a, a), ("ij,jk->ik", a, b)])
    assert joint.flops == joint.apart.flops


def test_results_together_are_transformed_like_any_function() -> None:
    calls, matrices = environments(4)
    equations = [call[0] for call in calls]

    def total(*operands: Any) -> jax.Array:
        made = einlab.contract_many(
            [
                (equation, *(x for place, x in enumerate(operands) if place != site))
                for site, equation in enumerate(equations)
            ]
        )
        return sum((jnp.sum(jnp.sin(one)) for one in made), jnp.zeros(()))

    def apart(*operands: Any) -> jax.Array:
        made = [
            jnp.einsum(equation, *(x for place, x in enumerate(operands) if place != site))
            for site, equation in enumerate(equations)
        ]
        return sum((jnp.sum(jnp.sin(one)) for one in made), jnp.zeros(()))

    for gradient, wanted in zip(
        jax.jit(jax.grad(total, argnums=(0, 3)))(*matrices),
        jax.grad(apart, argnums=(0, 3))(*matrices),
        strict=True,
    ):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-4)


def clique(size: int) -> list[Call]:
    """Two contractions of six matrices whose intermediates take more than they do."""
    random = np.random.default_rng(size)
    matrices = [jnp.asarray(random.normal(size=(size, size)), jnp.float32) for _ in range(6)]
    return [(f"ij,jk,kl,li,ik,jl->{out}", *matrices) for out in ("", "i")]


def bytes_within(calls: list[Call], limit: int | None) -> int:
    """What a program holds in which these contractions are made under a limit."""
    options: dict[str, Any] = {} if limit is None else {"memory_limit": f"{limit}B"}
    arrays = list({id(array): array for _, *taken in calls for array in taken}.values())
    numbers = [[next(n for n, x in enumerate(arrays) if x is a) for a in c[1:]] for c in calls]

    def made(*operands: Any) -> list[jax.Array]:
        given = [(c[0], *(operands[n] for n in own)) for c, own in zip(calls, numbers, strict=True)]
        return einlab.contract_many(given, **options)

    held = program_bytes(jax.jit(made).lower(*arrays).compile())
    assert held is not None
    return held


@pytest.mark.parametrize("shares", [(0.9, 0.6), (0.35,)])
@pytest.mark.parametrize("of", ["environments", "clique"])
def test_the_program_of_many_keeps_a_limit_or_an_error_names_one_that_would_do(
    of: str, shares: tuple[float, ...]
) -> None:
    calls = environments(6, 24)[0] if of == "environments" else clique(16)
    wanted = einlab.contract_many(calls)
    sizes = einlab.contract_many([(c[0], *map(jnp.abs, c[1:])) for c in calls])
    free = bytes_within(calls, None)
    for share in shares:
        limit = smallest_that_will_do(calls, int(share * free))
        together = einlab.contract_many(calls, memory_limit=f"{limit}B")
        for made, one, size in zip(together, wanted, sizes, strict=True):
            assert_close(made, np.asarray(one), np.asarray(size), str(one.dtype))


def smallest_that_will_do(calls: list[Call], limit: int) -> int:
    """The limit, if a program keeps it, else the one that the error names, if a program does."""
    try:
        held = bytes_within(calls, limit)
    except MemoryLimitError as error:
        smallest = error.smallest
    else:
        assert held <= limit
        return limit
    assert smallest is not None
    assert smallest > limit
    assert bytes_within(calls, smallest) <= smallest
    return smallest


def test_gradients_of_many_under_a_limit_are_those_without_one() -> None:
    ((first, *matrices), (second, *_)) = clique(8)

    def total(options: dict[str, Any], *operands: Any) -> jax.Array:
        one, other = einlab.contract_many([(first, *operands), (second, *operands)], **options)
        return jnp.sin(one / 100) + jnp.sum(jnp.cos(other / 100))

    for wanted, made in zip(
        *(
            jax.jit(jax.grad(partial(total, options), argnums=(0, 5)))(*matrices)
            for options in ({}, {"memory_limit": "5kB"})
        ),
        strict=True,
    ):
        assert_near(made, wanted)


def test_what_is_alive_at_once_is_at_least_operands_and_results() -> None:
    calls, matrices = environments(8)
    joint = einlab.plan_many(calls)
    assert joint.peak >= 2 * sum(matrix.nbytes for matrix in matrices)
    single = einlab.plan_many(calls[:1])
    assert single.peak == pytest.approx(einlab.plan(*calls[0]).peak, rel=0.5)


def test_a_plan_of_many_prints_what_is_shared() -> None:
    printed = str(einlab.plan_many(environments(4)[0]))
    assert "peak memory" in printed
    assert "one by one" in printed
    assert "together" in printed


def test_what_is_no_list_of_contractions_is_refused() -> None:
    a = jnp.ones((2, 2))
    many: Any = einlab.contract_many
    with pytest.raises(ArgumentTypeError, match="a list of"):
        many("ij->i")
    with pytest.raises(ArgumentTypeError, match="contraction 1 is 'ij->i'"):
        many([("ij->i", a), "ij->i"])
    with pytest.raises(ArgumentError, match="there is no contraction"):
        many([])
    with pytest.raises(ArgumentError, match="text with a unit"):
        many([("ij->i", a)], memory_limit=1000)
    with pytest.raises(ArgumentError, match="keeps a limit"):
        einlab.plan_many([("ij->i", a)], memory_limit="1GiB")
    with pytest.raises(MemoryLimitError, match="smallest memory limit that would do is"):
        many([("ij->i", a), ("ij->j", a)], memory_limit="20B")
    with pytest.raises(ArgumentError, match="a path is for one contraction"):
        many([("ij->i", a)], optimize=[(0,)])
    with pytest.raises(ShapeError):
        many([("ijk->i", a)])
