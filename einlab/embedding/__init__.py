"""Embeddings: rows of a table by id, looked up or multiplied, on one device or several.

>>> from einlab.embedding import embed
>>> embed([2, 0], [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]).tolist()
[[4.0, 5.0], [0.0, 1.0]]
"""

from einlab.embedding.calibrating import calibrate_embedding
from einlab.embedding.choosing import predicted_seconds
from einlab.embedding.comparing import compare_methods, crossover
from einlab.embedding.ids import MODES
from einlab.embedding.logits import tied_logits
from einlab.embedding.lookup import METHODS, embed
from einlab.embedding.sharding import embed_shard, embed_sharded, sharded_logits

__all__ = [
    "METHODS",
    "MODES",
    "calibrate_embedding",
    "compare_methods",
    "crossover",
    "embed",
    "embed_shard",
    "embed_sharded",
    "predicted_seconds",
    "sharded_logits",
    "tied_logits",
]
