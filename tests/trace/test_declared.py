from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from einlab.trace import rules
from einlab.trace.checking import CheckError
from einlab.trace.reporting import report
from tests.trace.operations import spec

X, C = spec(4, 6), spec(4, 6, dtype="complex64")
IDS = spec(3, dtype="int32")

# For each counting rule a program of that operation, which the check must hold to it.
HELD = {
    "add": (lambda x: x + x, X),
    "sub": (lambda x: x - jnp.sin(x), X),
    "mul": (lambda x: x * x, X),
    "div": (lambda x: x / jnp.sin(x), X),
    "neg": (lambda x: -x, X),
    "max": (lambda x: jnp.maximum(x, jnp.sin(x)), X),
    "abs": (jnp.abs, X),
    "floor": (jnp.floor, X),
    "sign": (jnp.sign, X),
    "exp": (jnp.exp, X),
    "tanh": (jnp.tanh, X),
    "logistic": (lax.logistic, X),
    "integer_pow": (lambda x: lax.integer_pow(x, 7), X),
    "lt": (lambda x: x < jnp.sin(x), X),
    "select_n": (lambda x: jnp.where(x < jnp.sin(x), x, jnp.cos(x)), X),
    "convert_element_type": (lambda x: x.astype("int32"), X),
    "clamp": (lambda x: lax.clamp(x, jnp.sin(x), jnp.cos(x)), X),
    "reduce_sum": (lambda x: x.sum(0), X),
    "reduce_max": (lambda x: x.max(1), X),
    "dot_general": (lambda x: x @ x.T, X),
    "conv_general_dilated": (
        lambda x: lax.conv_general_dilated(x[None, None], x[None, None, :3, :3], (1, 1), "SAME"),
        X,
    ),
    "transpose": (lambda x: x.T, X),
    "gather": (lambda x, i: x[i], X, IDS),
    "scatter-add": (lambda x, i: x.at[i].add(jnp.ones((3, 6))), X, IDS),
    "reshape": (lambda x: x.reshape(6, 4), X),
}
HELD_COMPLEX = {
    "add": (lambda x: x + x, C),
    "mul": (lambda x: x * (x - x.T.reshape(4, 6)), C),
    "div": (lambda x: x / (x - x.T.reshape(4, 6)), C),
    "dot_general": (lambda x: x @ x.T, C),
}
CASES = [
    *((name, *case) for name, case in HELD.items()),
    *((name, *case) for name, case in HELD_COMPLEX.items()),
]


@pytest.mark.parametrize(("more", "xla_too"), [(1, False), (-1, False), (1, True), (-1, True)])
@pytest.mark.parametrize(
    ("name", "case"), [(name, case) for name, *case in CASES], ids=lambda v: v if v is str else None
)
def test_a_wrong_counting_rule_fails_the_check(name, case, more, xla_too, monkeypatch):
    """A count that is an operation an entry too high or too low, also where XLA's is given so."""
    function, *operands = case
    report(function, *operands).check(compiled=False)
    rule = rules.RULES[name]

    def wrong(op):
        found = rule(op)
        by = more * op.written
        told = found.xla
        if xla_too:
            told = None if told is None else (told[0] + by, told[1])
        return replace(found, flops=found.flops + by, xla=told)

    monkeypatch.setitem(rules.RULES, name, wrong)
    with pytest.raises(CheckError, match="nothing explains"):
        report(function, *operands).check(compiled=False)


def test_a_wrong_rule_shows_in_a_loop_and_in_a_gradient_too(monkeypatch):
    def function(x):
        return lax.fori_loop(0, 5, lambda i, c: jnp.sin(c) * c + x, x).sum()

    report(jax.grad(function), X).check(compiled=False)
    rule = rules.RULES["mul"]
    monkeypatch.setitem(rules.RULES, "mul", lambda op: replace(rule(op), flops=rule(op).flops + 1))
    with pytest.raises(CheckError, match="nothing explains"):
        report(jax.grad(function), X).check(compiled=False)
