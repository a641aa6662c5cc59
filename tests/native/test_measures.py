"""Laws of how a call's scratch memory is shared out."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.native.calling import available, call
from einlab.native.measures import LEAST_ROOM, made_ready, product_scratch_bytes, scratch_bytes
from einlab.native.words import ADVANCES, Axis, Part, Words, assembled, product, strided

NATIVE = pytest.mark.skipif(not available(), reason="needs native code")
SIZES = st.sampled_from((1, 2, 7, 33, 128, 500, 3000))


def matrices(batch: int, m: int, k: int, n: int, dtype: str = "float32") -> Words:
    """A batch of products, then a permuted copy of the result."""
    axes = (
        [Axis(batch, m * k, k * n, m * n)],
        [Axis(m, k, 0, n)],
        [Axis(k, 1, n, 0)],
        [Axis(n, 0, 1, 1)],
    )
    result = Part(2, 0)
    turned = [Axis(batch * m, n, 0, 1), Axis(n, 1, 0, batch * m)]
    steps = [
        product(Part(0, 0), Part(1, 0), result, axes),
        strided(result, None, Part(3, 0), turned),
    ]
    return assembled(dtype, steps, (0, 0, 0, 0))


@given(SIZES, SIZES, SIZES, SIZES, st.sampled_from(("float32", "float64")), st.data())
def test_a_call_takes_no_more_than_its_room(batch, m, k, n, dtype, data):
    words, cores = matrices(batch, m, k, n, dtype), data.draw(st.integers(1, 70))
    best = scratch_bytes(words, cores=cores)
    room = data.draw(st.integers(1, best + 10))
    assert scratch_bytes(words, room, cores) <= max(room, LEAST_ROOM)
    assert scratch_bytes(words, best, cores) <= best
    itemsize = np.dtype(dtype).itemsize
    limit = product_scratch_bytes(batch, m, k, n, itemsize, room, cores)
    assert limit <= max(room, LEAST_ROOM)


@given(SIZES, SIZES, SIZES, SIZES)
def test_sizes_alone_tell_a_bound(batch, m, k, n):
    axes = [Axis(batch, m * k, k * n, m * n)], [Axis(m, k, 0, n)], [Axis(k, 1, n, 0)]
    step = product(Part(0, 0), Part(1, 0), Part(2, 0), (*axes, [Axis(n, 0, 1, 1)]))
    words = assembled("float32", [step], (0, 0, 0))
    assert scratch_bytes(words, cores=2) <= product_scratch_bytes(batch, m, k, n, 4, cores=2)


@NATIVE
@pytest.mark.parametrize("room", [0, 8192, 100_000, 1_000_000])
def test_words_say_how_scratch_is_shared(room):
    ready, scratch = made_ready(matrices(3, 300, 200, 400), room, 2)
    threads, each = ready[ADVANCES - 2 : ADVANCES]
    assert threads * each < scratch <= (room or scratch)


@NATIVE
@pytest.mark.parametrize("room", [1, 30_000, 500_000])
def test_any_room_gives_the_same_result(room):
    random, sizes = np.random.default_rng(0), (2, 150, 300, 200)
    a, b = (random.standard_normal(shape).astype("f4") for shape in ((2, 150, 300), (2, 300, 200)))
    run = jax.jit(lambda *given: call(matrices(*sizes), [(60000,)] * 2, *given, room=room))
    found, turned = (np.asarray(array) for array in run(a, b))
    wanted = (a.astype("f8") @ b.astype("f8")).reshape(300, 200)
    np.testing.assert_allclose(found.reshape(300, 200), wanted, atol=2e-4)
    np.testing.assert_array_equal(turned.reshape(200, 300).T, found.reshape(300, 200))
