"""Laws in the page: both sides are NumPy's, what is a law always holds, what is none fails."""

from __future__ import annotations

import numpy as np

from tests.docs.node import evaluate

SCRIPT = "widgets/rules.js"
SIDES = {
    "(AB)C = A(BC)": lambda a, b, c: ((a @ b) @ c, a @ (b @ c)),
    "A(B + C) = AB + AC": lambda a, b, c: (a @ (b + c), a @ b + a @ c),
    "(A + B)C = AC + BC": lambda a, b, c: ((a + b) @ c, a @ c + b @ c),
    "(AB)ᵀ = BᵀAᵀ": lambda a, b, c: ((a @ b).T, b.T @ a.T),
    "(AB)ᵀ = AᵀBᵀ": lambda a, b, c: ((a @ b).T, a.T @ b.T),
    "AB = BA": lambda a, b, c: (a @ b, b @ a),
    "(A + B)(A + B) = AA + AB + AB + BB": lambda a, b, c: (
        (a + b) @ (a + b),
        a @ a + 2 * a @ b + b @ b,
    ),
}
TRUE = list(SIDES)[:4]


def test_both_sides_are_numpys_and_only_laws_always_hold():
    assert evaluate(SCRIPT, "einlabRules.laws", [[]]) == [list(SIDES)]
    random = np.random.default_rng(0)
    for law, sides in SIDES.items():
        drawn = random.integers(-4, 5, (500, 3, 2, 2))
        found = evaluate(SCRIPT, "einlabRules.sides", [(law, *abc.tolist()) for abc in drawn])
        for abc, one in zip(drawn, found, strict=True):
            left, right = sides(*abc)
            assert one["left"] == left.tolist()
            assert one["right"] == right.tolist()
            assert one["equal"] == bool((left == right).all())
        assert all(one["equal"] for one in found) == (law in TRUE), law


def test_the_matrices_tried_are_of_the_kind_asked_for():
    seeds = [7919 * seed for seed in range(1, 501)]
    kinds = {
        "any three matrices": (False, False),
        "three diagonal matrices": (True, True),
        "A diagonal, B and C any": (True, False),
        "A a multiple of the identity": (True, False),
    }
    for kind, (a_diagonal, b_diagonal) in kinds.items():
        drawn = np.array(evaluate(SCRIPT, "einlabRules.draw3", [(kind, seed) for seed in seeds]))
        assert drawn.shape == (500, 3, 2, 2)
        assert (drawn.min(), drawn.max()) == (-4, 4)
        off = drawn[:, :, [0, 1], [1, 0]]
        assert (not off[:, 0].any()) == a_diagonal
        assert (not off[:, 1].any()) == b_diagonal
        if kind.startswith("A a multiple"):
            np.testing.assert_array_equal(drawn[:, 0, 0, 0], drawn[:, 0, 1, 1])
            assert (drawn[:, 0] @ drawn[:, 1] == drawn[:, 1] @ drawn[:, 0]).all()
