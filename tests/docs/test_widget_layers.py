"""The network in the page makes of its inputs what `einlab.layers` makes of them."""

from __future__ import annotations

from itertools import pairwise

import jax
import numpy as np
import pytest

from einlab import layers
from tests.docs.node import evaluate

SIZES = [(8, 16, 8, 4), (3, 4), (1, 2, 1), (5, 1, 3), (2, 7, 7, 2, 1)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("bend", ["relu", "tanh", "identity"])
def test_every_layer_has_the_values_that_the_library_computes(sizes, bend):
    count = 40
    random = np.random.default_rng(len(sizes) + len(bend))
    shapes = list(pairwise(sizes))
    networks = [
        {
            "weight": random.normal(size=(count, k, n)).astype(np.float32),
            "bias": random.normal(size=(count, n)).astype(np.float32),
        }
        for k, n in shapes
    ]
    inputs = random.normal(size=(count, sizes[0])).astype(np.float32)
    wanted = jax.jit(jax.vmap(lambda params, x: layers.mlp_values(params, x, activation=bend)))(
        networks, inputs
    )
    cases = [
        [
            [{name: value[i].tolist() for name, value in layer.items()} for layer in networks],
            inputs[i].tolist(),
            bend,
        ]
        for i in range(count)
    ]
    for i, found in enumerate(evaluate("widgets/layers.js", "einlabLayers.values", cases)):
        for name in ("sums", "outputs"):
            for place, row in enumerate(found[name]):
                expected = np.asarray(getattr(wanted, name)[place][i])
                assert np.allclose(row, expected, rtol=1e-4, atol=1e-4)


def test_the_parameters_are_those_of_the_table():
    random = np.random.default_rng(0)
    cases, wanted = [], []
    for _ in range(500):
        sizes = random.integers(1, 9, random.integers(2, 5)).tolist()
        params = [
            {"weight": np.zeros(shape, np.float32), "bias": np.zeros(shape[1], np.float32)}
            for shape in pairwise(sizes)
        ]
        cases.append([[{name: x.tolist() for name, x in layer.items()} for layer in params]])
        wanted.append(params)
    found = evaluate("widgets/layers.js", "einlabLayers.parameters", cases)
    for params, counts in zip(wanted, found, strict=True):
        assert tuple(counts) == layers.parameter_table(params, depth=1).table.column("parameters")
