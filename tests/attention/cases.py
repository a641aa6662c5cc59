"""Calls of every public name of `einlab.attention`."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from einlab import attention
from einlab.attention import Rotary, Scaling, init_cache, init_latent, init_multi_head
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tests.attention import core_cases
from tests.toolkit import Bad, Case

HEADS = np.ones((2, 5, 4, 8), np.float32)
ROTARY = Rotary(size=8)
NUMBER: Any = 8
KEY = jax.random.key(0)
GROUPS = np.ones((2, 3, 2, 8), np.float32)
"""New keys or values of two sequences."""
STATES = np.ones((2, 3, 12), np.float32)


def cache(**options: Any) -> attention.Cache:
    return init_cache(2, 10, groups=2, head_size=8, **options)


def heads(**options: Any) -> attention.MultiHead:
    return init_multi_head(KEY, 12, 4, **options)


def latents(**options: Any) -> attention.LatentHeads:
    return init_latent(KEY, 12, 4, rank=6, plain_size=4, turned_size=2, **options)


LATENT = (
    np.ones((2, 3, 4, 6), np.float32),
    np.ones((2, 7, 6), np.float32),
    np.ones((2, 7, 2), np.float32),
    np.ones((4, 4, 6), np.float32),
    np.ones((4, 5, 6), np.float32),
)
"""Operands of latent attention."""
PAIR = Rotary(size=2)


def misfit(place: int, *shape: int) -> tuple[Any, ...]:
    """Operands of latent attention, one of them of another shape."""
    return (*LATENT[:place], np.ones(shape, np.float32), *LATENT[place + 1 :])


def flax_tree(**more: Any) -> dict[str, Any]:
    """The parameters of heads as Flax keeps them."""
    shapes = {"query": (12, 4, 3), "key": (12, 4, 3), "value": (12, 4, 3), "out": (4, 3, 12)}
    tree = {name: {"kernel": np.ones(shape, np.float32)} for name, shape in shapes.items()}
    return {**tree, **more}


CASES = {
    "append": Case(attention.append, (cache(), GROUPS, GROUPS)),
    "decode": Case(attention.decode, (HEADS[:, :3], GROUPS, GROUPS, cache())),
    "fuse": Case(attention.fuse, (heads(),)),
    "init_multi_head": Case(
        partial(attention.init_multi_head, width=12, heads=4),
        (KEY,),
    ),
    "init_latent": Case(
        partial(attention.init_latent, width=12, heads=4, rank=6, plain_size=4, turned_size=2),
        (KEY,),
    ),
    "latent_attend": Case(attention.latent_attend, LATENT),
    "multi_head": Case(attention.multi_head, (heads(), STATES)),
    "multi_head_decode": Case(
        attention.multi_head_decode, (heads(groups=2), STATES, init_cache(2, 10, 2, 3))
    ),
    "multi_head_latent": Case(
        partial(attention.multi_head_latent, rotary=PAIR), (latents(query_rank=5), STATES)
    ),
    "multi_head_latent_decode": Case(
        lambda weights, x, cache: attention.multi_head_latent_decode(weights, x, PAIR, cache),
        (latents(), STATES[:, :1], init_cache(2, 10, 1, 6, 2)),
    ),
    "multi_head_latent_prefill": Case(
        lambda weights, x, cache: attention.multi_head_latent_prefill(weights, x, PAIR, cache),
        (latents(), STATES, init_cache(2, 10, 1, 6, 2, window=5)),
    ),
    "multi_head_prefill": Case(
        attention.multi_head_prefill, (heads(groups=2), STATES, init_cache(2, 10, 2, 3, window=4))
    ),
    "prefill": Case(attention.prefill, (HEADS[:, :3], GROUPS, GROUPS, cache())),
    "rollback": Case(attention.rollback, (cache(window=5), np.array([0, 0]))),
    "separate": Case(attention.separate, (attention.fuse(heads()),)),
    "rotate": Case(partial(attention.rotate, rotary=ROTARY), (HEADS,)),
}

SILENT = {
    "Cache": "a record of arrays",
    "FusedHeads": "a record of arrays",
    "LATENT_FORMS": "names",
    "LatentHeads": "a record of arrays",
    "MultiHead": "a record of arrays",
    "compare_latent": "compares plans and reports",
    "from_equinox": "moves arrays",
    "from_flax": "moves arrays",
    "init_cache": "zeros",
    "latent_form": "compares plans",
    "to_equinox": "moves arrays",
    "to_flax": "moves arrays",
    "Rotary": "a record of settings",
    "Scaling": "a record of settings",
    "frequencies": "NumPy numbers, one for each pair of entries",
}

BAD = {
    "append": [
        Bad(lambda: attention.append(NUMBER, GROUPS, GROUPS), ArgumentTypeError, ("not 8",)),
        Bad(lambda: attention.append(cache(), GROUPS[0], GROUPS), ShapeError, ("b t g d",)),
        Bad(
            lambda: attention.append(cache(), GROUPS, GROUPS[..., :7]),
            ShapeError,
            ("v has shape (2, 3, 2, 7)", "(2, 3, 2, 8)"),
        ),
        Bad(lambda: attention.append(cache(), GROUPS * 1j, GROUPS), DtypeError, ("complex",)),
        Bad(
            lambda: attention.append(cache(), GROUPS, GROUPS, lengths=[1, 4]),
            ArgumentError,
            ("lengths holds 4", "between 0 and 3"),
        ),
        Bad(
            lambda: attention.append(
                attention.append(cache(), np.ones((2, 8, 2, 8)), np.ones((2, 8, 2, 8))),
                GROUPS,
                GROUPS,
            ),
            ArgumentError,
            ("10 places", "11 tokens"),
        ),
    ],
    "compare_latent": [
        Bad(lambda: attention.compare_latent(*misfit(2, 2, 7, 3)), ShapeError, ("d is their sum",))
    ],
    "decode": [
        Bad(
            lambda: attention.decode(HEADS, GROUPS, GROUPS, cache()),
            ShapeError,
            ("q has shape (2, 5, 4, 8)", "same (b, t)"),
        ),
        Bad(
            lambda: attention.decode(HEADS[:, :3], GROUPS, GROUPS, cache(), mask=np.ones((3, 10))),
            ArgumentError,
            ("the cache says",),
        ),
        Bad(
            lambda: attention.decode(
                HEADS[:, :3], GROUPS, GROUPS, cache(window=4), bias=np.ones((3, 10))
            ),
            ArgumentError,
            ("use slopes",),
        ),
    ],
    "from_equinox": [
        Bad(lambda: attention.from_equinox(flax_tree()), ArgumentError, ("no parameter ['key']",)),
        Bad(
            lambda: attention.from_equinox(SimpleNamespace(num_heads=2)),
            ArgumentError,
            ("query_proj.weight", "missing"),
        ),
    ],
    "from_flax": [
        Bad(lambda: attention.from_flax({}), ArgumentError, ("query.kernel", "missing")),
        Bad(
            lambda: attention.from_flax(flax_tree(query_ln={"scale": np.ones(3, np.float32)})),
            ArgumentError,
            ("no parameter ['query_ln']['scale']",),
        ),
        Bad(
            lambda: attention.from_flax(flax_tree(out={"kernel": np.ones((4, 2, 12))})),
            ShapeError,
            ("weights.output", "its e is 2"),
        ),
    ],
    "fuse": [
        Bad(lambda: attention.fuse(NUMBER), ArgumentTypeError, ("not 8",)),
        Bad(lambda: attention.fuse(heads(value_size=5)), ArgumentError, ("one matrix",)),
        Bad(lambda: attention.fuse(heads()._replace(key_bias=None)), ArgumentError, ("some have",)),
    ],
    "init_cache": [
        Bad(lambda: attention.init_cache(0, 4, 1, 8), ArgumentError, ("batch is 0",)),
        Bad(lambda: attention.init_cache(1, 4, 1, 8, window=5), ArgumentError, ("5 or more",)),
        Bad(lambda: attention.init_cache(1, 4, 1, 8, dtype="int8"), DtypeError, ("int8",)),
    ],
    "init_latent": [
        Bad(
            lambda: init_latent(KEY, 12, 4, rank=6, plain_size=4, turned_size=3),
            ArgumentError,
            ("turned_size is 3",),
        ),
        Bad(lambda: latents(query_rank=0), ArgumentError, ("query_rank is 0",)),
        Bad(lambda: latents(dtype="int8"), DtypeError, ("int8",)),
    ],
    "init_multi_head": [
        Bad(lambda: heads(groups=3), ArgumentError, ("multiple of the 3 groups",)),
        Bad(lambda: init_multi_head(KEY, 10, 4), ArgumentError, ("give head_size",)),
        Bad(lambda: init_multi_head(NUMBER, 12, 4), ArgumentTypeError, ("key is a key",)),
        Bad(lambda: heads(dtype=int), DtypeError, ("floating-point",)),
    ],
    "latent_attend": [
        Bad(lambda: attention.latent_attend(*misfit(1, 2, 7)), ShapeError, ("(b s r)",)),
        Bad(lambda: attention.latent_attend(*misfit(3, 3, 4, 6)), ShapeError, ("h is 4",)),
        Bad(
            lambda: attention.latent_attend(*LATENT, form="absorb"),
            ArgumentError,
            ("did you mean 'absorbed'",),
        ),
    ],
    "latent_form": [
        Bad(lambda: attention.latent_form(*misfit(0, 1, 3, 4, 6)), ShapeError, ("b is 1",)),
    ],
    "multi_head": [
        Bad(lambda: attention.multi_head(NUMBER, STATES), ArgumentTypeError, ("not 8",)),
        Bad(
            lambda: attention.multi_head(heads(), STATES[..., :5]),
            ShapeError,
            ("x has shape (2, 3, 5)", "width of 12"),
        ),
        Bad(
            lambda: attention.multi_head(heads(), STATES, STATES, rotary=Rotary(size=2)),
            ArgumentError,
            ("of one sequence",),
        ),
        Bad(
            lambda: attention.multi_head(heads(), STATES, positions=np.arange(3)),
            ArgumentError,
            ("no rotary",),
        ),
        Bad(
            lambda: attention.multi_head(heads()._replace(key=jax.numpy.ones((3, 3, 12))), STATES),
            ShapeError,
            ("g is",),
        ),
    ],
    "multi_head_decode": [
        Bad(
            lambda: attention.multi_head_decode(heads(), STATES, NUMBER), ArgumentTypeError, ("8",)
        ),
        Bad(
            lambda: attention.multi_head_decode(heads(), STATES, cache()),
            ShapeError,
            ("k has shape (2, 3, 4, 3)", "(2, 3, 2, 8)"),
        ),
    ],
    "multi_head_latent": [
        Bad(
            lambda: attention.multi_head_latent(NUMBER, STATES, PAIR), ArgumentTypeError, ("not 8",)
        ),
        Bad(
            lambda: attention.multi_head_latent(latents(), STATES, NUMBER),
            ArgumentTypeError,
            ("rotary is a Rotary",),
        ),
        Bad(
            lambda: attention.multi_head_latent(latents(), STATES, ROTARY),
            ArgumentError,
            ("rotary.size is 8", "2 entries"),
        ),
        Bad(
            lambda: attention.multi_head_latent(latents(), STATES[..., :5], PAIR),
            ShapeError,
            ("width of 12",),
        ),
        Bad(
            lambda: attention.multi_head_latent(
                latents(query_rank=5)._replace(query_norm=None), STATES, PAIR
            ),
            ArgumentError,
            ("give both or neither",),
        ),
    ],
    "multi_head_latent_decode": [
        Bad(
            lambda: attention.multi_head_latent_decode(latents(), STATES, PAIR, NUMBER),
            ArgumentTypeError,
            ("cache is a Cache",),
        ),
    ],
    "multi_head_latent_prefill": [
        Bad(
            lambda: attention.multi_head_latent_prefill(latents(), STATES, PAIR, cache()),
            ShapeError,
            ("k has shape (2, 3, 1, 6)",),
        ),
    ],
    "multi_head_prefill": [
        Bad(
            lambda: attention.multi_head_prefill(heads(), STATES[0], cache()),
            ShapeError,
            ("b t c",),
        ),
    ],
    "prefill": [
        Bad(
            lambda: attention.prefill(
                np.ones((2, 11, 4, 8)), np.ones((2, 11, 2, 8)), np.ones((2, 11, 2, 8)), cache()
            ),
            ArgumentError,
            ("10 places", "11 tokens"),
        ),
        Bad(
            lambda: attention.prefill(HEADS[:, :3], GROUPS, GROUPS, cache(), lengths=[3, -1]),
            ArgumentError,
            ("lengths holds -1",),
        ),
    ],
    "rollback": [
        Bad(lambda: attention.rollback(cache(), 1), ArgumentError, ("sequence 0 has 0 tokens",)),
        Bad(lambda: attention.rollback(cache(), [0.0, 0.0]), DtypeError, ("whole numbers",)),
        Bad(lambda: attention.rollback(cache(), [0, 0, 0]), ShapeError, ("(2,)",)),
    ],
    "separate": [
        Bad(lambda: attention.separate(heads()), ArgumentTypeError, ("FusedHeads",)),  # type: ignore[arg-type]
        Bad(
            lambda: attention.separate(
                attention.FusedHeads(np.ones((7, 3, 12)), np.ones((12, 4, 3)))  # type: ignore[arg-type]
            ),
            ShapeError,
            ("divisor of 4",),
        ),
    ],
    "to_equinox": [
        Bad(
            lambda: attention.to_equinox(heads(), {}), ArgumentTypeError, ("no MultiheadAttention",)
        ),
    ],
    "to_flax": [
        Bad(
            lambda: attention.to_flax(heads(), flax_tree()),
            ArgumentError,
            ("have query_bias", "has none"),
        ),
        Bad(
            lambda: attention.to_flax(heads(bias=False, groups=2), flax_tree()),
            ShapeError,
            ("key has shape (12, 2, 3)",),
        ),
    ],
    "frequencies": [
        Bad(lambda: attention.frequencies(Rotary(size=5)), ArgumentError, ("size is 5",)),
        Bad(
            lambda: attention.frequencies(
                Rotary(size=4, scaling=Scaling(kind="linear", factor=-1.0))
            ),
            ArgumentError,
            ("scaling.factor is -1",),
        ),
    ],
    "rotate": [
        Bad(lambda: attention.rotate(HEADS[0], ROTARY), ShapeError, ("b t h d",)),
        Bad(lambda: attention.rotate(HEADS, NUMBER), ArgumentTypeError, ("not 8",)),
        Bad(lambda: attention.rotate(HEADS, Rotary(size=10)), ShapeError, ("8 entries",)),
        Bad(lambda: attention.rotate(HEADS, ROTARY, offset=0.5), DtypeError, ("float",)),
        Bad(lambda: attention.rotate(HEADS, ROTARY, offset=[1, 2, 3]), ShapeError, ("(2,)",)),
        Bad(
            lambda: attention.rotate(HEADS, ROTARY, offset=1, positions=np.arange(5)),
            ArgumentError,
            ("both given",),
        ),
        Bad(lambda: attention.rotate(HEADS, ROTARY, positions=[0]), ShapeError, ("(5,)",)),
    ],
}

CASES |= core_cases.CASES
SILENT |= core_cases.SILENT
BAD |= core_cases.BAD
