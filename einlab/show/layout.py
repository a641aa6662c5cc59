"""Where the nodes of a graph stand in a picture: the same graph always gives the same places.

Distances in the picture follow distances in the graph. A first placement comes from the distances
to a few pivots (Brandes and Pich 2007, "Eigensolver methods for progressive multidimensional
scaling of large data"); it is improved by stress majorisation (Gansner, Koren and North 2005) over
the edges and the pivots alone (Ortmann, Klimenta and Brandes 2017), which takes about half a second
for a thousand nodes. Nothing is drawn at random, and no eigensolver is asked: its choice among
equal eigenvalues would differ from machine to machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["parted", "spread"]

Places = NDArray[np.float64]
Edges = Sequence[tuple[int, int]]

MOST_PIVOTS = 100
ROUNDS = 100
MORE_ROUNDS = 400  # for graphs so small that they take no time
FEW = 200
FIRMNESS = 4.0
"""How much more an edge counts than a pivot one step away."""
TURNS = 36
FLATNESS = 0.3
"""What height costs beyond the scale: a line shall lie level, not along the diagonal."""
GAP = 1.0
"""Between components, in lengths of an edge."""


def spread(count: int, edges: Edges, aspect: float = 1.6) -> Places:
    """Places of the nodes 0 … count - 1 as rows of x and y; an edge is about 1 long.

    Components stand beside each other, and all of it is about `aspect` times as wide as high.

    >>> places = spread(3, [(0, 1), (1, 2)])
    >>> [round(float(np.hypot(*(places[a] - places[b]))), 1) for a, b in ((0, 1), (0, 2))]
    [1.0, 2.0]
    """
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for one, other in edges:
        neighbours[one].append(other)
        neighbours[other].append(one)
    places = np.zeros((count, 2))
    parts = _components(neighbours)
    boxes = []
    for part in parts:
        number = {node: place for place, node in enumerate(part)}
        own = [sorted({number[other] for other in neighbours[node]}) for node in part]
        places[part] = _turned(_component(own), aspect)
        boxes.append(np.ptp(places[part], axis=0) + GAP)
    corners = _packed(np.array(boxes).reshape(-1, 2), aspect)
    for part, corner in zip(parts, corners, strict=True):
        places[part] += corner - places[part].min(axis=0)
    return places


def parted(places: Places, least: float, frame: tuple[float, float]) -> Places:
    """The places moved apart until no two are closer than `least`, inside a frame of this size.

    Where there is no room for all, they are as far apart as some rounds of pushing take them.
    """
    places = places.copy()
    first, second = np.triu_indices(len(places), 1)
    for _ in range(300):
        gaps = places[second] - places[first]
        lengths = np.hypot(gaps[:, 0], gaps[:, 1])
        close = lengths < least
        if not close.any():
            break
        one, two = first[close], second[close]
        turn = 2.399963 * (one + 7 * two)  # a direction for those that coincide
        away = np.where(
            (lengths[close] > 1e-9)[:, None],
            gaps[close] / np.maximum(lengths[close], 1e-9)[:, None],
            np.stack([np.cos(turn), np.sin(turn)], axis=1),
        )
        push = away * ((1.02 * least - lengths[close]) / 2)[:, None]
        for node, shift in ((one, -push), (two, push)):
            np.add.at(places, node, shift)
        np.clip(places, (0, 0), frame, out=places)
    return places


def _components(neighbours: Sequence[Sequence[int]]) -> list[list[int]]:
    """The nodes of each connected part, the largest part first."""
    seen = [False] * len(neighbours)
    parts = []
    for start in range(len(neighbours)):
        if seen[start]:
            continue
        seen[start] = True
        part = [start]
        for node in part:
            fresh = [other for other in neighbours[node] if not seen[other]]
            for other in fresh:
                seen[other] = True
            part += dict.fromkeys(fresh)
        parts.append(sorted(part))
    return sorted(parts, key=lambda part: (-len(part), part[0]))


def _component(neighbours: Sequence[Sequence[int]]) -> Places:
    """The places of a connected graph, by stress majorisation from a pivot placement."""
    count = len(neighbours)
    if count == 1:
        return np.zeros((1, 2))
    pivots, steps = _pivots(neighbours)
    places = _first_places(steps)
    weights = np.divide(1.0, steps * steps, out=np.zeros_like(steps), where=steps > 0)
    weights *= count / len(pivots) / FIRMNESS
    pulls = weights * steps
    source = np.array([node for node, own in enumerate(neighbours) for _ in own])
    target = np.array([other for own in neighbours for other in own])
    total = weights.sum(axis=1) + np.bincount(source, minlength=count)
    for _ in range(MORE_ROUNDS if count <= FEW else ROUNDS):
        wanted = weights @ places[pivots]
        across, down = (places[:, None, axis] - places[None, pivots, axis] for axis in (0, 1))
        pull = pulls / np.sqrt(np.maximum(across * across + down * down, 1e-18))
        wanted[:, 0] += np.einsum("ij,ij->i", pull, across)
        wanted[:, 1] += np.einsum("ij,ij->i", pull, down)
        gap = places[source] - places[target]
        length = np.maximum(np.hypot(gap[:, 0], gap[:, 1]), 1e-9)
        ends = places[target] + gap / length[:, None]
        for axis in (0, 1):
            wanted[:, axis] += np.bincount(source, ends[:, axis], count)
        places += 0.5 * (wanted / total[:, None] - places)  # all at once, so half the way
    return places


def _pivots(neighbours: Sequence[Sequence[int]]) -> tuple[list[int], Places]:
    """Nodes far from each other, and the steps from each node to each of them."""
    count = len(neighbours)
    pivots, columns = [0], [_steps(neighbours, 0)]
    nearest = columns[0].copy()
    while len(pivots) < min(count, MOST_PIVOTS):
        pivots.append(int(np.argmax(nearest)))
        columns.append(_steps(neighbours, pivots[-1]))
        nearest = np.minimum(nearest, columns[-1])
    return pivots, np.stack(columns, axis=1)


def _steps(neighbours: Sequence[Sequence[int]], start: int) -> Places:
    """Edges on the shortest way from a node to every node."""
    steps = [-1] * len(neighbours)
    steps[start] = 0
    reached = [start]
    for node in reached:
        further = steps[node] + 1
        for other in neighbours[node]:
            if steps[other] < 0:
                steps[other] = further
                reached.append(other)
    return np.array(steps, dtype=float)


def _first_places(steps: Places) -> Places:
    """The two main directions of the doubly centred squared distances to the pivots.

    Found by power iteration from a fixed start. A little spiral tells nodes apart whose distances
    are all alike.
    """
    squares = steps * steps
    centred = squares.mean(axis=0) + squares.mean(axis=1)[:, None] - squares - squares.mean()
    number = np.arange(steps.shape[1])
    axes = np.stack([np.cos(2.399963 * number), np.sin(2.399963 * number)], axis=1)
    scatter = centred.T @ centred
    for _ in range(60):
        axes = scatter @ axes
        axes[:, 0] /= max(float(np.linalg.norm(axes[:, 0])), 1e-12)
        axes[:, 1] -= axes[:, 0] * float(axes[:, 0] @ axes[:, 1])
        axes[:, 1] /= max(float(np.linalg.norm(axes[:, 1])), 1e-12)
    places: Places = centred @ axes
    longest = float(np.max(np.abs(places)))
    places *= float(np.max(steps)) / 2 / longest if longest > 0 else 0.0
    node = np.arange(len(places))
    spiral = np.stack([np.cos(2.399963 * node), np.sin(2.399963 * node)], axis=1)
    return places + spiral * (0.02 + 0.2 * node / len(places))[:, None]


def _turned(places: Places, aspect: float) -> Places:
    """The places turned so that a frame of that aspect holds them well, rather flat than high."""
    best, least = places, math.inf
    for number in range(TURNS):
        angle = math.pi * number / TURNS
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        turned = places @ turn
        wide, high = np.ptp(turned, axis=0)
        need = max(float(wide) / aspect, float(high)) + FLATNESS * float(high)
        if need < least * (1 - 1e-6):
            best, least = turned, need
    numbers = np.arange(len(places)) - (len(places) - 1) / 2
    backwards = numbers @ best < -1e-6 * len(places) ** 2
    return np.where(backwards, -best, best)  # the first nodes to the left and to the top


def _packed(boxes: Places, aspect: float) -> Places:
    """A corner for each box, in rows; boxes come largest first."""
    width = max(
        math.sqrt(float(boxes.prod(axis=1).sum()) * aspect) * 1.1, float(np.max(boxes[:, 0]))
    )
    corners = np.zeros_like(boxes)
    x = y = row = 0.0
    for number, (wide, high) in enumerate(boxes):
        if x > 0 and x + wide > width:
            x, y, row = 0.0, y + row, 0.0
        corners[number] = x, y
        x, row = x + float(wide), max(row, float(high))
    return corners
