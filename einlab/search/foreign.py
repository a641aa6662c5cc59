"""Orders from elsewhere: explicit paths, opt_einsum's and cotengra's searches and trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from einlab.contraction import Contraction
from einlab.errors import ArgumentTypeError, PathError
from einlab.search.tree import Tree, tree_from_path

__all__ = ["foreign_tree"]


def foreign_tree(
    contraction: Contraction, source: Any, size_limit: int | None
) -> tuple[Tree, tuple[int, ...], str]:
    """The tree, the sliced indices and the name of an order that was not searched here.

    `source` is a path in opt_einsum's form, a callable that gives one from (inputs, output,
    sizes, limit), as opt_einsum's and cotengra's searches do, or a cotengra tree.

    Raises PathError for a wrong path, ArgumentTypeError for anything else.
    """
    if hasattr(source, "get_path") and hasattr(source, "sliced_inds"):
        return _from_cotengra(contraction, source)
    if callable(source):
        name = getattr(source, "__name__", type(source).__name__)
        inputs = [frozenset(leaf) for leaf in contraction.leaves]
        path = source(inputs, frozenset(contraction.output), dict(contraction.sizes), size_limit)
        if not isinstance(path, Sequence):
            raise PathError(f"the search {name} gave {path!r:.60}, which is no path")
        return tree_from_path(contraction, path), (), name
    if isinstance(source, Sequence):
        if source and source[0] == "einsum_path":  # NumPy's form of a path
            source = source[1:]
        return tree_from_path(contraction, source), (), "path"
    raise ArgumentTypeError(
        f"optimize is the name of a search, a path or a search object, not {source!r:.60}"
    )


def _from_cotengra(contraction: Contraction, tree: Any) -> tuple[Tree, tuple[int, ...], str]:
    """A cotengra ContractionTree, by its path and its sliced indices."""
    number = {index: place for place, index in enumerate(contraction.sizes)}
    unknown = [index for index in tree.sliced_inds if index not in number]
    if unknown:
        raise PathError(f"the tree slices index {unknown[0]!r}, which the equation does not have")
    sliced = tuple(
        sorted(number[index] for index in tree.sliced_inds if contraction.sizes[index] > 1)
    )
    return tree_from_path(contraction, tree.get_path()), sliced, type(tree).__name__
