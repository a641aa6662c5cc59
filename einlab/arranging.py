"""Arranging a tree: the index order of every intermediate and the form of every product.

`choose_orders` goes back from the result and asks of each array the order that suits its product;
most trees need no permutation then, and that is all. Where a large array would be permuted, a
dynamic programme over the tree weighs what the two costs: for each intermediate it tries a few
orders, those that its own product gives for nothing and those that its consumer asks for, and for
each product the form, the first operand and the order inside each role that are predicted fastest.
The permutation to the requested output, and operands that lie as they are given, take part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from einlab.contraction import Term
from einlab.forms import ProductForm, copies, default_form
from einlab.formsearch import best_form, form_seconds
from einlab.joining import join_native
from einlab.orders import choose_orders, roles
from einlab.permuting import FormCosts
from einlab.search.tree import Tree

__all__ = ["Arranged", "arrange", "seconds_of"]

WORTH = 2**18
"""Entries copied from which on another order or form is looked for. Smaller permutations cost XLA
anything between 0.1 and 8 ns an entry, so that what seems cheaper by the model may be dearer."""
SURE = 32
"""How much more entries count in products with vectors and in batches of tiny matrices, whose other
forms are faster wherever they apply."""
CROSSED = 2**13
"""The same for entries of an operand that a native product takes in another order than it lies."""
MOST_PRODUCTS = 40
"""Products of which the form is looked for in one tree, those that copy most."""
MOST_TRIALS = 120
"""Trials of another order of one of their arrays: with the above, at most some 50 milliseconds."""


KnownForms = dict[tuple[Term, Term, Term], tuple[float, ProductForm | None]]
"""Of products by the terms of their operands and result: least seconds, and the form."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """Of each product of a tree, in order: the index order of its result, and its form."""

    orders: tuple[Term, ...]
    forms: tuple[ProductForm | None, ...]
    """None is the default form, one product of matrices; empty if all are None."""


def arrange(tree: Tree, costs: FormCosts, known: KnownForms | None = None) -> Arranged:
    """The orders and forms of a tree that are predicted fastest at these costs.

    `known` keeps the best forms of products, so that trees of one contraction can share them.

    >>> from einlab.contraction import Contraction
    >>> from einlab.permuting import form_costs
    >>> c = Contraction((("i", "k"), ("k", "j")), ("i", "j"), ((5, 5),) * 2, ("float32",) * 2)
    >>> arrange(Tree(c, ((0, 1),)), form_costs("cpu", "float32")).forms
    ()
    """
    orders = choose_orders(tree)
    work = _Work(tree, orders, costs, {} if known is None else known)
    worth = work.worth_looking_at()
    made = work.arranged(worth) if worth else Arranged(orders, ())
    return Arranged(made.orders, join_native(tree, made.orders, made.forms, costs))


def seconds_of(tree: Tree, arranged: Arranged, costs: FormCosts) -> float:
    """The predicted seconds of a tree's products as they are arranged, calls not counted.

    >>> from einlab.contraction import Contraction
    >>> from einlab.permuting import form_costs
    >>> c = Contraction((("i", "k"), ("k", "j")), ("i", "j"), ((9, 9),) * 2, ("float32",) * 2)
    >>> tree, costs = Tree(c, ((0, 1),)), form_costs("cpu", "float32")
    >>> 0 < seconds_of(tree, arrange(tree, costs), costs) < 1e-4
    True
    """
    terms = (*tree.contraction.leaves, *arranged.orders)
    count, sizes = len(tree.contraction.leaves), tree.contraction.sizes
    forms = arranged.forms or (None,) * len(tree.pairs)
    return sum(
        form_seconds(form, terms[left], terms[right], terms[count + step], sizes, costs)
        for step, ((left, right), form) in enumerate(zip(tree.pairs, forms, strict=True))
    )


class _Work:
    """The dynamic programme over one tree."""

    def __init__(
        self, tree: Tree, orders: tuple[Term, ...], costs: FormCosts, known: KnownForms
    ) -> None:
        contraction = tree.contraction
        self.tree, self.costs = tree, costs
        self.sizes = contraction.sizes
        self.count = len(contraction.terms)
        self.terms: list[Term] = [*contraction.leaves, *orders]
        self.tried: list[tuple[Term, ...]] = [(term,) for term in self.terms]
        self.known = known

    def worth_looking_at(self) -> list[int]:
        """The products that copy many entries or are batches of small matrices, worst first."""
        found = []
        natively = self.costs.native is not None
        for step, (left, right) in enumerate(self.tree.pairs):
            entries = (self._crossed if natively else self._copied)(step, left, right)
            if entries >= (CROSSED if natively else WORTH):
                found.append((-entries, step))
        return [step for _, step in sorted(found)[:MOST_PRODUCTS]]

    def _crossed(self, step: int, left: int, right: int) -> int:
        """Entries that a native product reads or writes in short runs; batches of tiny matrices."""
        volume, result = self.tree.contraction.volume, self.terms[self.count + step]
        operands = self.terms[left], self.terms[right]
        both = set(operands[0]) & set(operands[1])
        entries = 0
        if both & set(result) and 1 < volume(both - set(result)) <= self.costs.unrolled_k:
            entries = volume(result)
        for term in operands:
            last = [index for index in term if self.sizes[index] > 1][-1:]
            free = [i for i in result if i in term and i not in both and self.sizes[i] > 1]
            if last and free and last[0] in free and last[0] != free[-1]:
                entries += volume(term)
            elif last and last[0] in both and last[0] in result:
                entries += volume(term)  # matrices that lie one within the other
        return entries

    def _copied(self, step: int, left: int, right: int) -> int:
        """Entries copied by the default form; those of a batch of small matrices count too."""
        terms, volume = self.terms, self.tree.contraction.volume
        result = terms[self.count + step]
        first, second = terms[left], terms[right]
        if max(volume(first), volume(second), volume(result)) * SURE < WORTH:
            return 0
        form = default_form(first, second, result)
        if form.swapped:
            first, second = second, first
        copied = copies(form, first, second, result, self.sizes)
        entries = copied.left * volume(first) + copied.right * volume(second)
        packed = bool(form.roles.n) and first[-1:] != () and first[-1] in form.roles.m
        if packed and not copied.left:
            entries += volume(first) // 2  # it is packed as it is multiplied
        entries += copied.result * volume(result)
        if form.roles.batch and 1 < volume(form.roles.k) <= self.costs.unrolled_k:
            return SURE * (entries + volume(result))
        return entries if form.roles.m and form.roles.n else SURE * entries

    def arranged(self, worth: list[int]) -> Arranged:
        """The best orders and forms, tried at these products and around them."""
        consumer = {array: step for step, pair in enumerate(self.tree.pairs) for array in pair}
        self._widen(worth, consumer)
        searched = set(worth)
        for array in range(self.count, len(self.terms)):
            if len(self.tried[array]) > 1:
                searched |= {array - self.count, consumer[array]}
        best = self._table(searched)
        return self._traced(best)

    def _widen(self, worth: list[int], consumer: dict[int, int]) -> None:
        """Give the arrays of these products more orders to try, while there are trials left."""
        left_over = MOST_TRIALS
        last = len(self.terms) - 1
        for step in worth:
            for array in (*self.tree.pairs[step], self.count + step):
                if not self.count <= array < last or len(self.tried[array]) > 1:
                    continue
                candidates = self._candidates(array, consumer[array])
                trials = len(candidates) * 8
                if trials > left_over:
                    return
                left_over -= trials
                self.tried[array] = candidates

    def _candidates(self, array: int, taken_by: int) -> tuple[Term, ...]:
        """Orders of an intermediate: what its product gives, and what its consumer can take."""
        terms, pairs = self.terms, self.tree.pairs
        order = terms[array]
        left, right = (terms[one] for one in pairs[array - self.count])
        made = roles(left, right, order)
        m = tuple(index for index in left if index in made.m)
        n = tuple(index for index in right if index in made.n)
        pair = pairs[taken_by]
        other = terms[pair[1] if pair[0] == array else pair[0]]
        result = terms[self.count + taken_by]
        asked = roles(order, other, result)
        summed = tuple(index for index in other if index in asked.k)
        return _distinct(
            order,
            made.batch + m + n,
            made.batch + n + m,
            asked.batch + asked.m + summed,
            asked.batch + summed + asked.m,
        )

    def _table(self, searched: set[int]) -> list[dict[Term, _Entry]]:
        """For each array and each of its orders, the least seconds of all below it, and how."""
        table: list[dict[Term, _Entry]] = [{term: _Entry(0.0)} for term in self.terms[: self.count]]
        for step, (left, right) in enumerate(self.tree.pairs):
            mine: dict[Term, _Entry] = {}
            for result in self.tried[self.count + step]:
                mine[result] = min(
                    (
                        self._entry(step in searched, table, (left, right), (a, b), result)
                        for a in table[left]
                        for b in table[right]
                    ),
                    key=lambda entry: entry.seconds,
                )
            table.append(mine)
        return table

    def _entry(
        self,
        searched: bool,
        table: list[dict[Term, _Entry]],
        pair: tuple[int, int],
        taken: tuple[Term, Term],
        result: Term,
    ) -> _Entry:
        """One way to make an array: these orders of its operands, and the best form for them."""
        below = table[pair[0]][taken[0]].seconds + table[pair[1]][taken[1]].seconds
        if not searched:
            return _Entry(below, taken)
        key = (*taken, result)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = best_form(*key, self.sizes, self.costs)
        return _Entry(below + found[0], taken, found[1])

    def _traced(self, table: list[dict[Term, _Entry]]) -> Arranged:
        """What was chosen, from the result back."""
        chosen = {len(table) - 1: self.terms[-1]}
        forms: list[ProductForm | None] = []
        for step in reversed(range(len(self.tree.pairs))):
            array = self.count + step
            entry = table[array][chosen[array]]
            chosen.update(zip(self.tree.pairs[step], entry.taken, strict=True))
            forms.append(entry.form)
        forms.reverse()
        orders = tuple(chosen[self.count + step] for step in range(len(forms)))
        return Arranged(orders, tuple(forms) if any(forms) else ())


@dataclass(frozen=True, slots=True)
class _Entry:
    """One order of one array: what it takes to make it, from which orders of the operands, how."""

    seconds: float
    taken: tuple[Term, ...] = ()
    form: ProductForm | None = None


def _distinct(*orders: Term) -> tuple[Term, ...]:
    unique: Iterable[Term] = dict.fromkeys(orders)
    return tuple(unique)
