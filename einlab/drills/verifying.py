"""What solutions of drills may call: an einsum expression is an answer once it is proved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["verified"]


def verified(expression: str, meaning: Callable[..., Any], *shapes: Sequence[int]) -> str:
    """The expression, if on random arrays of these shapes it gives what `meaning` gives.

    Raises ArithmeticError if it does not.

    >>> verified("ij->ji", np.transpose, (2, 3))
    'ij->ji'
    """
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in shapes]
    found, wanted = np.einsum(expression, *arrays), np.asarray(meaning(*arrays))
    if found.shape != wanted.shape or not np.allclose(found, wanted):
        raise ArithmeticError(f"{expression!r} is not what is asked for")
    return expression
