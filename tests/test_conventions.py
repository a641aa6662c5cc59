from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from einlab.conventions import (
    PRESETS,
    Convention,
    attended,
    attention_scope,
    convention_for,
)
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.trace.reporting import report
from tests.trace import llama
from tests.trace.operations import spec

S = llama.TINY
TOKENS = S.length
IDS = spec(1, TOKENS + 1, dtype="int32")
TRAINING = report(lambda p, i: llama.train_step(p, i, S), llama.parameters(S, "float32"), IDS)
FORWARD = report(
    lambda p, i: llama.forward(p, i, S),
    llama.parameters(S, "float32"),
    spec(1, TOKENS, dtype="int32"),
)

# Closed forms, per sequence.
LOGITS = 2 * S.width * S.vocabulary * TOKENS
DENSE = (
    S.layers
    * 2
    * TOKENS
    * (S.width * S.head * (2 * S.heads + 2 * S.groups) + 3 * S.width * S.forward)
)
SCORES = S.layers * 4 * TOKENS**2 * S.heads * S.head


def test_palm_counts_products_alone_three_times_the_forward_pass():
    assert TRAINING.under("palm").flops == 3 * (DENSE + SCORES + LOGITS)
    assert FORWARD.under("palm").flops == DENSE + SCORES + LOGITS
    assert TRAINING.under("nanogpt").flops == TRAINING.under("palm").flops


def test_counted_and_assumed_backward_passes_agree_where_every_product_has_two():
    counted = TRAINING.under("palm", backward="counted").flops
    assert counted == TRAINING.under("palm").flops


def test_kaplan_leaves_out_attention_and_logits():
    assert TRAINING.under("kaplan").flops == 3 * DENSE


def test_chinchilla_adds_embeddings_as_a_product_and_three_flops_a_score_of_softmax():
    embedding = 2 * TOKENS * S.vocabulary * S.width
    softmax = 3 * S.layers * S.heads * TOKENS**2
    assert FORWARD.under("chinchilla").flops == DENSE + SCORES + LOGITS + embedding + softmax
    short = FORWARD.under("chinchilla", embeddings="out", logits=False).flops
    assert short == DENSE + SCORES + softmax


def test_megatron_counts_what_remat_repeats_as_hardware_flops():
    model, hardware = TRAINING.under("megatron").flops, TRAINING.under("megatron-hardware").flops
    # The last product of a layer is not repeated: nothing in the backward pass needs its result.
    last = S.layers * 2 * TOKENS * S.forward * S.width
    assert hardware - model == DENSE + SCORES - last


def test_causal_attention_counts_in_full_by_half_or_exactly():
    rest = DENSE + LOGITS
    assert FORWARD.under("palm", causal="half").flops == rest + SCORES // 2
    assert FORWARD.under("maxtext").flops == rest + SCORES // 2
    pairs = attended(TOKENS, TOKENS, causal=True)
    exact = FORWARD.under("palm", causal="exact").flops - rest
    assert exact == SCORES * pairs // TOKENS**2


def attention(q, k, v, *, window=None):
    with jax.named_scope(attention_scope(q.shape[0], k.shape[0], causal=True, window=window)):
        return (q @ k.T) @ v


def test_flash_attention_counts_half_and_two_and_a_half_times_backward():
    array = spec(32, 8)
    forward = report(attention, array, array, array).under("flash-attention").flops
    assert forward == 4 * 32 * 32 * 8 // 2
    step = jax.grad(lambda *a: attention(*a).var(), (0, 1, 2))
    assert report(step, array, array, array).under("flash-attention").flops == 3.5 * forward


def test_a_window_counts_the_keys_it_leaves():
    array = spec(32, 8)
    found = report(lambda *a: attention(*a, window=8), array, array, array)
    assert found.under("palm").flops == 4 * 32 * 8 * 8
    assert (
        found.under("palm", causal="exact").flops == 4 * attended(32, 32, causal=True, window=8) * 8
    )


def test_attended_counts_the_pairs_of_a_mask():
    for queries in range(6):
        for keys in range(7):
            for window in (None, 1, 3, 9):
                pairs = sum(
                    j <= i + keys - queries and (window is None or j > i + keys - queries - window)
                    for i in range(queries)
                    for j in range(keys)
                )
                assert attended(queries, keys, causal=True, window=window) == pairs
                assert attended(queries, keys) == queries * keys


def test_xla_counts_a_loop_once_complex_products_like_real_ones_and_comparisons():
    looped = lambda x: lax.fori_loop(0, 5, lambda i, c: c @ c, x)  # noqa: E731
    assert report(looped, spec(8, 8)).under("xla").flops == 2 * 8**3
    complex_product = report(jnp.matmul, *[spec(8, 8, dtype="complex64")] * 2)
    assert complex_product.under("xla").flops == 2 * 8**3
    assert report(lambda x: x > 1, spec(5)).under("xla").flops == 5
    assert report(lambda x: x > 1, spec(5)).flops == 0


def test_macs_count_a_multiplication_and_its_addition_once():
    assert report(jnp.matmul, spec(3, 4), spec(4, 5)).under("macs").flops == 3 * 4 * 5


def test_dense_taps_count_padding_too():
    def convolve(x, k):
        return lax.conv_general_dilated(x, k, (1, 1), "SAME")

    found = report(convolve, spec(1, 1, 4, 4), spec(2, 1, 2, 2))
    assert (found.flops, found.under("einlab", taps="dense").flops) == (196, 256)


@pytest.mark.parametrize("name", PRESETS)
def test_a_convention_changes_no_bytes_and_says_where_it_comes_from(name):
    under = TRAINING.under(name)
    assert under.ideal_bytes == TRAINING.ideal_bytes
    if PRESETS[name].loops == "all":
        assert under.bytes == TRAINING.bytes
    assert PRESETS[name].source
    assert PRESETS[name].name == name


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "OPS"},
        {"elementwise": 2},
        {"causal": "quarter"},
        {"backward": "twice"},
        {"backward": -1.0},
        {"backward": float("nan")},
        {"backward": True},
        {"taps": None},
        {"loops": "twice"},
        {"colour": "red"},
    ],
)
def test_bad_fields_are_refused(changes):
    with pytest.raises(ArgumentError):
        convention_for("palm", **changes)


def test_names_are_looked_up_and_values_pass():
    mine = Convention("mine", backward=2.0)
    assert convention_for(mine) is mine
    with pytest.raises(ArgumentError, match="did you mean 'megatron'"):
        convention_for("megatrn")
    with pytest.raises(ArgumentTypeError):
        convention_for(3)  # type: ignore[arg-type]
