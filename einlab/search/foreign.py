"""Orders from and for elsewhere: explicit paths, opt_einsum's and cotengra's searches and trees."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import opt_einsum

from einlab.contraction import Contraction
from einlab.errors import ArgumentTypeError, PathError
from einlab.extras import require
from einlab.search.tree import Tree, tree_from_path

__all__ = ["cotengra_tree", "foreign_tree", "registered"]


def foreign_tree(contraction: Contraction, source: Any) -> tuple[Tree, tuple[int, ...], str]:
    """The tree, the sliced indices and the name of an order that was not searched here.

    `source` is a path in opt_einsum's form, a callable that gives one from (inputs, output,
    sizes, limit), as opt_einsum's and cotengra's searches do, or a cotengra tree. A cotengra search
    that can give a tree is asked for it, since a path does not say which indices it slices.

    Raises PathError for a wrong path, ArgumentTypeError for anything else.
    """
    if _is_cotengra_tree(source):
        return _from_cotengra(contraction, source, type(source).__name__)
    if callable(source):
        name = getattr(source, "__name__", type(source).__name__)
        inputs = [frozenset(leaf) for leaf in contraction.leaves]
        sizes = dict(contraction.sizes)
        if type(source).__module__.partition(".")[0] == "cotengra" and hasattr(source, "search"):
            tree = source.search(contraction.leaves, contraction.output, sizes)
            return _from_cotengra(contraction, tree, name)
        # Limits are kept by slicing afterwards: under one that they cannot keep, opt_einsum's
        # searches raise or give a single step over all operands.
        limit = (None,) if _takes_a_limit(source) else ()
        path = source(inputs, frozenset(contraction.output), sizes, *limit)
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


def registered(name: str) -> Callable[..., Any] | None:
    """The search of that name among those registered with opt_einsum; None if there is none.

    Importing cotengra registers its own, such as "hyper".

    >>> registered("no such search") is None
    True
    """
    try:
        found: Callable[..., Any] = opt_einsum.paths.get_path_fn(name)
    except KeyError:
        return None
    return found


def cotengra_tree(
    inputs: Sequence[Sequence[Any]],
    output: Sequence[Any],
    sizes: Mapping[Any, int],
    pairs: Sequence[tuple[int, int]],
    sliced: Sequence[Any],
) -> Any:
    """A cotengra `ContractionTree` over the operands, with the same steps and slices.

    Raises MissingPackageError if cotengra is not installed.
    """
    trees = require("cotengra").ContractionTree
    tree = trees.from_path(inputs, output, dict(sizes), ssa_path=pairs)
    for index in sliced:
        tree.remove_ind_(index)
    return tree


def _is_cotengra_tree(source: Any) -> bool:
    return hasattr(source, "get_path") and hasattr(source, "sliced_inds")


def _takes_a_limit(search: Callable[..., Any]) -> bool:
    """Whether a search takes a limit of memory after inputs, output and sizes."""
    try:
        inspect.signature(search).bind(None, None, None, None)
    except TypeError:
        return False
    return True


def _from_cotengra(
    contraction: Contraction, tree: Any, name: str
) -> tuple[Tree, tuple[int, ...], str]:
    """A cotengra ContractionTree, by its path and its sliced indices."""
    number = {index: place for place, index in enumerate(contraction.sizes)}
    unknown = [index for index in tree.sliced_inds if index not in number]
    if unknown:
        raise PathError(f"the tree slices index {unknown[0]!r}, which the equation does not have")
    sliced = tuple(
        sorted(number[index] for index in tree.sliced_inds if contraction.sizes[index] > 1)
    )
    return tree_from_path(contraction, tree.get_path()), sliced, name
