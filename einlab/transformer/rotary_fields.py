"""The fields of a config.json that concern rotary embeddings, in their older and newer form."""

from __future__ import annotations

import math

from einlab.errors import FileError
from einlab.transformer.configfile import Fields, short
from einlab.transformer.decoder_config import Rotary, Scaling

__all__ = ["rotary_of"]

THETA = 10_000.0  # Su et al. 2021; what an absent rope_theta means


def rotary_of(fields: Fields, size: int, positions: int, *, interleaved: bool = False) -> Rotary:
    """Rotary embeddings of `size` entries, from rope_theta and rope_scaling or rope_parameters.

    Raises FileError for a kind of scaling that the decoder does not compute, or its bad fields.
    """
    theta = fields.number("rope_theta", THETA)
    name = fields.given("rope_parameters", "rope_scaling")
    given = fields.object(name, None)
    scaling = None
    if given is not None:
        theta = given.number("rope_theta", theta)
        given.take("partial_rotary_factor", None)  # read by `family_parts.rotary`
        try:
            scaling = _scaling(given, positions)
        except FileError as error:
            raise FileError(f"{name}: {error}") from None
    return Rotary(theta=theta, size=size, interleaved=interleaved, scaling=scaling)


def _scaling(given: Fields, positions: int) -> Scaling | None:
    kind = given.take(given.given("rope_type", "type"))
    given.take("type", kind)
    if not isinstance(kind, str) or kind not in KINDS:
        raise FileError(f"the kind is {short(kind)}; the decoder computes {', '.join(KINDS)}")
    scaling = KINDS[kind](given, positions)
    given.finish(f"the scaling {kind}")
    return scaling


def _default(_: Fields, __: int) -> None:
    return None


def _linear(given: Fields, _: int) -> Scaling:
    return Scaling(kind="linear", factor=given.number("factor"))


def _llama3(given: Fields, _: int) -> Scaling:
    return Scaling(
        kind="llama3",
        factor=given.number("factor"),
        trained=given.count("original_max_position_embeddings"),
        low=given.number("low_freq_factor"),
        high=given.number("high_freq_factor"),
    )


def _yarn(given: Fields, positions: int) -> Scaling:
    """YaRN: the factors on the vectors and the scores follow from two fields of the format."""
    factor = given.number("factor")
    trained = given.count("original_max_position_embeddings", positions)
    mscale = given.number("mscale", None)
    every = given.number("mscale_all_dim", None)
    attention = given.number("attention_factor", None)
    given.fixed({"truncate": True})
    if attention is None and mscale and every:
        attention = _warmth(factor, mscale) / _warmth(factor, every)
    return Scaling(
        kind="yarn",
        factor=factor,
        trained=trained,
        low=given.number("beta_slow", 1.0),
        high=given.number("beta_fast", 32.0),
        attention=attention or _warmth(factor, 1.0),
        score=_warmth(factor, every) ** 2 if every else 1.0,
    )


def _warmth(factor: float, share: float) -> float:
    """The temperature of Peng et al. 2023, section 3.4, as DeepSeek writes it."""
    return 0.1 * share * math.log(factor) + 1.0 if factor > 1 else 1.0


KINDS = {"default": _default, "linear": _linear, "llama3": _llama3, "yarn": _yarn}
