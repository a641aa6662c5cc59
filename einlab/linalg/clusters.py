"""k-means by products: distances are one, and the mean of each cluster is another.

Source: Lloyd 1982, "Least squares quantization in PCM"; start: Arthur and Vassilvitskii 2007,
"k-means++: the advantages of careful seeding".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from einlab.arguments import random_key, whole
from einlab.errors import ArgumentError
from einlab.linalg.distances import points, squared_distances
from einlab.linalg.operands import exact_product

__all__ = ["Clusters", "assign", "kmeans", "kmeans_plus_plus", "lloyd"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Clusters:
    """What k-means found for n points of d coordinates.

    >>> found = kmeans([[0.0], [1.0], [9.0]], 2, jax.random.key(0), starts=4)
    >>> sorted(found.centres.tolist()), found.inertia.item(), found.settled.item()
    ([[0.5], [9.0]], 0.5, True)
    """

    centres: Float[Array, "k d"]
    labels: Int[Array, " n"]
    """The nearest centre of each point; the first of several."""
    inertia: Float[Array, ""]
    """The squared distances of all points from their centres, added up."""
    rounds: Int[Array, ""]
    """Rounds that moved a centre or a label, and the one that saw that nothing moved."""
    settled: Bool[Array, ""]
    """Whether the last round moved no label; otherwise the rounds ran out."""


def kmeans(x: Any, count: int, key: Any, *, starts: int = 1, rounds: int = 300) -> Clusters:
    """The best of several runs of Lloyd's algorithm, each from its own k-means++ start.

    x: (n, d) real points. count: clusters, at most n. key: as jax.random.key makes it.

    Raises OperandError, DtypeError or ShapeError if x is no set of points, ArgumentError or
    ArgumentTypeError for a count, key, number of starts or rounds that cannot be.

    >>> found = kmeans([[0.0], [1.0], [10.0], [11.0]], 2, jax.random.key(0))
    >>> sorted(found.centres[:, 0].tolist()), float(found.inertia)
    ([0.5, 10.5], 1.0)
    """
    samples, _ = points(x)
    count, rounds = _count(count, samples), whole(rounds, "rounds")
    keys = jax.random.split(random_key(key, "key"), whole(starts, "starts"))
    best: Clusters = _best(samples, keys, count, rounds)
    return best


@partial(jax.jit, static_argnames=("count", "rounds"))
def _best(samples: jax.Array, keys: jax.Array, count: int, rounds: int) -> Clusters:
    def run(key: jax.Array) -> Clusters:
        one: Clusters = _lloyd(samples, _plus_plus(samples, key, count), rounds)
        return one

    found: Clusters = lax.map(run, keys)
    best = jnp.argmin(found.inertia)
    chosen: Clusters = jax.tree.map(lambda leaf: leaf[best], found)
    return chosen


def lloyd(x: Any, centres: Any, rounds: int = 300) -> Clusters:
    """Lloyd's algorithm from given centres (k, d), until no label changes or the rounds run out.

    A round takes each point to its nearest centre, then each centre to the mean of its points.
    A cluster that loses all its points takes up the point that lies farthest from its own centre; a
    second one the next farthest. Where there are fewer different points than clusters, some stay
    empty. Rounds after the last change are passed over, so a report counts the most it may cost.

    Raises OperandError, DtypeError or ShapeError if x and centres are no points of one space,
    ArgumentError or ArgumentTypeError for a number of rounds below 1 or more centres than points.

    >>> lloyd([[0.0], [1.0], [10.0], [11.0]], [[0.0], [1.0]]).centres.tolist()
    [[0.5], [10.5]]
    """
    samples, start = points(x, centres)
    _count(start.shape[0], samples)
    found: Clusters = _lloyd(samples, start, whole(rounds, "rounds"))
    return found


@partial(jax.jit, static_argnames="rounds")
def _lloyd(samples: jax.Array, centres: jax.Array, rounds: int) -> Clusters:
    State = tuple[jax.Array, jax.Array, jax.Array, jax.Array]

    def advance(state: State) -> State:
        centres, before, _, gone = state
        labels = assign(samples, centres)
        moved = (labels != before).any()
        return _means(samples, labels, centres), labels, moved, gone + 1

    def again(state: State, _: None) -> tuple[State, None]:
        return lax.cond(state[2], advance, lambda state: state, state), None

    nowhere = jnp.full(samples.shape[0], -1, jnp.int32)
    first = (centres, nowhere, jnp.array(True), jnp.array(0, jnp.int32))
    (centres, _, moved, gone), _ = lax.scan(again, first, length=rounds)
    labels = assign(samples, centres)
    return Clusters(centres, labels, _own(samples, labels, centres).sum(), gone, ~moved)


def assign(x: Any, centres: Any) -> Int[Array, " n"]:
    """The number of the nearest centre (k, d) of each point x (n, d); the first of several.

    Raises OperandError, DtypeError or ShapeError if x and centres are no points of one space.

    >>> assign([[0.0], [9.0]], [[1.0], [8.0]]).tolist()
    [0, 1]
    """
    samples, middles = points(x, centres)
    return jnp.argmin(squared_distances(samples, middles), axis=1).astype(jnp.int32)


def kmeans_plus_plus(x: Any, count: int, key: Any) -> Float[Array, "k d"]:
    """Points of x (n, d) to start from: each is drawn by its squared distance from those before.

    Where all points that are left equal one already drawn, any of them is drawn.

    Raises OperandError, DtypeError or ShapeError if x is no set of points, ArgumentError or
    ArgumentTypeError for a count or key that cannot be.

    >>> sorted(kmeans_plus_plus([[0.0], [0.0], [5.0]], 2, jax.random.key(0)).tolist())
    [[0.0], [5.0]]
    """
    samples, _ = points(x)
    drawn: jax.Array = _plus_plus(samples, random_key(key, "key"), _count(count, samples))
    return drawn


@partial(jax.jit, static_argnames="count")
def _plus_plus(samples: jax.Array, key: jax.Array, count: int) -> jax.Array:
    n = samples.shape[0]

    def draw(nearest: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        weights = jnp.where(nearest.max() > 0, nearest, 1)
        # By the inverse of the cumulative distribution: points of weight 0 are never drawn.
        reached = jnp.cumsum(weights)
        drawn = jax.random.uniform(key, dtype=weights.dtype) * reached[-1]
        place = jnp.minimum(jnp.searchsorted(reached, drawn, side="right"), n - 1)
        centre = samples[place]
        return jnp.minimum(nearest, ((samples - centre) ** 2).sum(1)), centre

    first, *others = jax.random.split(key, count)
    start = samples[jax.random.randint(first, (), 0, n)]
    if not others:
        return start[None]
    nearest = ((samples - start) ** 2).sum(1)
    _, drawn = lax.scan(draw, nearest, jnp.stack(others))
    return jnp.concatenate([start[None], drawn])


def _means(samples: jax.Array, labels: jax.Array, centres: jax.Array) -> jax.Array:
    """The mean of each cluster; an empty one takes up a point far from its own centre."""
    count = centres.shape[0]
    members = jax.nn.one_hot(labels, count, dtype=samples.dtype)
    sizes = members.sum(0)
    sums = exact_product("nk,nd->kd", members, samples)
    empty = sizes == 0
    means = sums / jnp.where(empty, 1, sizes)[:, None]
    _, farthest = lax.top_k(_own(samples, labels, centres), count)
    turn = jnp.cumsum(empty) - 1
    return jnp.where(empty[:, None], samples[farthest[turn]], means)


def _own(samples: jax.Array, labels: jax.Array, centres: jax.Array) -> jax.Array:
    """The squared distance of each point from the centre of its cluster, without cancellation."""
    return ((samples - centres[labels]) ** 2).sum(1)


def _count(count: object, samples: jax.Array) -> int:
    found = whole(count, "count")
    if found > samples.shape[0]:
        raise ArgumentError(f"count is {found}; {samples.shape[0]} points make no more clusters")
    return found
