"""`PathSearch`: einlab's searches in the form that opt_einsum, JAX and cotengra call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import opt_einsum
from opt_einsum.paths import PathOptimizer

from einlab.contraction import Contraction
from einlab.errors import EquationError, MemoryLimitError, ShapeError
from einlab.plancache import find_order
from einlab.search.budget import Trials
from einlab.search.foreign import cotengra_tree
from einlab.search.portfolio import Found
from einlab.settings import settings_from

__all__ = ["PathSearch"]

Term = Collection[Any]
"""The indices of an array: a set, as opt_einsum gives it, or a sequence, as cotengra does."""

DTYPE = "float32"
"""Of the operands, since callers of this form tell none; limits in elements do not depend on it."""


@dataclass(frozen=True)
class PathSearch(PathOptimizer):  # type: ignore[misc]  # opt_einsum's classes are not annotated
    """A search to hand to `opt_einsum.contract`, `jax.numpy.einsum` or `cotengra.einsum`.

    The settings are `einlab.plan`'s: the name of a search, its objective, a budget in seconds, as
    text or as `Trials`, and a seed.

    >>> import numpy as np
    >>> a, b, c = np.ones((9, 8)), np.ones((8, 7)), np.ones((7, 1))
    >>> float(opt_einsum.contract("ij,jk,kl->il", a, b, c, optimize=PathSearch()).sum())
    504.0
    >>> PathSearch()([{"i", "j"}, {"j", "k"}, {"k"}], {"i"}, {"i": 9, "j": 8, "k": 7})
    [(1, 2), (0, 1)]
    """

    optimize: Any = "auto"
    budget: float | str | Trials | None = None
    seed: int = 0
    objective: str | None = None

    def __call__(
        self,
        inputs: Sequence[Term],
        output: Term,
        size_dict: Mapping[Any, int],
        memory_limit: int | None = None,
    ) -> list[tuple[int, ...]]:
        """The path for operands with these indices, in opt_einsum's form.

        `size_dict` gives the size of each index, `memory_limit` the most elements that an
        intermediate may have; None and -1 are no limit.

        Raises ShapeError for an index without a size, EquationError for an output index of no
        operand, MemoryLimitError if only slicing would keep the limit, which no path can say.
        """
        found = self._find(inputs, output, size_dict, memory_limit)
        if found.sliced:
            raise MemoryLimitError(
                f"no order found keeps every intermediate to {memory_limit:,} elements without "
                "slicing, which a path cannot say; einlab.contract slices"
            )
        return list(found.tree.path) or [(0,)]

    def search(self, inputs: Sequence[Term], output: Term, size_dict: Mapping[Any, int]) -> Any:
        """The tree that the search finds, as a cotengra `ContractionTree`.

        Raises what a call raises, and MissingPackageError if cotengra is not installed.

        >>> sizes = {"i": 9, "j": 8, "k": 7}
        >>> PathSearch().search([("i", "j"), ("j", "k")], ("i", "k"), sizes).contraction_cost()
        504
        """
        terms = [tuple(term) for term in inputs]
        found = self._find(terms, output, size_dict, None)
        return cotengra_tree(terms, tuple(output), dict(size_dict), found.tree.pairs, ())

    def _find(
        self,
        inputs: Sequence[Term],
        output: Term,
        size_dict: Mapping[Any, int],
        memory_limit: int | None,
    ) -> Found:
        settings = settings_from(
            {
                "optimize": self.optimize,
                "budget": self.budget,
                "seed": self.seed,
                "objective": self.objective,
                "memory_limit": memory_limit,
            }
        )
        return find_order(_contraction(inputs, output, size_dict), settings, DTYPE)


def _contraction(inputs: Sequence[Term], output: Term, size_dict: Mapping[Any, int]) -> Contraction:
    """The contraction of indices that may be anything: each gets a letter where it first appears.

    The indices of a set are taken in the order of their names, so that the same call gives the same
    path in every process.
    """
    letters: dict[Any, str] = {}
    terms = [_ordered(term) for term in inputs]
    for index in (index for term in terms for index in term):
        if index not in letters:
            letters[index] = opt_einsum.get_symbol(len(letters))
    for index in letters:
        if index not in size_dict:
            raise ShapeError(f"index {index!r} has no size in the sizes given")
    result = _ordered(output)
    for index in result:
        if index not in letters:
            raise EquationError(f"output index {index!r} is in no operand")
    return Contraction(
        tuple(tuple(letters[index] for index in term) for term in terms),
        tuple(letters[index] for index in result),
        tuple(tuple(int(size_dict[index]) for index in term) for term in terms),
        (DTYPE,) * len(terms),
    )


def _ordered(term: Term) -> Sequence[Any]:
    return term if isinstance(term, Sequence) else sorted(term, key=repr)
