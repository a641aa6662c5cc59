"""Latent attention: keys and values of all heads from one short vector a token.

Both contractions of attention have three operands here: scores are queries × up-projection × latent
vectors, results are weights × latent vectors × up-projection. Multiplying the up-projections into
queries and results is the absorbed form, multi-query attention to the latent vectors themselves;
multiplying them with the latent vectors is the expanded form, with keys and values of every head.
They are two orders of the same contractions, so the plan says which: usually the expanded one for a
whole sequence, the absorbed one for a single new token over a long cache.

Source: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1, arXiv 2405.04434.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from einlab.arguments import choice, floating, shaped
from einlab.attention.attending import attend
from einlab.contracting import contract
from einlab.errors import ShapeError
from einlab.planning import plan
from einlab.plans import Plan
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.trace.reporting import report

__all__ = ["LATENT_FORMS", "compare_latent", "latent_attend", "latent_form"]

LATENT_FORMS = ("absorbed", "expanded")
"""Orders of the two contractions of latent attention.

>>> LATENT_FORMS
('absorbed', 'expanded')
"""

SCORES, RESULTS = "bthp,hpr,bsr->bhts", "bhts,bsr,her->bthe"
"""p is the part of a head that no position turns."""

PATHS = {"absorbed": [(0, 1), (0, 1)], "expanded": [(1, 2), (0, 1)]}
"""Both contractions have the up-projection such that one path is the order of both."""


class Operands(NamedTuple):
    """What `latent_attend` takes."""

    q: Float[Array, "b t h d"]
    latents: Float[Array, "b s r"]
    turned: Float[Array, "b s u"]
    up_key: Float[Array, "h p r"]
    up_value: Float[Array, "h e r"]


def latent_attend(
    q: Any,
    latents: Any,
    turned: Any,
    up_key: Any,
    up_value: Any,
    *,
    form: str = "auto",
    **options: Any,
) -> Float[Array, "b t h e"]:
    """Softmax attention to keys and values that stand as one latent vector a token.

    q: (b, t, h, d), the last u of the d entries turned by position; latents: (b, s, r); turned:
    (b, s, u), the part of keys that is turned, the same for all heads; up_key: (h, d − u, r) and
    up_value: (h, e, r) make keys and values from the latent vectors. form: the order of the
    products, by default the one that the plan prefers (`latent_form`). `options` are those of
    `attend`; the scale is 1/√d unless given.

    Raises what `attend` raises, and ShapeError if the operands do not fit each other.

    >>> import jax.numpy as jnp
    >>> q, latents, turned = jnp.ones((1, 1, 4, 6)), jnp.ones((1, 9, 5)), jnp.ones((1, 9, 2))
    >>> latent_attend(q, latents, turned, jnp.ones((4, 4, 5)), jnp.ones((4, 3, 5))).shape
    (1, 1, 4, 3)
    """
    choice(form, "form", ("auto", *LATENT_FORMS))
    given = _operands(q, latents, turned, up_key, up_value)
    if form == "auto":
        form = _preferred(_plans(given))
    if options.get("scale") is None:
        options = {**options, "scale": float(given.q.shape[-1] ** -0.5)}
    run = _absorbed if form == "absorbed" else _expanded
    return run(given, options)


def _absorbed(given: Operands, options: dict[str, Any]) -> Float[Array, "b t h e"]:
    """Attention to the latent vectors, which all heads share."""
    plain, last = _parts(given)
    with jax.named_scope("absorb"):
        inner = contract("bthp,hpr->bthr", plain, given.up_key)
    queries = jnp.concatenate([inner, last], axis=-1)
    keys = jnp.concatenate([given.latents, given.turned], axis=-1)[:, :, None]
    mixed = attend(queries, keys, given.latents[:, :, None], **options)
    with jax.named_scope("absorb"):
        return contract("bthr,her->bthe", mixed, given.up_value)


def _expanded(given: Operands, options: dict[str, Any]) -> Float[Array, "b t h e"]:
    """Attention to keys and values of each head, made from the latent vectors."""
    with jax.named_scope("expand"):
        plain = contract("bsr,hpr->bshp", given.latents, given.up_key)
        values = contract("bsr,her->bshe", given.latents, given.up_value)
    shape = (*plain.shape[:3], given.turned.shape[-1])
    turned = jnp.broadcast_to(given.turned[:, :, None], shape)
    return attend(given.q, jnp.concatenate([plain, turned], axis=-1), values, **options)


def latent_form(q: Any, latents: Any, turned: Any, up_key: Any, up_value: Any) -> str:
    """The form that the plans of both contractions prefer for operands of these shapes.

    It is the faster one on the machine that is calibrated here, else the one of fewer FLOPs. The
    operands are those of `latent_attend`, or ShapeDtypeStructs.

    Raises ShapeError if they do not fit each other.

    >>> import jax, jax.numpy as jnp
    >>> def form(tokens, keys):
    ...     shapes = (1, tokens, 8, 96), (1, keys, 128), (1, keys, 32), (8, 64, 128), (8, 64, 128)
    ...     return latent_form(*(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))
    >>> form(tokens=1, keys=1000), form(tokens=1000, keys=1000)
    ('absorbed', 'expanded')
    """
    return _preferred(_plans(_operands(q, latents, turned, up_key, up_value)))


def compare_latent(q: Any, latents: Any, turned: Any, up_key: Any, up_value: Any) -> Shown:
    """A row for each form: what its two contractions cost as planned, and the whole as traced.

    The operands are those of `latent_attend`, or ShapeDtypeStructs; nothing is computed.

    Raises ShapeError if they do not fit each other.

    >>> import jax, jax.numpy as jnp
    >>> shapes = (1, 1, 8, 96), (1, 1000, 128), (1, 1000, 32), (8, 64, 128), (8, 64, 128)
    >>> operands = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    >>> compare_latent(*operands).table.column("scores")
    (2179072, 132096000)
    """
    given = _operands(q, latents, turned, up_key, up_value)
    plans = _plans(given)
    preferred = _preferred(plans)
    rows = []
    for form in LATENT_FORMS:
        scores, results = plans[form]
        traced = report(lambda *operands, form=form: latent_attend(*operands, form=form), *given)
        costs = scores.flops, results.flops, traced.flops, traced.cost.bytes, traced.peak
        rows.append((form, "yes" if form == preferred else "no", *costs))
    b, t, h, d = given.q.shape
    table = Table(
        f"latent attention of {t} to {given.latents.shape[1]} tokens, batch {b}, {h} heads of {d}",
        [
            Column("form"),
            Column("preferred"),
            Column("scores", "quantity", "FLOP"),
            Column("results", "quantity", "FLOP"),
            Column("FLOPs in all", "quantity", "FLOP"),
            Column("bytes, unfused", "bytes"),
            Column("peak memory", "bytes"),
        ],
        rows,
        notes=[
            "scores and results: their contractions of three operands as planned, without the "
            "turned part",
            "in all, bytes and memory: as traced",
        ],
    )
    return Shown(table)


def _plans(given: Operands) -> dict[str, tuple[Plan, Plan]]:
    """The plans of scores and results in each form."""
    b, t, h, _ = given.q.shape
    s = given.latents.shape[1]
    plain = (b, t, h, given.up_key.shape[1])
    up_key, latents, up_value = given.up_key.shape, given.latents.shape, given.up_value.shape
    dtype = str(jnp.result_type(*given))
    return {
        form: (
            plan(SCORES, plain, up_key, latents, dtype=dtype, optimize=path),
            plan(RESULTS, (b, h, t, s), latents, up_value, dtype=dtype, optimize=path),
        )
        for form, path in PATHS.items()
    }


def _preferred(plans: dict[str, tuple[Plan, Plan]]) -> str:
    """The form that takes less time where it is predicted, else fewer FLOPs."""
    every = [one for pair in plans.values() for one in pair]
    timed = all(one.seconds is not None for one in every)

    def price(form: str) -> float:
        return sum((one.seconds or 0.0) if timed else one.flops for one in plans[form])

    return "absorbed" if price("absorbed") <= price("expanded") else "expanded"


def _parts(given: Operands) -> tuple[Array, Array]:
    """The part of queries that no position turns, and the part that is turned."""
    size = given.up_key.shape[1]
    return given.q[..., :size], given.q[..., size:]


AXES = {
    "q": "b t h d",
    "latents": "b s r",
    "turned": "b s u",
    "up_key": "h p r",
    "up_value": "h e r",
}


def _operands(q: Any, latents: Any, turned: Any, up_key: Any, up_value: Any) -> Operands:
    """The operands, if they fit each other."""
    given = dict(zip(AXES, (q, latents, turned, up_key, up_value), strict=True))
    found: dict[str, Any] = {
        name: value
        if isinstance(value, jax.ShapeDtypeStruct) and len(value.shape) == len(AXES[name].split())
        else floating(shaped(value, name, AXES[name]), name)
        for name, value in given.items()
    }
    sizes: dict[str, int] = {}
    for name, value in found.items():
        for axis, size in zip(AXES[name].split(), value.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise ShapeError(
                    f"{name} has shape {value.shape}, with axes ({AXES[name]}), but {axis} is "
                    f"{sizes[axis]} in the operands before"
                )
    if sizes["d"] != sizes["p"] + sizes["u"]:
        raise ShapeError(
            f"q has heads of {sizes['d']} entries, but up_key makes {sizes['p']} and turned has "
            f"{sizes['u']}: d is their sum"
        )
    return Operands(**found)
