"""The loops that the page writes compute the einsum, and are read back as the same expression."""

from __future__ import annotations

import numpy as np
import pytest

from tests.docs.node import evaluate


def equation(random):
    """One to three arrays of up to three indices each, diagonals and lone sums included."""
    terms = [
        "".join(random.choice(list("ijkl"), random.integers(0, 4)))
        for _ in range(random.integers(1, 4))
    ]
    seen = sorted(set("".join(terms)))
    kept = random.permutation(seen)[: random.integers(0, len(seen) + 1)]
    return f"{','.join(terms)}->{''.join(kept)}"


def run(code, sizes, arrays):
    names = {f"n_{index}": size for index, size in sizes.items()}
    names |= dict(zip("ABCDEFGH", arrays, strict=False))
    names["zeros"] = lambda shape: np.zeros(shape, int)
    exec(code, names)
    return names["out"]


def equations(count=500):
    random = np.random.default_rng(0)
    return [equation(random) for _ in range(count)], random


def test_the_loops_compute_the_einsum():
    wanted, random = equations()
    loops = evaluate("widgets/loops.js", "einlabLoops.toLoops", [[one] for one in wanted])
    for one, code in zip(wanted, loops, strict=True):
        sizes = {index: int(random.integers(1, 4)) for index in "ijkl"}
        terms = one.split("->")[0].split(",")
        arrays = [random.integers(-4, 5, [sizes[index] for index in term]) for term in terms]
        np.testing.assert_array_equal(
            run(code, sizes, arrays), np.einsum(one, *arrays), err_msg=one
        )


def test_loops_are_read_back_in_any_order_and_spelling():
    wanted, random = equations()
    loops = evaluate("widgets/loops.js", "einlabLoops.toLoops", [[one] for one in wanted])
    shuffled = []
    for code in loops:
        first, *outer, inner = code.split("\n")
        heads = [outer[i].strip() for i in random.permutation(len(outer))]
        spelled = inner.replace(", ", "][") if random.random() < 0.5 else inner
        lines = [first, *("    " * depth + head for depth, head in enumerate(heads)), spelled]
        shuffled.append(["\n".join(lines)])
    assert evaluate("widgets/loops.js", "einlabLoops.toEquation", shuffled) == wanted


def test_an_expression_without_an_arrow_is_numpys():
    random = np.random.default_rng(1)
    cases = [equation(random).split("->")[0] for _ in range(500)]
    kept = evaluate("widgets/loops.js", "einlabLoops.roles", [[case] for case in cases])
    for case, found in zip(cases, kept, strict=True):
        shapes = [np.zeros([2 + "ijkl".index(index) for index in term]) for term in case.split(",")]
        expected = tuple(2 + "ijkl".index(index) for index in found["kept"])
        assert np.einsum(case, *shapes).shape == expected, case


@pytest.mark.parametrize(
    ("function", "text", "part"),
    [
        ("toLoops", "ij,jk->iz", "the output has z"),
        ("toLoops", "ij->ii", "twice"),
        ("toLoops", "i->i->i", "one arrow"),
        ("toLoops", "i1->", "letters, commas"),
        ("toEquation", "for i in range(3):\n  out[i] += A[i, j]", "no loop runs over j"),
        ("toEquation", "for i in range(3):\n for j in range(3):\n  out[i] += A[i]", "not used"),
        ("toEquation", "for i in range(3):\n  out[i] = A[i]", "one line with +="),
        ("toEquation", "for i in range(3):\n  out[i] += A[i + 1]", "i + 1"),
    ],
)
def test_what_is_no_einsum_is_refused_with_its_reason(function, text, part):
    (found,) = evaluate("widgets/loops.js", f"einlabLoops.{function}", [[text]])
    assert part in found["error"]
