"""Trees and searches for other packages: opt_einsum's path optimizers, cotengra's trees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from opt_einsum.paths import PathOptimizer

from einlab.contraction import Contraction
from einlab.errors import ArgumentError
from einlab.objectives import Objective
from einlab.search.budget import Trials
from einlab.search.portfolio import find
from einlab.search.tree import Tree

__all__ = ["Search", "cotengra_tree"]


class Search(PathOptimizer):  # type: ignore[misc]
    """A search of einlab as an opt_einsum path optimizer.

    Give it to `opt_einsum.contract`, `opt_einsum.contract_path` or `jax.numpy.einsum` as
    `optimize=`. A memory limit is the number of elements that an intermediate may have; as a path
    cannot say what is sliced, one that only slicing keeps is refused with MemoryLimitError.

    >>> import opt_einsum
    >>> shapes = (1000, 10), (10, 1000), (1000, 1)
    >>> opt_einsum.contract_path("ij,jk,kl->il", *shapes, shapes=True, optimize=Search())[0]
    [(1, 2), (0, 1)]
    """

    def __init__(
        self,
        name: str = "auto",
        *,
        objective: str | Objective | None = "flops",
        budget: float | Trials | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.name, self.objective, self.budget, self.seed = name, objective, budget, seed

    def __call__(
        self,
        inputs: Sequence[Collection[str]],
        output: Iterable[str],
        size_dict: Mapping[str, int],
        memory_limit: int | None = None,
    ) -> list[tuple[int, ...]]:
        """The path, from the index sets of the operands and of the result."""
        terms = tuple(tuple(sorted(term)) for term in inputs)
        shapes = tuple(tuple(size_dict[index] for index in term) for term in terms)
        contraction = Contraction(terms, tuple(sorted(output)), shapes, ("float32",) * len(terms))
        found = find(
            contraction,
            optimize=self.name,
            objective=self.objective,
            budget=self.budget,
            seed=self.seed,
            size_limit=memory_limit,
        )
        if found.sliced:
            raise ArgumentError(
                f"no path keeps intermediates within {memory_limit} elements unless "
                f"{', '.join(found.sliced)} are sliced, which a path cannot say"
            )
        return list(found.tree.path) or [(0,)]


def cotengra_tree(tree: Tree, sliced: Iterable[str] = ()) -> Any:
    """The tree as a cotengra ContractionTree, with the named indices sliced.

    Raises ArgumentError if cotengra is not installed.
    """
    try:
        from cotengra import ContractionTree  # a peer that nothing else here needs
    except ImportError as error:
        raise ArgumentError("cotengra is not installed: pip install cotengra") from error
    contraction = tree.contraction
    made = ContractionTree.from_path(
        contraction.leaves, contraction.output, dict(contraction.sizes), ssa_path=tree.pairs
    )
    for index in sliced:
        made.remove_ind_(index)
    return made
