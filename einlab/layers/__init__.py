"""Linear layers and multi-layer perceptrons: init and apply, in both conventions of a weight.

>>> import jax
>>> from einlab import layers
>>> params = layers.init_mlp(jax.random.key(0), (8, 16, 8, 4))
>>> layers.mlp(params, jax.numpy.ones((32, 8))).shape
(32, 4)
"""

from einlab.layers.initial import INITIALISERS
from einlab.layers.layouts import from_flax, from_torch, to_flax, to_torch
from einlab.layers.linear_layer import CONVENTIONS, init_linear, linear
from einlab.layers.networks import ACTIVATIONS, Values, init_mlp, mlp, mlp_values
from einlab.layers.tables import cost_table, parameter_table

__all__ = [
    "ACTIVATIONS",
    "CONVENTIONS",
    "INITIALISERS",
    "Values",
    "cost_table",
    "from_flax",
    "from_torch",
    "init_linear",
    "init_mlp",
    "linear",
    "mlp",
    "mlp_values",
    "parameter_table",
    "to_flax",
    "to_torch",
]
