"""`report` and `Report`: what a JAX function costs, where, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einlab.conventions import PRESETS, Convention, convention_for
from einlab.cost import Cost
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.machines import Machine, machine_for
from einlab.show import html, json, text
from einlab.stepmodel import Prediction, predict
from einlab.table import Table
from einlab.trace import checking, comparing, figures, liveness, rendering, reportfile
from einlab.trace.grouping import Group, grouped
from einlab.trace.operations import nbytes
from einlab.trace.rows import Fork, Row, Unknown
from einlab.trace.tracing import Source, trace
from einlab.trace.walk import walk

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Report", "report"]


@dataclass(frozen=True)
class Report:
    """What a function costs: rows of operations, their totals, and what nobody can count.

    Settings are chosen on the value, each giving a new one: `under` a convention, `on` a machine.

    >>> import jax.numpy as jnp
    >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
    >>> found.flops, found.macs, found.bytes, found.ideal_bytes, found.peak, found.intensity
    (2000, 1000, 1200, 1200, 1200, 1.66...)
    """

    name: str
    traced: tuple[Row, ...] = field(repr=False)
    """Every operation that runs, as traced, before a convention looks at it."""
    merged: tuple[Row, ...] = field(repr=False)
    """Operations equal to one that runs, which XLA lowers but does not run."""
    saved: Cost
    """What the program saves if it always takes the cheapest branch."""
    peak: int
    """Bytes alive at once, arguments and results included, by liveness."""
    arguments: int
    """Bytes of the arguments, and of arrays that the function has closed over."""
    results: int
    """Bytes of the results."""
    forks: tuple[Fork, ...] = field(default=(), repr=False)
    """The branches of each cond and switch, with their costs as traced."""
    convention: Convention = PRESETS["einlab"]
    machine: Machine | None = None
    closed_form: int | None = None
    """FLOPs that a formula of the caller's predicts."""
    source: Source | None = field(default=None, compare=False, repr=False)
    """The trace, for asking XLA; a report read from elsewhere has none."""

    # Numbers.

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The operations as the convention counts them, in the order in which they run.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> [(row.name, row.cost.flops) for row in found.rows]
        [('dot_general', 2000)]
        """
        weighed = self.convention.weighed(self.traced)
        return tuple(
            replace(row, each=each, count=count)
            for row, (each, count) in zip(self.traced, weighed, strict=True)
        )

    @cached_property
    def cost(self) -> Cost:
        """The sum of all rows; bytes are those of operations that are not fused."""
        return sum((row.cost for row in self.rows), Cost())

    @property
    def flops(self) -> int:
        """FLOPs; MACs under a convention that counts those."""
        return self.cost.flops

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.cost.macs

    @property
    def transcendentals(self) -> int:
        """Evaluations of exp, log, tanh and their like."""
        return self.cost.transcendentals

    @property
    def bytes(self) -> int:
        """Bytes that all operations read and write, nothing fused."""
        return self.cost.bytes

    @cached_property
    def ideal_bytes(self) -> int:
        """Bytes that must move: each argument read once, each result written once."""
        return sum(row.ideal_read + row.ideal_written for row in self.rows)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity under ideal reuse: FLOPs a byte that must move."""
        return self.flops / self.ideal_bytes if self.ideal_bytes else 0.0

    @property
    def least(self) -> Cost:
        """The cost as traced if every branch is the cheapest one.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.least.flops == found.cost.flops
        True
        """
        return sum((row.cost for row in self.traced), Cost()) + self.saved * -1

    @cached_property
    def unknown(self) -> tuple[Unknown, ...]:
        """What has no count, and why: operations without a rule, loops of unknown length.

        >>> import jax.numpy as jnp
        >>> from jax.lax import while_loop
        >>> endless = report(lambda x: while_loop(jnp.any, jnp.tanh, x), jnp.ones(4))
        >>> endless.unknown[0].reason
        'in a loop of unknown length: its count is for one trip'
        """
        return tuple(
            Unknown(row.name, row.scope, reason, row.count, row.cost.bytes)
            for row in self.rows
            if row.taken and (reason := _reason(row))
        )

    @cached_property
    def predictions(self) -> tuple[Prediction | None, ...]:
        """For each row the least time of one execution on the machine; None without a machine.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.on("H100 SXM").predictions[0].bound
        'memory'
        """
        if self.machine is None:
            return (None,) * len(self.rows)
        machine = self.machine
        return tuple(
            predict(row.each, machine, row.dtype, product=row.is_product) for row in self.rows
        )

    @cached_property
    def seconds(self) -> float | None:
        """The least time of all rows, one after the other; None without a machine.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.seconds is None, found.on("TPU v5e").seconds > 0
        (True, True)
        """
        if self.machine is None:
            return None
        return sum(
            found.seconds * row.count
            for row, found in zip(self.rows, self.predictions, strict=True)
            if found is not None and row.taken and row.kind != "bookkeeping"
        )

    # Settings.

    def under(self, convention: Convention | str, **changes: object) -> Report:
        """The same program counted under a convention of the literature, or one's own.

        Raises ArgumentError for an unknown preset or field.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.under("macs").flops
        1000
        """
        return replace(self, convention=convention_for(convention, **changes))

    def on(self, machine: Machine | str) -> Report:
        """The same program with times on a machine, or one named in the table of devices.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.on("TPU v5e").machine.name
        'TPU v5e'
        """
        return replace(self, machine=machine_for(machine))

    def against(self, flops: int) -> Report:
        """The same program beside the FLOPs that a closed form gives.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.against(2 * 10 * 10 * 10).closed_form
        2000
        """
        if isinstance(flops, bool) or not isinstance(flops, int):
            raise ArgumentTypeError(f"a closed form gives whole FLOPs, not {flops!r:.40}")
        return replace(self, closed_form=flops)

    # Questions.

    def check(self, *, compiled: bool = True) -> checking.Check:
        """Compare with XLA's count of the program as lowered, and as compiled; explain by name.

        Raises CheckError if a difference is left that no explanation covers; ArgumentError if the
        report has no trace.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.check().table().title
        'dot and XLA'
        """
        if self.source is None:
            raise ArgumentError(f"the report of {self.name} has no trace: make it with report(...)")
        return checking.check(self, self.source, compiled=compiled)

    def diff(self, other: Report) -> Table:
        """What another report has more or less of, operation by operation.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> twice = report(lambda x: x @ x @ x, jnp.ones((10, 10)))
        >>> twice.diff(found).column("FLOPs more")
        (-2000,)
        """
        return comparing.difference(self, other)

    def tree(self) -> Group:
        """The rows grouped by name scope and inner jitted function.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.tree().cost.flops
        2000
        """
        return grouped(self.name, self.rows)

    # Output.

    def table(self, *, depth: int | None = None, steps: bool = False, wide: bool = False) -> Table:
        """The tree of scopes as a table, down to `depth` levels.

        `steps` lists every operation and opens contractions; `wide` adds MACs, functions, and the
        bytes that must move.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.table(steps=True).title
        "dot, counted as 'einlab'"
        """
        return rendering.report_table(self, depth=depth, steps=steps, wide=wide)

    def records(self) -> list[dict[str, Any]]:
        """One dictionary a row: `pandas.DataFrame(report.records())` is a data frame.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.records()[0]["flops"]
        2000
        """
        return reportfile.records(self)

    def to_json(self) -> str:
        """The report as JSON, in the form of `reportfile.SCHEMA`.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> from json import loads
        >>> loads(found.to_json())["totals"]["flops"]
        2000
        """
        return json.dumps(reportfile.document(self))

    def to_csv(self) -> str:
        """The rows as comma-separated values, with a line of headings.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.to_csv().splitlines()[0].split(",")[:3]
        ['scope', 'operation', 'kind']
        """
        return reportfile.csv_text(self)

    def to_html(self) -> str:
        """The report as one HTML page, which asks for nothing from elsewhere.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> found.to_html().startswith("<!")
        True
        """
        return html.page([self.table(wide=True), *rendering.unknown_tables(self)])

    def figure(self, kind: str = "flops") -> Figure:
        """A matplotlib figure: "flops" by scope, the "roofline" on a machine, "memory" over time.

        Raises ArgumentError for another kind, or one that needs a machine or a trace which is not
        there; MissingPackageError without the `plots` extra.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> type(found.figure("memory")).__name__
        'Figure'
        """
        return figures.draw(self, kind)

    def save(self, path: str | Path) -> None:
        """Write the report; the name's ending says how: .html, .json, .csv, .txt.

        Raises ArgumentError for another ending.

        >>> import jax.numpy as jnp
        >>> found = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10)))
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found.save(Path(folder, "report.csv"))
        ...     Path(folder, "report.csv").read_text() == found.to_csv()
        True
        """
        forms: Mapping[str, Callable[[], str]] = {
            ".html": self.to_html,
            ".json": self.to_json,
            ".csv": self.to_csv,
            ".txt": self.__str__,
        }
        path = Path(path)
        if path.suffix not in forms:
            raise ArgumentError(f"{path.name!r} ends in none of {', '.join(forms)}")
        path.write_text(forms[path.suffix](), encoding="utf-8")

    def __str__(self) -> str:
        return text.render(self.table())

    def _repr_html_(self) -> str:
        return html.fragment(self.table(wide=True))


def report(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """What a JAX function costs on these arguments; nothing is computed.

    Arguments are arrays, ShapeDtypeStructs, or trees of them; what is neither array nor number (a
    flag, a string, an activation function) is passed on as it is. Loops count every trip (a whole
    number given as such is known to them), of a cond the dearest branch counts, what has no rule is
    listed as unknown.

    Raises ArgumentTypeError if `function` cannot be called; errors of the function pass through.

    >>> import jax, jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((100, 100), jnp.float32)
    >>> found = report(lambda x: jnp.tanh(x @ x), x)
    >>> found.flops, found.transcendentals, found.ideal_bytes
    (2000000, 10000, 80000)
    """
    source = trace(function, args, kwargs)
    jaxpr = source.jaxpr
    walked = walk(jaxpr, source.known)
    total: Cost = sum((row.cost for row in walked.rows), Cost())
    return Report(
        name=source.name,
        traced=walked.rows,
        merged=walked.merged,
        saved=total + walked.least * -1,
        peak=liveness.peak(jaxpr) - liveness.aliased(jaxpr, source.donated),
        arguments=_bytes_of([*jaxpr.constvars, *jaxpr.invars]),
        results=_bytes_of(jaxpr.outvars),
        forks=walked.forks,
        source=source,
    )


def _bytes_of(variables: Sequence[Any]) -> int:
    return sum(nbytes(variable.aval) for variable in variables)


def _reason(row: Row) -> str:
    """Why a row's count is not the whole truth; nothing if it is."""
    if row.kind == "unknown":
        return row.reason
    if row.unbounded:
        return "in a loop of unknown length: its count is for one trip"
    return ""
