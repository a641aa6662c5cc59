"""`assert_cost`: hold what a function costs in a project's own tests."""

from __future__ import annotations

import math

from einlab.errors import ArgumentError, ArgumentTypeError, listing
from einlab.show import units
from einlab.trace.reporting import Report

__all__ = ["assert_cost"]

QUANTITIES = {
    "flops": "FLOP",
    "macs": "MAC",
    "transcendentals": "",
    "bytes": "B",
    "ideal_bytes": "B",
    "peak": "B",
    "arguments": "B",
    "results": "B",
}
"""What can be held, by the names of a Report."""


def assert_cost(
    report: Report, *, tolerance: float = 0.0, unknown: bool = False, **expected: int
) -> None:
    """Fail unless a report has these costs: flops, macs, transcendentals, bytes, ideal_bytes, peak.

    `tolerance` is relative, in both directions: a cost that fell is news as well. A report with
    unknown operations fails too, unless `unknown=True`.

    Raises AssertionError, with the largest operations; ArgumentError for a name that a report does
    not have, or nothing to compare.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.trace.reporting import report
    >>> x = jax.ShapeDtypeStruct((8, 8), jnp.float32)
    >>> assert_cost(report(jnp.matmul, x, x), flops=1024, peak=768)
    """
    if not isinstance(report, Report):
        raise ArgumentTypeError(f"assert_cost takes a Report first, not {report!r:.60}")
    if not 0 <= tolerance < math.inf:
        raise ArgumentError(f"a tolerance is a share of the value such as 0.01, not {tolerance!r}")
    unheld = [name for name in expected if name not in QUANTITIES]
    if unheld or not expected:
        raise ArgumentError(
            f"a report has no {listing(unheld)}; hold {listing(QUANTITIES)}"
            if unheld
            else f"give what to hold: {listing(QUANTITIES)}"
        )
    wrong = [
        _told(name, value, getattr(report, name))
        for name, value in expected.items()
        if abs(getattr(report, name) - value) > tolerance * abs(value)
    ]
    if not unknown and report.unknown:
        wrong.append(f"unknown: {listing(sorted({item.name for item in report.unknown}))}")
    if wrong:
        raise AssertionError("\n".join([f"the cost of {report.name} changed", *wrong, str(report)]))


def _told(name: str, expected: int, found: int) -> str:
    unit = QUANTITIES[name]
    change = f", {units.ratio(found / expected)} of it" if expected else ""
    return f"  {name}: expected {expected:,} {unit}, found {found:,} {unit}{change}".replace(
        " ,", ","
    )
