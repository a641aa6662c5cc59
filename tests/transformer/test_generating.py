from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab import report
from einlab.transformer import decoder
from einlab.transformer.generating import NOTHING, generate
from einlab.transformer.sampling import Sampling, next_token
from tests.transformer.cases import CONFIG, WEIGHTS

# Large enough that tokens differ.
LOUD = jax.tree.map(lambda leaf: leaf * (30 if leaf.ndim > 2 else 1), WEIGHTS)
WHOLE = jax.jit(lambda weights, ids: decoder.apply(weights, ids, CONFIG))
PROMPTS = [[1, 2, 3], [4, 5, 6], [7, 8]]


def one_by_one(
    prompt: list[int], tokens: int, sampling: Sampling, keys: list[Any] | None = None
) -> list[int]:
    """Tokens chosen from the logits of the whole sequence, without a cache."""
    ids = list(prompt)
    for step in range(tokens):
        # What comes after a token changes nothing for it, so one length and one program will do.
        filled = jnp.array([ids + [0] * (8 - len(ids))])
        logits = WHOLE(LOUD, filled)[:, len(ids) - 1]
        seen = jnp.zeros((1, CONFIG.vocabulary), bool).at[0, jnp.array(ids)].set(True)
        key = None if keys is None else keys[step]
        ids.append(int(next_token(logits, sampling, key, seen)[0]))
    return ids[len(prompt) :]


def test_a_cache_gives_what_reading_the_whole_sequence_again_gives() -> None:
    sampling = Sampling(temperature=0, repetition_penalty=1.7)
    found = generate(LOUD, PROMPTS, CONFIG, tokens=5, sampling=sampling)
    expected = [one_by_one(prompt, 5, sampling) for prompt in PROMPTS]
    assert found.ids.tolist() == expected
    assert len({tuple(row) for row in expected}) > 1


def test_drawn_tokens_follow_from_the_key() -> None:
    sampling, key = Sampling(temperature=1.5, top_k=7), jax.random.key(5)
    found = generate(LOUD, PROMPTS[:1], CONFIG, key, tokens=5, sampling=sampling)
    again = generate(LOUD, PROMPTS[:1], CONFIG, key, tokens=5, sampling=sampling)
    keys = [jax.random.fold_in(key, step) for step in range(5)]
    expected = one_by_one(PROMPTS[0], 5, sampling, keys)
    assert found.ids.tolist() == again.ids.tolist() == [expected]
    other = generate(LOUD, PROMPTS[:1], CONFIG, jax.random.key(6), tokens=5, sampling=sampling)
    assert other.ids.tolist() != found.ids.tolist()


def test_lengths_say_what_lists_of_uneven_length_say() -> None:
    filled = [[1, 2, 3], [4, 5, 6], [7, 8, 0]]
    lists = generate(LOUD, PROMPTS, CONFIG, tokens=4)
    rows = generate(LOUD, np.array(filled), CONFIG, tokens=4, lengths=[3, 3, 2])
    assert lists.ids.tolist() == rows.ids.tolist()


def test_a_sequence_ends_with_its_stop_and_the_others_go_on() -> None:
    whole = np.asarray(generate(LOUD, PROMPTS, CONFIG, tokens=6).ids)
    stop = int(whole[0, 2])
    found = generate(LOUD, PROMPTS, CONFIG, tokens=6, stop=[stop])
    for row, ids, length in zip(whole.tolist(), found.ids.tolist(), found.lengths, strict=True):
        expected = row.index(stop) + 1 if stop in row else len(row)
        assert int(length) == expected
        assert ids == row[:expected] + [NOTHING] * (len(row) - expected)


def test_a_report_counts_the_prompt_once_and_each_further_step() -> None:
    ids = jnp.array([[1, 2, 3], [4, 5, 6]])

    def flops(tokens: int) -> int:
        made = report(lambda w, i: generate(w, i, CONFIG, tokens=tokens), WEIGHTS, ids)
        assert not made.unknown
        return sum(row.cost.flops for row in made.rows if row.is_product)

    def products(function: Any, *arguments: Any) -> int:
        rows = report(function, *arguments).rows
        return sum(row.cost.flops for row in rows if row.is_product)

    prefill = products(lambda w, i: decoder.prefill(w, i, CONFIG, 6), WEIGHTS, ids)
    cache = decoder.empty_cache(CONFIG, 2, 6)
    step = products(lambda w, i, c: decoder.decode(w, i, c, CONFIG), WEIGHTS, ids[:, 0], cache)
    assert flops(4) == prefill + 3 * step
