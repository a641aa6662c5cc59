"""The shape predictor says what NumPy does, and its carets stand under sizes that differ."""

from __future__ import annotations

import operator
import re

import numpy as np
import pytest

from tests.docs.node import evaluate

OPERATIONS = {"@": operator.matmul, "*": operator.mul}


def shapes(random):
    """Shapes that often fit: a shared stack of sizes with a few changed, some axes left out."""
    sizes = [1, 2, 3, 12]
    a = random.choice(sizes, random.integers(0, 5)).tolist()
    b = list(a) if random.random() < 0.5 else random.choice(sizes, random.integers(0, 5)).tolist()
    if len(a) > 1 and len(b) > 1 and random.random() < 0.6:
        b[-2] = a[-1]
    return a, b[int(random.integers(0, len(b) + 1)) :] if random.random() < 0.3 else b


def cases():
    random = np.random.default_rng(0)
    return [(str(random.choice(list(OPERATIONS))), *shapes(random)) for _ in range(1200)]


def in_numpy(operation, a, b):
    try:
        return OPERATIONS[operation](np.zeros(a), np.zeros(b)).shape
    except ValueError:
        return None


def test_predicted_shapes_are_those_of_numpy():
    given = cases()
    found = evaluate("widgets/shapes.js", "einlabShapes.predict", given)
    expected = [in_numpy(*case) for case in given]
    assert sum(shape is None for shape in expected) > 200 < sum(map(bool, expected))
    for case, one, shape in zip(given, found, expected, strict=True):
        assert (tuple(one["shape"]) if "shape" in one else None) == shape, case


def test_carets_stand_under_two_sizes_that_differ():
    given = cases()
    found = evaluate("widgets/shapes.js", "einlabShapes.predict", given)
    clashing = [
        (*case, one["clashes"])
        for case, one in zip(given, found, strict=True)
        if one.get("clashes")
    ]
    shown = evaluate("widgets/shapes.js", "einlabShapes.carets", clashing)
    for (operation, a, b, clashes), (line, under) in zip(clashing, shown, strict=True):
        assert line == f"{tuple(a)} {operation} {tuple(b)}"
        marked = [int(line[slice(*found.span())]) for found in re.finditer(r"\^+", under)]
        half = len(clashes)
        assert len(marked) == 2 * half
        assert sorted(marked[:half]) == sorted(a[i] for i, _ in clashes)
        assert sorted(marked[half:]) == sorted(b[j] for _, j in clashes)
        assert all(a[i] != b[j] for i, j in clashes)


@pytest.mark.parametrize("text", ["(3, 4)", "3×4", "3x4", "3, 4", " [3,4] ", "3 4"])
def test_a_shape_may_be_written_as_people_write_it(text):
    assert evaluate("widgets/shapes.js", "einlabShapes.read", [[text], ["(3,)"], ["()"]]) == [
        [3, 4],
        [3],
        [],
    ]
    (refused,) = evaluate("widgets/shapes.js", "einlabShapes.read", [["3 by four"]])
    assert "found 3 by four" in refused["error"]
