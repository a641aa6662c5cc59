"""Several contractions over common operands, planned together: common subtrees are made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from einlab.contraction import Contraction, Term
from einlab.cost import Cost
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.factored import is_factored, unfold
from einlab.jointmemory import joint_peak, operand_bytes
from einlab.labels import Labelled, equation_and_operands
from einlab.notation import parse
from einlab.operands import specs
from einlab.orders import choose_orders
from einlab.planning import Plan, make_plan
from einlab.search.tree import Tree
from einlab.settings import Settings, result_dtype, settings_from
from einlab.sharing import Key, Member, Pairs, Reading, grown, hung_up
from einlab.show import text
from einlab.table import Column, Fact, Table

__all__ = [
    "Calls",
    "JointPlan",
    "Node",
    "calls_from",
    "joint_of",
    "joint_settings",
    "members_of",
    "over_factors",
    "plan_many",
    "plan_together",
]


@dataclass(frozen=True, slots=True)
class Node:
    """A product that is made once: a plan of two operands (or one), and where they come from.

    Where a limit of memory leaves nothing to share, it is the plan of a whole contraction.
    """

    plan: Plan
    inputs: tuple[int, ...]
    """Numbers of common operands, then of nodes from there on."""
    results: int
    """How many of the contractions use it."""
    limit: int | None = None
    """Bytes that its own program may hold, forward and backward; None is no limit."""


@dataclass(frozen=True)
class JointPlan:
    """The products of several contractions, each once, in an order in which they can run.

    >>> import numpy as np
    >>> a, b, c = np.ones((9, 9)), np.ones((9, 9)), np.ones((9, 1))
    >>> joint = plan_many([("ij,jk,kl->il", a, b, c), ("jk,kl->jl", b, c)])
    >>> joint.cost.flops, joint.cost.macs, len(joint.nodes), joint.outputs
    (324, 162, 2, (4, 3))
    """

    operands: int
    """How many operands the contractions have together."""
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    """The node, or operand, that each contraction's result is."""
    apart: Cost
    """What the contractions cost one by one, each in its own best order."""
    peak: int = 0
    """Bytes alive at once, operands and results included, where the products run in this order."""
    stages: tuple[int, ...] = ()
    """Nodes before which everything earlier is waited for: only results outlive a stage."""

    @cached_property
    def cost(self) -> Cost:
        """The cost of all products, each counted once."""
        return sum((node.plan.cost for node in self.nodes), Cost())

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return self.cost.flops

    def table(self) -> Table:
        """The products as rows: equation, operands, FLOPs, and how many results use each.

        >>> import numpy as np
        >>> plan_many([("ij,j->i", np.ones((9, 8)), np.ones(8))]).table().column("equation")
        ('ij,j->i',)
        """
        columns = (
            Column("#"),
            Column("equation"),
            Column("operands"),
            Column("FLOP", "quantity"),
            Column("used by", "count"),
        )
        rows = [
            (
                str(number),
                node.plan.eq,
                ", ".join(self._name(place) for place in node.inputs),
                node.plan.flops,
                node.results,
            )
            for number, node in enumerate(self.nodes, start=1)
        ]
        facts = [
            Fact("one by one", self.apart.flops, "quantity", "FLOP"),
            Fact("together", self.flops, "quantity", "FLOP"),
            Fact("peak memory", self.peak, "bytes"),
        ]
        return Table(f"{len(self.outputs)} contractions", columns, rows, facts=facts)

    def _name(self, place: int) -> str:
        return f"operand {place}" if place < self.operands else f"#{place - self.operands + 1}"

    def __str__(self) -> str:
        return text.render(self.table(), max_rows=60)


def plan_together(members: Sequence[Member], count: int, settings: Settings) -> JointPlan:
    """The cheapest of several ways to share products among contractions over `count` operands.

    Raises what `make_plan` raises.
    """
    own = [make_plan(member.contraction, settings) for member in members]
    apart: Cost = sum((plan.cost for plan in own), Cost())
    trees = [plan.pairs for plan in own]
    ways = [trees]
    hung = hung_up(members, settings)
    if hung is not None:
        ways.append([pairs or trees[i] for i, pairs in enumerate(hung)])
    ways += [grown(members, way, settings) for way in ways[:]]
    graphs = [_graph(members, way, count, settings) for way in ways]
    nodes, outputs = min(graphs, key=lambda graph: sum(node.plan.flops for node in graph[0]))
    return joint_of(members, count, nodes, outputs, apart)


def joint_of(
    members: Sequence[Member],
    count: int,
    nodes: Sequence[Node],
    outputs: Sequence[int],
    apart: Cost,
    stages: tuple[int, ...] = (),
) -> JointPlan:
    """The joint plan of these nodes, with what is alive at once."""
    operands = dict.fromkeys(range(count), 0) | operand_bytes(members)
    peak = joint_peak(operands, [(node.plan, node.inputs) for node in nodes], outputs)
    return JointPlan(count, tuple(nodes), tuple(outputs), apart, peak, stages)


def _graph(
    members: Sequence[Member], trees: Sequence[Pairs], count: int, settings: Settings
) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """The products of all trees, each once, and the place of each result."""
    graph = _Graph(count, settings)
    outputs = [
        graph.add(Reading(member, settings), pairs)
        for member, pairs in zip(members, trees, strict=True)
    ]
    return graph.counted(outputs), tuple(outputs)


class _Graph:
    """Products as they are added, by their keys."""

    def __init__(self, count: int, settings: Settings) -> None:
        self.count = count
        self.settings = settings
        self.nodes: list[tuple[Plan, tuple[int, ...]]] = []
        self.made: dict[Key, tuple[int, tuple[int, ...]]] = {}
        """Place of each product, and the numbers of its indices in order."""

    def add(self, reading: Reading, pairs: Pairs) -> int:
        """Add what a tree makes that is not there; the place of its result."""
        given, count = reading.member.contraction, len(reading.member.operands)
        if not pairs:
            return self._node(make_plan(given, self.settings), (reading.member.operands[0],))
        orders = choose_orders(Tree(given, pairs))
        keys = dict(reading.needed(pairs, self.made))
        place, order, dtype = -1, given.output, reading.held_in
        for step in range(len(pairs)):
            if count + step not in keys and step + 1 < len(pairs):
                continue
            leaves = reading.leaves(pairs)[count + step]
            key, number = reading.key(leaves, orders[step])
            if key not in self.made:
                sides = [self._side(reading, pairs, side) for side in pairs[step]]
                plan = self._product(reading, sides, orders[step])
                place = self._node(plan, tuple(place for place, _, _, _ in sides))
                self.made[key] = place, tuple(number[index] for index in orders[step])
            place, numbers = self.made[key]
            letters = {at: index for index, at in number.items()}
            order = tuple(letters[at] for at in numbers)
        wanted = result_dtype(given.dtypes, self.settings.preferred_element_type)
        if order == given.output and dtype == wanted:
            return place
        sizes = tuple(given.sizes[index] for index in order)
        last = Contraction((order,), given.output, (sizes,), (dtype,))
        return self._node(make_plan(last, _simple(self.settings, wanted)), (place,))

    def _side(
        self, reading: Reading, pairs: Pairs, side: int
    ) -> tuple[int, Term, tuple[int, ...], str]:
        """Place, term, shape and dtype of an array that a product takes."""
        given = reading.member.contraction
        if side < len(given.terms):
            operand = reading.member.operands[side]
            return operand, given.terms[side], given.shapes[side], given.dtypes[side]
        leaves = reading.leaves(pairs)[side]
        key, number = reading.key(leaves, reading.kept(leaves))
        place, numbers = self.made[key]
        letters = {at: index for index, at in number.items()}
        term = tuple(letters[at] for at in numbers)
        return place, term, tuple(given.sizes[index] for index in term), reading.held_in

    def _product(
        self, reading: Reading, sides: Sequence[tuple[int, Term, tuple[int, ...], str]], order: Term
    ) -> Plan:
        pair = Contraction(
            tuple(term for _, term, _, _ in sides),
            order,
            tuple(shape for _, _, shape, _ in sides),
            tuple(dtype for _, _, _, dtype in sides),
        )
        return make_plan(pair, _simple(self.settings, reading.held_in))

    def _node(self, plan: Plan, inputs: tuple[int, ...]) -> int:
        self.nodes.append((plan, inputs))
        return self.count + len(self.nodes) - 1

    def counted(self, outputs: Sequence[int]) -> tuple[Node, ...]:
        """The nodes, with the number of results that each serves."""
        served = [0] * len(self.nodes)
        for output in outputs:
            waiting, seen = [output], set()
            while waiting:
                place = waiting.pop()
                if place >= self.count and place not in seen:
                    seen.add(place)
                    served[place - self.count] += 1
                    waiting.extend(self.nodes[place - self.count][1])
        return tuple(
            Node(plan, inputs, results)
            for (plan, inputs), results in zip(self.nodes, served, strict=True)
        )


def _simple(settings: Settings, dtype: str) -> Settings:
    """How a single product is planned."""
    return Settings(precision=settings.precision, preferred_element_type=dtype)


@dataclass(frozen=True, slots=True)
class Calls:
    """What several contractions are written over: equations, and numbers of common operands."""

    equations: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    operands: tuple[object, ...]
    """Each once: the same object is the same operand."""


def calls_from(contractions: Iterable[Sequence[object]]) -> Calls:
    """The contractions read; each is what `contract` takes: an equation and its operands.

    Raises ArgumentTypeError for what is no sequence of them, ArgumentError if there is none.
    """
    if isinstance(contractions, str) or not isinstance(contractions, Iterable):
        raise ArgumentTypeError(
            f"contractions is a list of (equation, operand, operand, …), not {contractions!r:.60}"
        )
    number: dict[int, int] = {}
    operands: list[object] = []
    equations, places = [], []
    for place, call in enumerate(contractions):
        if isinstance(call, str) or not isinstance(call, (tuple, list)) or not call:
            raise ArgumentTypeError(
                f"contraction {place} is {call!r:.60}, not a tuple of an equation and its operands"
            )
        labelled = equation_and_operands(call[0], tuple(call[1:]))
        for operand in labelled.operands:
            if number.setdefault(id(operand), len(operands)) == len(operands):
                operands.append(operand)
        equations.append(labelled.equation)
        places.append(tuple(number[id(operand)] for operand in labelled.operands))
    if not equations:
        raise ArgumentError("there is no contraction in the list")
    return Calls(tuple(equations), tuple(places), tuple(operands))


def over_factors(calls: Calls, axes: str | None) -> Calls:
    """The contractions over the factors that operands stand for."""
    found = []
    for equation, places in zip(calls.equations, calls.places, strict=True):
        operands = tuple(calls.operands[place] for place in places)
        whole = unfold(Labelled(equation, operands, ()), None, axes, as_shapes=False)
        found.append((whole.equation, *whole.operands))
    return calls_from(found)


def joint_settings(options: Mapping[str, object]) -> Settings:
    """Checked settings for contractions that are planned together.

    Raises ArgumentError for what belongs to a single one: a limit of elements, a path.
    """
    settings = settings_from(options)
    if settings.size_limit is not None:
        raise ArgumentError(
            "memory_limit= of several contractions is text with a unit ('2GiB'), or 'auto': bytes "
            "of everything alive"
        )
    if not isinstance(settings.optimize, str):
        raise ArgumentError("optimize= names a search here: a path is for one contraction")
    return settings


def plan_many(contractions: Iterable[Sequence[object]], **options: object) -> JointPlan:
    """How `contract_many` makes several results: every product once, and what that costs.

    `contractions` are (equation, operand, …) each; operands are arrays or ShapeDtypeStructs, and
    the same object is the same operand. `options` as for `plan`, limits of memory apart.

    Raises what `plan` raises, and ArgumentError for options of a single contraction.

    >>> import numpy as np
    >>> a, b, c = np.ones((9, 9)), np.ones((9, 9)), np.ones((9, 1))
    >>> joint = plan_many([("ij,jk,kl->il", a, b, c), ("jk,kl->jl", b, c)])
    >>> joint.flops, joint.apart.flops
    (324, 486)
    """
    settings = joint_settings(options)
    if settings.memory_bytes is not None:
        raise ArgumentError(
            "plan_many says what is shared without a limit, and its peak; contract_many(…, "
            "memory_limit=…) keeps a limit"
        )
    calls = calls_from(contractions)
    if any(map(is_factored, calls.operands)):
        calls, settings = over_factors(calls, settings.axes), replace(settings, axes=None)
    shapes, names = specs(calls.operands, None, as_shapes=False)
    return joint_plan(calls.equations, calls.places, shapes, names, settings)


def joint_plan(
    equations: Sequence[str],
    places: Sequence[tuple[int, ...]],
    shapes: Sequence[tuple[int, ...]],
    names: Sequence[str],
    settings: Settings,
) -> JointPlan:
    """The plan of contractions over operands of these shapes and dtypes."""
    return plan_together(
        members_of(equations, places, shapes, names, settings), len(shapes), settings
    )


def members_of(
    equations: Sequence[str],
    places: Sequence[tuple[int, ...]],
    shapes: Sequence[tuple[int, ...]],
    names: Sequence[str],
    settings: Settings,
) -> list[Member]:
    """The contractions, over operands of these shapes and dtypes."""
    return [
        Member(
            parse(
                equation,
                tuple(shapes[operand] for operand in taken),
                tuple(names[operand] for operand in taken),
                settings.axes,
            ),
            taken,
        )
        for equation, taken in zip(equations, places, strict=True)
    ]
