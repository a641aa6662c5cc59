"""`python -m benchmarks.prediction`: predicted beside measured times, and orders chosen by seconds.

`times` runs contractions that a seeded generator draws (no calibration uses it) and, with --tccg,
the 48 of the TCCG benchmark, and compares each with the prediction of this machine's calibration.
The error is |predicted - measured| / measured; the floor is that of the same program between the
even and the odd rounds of the run, and what is above the floor is the error less its own floor.

`orders` draws networks until enough are found whose FLOP-optimal and seconds-optimal orders differ,
and runs both, and the default orders of opt_einsum and cotengra, as plans of einlab. Where the
order by seconds does not look faster, the pair is run again by itself, in turns with the same order
once more, until it is settled whether it is more than 5 % slower: whether the confidence interval
of the median ratio, over the rounds, lies on one side of that.

Run `einlab calibrate` first. All programs take turns, and times are those that a calibration takes:
what the fastest calls of a third of the rounds stay within. A note says how far the median call is
from it.
"""

from __future__ import annotations

import importlib
import json
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import jax
import numpy as np

from benchmarks.settling import DOUBTFUL, print_settled, settled
from benchmarks.tccg import tccg
from einlab.calibration.timing import arrays_for, timed
from einlab.config import config
from einlab.planning import Plan, plan
from einlab.show.text import render
from einlab.table import Column, Table, Value

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
KINDS: tuple[str, ...] = (
    "product",
    "product",
    "product",
    "batch",
    "batch",
    "vector",
    "outer",
    "elementwise",
)
KINDS += ("sum", "permute", "diagonal", "network")
MOST_ENTRIES = 12_000_000
"""Of one array."""
WORK = (2.5, 8.6)
"""Powers of ten of the multiply-adds of a product; four decades of time and more."""


def contractions(count: int, seed: int) -> Iterator[tuple[str, str, tuple[tuple[int, ...], ...]]]:
    """Kind, equation and shapes of contractions of every form, sizes spread over their logs."""
    drawn = random.Random(seed)
    found = 0
    while found < count:
        kind = KINDS[found % len(KINDS)]
        equation, sizes = _drawn(kind, drawn)
        terms = equation.replace("->", ",").split(",")
        volumes = [math.prod(sizes[i] for i in term) for term in terms]
        if max(volumes) > MOST_ENTRIES or math.prod(sizes.values()) > 10 ** WORK[1]:
            continue
        yield kind, equation, tuple(tuple(sizes[i] for i in term) for term in terms[:-1])
        found += 1


def _drawn(kind: str, drawn: random.Random) -> tuple[str, dict[str, int]]:
    if kind == "network":
        return _network(drawn, drawn.randint(3, 5), 10 ** drawn.uniform(0.5, 1.6))
    roles = {
        "product": (0, 2, 2, 2),
        "batch": (1, 1, 1, 1),
        "vector": (drawn.randint(0, 1), 1, 1, 0),
        "outer": (0, 2, 0, 1),
        "elementwise": (2, 1, 0, 0),
        "sum": (0, 2, 1, 0),
        "permute": (0, drawn.randint(2, 4), 0, 0),
        "diagonal": (1, 1, 0, 0),
    }[kind]
    counts = [drawn.randint(1, most) if most > 1 else most for most in roles]
    if kind == "permute":
        counts = list(roles)
    letters = iter(LETTERS)
    batch, m, k, n = ([next(letters) for _ in range(count)] for count in counts)
    work = 10 ** drawn.uniform(*(WORK if k and kind != "sum" else (2.5, 7.0)))
    used = batch + m + k + n
    weights = [drawn.uniform(0.4, 1.6) for _ in used]
    sizes = {
        i: max(2, round(work ** (w / sum(weights)))) for i, w in zip(used, weights, strict=True)
    }

    def mixed(*groups: Sequence[str]) -> str:
        whole = [list(group) for group in groups if group]
        drawn.shuffle(whole)
        together = [i for group in whole for i in group]
        if drawn.random() < 0.3:
            drawn.shuffle(together)
        return "".join(together)

    if kind == "diagonal":
        return f"{batch[0]}{m[0]}{batch[0]}->{mixed(batch, m)}", sizes
    if kind in ("sum", "permute"):
        given = "".join(used) if kind == "permute" else mixed(m, k)
        return f"{given}->{mixed(*[[i] for i in m])}", sizes
    left, right = mixed(batch, m, k), mixed(batch, k, n)
    return f"{left},{right}->{mixed(batch, m, n)}", sizes


def _network(drawn: random.Random, operands: int, size: float) -> tuple[str, dict[str, int]]:
    """A random connected network with a few open indices, extents spread around `size`."""
    letters = iter(LETTERS)
    terms: list[list[str]] = [[] for _ in range(operands)]
    ends = [(i, drawn.randrange(i)) for i in range(1, operands)]
    ends += [tuple(drawn.sample(range(operands), 2)) for _ in range(operands // 2)]  # type: ignore[misc]
    sizes: dict[str, int] = {}
    for pair in [*ends, *[(drawn.randrange(operands),) for _ in range(drawn.randint(1, 3))]]:
        index = next(letters)
        sizes[index] = max(2, round(size * 10 ** drawn.uniform(-0.7, 0.7)))
        for end in pair:
            terms[end].append(index)
    output = [i for i in sizes if sum(i in term for term in terms) == 1]
    drawn.shuffle(output)
    return f"{','.join(''.join(term) for term in terms)}->{''.join(output)}", sizes


def _errors(plans: Sequence[Plan], rounds: int, seconds: float) -> np.ndarray:
    """Columns: measured, predicted, even rounds, odd rounds, the median call."""
    times = timed(
        plans,
        [arrays_for(one) for one in plans],
        rounds=rounds,
        seconds=seconds,
        tell=lambda what, part: None,
    )
    found = zip(
        times.quiet(),
        [one.seconds for one in plans],
        times.quiet(slice(0, None, 2)),
        times.quiet(slice(1, None, 2)),
        times.usual,
        strict=True,
    )
    return np.array(list(found), dtype=float)


def _summary(name: str, data: np.ndarray) -> tuple[Value, ...]:
    measured, predicted, even, odd, _ = data.T
    errors = np.abs(predicted - measured) / measured
    floors = np.abs(even - odd) / measured
    above = np.maximum(errors - floors, 0.0)
    orders = [np.argsort(np.argsort(each)) for each in (measured, predicted)]
    return (
        name,
        len(data),
        float(np.log10(measured.max() / measured.min())),
        float(100 * np.median(errors)),
        float(100 * np.quantile(errors, 0.9)),
        float(100 * np.median(floors)),
        float(100 * np.quantile(floors, 0.9)),
        float(100 * np.median(above)),
        float(100 * np.quantile(above, 0.9)),
        float(np.corrcoef(orders[0], orders[1])[0, 1]),
    )


COLUMNS = (
    Column("contractions"),
    Column("number", "count"),
    Column("decades", "number"),
    Column("median error, %", "number"),
    Column("90th, %", "number"),
    Column("median floor, %", "number"),
    Column("floor's 90th, %", "number"),
    Column("median above, %", "number"),
    Column("90th above, %", "number"),
    Column("rank correlation", "number"),
)


@click.group(help=__doc__)
def main() -> None:
    """The command line of this benchmark."""
    config.native = "off" if config.native == "off" else "wait"


@main.command()
@click.option("--count", default=76, help="Contractions of each seed and dtype.")
@click.option("--seed", "seeds", default=(1, 2), multiple=True, help="Seeds of the generator.")
@click.option("--dtype", "dtypes", default=("float32", "float64"), multiple=True)
@click.option("--rounds", default=15)
@click.option("--seconds", default=8.0, help="Of measuring each part, beside compiling.")
@click.option("--tccg", "with_tccg", is_flag=True, help="The 48 TCCG cases too, in float32.")
@click.option("--worst", default=8, help="How many of the worst to name.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Rows as JSON.")
def times(
    count: int,
    seeds: tuple[int, ...],
    dtypes: tuple[str, ...],
    rounds: int,
    seconds: float,
    with_tccg: bool,
    worst: int,
    out: Path | None,
) -> None:
    """Predicted beside measured times."""
    rows, parts, named = [], [], []
    for dtype in dtypes:
        with jax.enable_x64(dtype == "float64"):
            for seed in seeds:
                drawn = list(contractions(count, seed))
                plans = [
                    plan(equation, *shapes, dtype=dtype, machine="here", objective="flops")
                    for _, equation, shapes in drawn
                ]
                data = _errors(plans, rounds, seconds)
                rows.append(_summary(f"{dtype}, seed {seed}", data))
                parts.append(data)
                named += [
                    (kind, one, row)
                    for (kind, *_), one, row in zip(drawn, plans, data, strict=True)
                ]
    if with_tccg:
        rows.append(_summary("TCCG, float32", _tccg(rounds)))
    rows.append(_summary("all drawn", np.concatenate(parts)))
    kinds = {kind: [row for one, _, row in named if one == kind] for kind in dict.fromkeys(KINDS)}
    rows += [_summary(kind, np.array(found)) for kind, found in kinds.items()]
    usual = np.concatenate([data[:, 4] / data[:, 0] for data in parts])
    often, seldom = np.quantile(usual, [0.5, 0.9])
    notes = [f"the median call takes {often:.2f} times as long, of one in ten {seldom:.2f} times"]
    print(render(Table("predicted and measured seconds", COLUMNS, rows, notes=notes), width=150))
    if out is not None:
        found = [
            (kind, one.eq, one.contraction.shapes, one.dtype, [s.form or s.kind for s in one.steps])
            for kind, one, _ in named
        ]
        lines = [[*each, *map(float, row)] for each, (*_, row) in zip(found, named, strict=True)]
        out.write_text(json.dumps(lines, indent=0), encoding="utf-8")
    named.sort(key=lambda item: -abs(math.log(item[2][1] / item[2][0])))
    for kind, one, (measured, predicted, *_) in named[:worst]:
        shapes = " ".join(map(_size, one.contraction.shapes))
        forms = " ".join(step.form or step.kind for step in one.steps)
        print(
            f"{kind:12}{one.eq:32}{shapes:40}{measured * 1e6:10.1f} µs, "
            f"{predicted / measured:.2f} {forms}"
        )


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _tccg(rounds: int) -> np.ndarray:
    """The TCCG cases, four at a time, so that their arrays fit beside each other."""
    cases = tccg(0, "float32")
    found = []
    for start in range(0, len(cases), 4):
        plans = [
            plan(case.equation, *case.shapes, dtype="float32", machine="here", objective="flops")
            for case in cases[start : start + 4]
        ]
        found.append(_errors(plans, min(rounds, 4), 6.0))
    return np.concatenate(found)


@main.command()
@click.option("--count", default=60, help="Networks whose orders differ.")
@click.option("--seed", default=3)
@click.option("--rounds", default=9)
@click.option("--seconds", default=30.0, help="Of measuring, beside compiling.")
@click.option("--worst", default=0, help="How many of the worst to name.")
def orders(count: int, seed: int, rounds: int, seconds: float, worst: int) -> None:
    """Orders chosen by seconds beside those chosen by FLOPs and the peers' defaults."""
    chosen = list(_differing(count, seed))
    names = ("seconds", "flops", "opt_einsum", "cotengra")
    plans = [one for group in chosen for one in group]
    data = timed(
        plans,
        [arrays_for(one) for one in plans],
        rounds=rounds,
        seconds=seconds,
        tell=lambda what, part: None,
    )
    measured = np.array(data.quiet()).reshape(len(chosen), len(names))
    doubtful = np.flatnonzero(measured[:, 1] / measured[:, 0] < DOUBTFUL)
    verdicts = {int(place): settled(*chosen[place][:2]) for place in doubtful}
    again = [np.array(data.quiet(slice(half, None, 2))).reshape(measured.shape) for half in (0, 1)]
    rows: list[tuple[Value, ...]] = []
    for place, name in enumerate(names[1:], 1):
        ratios = measured[:, place] / measured[:, 0]
        halves = [each[:, place] / each[:, 0] for each in again]
        slower = np.maximum(*halves) < 1 / 1.05
        rows.append(
            (
                name,
                len(chosen),
                float(np.exp(np.log(ratios).mean())),
                float(ratios.min()),
                float(ratios.max()),
                int((ratios < 1 / 1.05).sum()),
                int(slower.sum()),
            )
        )
    columns = (
        Column("against the order by"),
        Column("networks", "count"),
        Column("faster, geometric mean", "ratio"),
        Column("least", "ratio"),
        Column("most", "ratio"),
        Column("over 5 % slower", "count"),
        Column("in both halves", "count"),
    )
    notes = [f"the same program measured again differs by {data.floor:.1%} (median)"]
    print(render(Table("orders by predicted seconds", columns, rows, notes=notes), width=130))
    print_settled(chosen, measured, verdicts)
    for place in np.argsort(measured[:, 1] / measured[:, 0])[:worst]:
        print(chosen[place][0].eq, *map(_size, chosen[place][0].contraction.shapes))
        for name, one, took in zip(names[:2], chosen[place][:2], measured[place], strict=False):
            steps = ", ".join(
                f"{step.equation} {step.form or step.kind} {each.seconds * 1e6:.1f}"
                for step, each in zip(one.steps, one.predictions, strict=True)
            )
            said = f"{took * 1e6:9.1f} µs, predicted {(one.seconds or 0.0) * 1e6:.1f}: {steps}"
            print(f"    {name:8}{one.flops:9.2e} FLOPs {said}")


def _differing(count: int, seed: int) -> Iterator[tuple[Plan, ...]]:
    """Plans by seconds, by FLOPs and by the peers of networks where the first two differ."""
    drawn = random.Random(seed)
    found = 0
    while found < count:
        equation, sizes = _network(drawn, drawn.randint(4, 8), 10 ** drawn.uniform(0.5, 1.5))
        terms = equation.split("->")[0].split(",")
        shapes = [tuple(sizes[i] for i in term) for term in terms]
        if max(map(math.prod, shapes)) > MOST_ENTRIES:
            continue
        options: dict[str, Any] = {"machine": "here"}
        by_flops = plan(equation, *shapes, objective="flops", optimize="optimal", **options)
        if not 1e5 < by_flops.flops < 2e9 or by_flops.size > MOST_ENTRIES:
            continue
        by_seconds = plan(equation, *shapes, objective="seconds", optimize="optimal", **options)
        if set(by_seconds.tree.terms) == set(by_flops.tree.terms):
            continue
        found += 1
        paths = (_opt_einsum(equation, shapes), _cotengra(equation, shapes))
        peers = [plan(equation, *shapes, optimize=path, **options) for path in paths]
        yield (by_seconds, by_flops, *peers)


def _opt_einsum(equation: str, shapes: Sequence[tuple[int, ...]]) -> Any:
    return importlib.import_module("opt_einsum").contract_path(equation, *shapes, shapes=True)[0]


def _cotengra(equation: str, shapes: Sequence[tuple[int, ...]]) -> Any:
    tree = importlib.import_module("cotengra").einsum_tree(equation, *shapes, optimize="auto")
    return tree.get_path()


if __name__ == "__main__":
    main()
