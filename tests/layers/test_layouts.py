"""Parity with torch and Flax, where they are installed, and what their layouts look like."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab import embedding, layers
from tests.layers.cases import key

pytestmark = pytest.mark.usefixtures("device")

SIZES = (8, 16, 8, 4)
CONVENTIONS = tuple(layers.CONVENTIONS)


def params_of(convention: str) -> Any:
    """A network whose biases are not zero."""
    drawn = layers.init_mlp(key(), SIZES, convention=convention)
    return tuple(
        {**layer, "bias": 0.1 * jnp.arange(len(layer["bias"]), dtype="float32")} for layer in drawn
    )


@pytest.mark.parametrize("there", CONVENTIONS)
@pytest.mark.parametrize("here", CONVENTIONS)
def test_layouts_go_there_and_back(here, there):
    params = params_of(here)
    wanted = params_of(there)
    for back in (
        layers.from_torch(layers.to_torch(params, convention=here), convention=there),
        layers.from_flax(layers.to_flax(params, convention=here), convention=there),
    ):
        assert jax.tree.all(jax.tree.map(np.array_equal, back, wanted))


def test_more_than_ten_layers_keep_their_order_whatever_that_of_the_names():
    params = [{"weight": np.full((2, 2), float(place))} for place in range(12)]
    states = layers.to_torch(params), layers.to_flax(params)["params"]
    for state, back in zip(states, (layers.from_torch, layers.from_flax), strict=True):
        found: Any = back(dict(sorted(state.items())))  # "10" stands before "2"
        assert [float(layer["weight"][0, 0]) for layer in found] == list(range(12))


def test_layers_with_names_of_their_own_keep_the_order_of_the_dictionary():
    state = {"inner.weight": np.ones((3, 2)), "head.weight": np.ones((1, 3)), "head.bias": [1.0]}
    assert [layer["weight"].shape for layer in layers.from_torch(state)] == [(2, 3), (3, 1)]


def test_what_was_read_is_in_memory_of_its_own():
    state = {"weight": np.ones((2, 2), np.float32)}
    (layer,) = layers.from_torch(state)
    state["weight"][:] = 5
    assert layer["weight"].tolist() == [[1, 1], [1, 1]]


def test_torch_gives_the_same_results_and_gradients():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    relu = nn.ReLU()
    theirs = nn.Sequential(nn.Linear(8, 16), relu, nn.Linear(16, 8), relu, nn.Linear(8, 4))
    x = np.random.default_rng(0).standard_normal((32, 8), np.float32)
    results = theirs(torch.from_numpy(x))
    results.square().sum().backward()
    slopes = {name: each.grad for name, each in theirs.named_parameters()}
    for convention in CONVENTIONS:

        def loss(params: Any, convention: str = convention) -> jax.Array:
            return jnp.sum(layers.mlp(params, x, convention=convention) ** 2)

        params = layers.from_torch(theirs.state_dict(), convention=convention)
        made = layers.mlp(params, x, convention=convention)
        np.testing.assert_allclose(made, results.detach().numpy(), rtol=1e-5, atol=1e-5)
        ours = layers.to_torch(jax.grad(loss)(params), convention=convention)
        for name, slope in slopes.items():
            np.testing.assert_allclose(ours[name], slope.numpy(), rtol=1e-4, atol=1e-4)
    loaded = nn.Sequential(nn.Linear(8, 16), relu, nn.Linear(16, 8), relu, nn.Linear(8, 4))
    state = layers.to_torch(params, convention="Wx")
    loaded.load_state_dict({name: torch.from_numpy(each) for name, each in state.items()})
    same = loaded(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(same, results.detach().numpy(), rtol=1e-6, atol=1e-6)


def test_torch_tensors_in_bfloat16_and_with_gradients_are_read():
    torch = pytest.importorskip("torch")
    weight = torch.arange(6.0, dtype=torch.bfloat16).reshape(2, 3).T.requires_grad_()
    (layer,) = layers.from_torch({"weight": weight}, convention="Wx")
    assert layer["weight"].dtype == jnp.bfloat16
    assert layer["weight"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_torch_looks_rows_up_as_embed_does_with_the_same_gradient():
    torch = pytest.importorskip("torch")
    table = np.random.default_rng(1).standard_normal((7, 4), np.float32)
    ids = np.array([[1, 1, 6], [0, 3, 1]])
    theirs = torch.nn.Embedding.from_pretrained(torch.from_numpy(table.copy()), freeze=False)
    found = theirs(torch.from_numpy(ids))
    found.pow(3).sum().backward()
    for method in ("gather", "one_hot"):
        made = embedding.embed(torch.from_numpy(ids), table, method=method)
        np.testing.assert_array_equal(made, found.detach().numpy())
        slope = jax.grad(lambda rows, m=method: jnp.sum(embedding.embed(ids, rows, method=m) ** 3))
        np.testing.assert_allclose(slope(table), theirs.weight.grad.numpy(), rtol=1e-5)


def test_flax_gives_the_same_results_and_gradients():
    nn = pytest.importorskip("flax.linen")

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for size in SIZES[1:-1]:
                x = nn.relu(nn.Dense(size)(x))
            return nn.Dense(SIZES[-1])(x)

    x = jax.random.normal(key(), (32, 8))
    network = Network()
    variables = network.init(jax.random.key(3), x)
    params = layers.from_flax(variables)
    np.testing.assert_allclose(
        layers.mlp(params, x), network.apply(variables, x), rtol=1e-5, atol=1e-6
    )
    slopes = jax.grad(lambda given: jnp.sum(network.apply(given, x) ** 2))(variables)
    ours = jax.grad(lambda given: jnp.sum(layers.mlp(given, x) ** 2))(params)
    for name, slope in layers.to_flax(ours)["params"].items():
        for kind, value in slope.items():
            np.testing.assert_allclose(slopes["params"][name][kind], value, rtol=1e-4, atol=1e-4)
    back = network.apply(layers.to_flax(params), x)
    np.testing.assert_array_equal(back, network.apply(variables, x))
