"""Arranging a tree: orders and forms are those of its products, and cost no more than the plain."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

import einlab
from einlab import arranging
from einlab.arranging import arrange
from einlab.contraction import Contraction
from einlab.formsearch import best_form
from einlab.orders import choose_orders, roles
from einlab.permuting import FormCosts, form_costs
from einlab.search.tree import Tree
from tests.formed import plan_for_xla
from tests.strategies import Case, cases, law, with_paths

CPU = replace(form_costs("cpu", "float32"), native=None)


def seconds(tree: Tree, orders: tuple[Any, ...], costs: FormCosts) -> float:
    """Predicted seconds of all products on these orders, each in its best form."""
    terms = (*tree.contraction.leaves, *orders)
    count = len(tree.contraction.terms)
    return sum(
        best_form(terms[a], terms[b], terms[count + step], tree.contraction.sizes, costs)[0]
        for step, (a, b) in enumerate(tree.pairs)
    )


def network(seed: int, size: int = 12) -> Tree:
    """Five operands whose axes lie in a random order, and a random tree over them."""
    draw = random.Random(seed)
    terms: list[list[str]] = [["y"], [], [], [], ["z"]]
    for index in "abcdefgh":
        for place in draw.sample(range(5), 2):
            terms[place].insert(draw.randint(0, len(terms[place])), index)
    shapes = tuple((size,) * len(term) for term in terms)
    contraction = Contraction(tuple(map(tuple, terms)), ("y", "z"), shapes, ("float32",) * 5)
    live, pairs = list(range(5)), []
    while len(live) > 1:
        left, right = sorted(draw.sample(live, 2))
        pairs.append((left, right))
        live = [array for array in live if array not in (left, right)] + [4 + len(pairs)]
    return Tree(contraction, tuple(pairs))


@law(with_paths(cases()), quick=60, long=600)
def test_orders_and_forms_are_those_of_the_products(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    tree = einlab.plan(case.equation, *case.shapes, optimize=path).tree
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arranging, "WORTH", 1)
        arranged = arrange(tree, CPU)
    names = tuple(tree.contraction.sizes)
    count = len(tree.contraction.terms)
    assert [set(order) for order in arranged.orders] == [
        {names[index] for index in term} for term in tree.terms[count:]
    ]
    terms = (*tree.contraction.leaves, *arranged.orders)
    for step, form in enumerate(arranged.forms):
        if form is None:
            continue
        left, right = (terms[array] for array in tree.pairs[step])
        own = roles(*((right, left) if form.swapped else (left, right)), terms[count + step])
        for name in ("batch", "m", "k", "n"):
            assert sorted(getattr(form.roles, name)) == sorted(getattr(own, name))


def test_the_programme_is_never_predicted_slower_than_the_heuristic_and_often_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arranging, "WORTH", 2**13)
    saved = []
    for seed in range(12):
        tree = network(seed)
        plain = seconds(tree, choose_orders(tree), CPU)
        chosen = seconds(tree, arrange(tree, CPU).orders, CPU)
        assert chosen <= plain * (1 + 1e-9), seed
        saved.append(chosen < 0.98 * plain)
    assert sum(saved) >= 2


def test_a_tree_without_large_permutations_is_left_alone() -> None:
    plan = plan_for_xla("ab,bc,cd->ad", sizes=dict.fromkeys("abcd", 500))
    assert plan.product_forms == ()
    small = plan_for_xla("acd,dbc->ab", sizes=dict.fromkeys("abcd", 5))
    assert small.product_forms == ()


def test_trials_are_bounded_however_large_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def counted(*given: Any) -> Any:
        tried.append(1)
        return best_form(*given)

    monkeypatch.setattr(arranging, "best_form", counted)
    monkeypatch.setattr(arranging, "WORTH", 2**13)
    sizes = {f"x{place}": 24 for place in range(400)}
    draw = random.Random(0)
    names = list(sizes)
    terms = [tuple(draw.sample((names[p], names[p + 1], names[p + 2]), 3)) for p in range(300)]
    contraction = Contraction(
        tuple(terms), (), ((24, 24, 24),) * len(terms), ("float32",) * len(terms)
    )
    pairs = tuple((0 if s == 0 else len(terms) + s - 1, s + 1) for s in range(len(terms) - 1))
    arrange(Tree(contraction, pairs), CPU)
    assert 0 < len(tried) <= 3 * (arranging.MOST_TRIALS + arranging.MOST_PRODUCTS)


def test_native_products_take_orders_in_which_long_runs_stay_together() -> None:
    plan = einlab.plan("abcd,ic,jd->ijab", sizes={**dict.fromkeys("abcd", 28), "i": 12, "j": 12})
    first, second = plan.steps
    assert {first.form, second.form} == {"native"}
    assert first.output[-1] == first.terms[0][-1]  # neighbours stay neighbours
