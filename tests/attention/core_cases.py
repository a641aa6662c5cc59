"""Calls of the public names of `einlab.attention` that are about attention itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from einlab.attention import (
    CAUSAL,
    Mask,
    alibi_slopes,
    attend,
    attend_linear,
    compare,
    elu_features,
    explain_attend,
)
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    EinlabError,
    OperandError,
    ShapeError,
)
from tests.toolkit import Bad, Case

Q = np.ones((2, 6, 4, 8), np.float32)
K, V = np.ones((2, 7, 2, 8), np.float32), np.ones((2, 7, 2, 5), np.float32)
SQUARE = np.ones((2, 6, 2, 8), np.float32)
ANY: Any = "all"

CASES = {
    "attend": Case(partial(attend, mask=CAUSAL, soft_cap=5.0), (Q, K, V)),
    "attend_linear": Case(attend_linear, (Q, K, V)),
    "elu_features": Case(elu_features, (Q,)),
}

SILENT = {
    "CAUSAL": "a mask",
    "Choice": "what was chosen",
    "IMPLEMENTATIONS": "names",
    "Mask": "a record of conditions",
    "alibi_slopes": "numbers that NumPy computes, one a head",
    "compare": "makes a report of every implementation",
    "explain_attend": "tells what attend would do",
}


def bad(error: type[EinlabError], *says: str, q: Any = Q, k: Any = K, v: Any = V, **settings: Any):
    """A call of `attend` that it refuses."""
    return Bad(lambda: attend(q, k, v, **settings), error, says)


def masked(error: type[EinlabError], *says: str, **fields: Any):
    """A mask that `attend` refuses."""
    return bad(error, *says, mask=Mask(**fields))


BAD = {
    "alibi_slopes": [
        Bad(lambda: alibi_slopes(0), ArgumentError, ("heads is 0",)),
        Bad(lambda: alibi_slopes(ANY), ArgumentTypeError, ("whole number",)),
    ],
    "attend": [
        bad(ShapeError, "b t h d", q=Q[0]),
        bad(OperandError, "k is no array", k="keys"),
        bad(DtypeError, "complex64", q=Q.astype(np.complex64)),
        bad(ShapeError, "(2, s, g, 4)", q=Q[..., :4]),
        bad(ShapeError, "(2, 7, 2, e)", v=V[:, :6]),
        bad(ShapeError, "3 heads", "2 groups", q=Q[:, :, :3]),
        bad(ShapeError, "length 1 or more", q=Q[:, :0]),
        bad(ArgumentError, "did you mean 'plain'", implementation="plian"),
        bad(ArgumentTypeError, "a name", implementation=3),
        bad(ArgumentError, "cuDNN", q=SQUARE, k=SQUARE, v=SQUARE, implementation="cudnn"),
        bad(ArgumentError, "no sinks", sinks=np.ones(4, np.float32), implementation="jax"),
        bad(ArgumentError, "by the first ones", v=K, mask=CAUSAL, implementation="jax"),
        bad(ArgumentError, "keys' size", implementation="jax"),
        bad(ArgumentTypeError, "'causal'", mask="causal"),
        bad(DtypeError, "float32", "True where", mask=np.ones((6, 7), np.float32)),
        bad(ShapeError, "mask.seen has shape (5, 7)", mask=np.ones((5, 7), bool)),
        bad(ShapeError, "bias has shape (6,)", bias=np.ones(6, np.float32)),
        bad(ShapeError, "slopes has shape (2,)", slopes=np.ones(2, np.float32)),
        bad(ShapeError, "sinks has shape ()", sinks=1.0),
        bad(ArgumentTypeError, "scale is a number", scale=ANY),
        bad(ArgumentError, "soft_cap is 0", soft_cap=0.0),
        bad(ArgumentError, "dropout is 1;", dropout=1.0, key=jax.random.key(0)),
        bad(ArgumentError, "dropout is -0.1", dropout=-0.1),
        bad(ArgumentError, "without a key", dropout=0.5),
        bad(ArgumentTypeError, "key is a key", dropout=0.5, key=7),
        masked(ArgumentTypeError, "pair", window=3),
        masked(ArgumentError, "mask.window is -1", window=(-1, 0)),
        masked(ArgumentError, "mask.align is 'top'", align="top"),
        masked(ArgumentTypeError, "mask.causal", causal=1),
        masked(DtypeError, "mask.offset", offset=0.5),
        masked(ShapeError, "mask.key_lengths has shape (3,)", key_lengths=np.ones(3, np.int32)),
        masked(ArgumentError, "segments", query_segments=np.ones((2, 6), np.int32)),
        masked(
            ShapeError,
            "mask.key_segments has shape (2, 6)",
            query_segments=np.ones((2, 6), np.int32),
            key_segments=np.ones((2, 6), np.int32),
        ),
    ],
    "attend_linear": [
        Bad(lambda: attend_linear(Q, K, V, causal=True), ShapeError, ("6 queries and 7 keys",)),
        Bad(lambda: attend_linear(Q, K, V, features=ANY), ArgumentTypeError, ("features",)),
        Bad(lambda: attend_linear(Q, K, V, causal=ANY), ArgumentTypeError, ("True or False",)),
        Bad(
            lambda: attend_linear(Q, K, V, features=lambda x: x[0]),
            ShapeError,
            ("only d may change",),
        ),
        Bad(lambda: attend_linear(SQUARE, SQUARE, SQUARE, chunk=0), ArgumentError, ("chunk is 0",)),
    ],
    "compare": [
        Bad(lambda: compare(Q, K, V[:1]), ShapeError, ("v has shape (1, 7, 2, 5)",)),
        Bad(lambda: compare(Q, K, V, machine="H1000"), ArgumentError, ("H100",)),
    ],
    "elu_features": [Bad(lambda: elu_features(ANY), OperandError, ("x is no array",))],
    "explain_attend": [
        Bad(lambda: explain_attend(Q, K, V, implementation="fast"), ArgumentError, ("'fast'",))
    ],
}
