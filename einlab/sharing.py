"""Trees of several contractions over common operands, chosen for what they can share.

Products that are the same in two contractions, whatever their letters, need be made only once. A
contraction gets its own best tree; or one that is grown from products that others make already; or,
where it lacks one operand of a whole (gradients, environments), the tree of the whole hung up at
that operand: reverse mode, in which all of them together cost about three times the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass

from einlab import dtypes
from einlab.contraction import Contraction, Term
from einlab.errors import EinlabError
from einlab.planning import make_plan
from einlab.settings import Settings, result_dtype

__all__ = ["Key", "Member", "Pairs", "Reading", "grown", "hung_up"]

Pairs = tuple[tuple[int, int], ...]

MOST_CHECKED = 4000
"""Products known that are tried as parts of a contraction; of more, only whole trees share."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the contractions: its operands are numbers of the common ones."""

    contraction: Contraction
    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What a product is, whatever its letters."""

    joined: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]
    """Of each operand: its number, those of its indices, its axes that are broadcast."""
    left: frozenset[int]
    """The indices that are not summed."""
    dtype: str


class Reading:
    """A member read for comparison with others: its products by key, whatever its letters."""

    def __init__(self, member: Member, settings: Settings) -> None:
        self.member = member
        given = member.contraction
        dtype = result_dtype(given.dtypes, settings.preferred_element_type)
        self.held_in = dtypes.held_in(given.dtypes, dtype)
        self.holders: dict[str, set[int]] = {}
        for leaf, term in enumerate(given.leaves):
            for index in term:
                self.holders.setdefault(index, set()).add(leaf)
        self._leaves: dict[Pairs, list[tuple[int, ...]]] = {}

    def leaves(self, pairs: Pairs) -> list[tuple[int, ...]]:
        """The leaves below each array of a tree."""
        if pairs not in self._leaves:
            below: list[tuple[int, ...]] = [(leaf,) for leaf in range(len(self.member.operands))]
            for left, right in pairs:
                below.append(below[left] + below[right])
            self._leaves = {pairs: below}
        return self._leaves[pairs]

    def kept(self, leaves: Sequence[int]) -> Term:
        """The indices that are left of a product over some leaves."""
        given, inside = self.member.contraction, set(leaves)
        found = dict.fromkeys(index for leaf in leaves for index in given.leaves[leaf])
        return tuple(i for i in found if i in given.output or not self.holders[i] <= inside)

    def key(self, leaves: Sequence[int], kept: Sequence[str]) -> tuple[Key, dict[str, int]]:
        """What the product over some leaves is, and the number of each of its indices in it."""
        given, operands = self.member.contraction, self.member.operands
        number: dict[str, int] = {}
        joined = []
        for leaf in sorted(leaves, key=lambda leaf: (operands[leaf], given.terms[leaf])):
            for index in given.terms[leaf]:
                number.setdefault(index, len(number))
            term = given.terms[leaf]
            spread = tuple(axis for axis in range(len(term)) if given.is_broadcast(leaf, axis))
            joined.append((operands[leaf], tuple(number[index] for index in term), spread))
        left = frozenset(number[index] for index in kept)
        return Key(tuple(joined), left, self.held_in), number

    def needed(self, pairs: Pairs, known: Container[Key]) -> list[tuple[int, Key]]:
        """Number and key of each product of a tree that is not known, nor below a known one."""
        found = []
        count, below = len(self.member.operands), self.leaves(pairs)
        waiting = [count + len(pairs) - 1] if pairs else []
        while waiting:
            array = waiting.pop()
            key, _ = self.key(below[array], self.kept(below[array]))
            if key not in known:
                found.append((array, key))
                waiting.extend(side for side in pairs[array - count] if side >= count)
        return found

    def new_work(self, pairs: Pairs, known: Container[Key]) -> int:
        """Multiplications of the products that are not known."""
        count, below = len(self.member.operands), self.leaves(pairs)
        volume = self.member.contraction.volume
        return sum(
            volume({i for side in pairs[array - count] for i in self.kept(below[side])})
            for array, _ in self.needed(pairs, known)
        )


def hung_up(members: Sequence[Member], settings: Settings) -> list[Pairs | None] | None:
    """For each contraction that lacks one operand of the whole, the whole's tree hung up there.

    None if the contractions do not read as parts of one whole.
    """
    terms: dict[int, tuple[Term, tuple[int, ...], str]] = {}
    for member in members:
        given = member.contraction
        for place, term, shape, dtype in zip(
            member.operands, given.terms, given.shapes, given.dtypes, strict=True
        ):
            if terms.setdefault(place, (term, shape, dtype)) != (term, shape, dtype):
                return None
        if len(set(member.operands)) < len(member.operands):
            return None
    places = sorted(terms)
    if not any(len(member.operands) == len(places) - 1 for member in members):
        return None
    common = set(members[0].contraction.output).intersection(
        *(member.contraction.output for member in members[1:])
    )
    output = tuple(index for index in members[0].contraction.output if index in common)
    arrays = [terms[place] for place in places]
    try:
        whole = Contraction(
            tuple(term for term, _, _ in arrays),
            output,
            tuple(shape for _, shape, _ in arrays),
            tuple(dtype for _, _, dtype in arrays),
        )
    except EinlabError:  # the letters of two contractions mean different sizes
        return None
    pairs = make_plan(whole, settings).pairs
    return [_without_one(pairs, places, member) for member in members]


def _without_one(pairs: Pairs, places: list[int], member: Member) -> Pairs | None:
    """The tree over `places`, hung up at the one operand that a member lacks, as its own tree."""
    missing = set(places) - set(member.operands)
    if len(missing) != 1:
        return None
    count = len(places)
    parent = {side: step for step, pair in enumerate(pairs) for side in pair}
    lost = places.index(missing.pop())
    path = [lost]
    while path[-1] in parent:
        path.append(count + parent[path[-1]])
    number = {places.index(place): at for at, place in enumerate(member.operands)}
    made: list[tuple[int, int]] = []
    for step, (left, right) in enumerate(pairs):  # what stands beside the path, as it was
        if left in number and right in number:
            made.append((number[left], number[right]))
            number[count + step] = len(member.operands) + len(made) - 1
    above: int | None = None
    for below, over in zip(path[-2::-1], path[:0:-1], strict=True):  # from the root downwards
        (sibling,) = (side for side in pairs[over - count] if side != below)
        if above is None:
            above = number[sibling]
        else:
            made.append((min(above, number[sibling]), max(above, number[sibling])))
            above = len(member.operands) + len(made) - 1
    return tuple(made)


def grown(members: Sequence[Member], trees: Sequence[Pairs], settings: Settings) -> list[Pairs]:
    """One contraction after the other, each from products that those before it make already."""
    known: set[Key] = set()
    chosen = []
    for member, pairs in zip(members, trees, strict=True):
        reading = Reading(member, settings)
        candidates = [pairs]
        if 0 < len(known) <= MOST_CHECKED:
            candidates.append(_from_known(reading, pairs, known, settings))
        best = min(candidates, key=lambda tree: reading.new_work(tree, known))
        known.update(key for _, key in reading.needed(best, known))
        chosen.append(best)
    return chosen


def _from_known(
    reading: Reading, pairs: Pairs, known: Collection[Key], settings: Settings
) -> Pairs:
    """A tree that begins with the largest known products that fit, and is planned from there."""
    tips = _known_tips(reading, known)
    if not tips:
        return pairs
    given = reading.member.contraction
    count = len(given.terms)
    made: list[tuple[int, int]] = []
    starts: list[int] = []
    for leaves, _ in tips:
        top = leaves[0]
        for leaf in leaves[1:]:
            made.append((min(top, leaf), max(top, leaf)))
            top = count + len(made) - 1
        starts.append(top)
    taken = {leaf for leaves, _ in tips for leaf in leaves}
    rest = [leaf for leaf in range(count) if leaf not in taken]
    smaller = Contraction(
        (*(kept for _, kept in tips), *(given.terms[leaf] for leaf in rest)),
        given.output,
        (
            *(tuple(given.sizes[index] for index in kept) for _, kept in tips),
            *(given.shapes[leaf] for leaf in rest),
        ),
        (*(reading.held_in for _ in tips), *(given.dtypes[leaf] for leaf in rest)),
    )
    number = dict(enumerate((*starts, *rest)))
    for left, right in make_plan(smaller, settings).pairs:
        a, b = number[left], number[right]
        made.append((min(a, b), max(a, b)))
        number[len(number)] = count + len(made) - 1
    return tuple(made)


def _known_tips(reading: Reading, known: Collection[Key]) -> list[tuple[tuple[int, ...], Term]]:
    """Disjoint sets of leaves whose products are known, largest first, and what is left of each."""
    places = {operand: leaf for leaf, operand in enumerate(reading.member.operands)}
    taken: set[int] = set()
    tips = []
    for key in sorted(known, key=lambda key: -len(key.joined)):
        leaves = tuple(places[operand] for operand, _, _ in key.joined if operand in places)
        if len(set(leaves)) < len(key.joined) or taken.intersection(leaves):
            continue
        kept = reading.kept(leaves)
        if reading.key(leaves, kept)[0] == key:
            taken.update(leaves)
            tips.append((leaves, kept))
    return tips
