"""Limits of memory, kept by the order of the steps, else by slicing, else refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from einlab.errors import MemoryLimitError
from einlab.objectives import Objective
from einlab.search.slicing import slice_indices
from einlab.search.tree import Tree
from einlab.search.value import in_peak_order, largest_before_last, peak_bytes, tree_value

__all__ = ["Limits", "within"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan may use; None is without limit."""

    memory: int | None = None
    """Bytes alive at once, arguments and result included."""
    size: int | None = None
    """Elements of the result of any step but the last."""
    dtype: str | None = None
    """The dtype of the result; None is what the operands promote to."""

    def __bool__(self) -> bool:
        return self.memory is not None or self.size is not None

    def kept(self, tree: Tree, sliced: Collection[int] = ()) -> bool:
        """Whether one slice of the tree stays within both limits."""
        return (self.size is None or largest_before_last(tree, sliced) <= self.size) and (
            self.memory is None or self.peak(tree, sliced) <= self.memory
        )

    def peak(self, tree: Tree, sliced: Collection[int] = ()) -> int:
        """Bytes alive at once."""
        return peak_bytes(tree, sliced, self.dtype)


def within(
    trees: Iterable[Callable[[], Tree]], objective: Objective, limits: Limits
) -> tuple[Tree, tuple[int, ...]]:
    """The cheapest of some trees that keeps the limits, with the indices to slice.

    `trees` are asked for in turn. Raises MemoryLimitError naming the smallest limit that would do.
    """
    best: tuple[int, Tree, tuple[int, ...]] | None = None
    seen: list[Tree] = []
    for make in trees:
        tree = in_peak_order(make()) if limits.memory is not None else make()
        seen.append(tree)
        sliced = slice_indices(tree, objective, limits.kept)
        if sliced is None:
            continue
        value = tree_value(tree, objective, sliced)
        if best is None or value < best[0]:
            best = value, tree, sliced
    if best is None:
        raise _refusal(seen, limits)
    return best[1], best[2]


def _refusal(trees: list[Tree], limits: Limits) -> MemoryLimitError:
    """What limit would do: the least that any of the trees needs with every index sliced."""
    everything = [
        sorted({i for term in tree.terms for i in term if tree.contraction.network.sizes[i] > 1})
        for tree in trees
    ]
    whole = min(
        min(limits.peak(tree), limits.peak(tree, sliced))
        for tree, sliced in zip(trees, everything, strict=True)
    )
    if limits.memory is not None and limits.memory < whole:
        error = MemoryLimitError(
            f"no order and no slicing keeps {limits.memory:,} bytes: "
            f"the smallest memory limit that would do is {whole:,} bytes, "
            "arguments and result included"
        )
        error.smallest = whole
        return error
    return MemoryLimitError(
        f"no order and no slicing keeps every intermediate within {limits.size} elements; "
        "1 would do"
    )
