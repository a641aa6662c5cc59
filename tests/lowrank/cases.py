"""Calls of every public name of `einlab.lowrank`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from einlab import lowrank
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, OperandError, ShapeError
from tests.toolkit import Bad, Case

R = np.random.default_rng(0)
A = R.standard_normal((12, 9)).astype(np.float32)
B = R.standard_normal((9, 8)).astype(np.float32)
GRAM = A @ A.T
VALUES = np.linalg.svd(A, compute_uv=False)
CUBE = R.standard_normal((4, 5, 6)).astype(np.float32)
SHEET = CUBE[0]
X, WEIGHT = np.ones((3, 8), np.float32), np.ones((8, 6), np.float32)
UPDATE = lowrank.lora_init(0, inputs=8, outputs=6, rank=2)
KEY = jax.random.key(0)
REAL: Any = 2.5
TEXT: Any = "two"


def found(function: Any, *arguments: Any, **settings: Any) -> Case:
    """A decomposition, which states its own cost."""

    def own() -> int:
        made = function(*arguments, **settings)
        return int(getattr(made, "svd", made).cost.flops)

    return Case(partial(function, **settings), arguments, own=own)


CASES = {
    "cp": found(lowrank.cp, SHEET, rank=2, key=KEY, sweeps=3),
    "cur": found(lowrank.cur, A, rank=3),
    "eckart_young": Case(partial(lowrank.eckart_young, rank=3), (VALUES,)),
    "interpolative": found(lowrank.interpolative, A, rank=3),
    "keep_largest_products": Case(partial(lowrank.keep_largest_products, rank=3), (A, B)),
    "lora_apply": Case(lowrank.lora_apply, (X, WEIGHT, UPDATE)),
    "lora_init": Case(partial(lowrank.lora_init, inputs=8, outputs=6, rank=2), (KEY,)),
    "lora_merge": Case(lowrank.lora_merge, (WEIGHT, UPDATE)),
    "lora_unmerge": Case(lowrank.lora_unmerge, (WEIGHT, UPDATE)),
    "nystrom": found(lowrank.nystrom, GRAM, rank=3, key=KEY, oversampling=2),
    "pivoted_qr": found(lowrank.pivoted_qr, A, rank=3),
    "randomized_svd": found(lowrank.randomized_svd, A, rank=3, key=KEY, oversampling=2),
    "tensor_train": found(lowrank.tensor_train, CUBE, ranks=2),
    "tensor_train_als": found(lowrank.tensor_train_als, SHEET, ranks=2, key=KEY, sweeps=2),
    "truncated_svd": found(lowrank.truncated_svd, A, rank=3),
    "tucker": found(lowrank.tucker, CUBE, ranks=2, sweeps=2),
}

SILENT = {
    "Crossover": "ranks that crossover has found",
    "Decomposition": "factors that a decomposition has found, with its cost",
    "KeptProducts": "what keep_largest_products has found",
    "LoRA": "the factors of an update",
    "LowRank": "two factors; what contracts them reports",
    "RandomizedSVD": "what randomized_svd has found",
    "Truncation": "errors that eckart_young has found",
    "crossover": "compares plans",
    "lora_cost": "makes reports",
    "rank_for_bytes": "whole numbers alone",
    "rank_for_error": "needs the singular values before a program runs",
    "trainable_count": "counts numbers, looks at none",
}


def of_matrices(function: Any) -> list[Bad]:
    """What every approximation of a matrix refuses."""
    return [
        Bad(lambda: function([1.0, 2.0], 1), ShapeError, ("matrix has shape (2,)", "2 axes")),
        Bad(lambda: function(np.ones((0, 3)), 1), ShapeError, ("nothing to approximate",)),
        Bad(lambda: function([["a"]], 1), OperandError, ("matrix is no array of numbers",)),
        Bad(lambda: function(np.eye(3), 0), ArgumentError, ("rank is 0", "1 or more")),
        Bad(lambda: function(np.eye(3), 4), ArgumentError, ("rank is 4", "rank 3 at most")),
        Bad(lambda: function(np.eye(3), REAL), ArgumentTypeError, ("rank is a whole number",)),
    ]


def of_tensors(function: Any, name: str) -> list[Bad]:
    """What every decomposition of a tensor refuses."""
    return [
        Bad(lambda: function([1.0, 2.0], 1), ShapeError, ("tensor has shape (2,)", "or more")),
        Bad(lambda: function(np.ones((2, 0, 3)), 1), ShapeError, ("nothing to approximate",)),
        Bad(lambda: function(TEXT, 1), OperandError, ("tensor is no array of numbers",)),
        Bad(lambda: function(CUBE, 0), ArgumentError, (f"{name} is 0", "1 or more")),
        Bad(lambda: function(CUBE, REAL), ArgumentTypeError, (f"{name} is a whole number",)),
        Bad(lambda: function(CUBE, 2, sweeps=-1), ArgumentError, ("sweeps is -1",)),
    ]


def of_updates(function: Any) -> list[Bad]:
    """What every function of a weight and its update refuses; x is left out."""
    return [
        Bad(lambda: function(WEIGHT.T, UPDATE), ShapeError, ("did you mean convention='Wx'",)),
        Bad(lambda: function(X, UPDATE), ShapeError, ("weight has shape (3, 8)", "(8, 6)")),
        Bad(lambda: function(WEIGHT, X), ArgumentTypeError, ("it is a LoRA",)),
        Bad(lambda: function(TEXT, UPDATE), OperandError, ("weight is no array",)),
        Bad(
            lambda: function(WEIGHT, UPDATE, convention="wx"),
            ArgumentError,
            ("it is one of xW and Wx",),
        ),
    ]


BAD = {
    "LowRank": [
        Bad(lambda: lowrank.LowRank(A, A), ShapeError, ("ranks 9 and 12",)),
        Bad(lambda: lowrank.LowRank(A[0], A), ShapeError, ("left has shape (9,)",)),
        Bad(lambda: lowrank.LowRank(A, TEXT), OperandError, ("right is no array",)),
        Bad(
            lambda: lowrank.LowRank(np.ones((2, 3, 4)), np.ones((3, 4, 5))),
            ShapeError,
            ("(2,) of left", "(3,) of right"),
        ),
    ],
    "cp": [
        *of_tensors(lowrank.cp, "rank"),
        Bad(lambda: lowrank.cp(CUBE, 2, sweeps=0), ArgumentError, ("sweeps is 0",)),
        Bad(lambda: lowrank.cp(CUBE, 2, key=TEXT), ArgumentTypeError, ("key is a whole number",)),
    ],
    "crossover": [
        Bad(lambda: lowrank.crossover(0, 3), ArgumentError, ("m is 0",)),
        Bad(lambda: lowrank.crossover(3, 3, columns=0), ArgumentError, ("columns is 0",)),
        Bad(lambda: lowrank.crossover(3, 3, dtype="f33"), DtypeError, ("f33",)),
        Bad(lambda: lowrank.crossover(3, 3, machine="H10"), ArgumentError, ("unknown machine",)),
    ],
    "cur": of_matrices(lowrank.cur),
    "eckart_young": [
        Bad(lambda: lowrank.eckart_young(A, 1), ShapeError, ("one axis",)),
        Bad(lambda: lowrank.eckart_young([1.0, 2.0], 1), ArgumentError, ("descend",)),
        Bad(lambda: lowrank.eckart_young([1.0, -2.0], 1), ArgumentError, ("0 or more",)),
        Bad(lambda: lowrank.eckart_young([2.0, 1.0], 3), ArgumentError, ("rank is 3",)),
        Bad(lambda: lowrank.eckart_young([2j, 1.0], 1), ArgumentTypeError, ("complex",)),
    ],
    "interpolative": of_matrices(lowrank.interpolative),
    "keep_largest_products": [
        Bad(lambda: lowrank.keep_largest_products(A, A, 1), ShapeError, ("9 columns", "12 rows")),
        Bad(lambda: lowrank.keep_largest_products(A, B, 0), ArgumentError, ("rank is 0",)),
        Bad(lambda: lowrank.keep_largest_products(A, B, 9), ArgumentError, ("rank 8 at most",)),
        Bad(lambda: lowrank.keep_largest_products(A[0], B, 1), ShapeError, ("a has shape (9,)",)),
    ],
    "lora_apply": [
        *of_updates(partial(lowrank.lora_apply, X)),
        Bad(lambda: lowrank.lora_apply(A, WEIGHT, UPDATE), ShapeError, ("x has shape (12, 9)",)),
        Bad(lambda: lowrank.lora_apply(1.0, WEIGHT, UPDATE), ShapeError, ("x has shape ()",)),
    ],
    "lora_cost": [
        Bad(lambda: lowrank.lora_cost(0, 4, 4, 2), ArgumentError, ("rows is 0",)),
        Bad(lambda: lowrank.lora_cost(4, 4, 4, 5), ArgumentError, ("rank is 5", "rank 4 at most")),
    ],
    "lora_init": [
        Bad(lambda: lowrank.lora_init(0, 4, 3, 4), ArgumentError, ("rank is 4", "3 at most")),
        Bad(lambda: lowrank.lora_init(0, 0, 3, 1), ArgumentError, ("inputs is 0",)),
        Bad(lambda: lowrank.lora_init(-1, 4, 3, 1), ArgumentError, ("key is -1",)),
        Bad(lambda: lowrank.lora_init(X, 4, 3, 1), ArgumentTypeError, ("key is a whole number",)),
        Bad(lambda: lowrank.lora_init(0, 4, 3, 1, dtype="int8"), ArgumentError, ("floating",)),
        Bad(lambda: lowrank.lora_init(0, 4, 3, 1, dtype="f33"), DtypeError, ("f33",)),
        Bad(lambda: lowrank.lora_init(0, 4, 3, 1, alpha=np.inf), ArgumentError, ("finite",)),
    ],
    "lora_merge": of_updates(lowrank.lora_merge),
    "lora_unmerge": of_updates(lowrank.lora_unmerge),
    "nystrom": [
        *of_matrices(lowrank.nystrom),
        Bad(lambda: lowrank.nystrom(A, 2), ShapeError, ("is square",)),
        Bad(lambda: lowrank.nystrom(B[:8], 2), ArgumentError, ("not symmetric", "mirror")),
        Bad(lambda: lowrank.nystrom(-GRAM, 2), ArgumentError, ("not positive semi-definite",)),
        Bad(lambda: lowrank.nystrom(GRAM, 2, oversampling=-1), ArgumentError, ("oversampling",)),
    ],
    "pivoted_qr": of_matrices(lowrank.pivoted_qr),
    "randomized_svd": [
        *of_matrices(lowrank.randomized_svd),
        Bad(
            lambda: lowrank.randomized_svd(A, 2, jax.numpy.ones(3)),
            ArgumentTypeError,
            ("jax.random.key",),
        ),
        Bad(
            lambda: lowrank.randomized_svd(A, 2, jax.random.split(jax.random.key(0))),
            ArgumentError,
            ("one key",),
        ),
        Bad(lambda: lowrank.randomized_svd(A, 2, probes=0), ArgumentError, ("probes is 0",)),
        Bad(
            lambda: lowrank.randomized_svd(A, 2, power_iterations=-1),
            ArgumentError,
            ("power_iterations is -1",),
        ),
    ],
    "rank_for_bytes": [
        Bad(lambda: lowrank.rank_for_bytes(9, 9, "64"), ArgumentError, ("64",)),
        Bad(lambda: lowrank.rank_for_bytes(9, 9, "a lot"), ArgumentError, ("a lot",)),
        Bad(lambda: lowrank.rank_for_bytes(9, 9, "max_input"), ArgumentError, ("budget is",)),
        Bad(lambda: lowrank.rank_for_bytes(9, 9, 64), ArgumentError, ("rank 1 take 72 bytes",)),
        Bad(lambda: lowrank.rank_for_bytes(9, 9, REAL), ArgumentTypeError, ("budget is a whole",)),
        Bad(lambda: lowrank.rank_for_bytes(0, 9, 64), ArgumentError, ("m is 0",)),
    ],
    "rank_for_error": [
        Bad(lambda: lowrank.rank_for_error([2.0, 1.0], -0.1), ArgumentError, ("error is -0.1",)),
        Bad(
            lambda: lowrank.rank_for_error([2.0, 1.0], 0.1, "nuclear"),
            ArgumentError,
            ("one of frobenius and spectral",),
        ),
        Bad(lambda: lowrank.rank_for_error([1.0, 2.0], 0.1), ArgumentError, ("descend",)),
    ],
    "tensor_train": [
        *of_tensors(lowrank.tensor_train, "ranks")[:-1],
        Bad(lambda: lowrank.tensor_train(CUBE, [2]), ArgumentError, ("1 ranks for 2 bonds",)),
        Bad(
            lambda: lowrank.tensor_train(CUBE, [5, 6]),
            ArgumentError,
            ("the rank of bond 0 is 5", "4 or less"),
        ),
        Bad(lambda: lowrank.tensor_train(CUBE, TEXT), ArgumentTypeError, ("ranks is a whole",)),
    ],
    "tensor_train_als": [
        *of_tensors(lowrank.tensor_train_als, "ranks"),
        Bad(lambda: lowrank.tensor_train_als(CUBE, [2]), ArgumentError, ("1 ranks for 2 bonds",)),
    ],
    "trainable_count": [
        Bad(lambda: lowrank.trainable_count(A), ArgumentTypeError, ("without a LoRA",)),
    ],
    "truncated_svd": of_matrices(lowrank.truncated_svd),
    "tucker": [
        *of_tensors(lowrank.tucker, "ranks"),
        Bad(lambda: lowrank.tucker(CUBE, [2, 2]), ArgumentError, ("2 ranks for 3 axes",)),
        Bad(
            lambda: lowrank.tucker(CUBE, [2, 2, 7]),
            ArgumentError,
            ("the rank of axis 2 is 7", "6 or less"),
        ),
        Bad(lambda: lowrank.tucker(CUBE, [4, 1, 2]), ArgumentError, ("product of the others",)),
        Bad(lambda: lowrank.tucker(CUBE, [2, 2, TEXT]), ArgumentTypeError, ("a rank is a whole",)),
    ],
}
