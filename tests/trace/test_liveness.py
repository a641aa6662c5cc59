from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from einlab.trace.compiled import memory
from einlab.trace.reporting import report
from tests.trace.operations import source_of, spec


def mlp(params, x):
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def loss(params, x, y):
    return -(jax.nn.log_softmax(mlp(params, x)) * y).sum(-1).mean()


def sgd(params, x, y):
    return jax.tree.map(lambda p, g: p - 0.1 * g, params, jax.grad(loss)(params, x, y))


def attend(q, k, v):
    weights = jax.nn.softmax(jnp.einsum("bthd,bshd->bhts", q, k) / 8)
    return jnp.einsum("bhts,bshd->bthd", weights, v)


def norm(x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


def dense(x, w1, w2):
    return jax.nn.gelu(x @ w1) @ w2


def block(x, p):
    q, k, v = (jnp.einsum("btc,chd->bthd", norm(x), w) for w in p[:3])
    x = x + jnp.einsum("bthd,hdc->btc", attend(q, k, v), p[3])
    return x + dense(norm(x), p[4], p[5])


def stack(x, p):
    return lax.scan(lambda c, q: (block(c, q), None), x, p)[0]


def again(x, p):
    return lax.scan(jax.checkpoint(lambda c, q: (block(c, q), None)), x, p)[0]


def convolve(x, first, second):
    numbers = ("NHWC", "HWIO", "NHWC")
    h = lax.conv_general_dilated(x, first, (1, 1), "SAME", dimension_numbers=numbers)
    h = jax.nn.relu(h)
    return lax.conv_general_dilated(h, second, (2, 2), "SAME", dimension_numbers=numbers)


def recur(h, xs, w, u):
    return lax.scan(lambda h, x: (jnp.tanh(h @ w + x @ u), h), h, xs)


def adam(p, m, v, g):
    m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
    return p - 0.1 * m / (jnp.sqrt(v) + 1e-8), m, v


PARAMS = [(spec(64, 256), spec(256)), (spec(256, 256), spec(256)), (spec(256, 10), spec(10))]
HEADS = (spec(4, 128, 4, 16),) * 3
DENSE = (spec(512, 128), spec(128, 512), spec(512, 128))
BLOCK = ((spec(64, 4, 16),) * 3) + (spec(4, 16, 64), spec(64, 256), spec(256, 64))
STACK = jax.tree.map(lambda s: spec(6, *s.shape), BLOCK)
TOKENS = spec(4, 128, 64)
IMAGE = (spec(8, 32, 32, 3), spec(3, 3, 3, 16), spec(3, 3, 16, 32))
RNN = (spec(32, 128), spec(50, 32, 64), spec(128, 128), spec(64, 128))
TABLE = (spec(5000, 64), spec(512, dtype="int32"), spec(64, 256))

QUICK = {
    "mlp": (mlp, (PARAMS, spec(512, 64))),
    "chain": (lambda a, b, c, d: a @ b @ c @ d, (spec(256, 256),) * 4),
    "softmax": (jax.nn.softmax, (spec(512, 512),)),
    "adam": (adam, (spec(256, 256),) * 4),
    "recurrent": (recur, RNN),
    "embedding": (lambda t, i, w: t[i] @ w, TABLE),
}
SLOW = {
    "mlp gradient": (jax.grad(loss), (PARAMS, spec(512, 64), spec(512, 10))),
    "sgd": (sgd, (PARAMS, spec(512, 64), spec(512, 10))),
    "attention": (attend, HEADS),
    "attention gradient": (jax.grad(lambda *a: attend(*a).sum(), (0, 1, 2)), HEADS),
    "dense": (dense, DENSE),
    "dense gradient": (jax.grad(lambda *a: dense(*a).sum(), (0, 1, 2)), DENSE),
    "norm": (norm, (spec(512, 512),)),
    "norm gradient": (jax.grad(lambda x: (norm(x) ** 3).sum()), (spec(512, 512),)),
    "block": (block, (TOKENS, BLOCK)),
    "block gradient": (jax.grad(lambda x, p: block(x, p).sum(), 1), (TOKENS, BLOCK)),
    "stack": (stack, (TOKENS, STACK)),
    "stack gradient": (jax.grad(lambda x, p: stack(x, p).sum(), 1), (TOKENS, STACK)),
    "stack, recomputed": (jax.grad(lambda x, p: again(x, p).sum(), 1), (TOKENS, STACK)),
    "convolution": (convolve, IMAGE),
    "convolution gradient": (jax.grad(lambda *a: (convolve(*a) ** 2).sum(), (1, 2)), IMAGE),
    "recurrent gradient": (jax.grad(lambda *a: recur(*a)[1].sum(), (2, 3)), RNN),
    "element-wise": (lambda x: (jnp.sin(x) * jnp.exp(x) + x**2).sum(), (spec(512, 512),)),
    "cumulative": (lambda x: jnp.cumsum(x, 0) + 1, (spec(512, 512),)),
    "loop": (lambda x: lax.fori_loop(0, 9, lambda i, c: jnp.tanh(c @ c), x), (spec(256, 256),)),
    "embedding gradient": (jax.grad(lambda t, i, w: jnp.sin(t[i] @ w).sum()), TABLE),
}


def ratio(function, arguments):
    """Our peak over arguments, results and temporaries, less aliases, of the compiled program."""
    found = report(function, *arguments)
    return found.peak / (memory(source_of(found).compiled) or math.nan)


@pytest.mark.parametrize("name", QUICK)
def test_the_peak_is_that_of_the_compiled_program(name):
    assert ratio(*QUICK[name]) == pytest.approx(1, abs=0.02)


@pytest.mark.long
def test_the_peak_is_within_a_tenth_of_the_compiled_programs_in_geometric_mean():
    ratios = {name: ratio(*case) for name, case in {**QUICK, **SLOW}.items()}
    away = {name: abs(math.log(value)) for name, value in ratios.items()}
    assert math.exp(sum(away.values()) / len(away)) < 1.10, ratios
    assert math.exp(max(away.values())) < 1.4, ratios


def test_the_peak_holds_arguments_and_results_at_least():
    found = report(lambda x: (x, x + 1), spec(100))
    assert found.peak == 800
    assert report(lambda: jnp.zeros(5)).peak == 20


def test_a_result_lies_in_an_argument_that_is_given_away():
    step = jax.jit(lambda x: jnp.tanh(x), donate_argnums=0)
    found = report(step, spec(100))
    assert found.peak == 400 == memory(source_of(found).compiled)


def test_views_take_no_room_of_their_own():
    assert report(lambda x: x.reshape(4, 25), spec(100)).peak == 400
