"""Index orders: each result holds its indices, and most steps need no permutation."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import einlab
from einlab.orders import Roles, choose_orders, roles
from tests.strategies import Case, cases, law, with_paths


@law(with_paths(cases()), quick=100, long=500)
def test_an_order_holds_each_index_of_its_result_once(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, optimize=path)
    orders = choose_orders(plan.tree)
    assert orders == plan.orders
    names = list(plan.size_dict)
    made = plan.tree.terms[len(case.terms) :]
    assert [sorted(order) for order in orders] == [sorted(names[i] for i in t) for t in made]
    if orders:
        assert orders[-1] == plan.contraction.output


@law(with_paths(cases()), quick=100, long=500)
def test_the_roles_of_a_product_part_its_indices(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, optimize=path)
    for step in plan.steps:
        if step.roles is None:
            continue
        (left, right), parts = step.terms, step.roles
        assert sorted(parts.batch + parts.m + parts.k) == sorted(left)
        assert sorted(parts.batch + parts.k + parts.n) == sorted(right)
        assert sorted(parts.natural) == sorted(step.output)
        assert not set(parts.k) & set(step.output)


def test_batch_m_and_n_follow_the_result_and_k_the_left_operand() -> None:
    found = roles(("b", "k", "i", "l"), ("l", "j", "b", "k"), ("j", "b", "i"))
    assert found == Roles(batch=("b",), m=("i",), k=("k", "l"), n=("j",))


def permuted(plan: einlab.Plan) -> int:
    """Operands and results of products that do not lie as fused axes without a permutation.

    Native products permute nothing.
    """
    count = 0
    for step in plan.steps:
        if step.kind != "product" or step.form == "native":
            continue
        parts = step.roles
        assert parts is not None
        groups = [group for group in (parts.batch, parts.m, parts.k, parts.n) if group]
        for term in step.terms:
            mine = sorted(
                (g for g in groups if set(g) <= set(term)), key=lambda g: term.index(g[0])
            )
            count += tuple(index for group in mine for index in group) != term
        count += parts.natural != step.output
    return count


def test_chains_trees_and_attention_need_no_permutation() -> None:
    sizes = dict.fromkeys("abcdefghijklbtshde", 4)
    for equation, path in (
        ("ab,bc,cd,de->ae", [(0, 1), (0, 2), (0, 1)]),
        ("ab,bc,cd,de->ae", [(2, 3), (1, 2), (0, 1)]),
        ("abc,cd,de->abe", [(1, 2), (0, 1)]),
        ("bhtd,bhsd,bhse->bhte", [(0, 1), (0, 1)]),
    ):
        assert permuted(einlab.plan(equation, sizes=sizes, optimize=path)) == 0, equation


def test_chosen_orders_save_most_of_the_permutations_of_alphabetical_ones() -> None:
    chosen = alphabetical = 0
    for seed in range(100):
        draw = random.Random(seed)
        terms: list[list[str]] = [[] for _ in range(5)]
        for index in "abcdefghij":  # each joins two operands
            for place in draw.sample(range(5), 2):
                terms[place].insert(draw.randint(0, len(terms[place])), index)
        equation = f"{','.join(map(''.join, terms))}->"
        path = [tuple(draw.sample(range(left), 2)) for left in range(5, 1, -1)]
        plan = einlab.plan(equation, sizes=dict.fromkeys("abcdefghij", 2), optimize=path)
        orders = tuple(tuple(sorted(order)) for order in plan.orders)
        chosen += permuted(plan)
        alphabetical += permuted(replace(plan, orders=orders))
    assert chosen < 0.8 * alphabetical, (chosen, alphabetical)
