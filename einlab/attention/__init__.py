"""Attention: rotary embeddings, caches, latent attention, and heads with weights.

Public names are imported when they are first asked for: a model's config is read without JAX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from einlab.attention.angles import Rotary as Rotary
    from einlab.attention.angles import Scaling as Scaling
    from einlab.attention.angles import frequencies as frequencies
    from einlab.attention.attending import attend as attend
    from einlab.attention.attending import explain_attend as explain_attend
    from einlab.attention.cache import Cache as Cache
    from einlab.attention.cache import append as append
    from einlab.attention.cache import init_cache as init_cache
    from einlab.attention.cache import rollback as rollback
    from einlab.attention.choosing import IMPLEMENTATIONS as IMPLEMENTATIONS
    from einlab.attention.choosing import Choice as Choice
    from einlab.attention.comparing import compare as compare
    from einlab.attention.decoding import decode as decode
    from einlab.attention.decoding import prefill as prefill
    from einlab.attention.headweights import FusedHeads as FusedHeads
    from einlab.attention.headweights import MultiHead as MultiHead
    from einlab.attention.headweights import fuse as fuse
    from einlab.attention.headweights import init_multi_head as init_multi_head
    from einlab.attention.headweights import separate as separate
    from einlab.attention.latent import LATENT_FORMS as LATENT_FORMS
    from einlab.attention.latent import compare_latent as compare_latent
    from einlab.attention.latent import latent_attend as latent_attend
    from einlab.attention.latent import latent_form as latent_form
    from einlab.attention.latentheads import LatentHeads as LatentHeads
    from einlab.attention.latentheads import init_latent as init_latent
    from einlab.attention.latentheads import multi_head_latent as multi_head_latent
    from einlab.attention.latentheads import multi_head_latent_decode as multi_head_latent_decode
    from einlab.attention.latentheads import multi_head_latent_prefill as multi_head_latent_prefill
    from einlab.attention.linear import attend_linear as attend_linear
    from einlab.attention.linear import elu_features as elu_features
    from einlab.attention.masks import CAUSAL as CAUSAL
    from einlab.attention.masks import Mask as Mask
    from einlab.attention.masks import alibi_slopes as alibi_slopes
    from einlab.attention.multihead import multi_head as multi_head
    from einlab.attention.multihead import multi_head_decode as multi_head_decode
    from einlab.attention.multihead import multi_head_prefill as multi_head_prefill
    from einlab.attention.rotary import rotate as rotate
    from einlab.attention.trees import from_equinox as from_equinox
    from einlab.attention.trees import from_flax as from_flax
    from einlab.attention.trees import to_equinox as to_equinox
    from einlab.attention.trees import to_flax as to_flax

_HOMES = {
    "CAUSAL": "einlab.attention.masks",
    "IMPLEMENTATIONS": "einlab.attention.choosing",
    "LATENT_FORMS": "einlab.attention.latent",
    "Cache": "einlab.attention.cache",
    "Choice": "einlab.attention.choosing",
    "FusedHeads": "einlab.attention.headweights",
    "LatentHeads": "einlab.attention.latentheads",
    "Mask": "einlab.attention.masks",
    "MultiHead": "einlab.attention.headweights",
    "Rotary": "einlab.attention.angles",
    "Scaling": "einlab.attention.angles",
    "alibi_slopes": "einlab.attention.masks",
    "append": "einlab.attention.cache",
    "attend": "einlab.attention.attending",
    "attend_linear": "einlab.attention.linear",
    "compare": "einlab.attention.comparing",
    "compare_latent": "einlab.attention.latent",
    "decode": "einlab.attention.decoding",
    "elu_features": "einlab.attention.linear",
    "explain_attend": "einlab.attention.attending",
    "frequencies": "einlab.attention.angles",
    "from_equinox": "einlab.attention.trees",
    "from_flax": "einlab.attention.trees",
    "fuse": "einlab.attention.headweights",
    "init_cache": "einlab.attention.cache",
    "init_latent": "einlab.attention.latentheads",
    "init_multi_head": "einlab.attention.headweights",
    "latent_attend": "einlab.attention.latent",
    "latent_form": "einlab.attention.latent",
    "multi_head": "einlab.attention.multihead",
    "multi_head_decode": "einlab.attention.multihead",
    "multi_head_latent": "einlab.attention.latentheads",
    "multi_head_latent_decode": "einlab.attention.latentheads",
    "multi_head_latent_prefill": "einlab.attention.latentheads",
    "multi_head_prefill": "einlab.attention.multihead",
    "prefill": "einlab.attention.decoding",
    "rollback": "einlab.attention.cache",
    "rotate": "einlab.attention.rotary",
    "separate": "einlab.attention.headweights",
    "to_equinox": "einlab.attention.trees",
    "to_flax": "einlab.attention.trees",
}

__all__ = [
    "CAUSAL",
    "IMPLEMENTATIONS",
    "LATENT_FORMS",
    "Cache",
    "Choice",
    "FusedHeads",
    "LatentHeads",
    "Mask",
    "MultiHead",
    "Rotary",
    "Scaling",
    "alibi_slopes",
    "append",
    "attend",
    "attend_linear",
    "compare",
    "compare_latent",
    "decode",
    "elu_features",
    "explain_attend",
    "frequencies",
    "from_equinox",
    "from_flax",
    "fuse",
    "init_cache",
    "init_latent",
    "init_multi_head",
    "latent_attend",
    "latent_form",
    "multi_head",
    "multi_head_decode",
    "multi_head_latent",
    "multi_head_latent_decode",
    "multi_head_latent_prefill",
    "multi_head_prefill",
    "prefill",
    "rollback",
    "rotate",
    "separate",
    "to_equinox",
    "to_flax",
]


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'einlab.attention' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
