"""The weights that the page shows are those of `attend`."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from einlab.attention import CAUSAL, attend
from tests.docs.node import evaluate

COUNT, TOKENS, SIZE = 130, 5, 8


@pytest.mark.parametrize("divided", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_the_weights_are_those_by_which_attend_takes_the_mean(divided, causal):
    random = np.random.default_rng(2 * divided + causal)
    q, k = random.normal(size=(2, COUNT, TOKENS, SIZE)).astype(np.float32)
    each = np.broadcast_to(np.eye(TOKENS, dtype=np.float32), (COUNT, TOKENS, TOKENS))
    wanted = attend(
        *(jnp.asarray(part)[:, :, None] for part in (q, k, each)),
        mask=CAUSAL if causal else None,
        scale=None if divided else 1.0,
        implementation="plain",
    )[:, :, 0]
    products = np.einsum("btd,bsd->bts", q, k)
    cases = [[one.tolist(), SIZE, divided, causal] for one in products]
    found = evaluate("widgets/heads.js", "einlabHeads.weights", cases)
    assert np.allclose(found, wanted, atol=1e-5)


def test_the_spread_is_two_to_the_entropy():
    random = np.random.default_rng(0)
    rows = [random.dirichlet(np.full(random.integers(1, 9), 0.5)) for _ in range(500)]
    rows += [np.full(4, 0.25), np.array([0.0, 1.0, 0.0])]
    found = evaluate("widgets/heads.js", "einlabHeads.spread", [[row.tolist()] for row in rows])
    for row, spread in zip(rows, found, strict=True):
        held = row[row > 0]
        assert np.isclose(spread, np.prod(held**-held))
    assert found[-2:] == [4, 1]
