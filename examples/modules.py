"""A Flax and an Equinox module reported: einlab counts any JAX function, whoever wrote it.

    python examples/modules.py

A small image classifier is written twice, in Flax and in Equinox. `report` counts forward and
gradient of each, XLA confirms the count, and the two agree where they do the same work. Modules
whose package is not installed are left out, and said so.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp

from einlab import report

BATCH, SIDE, HIDDEN, CLASSES = 32, 8, 64, 10


def flax_loss() -> tuple[Any, Any]:
    """A Flax classifier: its loss as a function of weights and images, and the weights."""
    from flax import nnx

    rngs = nnx.Rngs(0)
    layers = (
        nnx.Linear(SIDE * SIDE, HIDDEN, rngs=rngs),
        nnx.relu,
        nnx.Linear(HIDDEN, CLASSES, rngs=rngs),
    )
    graph, weights = nnx.split(nnx.Sequential(*layers))

    def loss(weights: Any, images: jax.Array) -> jax.Array:
        return cross_entropy(nnx.merge(graph, weights)(images.reshape(images.shape[0], -1)))

    return loss, weights


def equinox_loss() -> tuple[Any, Any]:
    """The same classifier in Equinox."""
    import equinox

    module = equinox.nn.MLP(SIDE * SIDE, CLASSES, HIDDEN, depth=1, key=jax.random.key(0))
    arrays, rest = equinox.partition(module, equinox.is_array)

    def loss(arrays: Any, images: jax.Array) -> jax.Array:
        whole = equinox.combine(arrays, rest)
        return cross_entropy(jax.vmap(whole)(images.reshape(images.shape[0], -1)))

    return loss, arrays


def cross_entropy(logits: jax.Array) -> jax.Array:
    """The loss if the right class of every image is 0."""
    return -jax.nn.log_softmax(logits)[:, 0].mean()


MODULES = {"flax": flax_loss, "equinox": equinox_loss}


def main() -> None:
    """Print the reports of whatever is installed."""
    images = jnp.ones((BATCH, SIDE, SIDE))
    found = {}
    for name, build in MODULES.items():
        if find_spec(name) is None:
            print(f"{name} is not installed: pip install {name}")
            continue
        loss, weights = build()
        forward, gradient = report(loss, weights, images), report(jax.grad(loss), weights, images)
        for counted in (forward, gradient):
            counted.check()
        print(f"{name}: gradient")
        print(gradient)
        dots = sum(row.cost.macs for row in gradient.rows)
        found[name] = dots
        print(f"{name}: forward {forward.flops:,} FLOPs, gradient {gradient.flops:,}")
    if len(set(found.values())) > 1:
        raise SystemExit(f"the multiply-adds differ: {found}")


if __name__ == "__main__":
    main()
