"""`ProductForm`: how a product of two arrays runs, and which arrays it copies to permute them.

A product runs in one of five forms:

- dot: one product of matrices over fused axes, the result permuted if it must lie otherwise;
- loop: the same over one or two indices of the result, so many values of each at a time: blocks of
  the operands and of the result are permuted while they are in the cache, and no array of the
  result's size stands beside the result;
- reduce: entries multiplied and summed, the operands as they lie: products of matrices and vectors
  whose batch indices do not stand first;
- unroll: a sum of k outer products: batches of tiny matrices;
- native: compiled code of our own, on a CPU, which takes operands and result in any order of their
  axes; steps that follow each other share one call. Products that sum nothing can run so too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from einlab.contraction import Term
from einlab.orders import Roles, roles

__all__ = [
    "NATIVE_DTYPES",
    "Copies",
    "FormKind",
    "ProductForm",
    "arranged",
    "copies",
    "default_form",
    "inside",
    "is_swapped",
    "one_by_one",
    "sizes_within",
]

FormKind = Literal["dot", "loop", "reduce", "unroll", "native"]

NATIVE_DTYPES = ("float32", "float64")
"""What compiled code of our own computes with."""


@dataclass(frozen=True, slots=True)
class ProductForm:
    """How one product runs: which operand is the first, the order of the axes that are fused."""

    kind: FormKind
    swapped: bool
    """Whether the second array of the tree's pair is the left operand."""
    roles: Roles
    """Indices by role, each role in the order in which its axes are fused."""
    looped: Term = ()
    """Of a loop: the indices of the result that it goes over, outermost first."""
    blocks: tuple[int, ...] = ()
    """Of a loop: how many values of each of them an iteration takes; one of each if empty."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Which arrays of a product are copied to be permuted; in a loop, of which one block each."""

    left: bool
    right: bool
    result: bool
    """The product is made in another order, and its result is a permuted copy."""


def is_swapped(left: Term, right: Term, result: Term) -> bool:
    """Whether the result has an index of the right operand alone first: then that goes first.

    >>> is_swapped(("k", "j"), ("i", "k"), ("i", "j"))
    True
    """
    in_left, in_right = set(left), set(right)
    for index in result:
        if index not in in_right:
            return False
        if index not in in_left:
            return True
    return False


def default_form(left: Term, right: Term, result: Term) -> ProductForm:
    """One product of matrices; every role but k follows the result.

    >>> default_form(("k", "j"), ("i", "k"), ("i", "j")).roles
    Roles(batch=(), m=('i',), k=('k',), n=('j',))
    """
    swapped = is_swapped(left, right, result)
    first, second = (right, left) if swapped else (left, right)
    return ProductForm("dot", swapped, roles(first, second, result))


def arranged(term: Term, batch: Term, outer: Term, inner: Term) -> Term:
    """The order in which an operand is multiplied: its own if its axes fuse as they lie.

    The batch stands first; of the other two groups, `outer` goes first unless the operand has
    `inner` first.

    >>> arranged(("k", "b", "i"), ("b",), ("i",), ("k",))
    ('b', 'i', 'k')
    >>> arranged(("b", "k", "i"), ("b",), ("i",), ("k",))
    ('b', 'k', 'i')
    """
    return term if term == batch + inner + outer else batch + outer + inner


def one_by_one(looped: Term, blocks: tuple[int, ...]) -> Term:
    """The looped indices of which an iteration takes one value; they are no axes within it.

    >>> one_by_one(("a", "b"), (1, 8)), one_by_one(("a", "b"), ())
    (('a',), ('a', 'b'))
    """
    if not blocks:
        return looped
    return tuple(index for index, size in zip(looped, blocks, strict=True) if size == 1)


def sizes_within(
    sizes: Mapping[str, int], looped: Term, blocks: tuple[int, ...]
) -> Mapping[str, int]:
    """The sizes of all indices within one iteration of a loop.

    >>> sizes_within({"a": 16, "b": 24, "c": 5}, ("a", "b"), (1, 8))
    {'a': 1, 'b': 8, 'c': 5}
    """
    if not looped:
        return sizes
    return {**sizes, **dict(zip(looped, blocks or (1,) * len(looped), strict=True))}


def inside(parts: Roles, looped: Term) -> Roles:
    """The roles within one iteration of a loop that goes over these indices one by one."""
    if not looped:
        return parts
    groups = (parts.batch, parts.m, parts.k, parts.n)
    return Roles(*(tuple(index for index in group if index not in looped) for group in groups))


def copies(
    form: ProductForm, left: Term, right: Term, result: Term, sizes: Mapping[str, int]
) -> Copies:
    """Which arrays a product copies; axes of length 1 may move without a copy.

    `left` and `right` are the terms of the form's operands, the first one first.

    >>> form = default_form(("i", "k"), ("k", "j"), ("i", "j"))
    >>> copies(form, ("i", "k"), ("k", "j"), ("i", "j"), {"i": 2, "j": 3, "k": 4})
    Copies(left=False, right=False, result=False)
    """
    if form.kind in ("reduce", "native"):
        return Copies(False, False, False)
    looped = one_by_one(form.looped, form.blocks)
    parts, sizes = inside(form.roles, looped), sizes_within(sizes, form.looped, form.blocks)
    inner = [tuple(index for index in term if index not in looped) for term in (left, right)]
    orders = (
        arranged(inner[0], parts.batch, parts.m, parts.k),
        arranged(inner[1], parts.batch, parts.k, parts.n),
    )
    made = tuple(index for index in result if index not in looped)
    return Copies(
        _moves(inner[0], orders[0], sizes),
        _moves(inner[1], orders[1], sizes),
        _moves(made, parts.natural, sizes),
    )


def _moves(term: Term, order: Term, sizes: Mapping[str, int]) -> bool:
    """Whether axes longer than 1 change places."""
    if term == order:
        return False
    return [i for i in term if sizes[i] > 1] != [i for i in order if sizes[i] > 1]
