"""What a calibration runs: contractions of one step or a short chain, drawn once and for all.

Sizes are spread over their logarithms, by a low-discrepancy sequence for the plain forms, so that
few programs cover skewed, small and large products alike; others have their axes in any order, so
that permutations, broadcasting and operands that lie unfavourably are met. They are run as plans,
so that what is measured is what `contract` runs, in an order of which every beginning is balanced.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["KINDS", "Probe", "probes"]

KINDS = (
    "product",
    "batch",
    "vector",
    "outer",
    "elementwise",
    "sum",
    "permute",
    "diagonal",
    "loop",
    "chain",
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One contraction to run."""

    kind: str
    equation: str
    shapes: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        shapes = ", ".join("×".join(map(str, shape)) for shape in self.shapes)
        return f"{self.equation} {shapes}"


MOST_WORK = 4e8
"""Multiply-adds of the largest products, but for a few that reach the ceiling."""
MOST_ENTRIES = 4_000_000
"""Entries of the largest arrays, but for those that show what allocating costs."""


def probes(itemsize: int, quick: bool = False) -> tuple[Probe, ...]:
    """The programs of a calibration; a quick one runs every third.

    >>> len(probes(4)) > 2 * len(probes(4, quick=True)) > 60
    True
    """
    found = [
        *_products(20),
        *_batches(12),
        *_vectors(15),
        *_moving(24),
        *_sums(8),
        *_permutations(14),
        *_chains(),
        *_large(itemsize),
        *_mixed(),
        *_in_networks(120),
        *_looped(itemsize),
    ]
    random.Random(1).shuffle(found)
    return tuple(found[::3] if quick else found)


SHUFFLED = 0.3
"""Part of the terms whose axes are in any order; in the others those of one role stand together."""
WORK, ENTRIES = (2.3, 8.6), (2.3, 7.0)
"""Powers of ten of the multiply-adds of products that sum, and of the entries of other steps."""


class Mixed(NamedTuple):
    """Contractions of a kind with their axes in any order."""

    kind: str
    number: int
    indices: tuple[tuple[int, int], ...]
    """How many, at least and at most, have each role: batch, m, k, n."""
    powers: tuple[float, float]
    """Of ten, of the sizes of all indices multiplied."""
    shuffled: float = SHUFFLED


MIXED = (
    Mixed("product", 100, ((0, 0), (1, 2), (1, 2), (1, 2)), WORK),
    Mixed("batch", 100, ((1, 2), (1, 1), (1, 1), (1, 1)), WORK),
    Mixed("vector", 60, ((0, 2), (1, 2), (1, 2), (0, 0)), WORK),
    Mixed("outer", 36, ((0, 0), (1, 2), (0, 0), (1, 2)), ENTRIES),
    Mixed("elementwise", 52, ((1, 2), (1, 2), (0, 0), (0, 0)), ENTRIES),
    Mixed("sum", 52, ((0, 0), (1, 2), (1, 2), (0, 0)), ENTRIES),
    Mixed("permute", 64, ((0, 0), (2, 4), (0, 0), (0, 0)), ENTRIES),
    Mixed("diagonal", 26, ((1, 1), (1, 1), (0, 0), (0, 0)), ENTRIES),
    # batches of matrices and vectors that are not products of matrices as they lie: other forms
    Mixed("vector", 24, ((1, 2), (1, 2), (1, 2), (0, 0)), (4.0, 6.7), 0.6),
    # large operands that meet small ones, as in networks
    Mixed("vector", 36, ((0, 1), (2, 4), (1, 2), (0, 0)), (4.0, 6.77), 0.6),
    Mixed("product", 48, ((0, 1), (2, 4), (1, 2), (1, 1)), (4.5, 8.0), 0.6),
    Mixed("elementwise", 16, ((1, 2), (2, 3), (0, 0), (0, 0)), (4.0, 6.7), 0.6),
)


def _mixed() -> Iterator[Probe]:
    for place, each in enumerate(MIXED):
        drawn = random.Random(77 + place)
        found = 0
        while found < each.number:
            probe = _mixed_one(each, drawn)
            if probe is not None:
                yield probe
                found += 1


def _mixed_one(mixed: Mixed, drawn: random.Random) -> Probe | None:
    """A contraction of a kind with axes in any order; None if it is too large."""
    kind, names = mixed.kind, iter("abcdefghijklmnop")
    batch, m, k, n = ([next(names) for _ in range(drawn.randint(*each))] for each in mixed.indices)
    used = batch + m + k + n
    volume = 10 ** drawn.uniform(*mixed.powers)
    weights = [drawn.uniform(0.3, 1.7) for _ in used]
    sizes = {
        i: max(2, round(volume ** (w / sum(weights)))) for i, w in zip(used, weights, strict=True)
    }

    def term(*groups: list[str]) -> str:
        given = [group for group in groups if group]
        drawn.shuffle(given)
        together = [index for group in given for index in group]
        if drawn.random() < mixed.shuffled:
            drawn.shuffle(together)
        return "".join(together)

    if kind == "diagonal":
        terms = [batch[0] + m[0] + batch[0]]
    elif kind == "permute":
        terms = ["".join(used)]
    else:
        terms = [term(m, k)] if kind == "sum" else [term(batch, m, k), term(batch, k, n)]
    free = [[i] for i in m] if kind in ("sum", "permute") else [batch, m, n]
    output = term(*free)
    if math.prod(sizes.values()) > MOST_WORK or output == terms[0]:
        return None
    if max(math.prod(sizes[i] for i in one) for one in (*terms, output)) > 1.5 * MOST_ENTRIES:
        return None
    shapes = tuple(tuple(sizes[i] for i in one) for one in terms)
    return Probe(kind, f"{','.join(terms)}->{output}", shapes)


ORDERLY = 0.75
"""Part of the products in networks whose result lies as it does within a native call."""
NETWORK_ENTRIES = (3.3, 6.8)
"""Powers of ten of the entries of their larger operand."""


def _in_networks(count: int) -> Iterator[Probe]:
    """Products of an operand of many axes with a small one, summed and kept axes in any order.

    Their results lie as those that are used up in their call do: as the large operand, the other
    axes of the small one before them. Those of the others lie in any order.
    """
    drawn, found = random.Random(91), 0
    while found < count:
        large = "abcdefg"[: drawn.randint(3, 7)]
        volume = 10 ** drawn.uniform(*NETWORK_ENTRIES)
        weights = [drawn.uniform(0.3, 1.7) for _ in large]
        sizes = {
            i: max(2, round(volume ** (w / sum(weights))))
            for i, w in zip(large, weights, strict=True)
        }
        met = drawn.sample(large, drawn.randint(1, len(large) - 1))
        batch = met[1:2] if drawn.random() < 0.25 else []
        summed = set(met) - set(batch)
        other = ["h"] if drawn.random() < 0.5 else []
        sizes["h"] = max(2, round(10 ** drawn.uniform(0.3, 1.6)))
        small = drawn.sample(met + other, len(met + other))
        kept = [i for i in small if i in other] + [i for i in large if i not in summed]
        if drawn.random() > ORDERLY:
            drawn.shuffle(kept)
        entries = [math.prod(sizes[i] for i in term) for term in (large, small, kept)]
        if max(entries) > 2 * MOST_ENTRIES or entries[0] < max(entries[1:]) / 8:
            continue
        shapes = tuple(tuple(sizes[i] for i in term) for term in (large, small))
        kind = "product" if other else "vector"
        yield Probe(kind, f"{large},{''.join(small)}->{''.join(kept)}", shapes)
        found += 1


PRIMES = (2, 3, 5, 7, 11, 13)


def _drawn(number: int, ranges: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Sizes within ranges: point `number` of Halton's sequence, on logarithmic scales."""
    sizes = []
    for (low, high), base in zip(ranges, PRIMES, strict=False):
        part, fraction, rest = 0.0, 1.0, number + 20
        while rest:
            rest, digit = divmod(rest, base)
            fraction /= base
            part += digit * fraction
        sizes.append(round(low * (high / low) ** part))
    return tuple(sizes)


def _points(
    count: int, ranges: Sequence[tuple[float, float]], work: float, entries: float
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Sizes of products whose multiply-adds and pairwise products of sizes are within bounds."""
    number = found = 0
    while found < count:
        sizes = _drawn(number, ranges)
        number += 1
        whole = math.prod(sizes)
        if whole <= work and whole / min(sizes[-3:]) <= entries:
            yield found, sizes
            found += 1


def _products(count: int) -> Iterator[Probe]:
    """Products of two matrices, each operand lying either way."""
    ranges = [(2, 2500), (2, 2500), (2, 2500)]
    for number, (m, k, n) in _points(count, ranges, MOST_WORK, MOST_ENTRIES):
        yield _product(number, m, k, n)
    for number, size in enumerate((768, 1024)):
        yield _product(number, size, size, size)


def _product(number: int, m: int, k: int, n: int) -> Probe:
    left = ("mk", (m, k)) if number % 2 else ("km", (k, m))
    right = ("kn", (k, n)) if number // 2 % 2 else ("nk", (n, k))
    return Probe("product", f"{left[0]},{right[0]}->mn", (left[1], right[1]))


def _batches(count: int) -> Iterator[Probe]:
    ranges = [(2, 6000), (2, 320), (2, 320), (2, 320)]
    for number, (b, m, k, n) in _points(count, ranges, MOST_WORK / 4, 2 * MOST_ENTRIES):
        if b * max(m * k, k * n, m * n) > MOST_ENTRIES:
            b = max(2, b // 40)
        left = ("bkm", (b, k, m)) if number % 4 == 3 else ("bmk", (b, m, k))
        right = ("bkn", (b, k, n)) if number // 2 % 2 else ("bnk", (b, n, k))
        yield Probe("batch", f"{left[0]},{right[0]}->bmn", (left[1], right[1]))


def _vectors(count: int) -> Iterator[Probe]:
    """Products of a matrix and a vector, single and in batches, and scalar products."""
    for number, (b, m, k) in _points(
        count, [(1, 100), (2, 4000), (2, 4000)], 2 * MOST_ENTRIES, math.inf
    ):
        form = number % 5
        if form == 0:
            yield Probe("vector", "mk,k->m", ((m, k), (k,)))
        elif form == 1:
            yield Probe("vector", "k,kn->n", ((k,), (k, m)))
        elif form == 2:
            yield Probe("vector", "bmk,bk->bm", ((b + 1, m, k), (b + 1, k)))
        elif form == 3:
            yield Probe("vector", "km,k->m", ((k, m), (k,)))
        else:
            yield Probe("vector", "k,k->", ((m * k,), (m * k,)))


def _moving(count: int) -> Iterator[Probe]:
    """Products that sum nothing: outer and element-wise ones, and of a matrix with a vector."""
    for number, (m, n) in enumerate(_drawn(i, [(2, 1600), (2, 1600)]) for i in range(count)):
        form = number % 4
        if form == 0:
            yield Probe("outer", "m,n->mn", ((m,), (n,)))
        elif form == 1:
            yield Probe("elementwise", "mn,mn->mn", ((m, n), (m, n)))
        elif form == 2:
            yield Probe("elementwise", "mn,n->mn", ((m, n), (n,)))
        else:
            yield Probe("elementwise", "mn,m->mn", ((m, n), (m,)))


def _sums(count: int) -> Iterator[Probe]:
    for number, (a, s, c) in _points(
        count, [(2, 2000), (2, 2000), (2, 2000)], MOST_ENTRIES, math.inf
    ):
        form = number % 4
        if form == 0:
            yield Probe("sum", "asc->ac", ((a, s, c),))
        elif form == 1:
            yield Probe("sum", "as->a", ((a, min(s * c, MOST_ENTRIES // a)),))
        elif form == 2:
            yield Probe("sum", "sc->c", ((min(a * s, MOST_ENTRIES // c), c),))
        else:
            yield Probe("sum", "s->", ((a * s * c,),))


def _permutations(count: int) -> Iterator[Probe]:
    orders = ("ab->ba", "abc->cab", "abc->bac", "abc->acb", "abc->cba", "abcd->dbac", "abcd->cbad")
    for number in range(count):
        equation = orders[number % len(orders)]
        rank = equation.index("-")
        (volume,) = _drawn(number, [(500, MOST_ENTRIES)])
        weights = [0.5 + w / 10 for w in _drawn(number, [(1, 20)] * rank)]
        sizes = tuple(max(2, round(volume ** (w / sum(weights)))) for w in weights)
        yield Probe("permute", equation, (sizes,))


def _chains() -> Iterator[Probe]:
    """Products one after the other, whose time beyond that of one step tells what a step costs."""
    short = ((3, 4), (4, 5), (5, 4), (6, 5), (3, 7), (4, 3))
    for length, size in (*short, (8, 4), (16, 6), (6, 16), (8, 48), (5, 100), (4, 200), (3, 400)):
        letters = "abcdefghijklmnopqr"[: length + 1]
        terms = ",".join(letters[i : i + 2] for i in range(length))
        yield Probe("chain", f"{terms}->{letters[0]}{letters[-1]}", ((size, size),) * length)


def _large(itemsize: int) -> Iterator[Probe]:
    """Results around the size from which memory is fresh in every call."""
    for mebibytes in (12, 40, 56):
        entries = mebibytes * 2**20 // itemsize
        yield Probe("elementwise", "i,i->i", ((entries,), (entries,)))
    side = math.isqrt(44 * 2**20 // itemsize)
    yield Probe("outer", "m,n->mn", ((side,), (side,)))


LOOPED = (
    ("cbda,da->bac", "c", {"b": 7, "d": 15, "a": 91}),
    ("cbeda,de->acb", "c", {"b": 42, "e": 8, "d": 19, "a": 17}),
    ("bcda,cdae->aeb", "b", {"c": 100, "d": 6, "a": 42, "e": 4}),
    ("dbca,dec->bea", "c", {"d": 6, "b": 131, "a": 42, "e": 4}),
    ("fbc,dfa->abcd", "a", {"f": 16, "b": 24, "c": 24, "d": 24}),
    ("bcdf,cde->bfe", "b", {"c": 97, "d": 40, "f": 61, "e": 10}),
)
"""Products that run in a loop over outer indices, which large arrays alone do: the index whose size
is such that the largest array has `LOOPED_BYTES`, and the sizes of the others."""
LOOPED_BYTES = 36 * 2**20


def _looped(itemsize: int) -> Iterator[Probe]:
    for equation, free, sizes in LOOPED:
        terms = equation.replace("->", ",").split(",")
        rest = max(math.prod(sizes.get(i, 1) for i in term) for term in terms if free in term)
        whole = {**sizes, free: LOOPED_BYTES // itemsize // rest}
        yield Probe("loop", equation, tuple(tuple(whole[i] for i in term) for term in terms[:-1]))
