"""Low rank: approximations of matrices and tensors by small factors, and factors as operands.

>>> import jax.numpy as jnp
>>> from einlab import lowrank, plan
>>> weight = lowrank.LowRank(jnp.ones((64, 4)), jnp.ones((4, 64)))
>>> plan("mn,nk->mk", weight, (64, 8)).eq
'mr,rn,nk->mk'
"""

from einlab.lowrank.als import cp, tensor_train_als
from einlab.lowrank.columns import cur, interpolative, nystrom, pivoted_qr
from einlab.lowrank.decomposition import Decomposition
from einlab.lowrank.factors import LowRank
from einlab.lowrank.lora import (
    LoRA,
    lora_apply,
    lora_cost,
    lora_init,
    lora_merge,
    lora_unmerge,
    trainable_count,
)
from einlab.lowrank.rank import (
    Crossover,
    KeptProducts,
    Truncation,
    crossover,
    eckart_young,
    keep_largest_products,
    rank_for_bytes,
    rank_for_error,
)
from einlab.lowrank.svd import RandomizedSVD, randomized_svd, truncated_svd
from einlab.lowrank.tensors import tensor_train, tucker

__all__ = [
    "Crossover",
    "Decomposition",
    "KeptProducts",
    "LoRA",
    "LowRank",
    "RandomizedSVD",
    "Truncation",
    "cp",
    "crossover",
    "cur",
    "eckart_young",
    "interpolative",
    "keep_largest_products",
    "lora_apply",
    "lora_cost",
    "lora_init",
    "lora_merge",
    "lora_unmerge",
    "nystrom",
    "pivoted_qr",
    "randomized_svd",
    "rank_for_bytes",
    "rank_for_error",
    "tensor_train",
    "tensor_train_als",
    "trainable_count",
    "truncated_svd",
    "tucker",
]
