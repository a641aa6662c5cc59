"""A budget as tables and text; numbers are only arranged here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from einlab import show
from einlab.errors import ArgumentError
from einlab.table import Column, Fact, Table, Value

if TYPE_CHECKING:
    from einlab.transformer.budgets import Budget

__all__ = ["budget_table", "budget_text", "measured"]

WIDTH = 80


def budget_table(budget: Budget, by: str) -> Table:
    """FLOPs by part of the model or by product, a column for each phase, with facts below.

    Raises ArgumentError if `by` is neither "part" nor "product".
    """
    if by not in ("part", "product"):
        raise ArgumentError(f"by is {by!r:.40}; expected part or product")
    flops = {
        phase: {
            name: cost.flops
            for name, cost in (
                budget.parts(phase).items()
                if by == "part"
                else ((name, cost) for name, (_, cost) in budget.by_product(phase).items())
            )
        }
        for phase in budget.phases
    }
    names = list(dict.fromkeys(name for counts in flops.values() for name in counts))
    unit = budget.convention.unit
    columns = [
        Column(by, "text" if by == "part" else "code"),
        *(Column(phase, "quantity", unit) for phase in flops),
    ]
    rows: list[list[Value]] = [
        [name, *(counts.get(name) for counts in flops.values())]
        for name in names
        if any(counts.get(name) for counts in flops.values())
    ]
    title = (
        f"{budget.config_name}: batch {budget.batch}, prompt {budget.prompt}, generate "
        f"{budget.generate}, {budget.dtype}, convention {budget.convention.name}"
    )
    table = Table(title, columns, rows, facts=facts(budget), notes=notes(budget))
    return table.summed(*flops) if rows else table


def facts(budget: Budget) -> list[Fact]:
    """What the budget says of the model as a whole."""
    counted = budget.parameters
    found = [Fact("parameters", counted.total, "count")]
    if counted.active != counted.total:
        found.append(Fact("active parameters", counted.active, "count", remark="met by one token"))
    found.append(Fact("weights", budget.weight_bytes, "bytes", remark=budget.dtype))
    state = budget.state_bytes
    found.append(
        Fact(
            "training state", sum(state.values()), "bytes", remark=f"{budget.optimiser}: weights, …"
        )
    )
    for level, size in budget.activation_bytes.items():
        found.append(Fact(f"activations, recompute {level}", size, "bytes"))
    if budget.cache_bytes:
        found.append(Fact("cache", budget.cache_bytes, "bytes"))
        found.append(Fact("cache a token", budget.cache_bytes_per_token, "bytes"))
    for phase, report in budget.phases.items():
        found.append(Fact(f"{phase} intensity", report.intensity, "number", remark="FLOPs a byte"))
        if budget.machine is not None:
            found.append(Fact(f"{phase} at least", budget.seconds(phase), "seconds"))
    found += measured(budget)
    if budget.machine is not None:
        where = f"{budget.devices} × {budget.machine.name}"
        found.append(Fact("machine", where))
        if budget.cache_bytes:
            most = budget.batch / budget.seconds("decode")
            found.append(Fact("decode tokens a second at most", most, "number"))
            found.append(Fact("critical batch", budget.critical_batch, "number"))
    return found


def measured(budget: Budget) -> list[Fact]:
    """What follows from a measured throughput and from the length of a training."""
    found = []
    rate, tokens = budget.tokens_per_second, budget.train_tokens
    if rate is not None and budget.machine is not None:
        found.append(Fact("MFU", budget.mfu(rate), "number", remark="model FLOPs as in PaLM"))
        found.append(Fact("HFU", budget.hfu(rate), "number", remark="products as traced"))
    if tokens is not None:
        days = budget.petaflop_days(tokens)
        found.append(Fact("petaFLOP/s-days", days, "number", remark="model FLOPs as in PaLM"))
        if rate is not None:
            found.append(Fact("days of training", tokens / rate / 86_400, "number"))
        elif budget.machine is not None:
            at_best = budget.days(tokens, 1.0)
            found.append(Fact("days of training at least", at_best, "number", remark="at the peak"))
    return found


def notes(budget: Budget) -> list[str]:
    """What a reader should know of the counts."""
    unknown = [
        f"{phase}: {one.name} has no count: {one.reason}"
        for phase, report in budget.phases.items()
        for one in report.unknown
    ]
    told = f"Counted in the trace of the model; training recomputes {budget.recompute}."
    return [told, *unknown]


def budget_text(budget: Budget) -> str:
    """The budget as text of 80 columns."""
    return show.text.render(budget_table(budget, "part"), width=WIDTH)
