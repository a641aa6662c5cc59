"""The compiled kernels, loaded all at once, so that no search pays for them out of its budget.

Loading takes about half a second; the first time on a machine it compiles for some 10 seconds.
Those of elimination and slicing are loaded where they are needed.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable

__all__ = ["kernels_loaded", "load_kernels"]

KERNELS = ("greedy", "anneal", "refine", "bisection", "dissection", "linear")


def load_kernels(waiting: Callable[[], object], more: tuple[str, ...] = ()) -> float:
    """Import every module of kernels, and `more` of them; call `waiting` before each.

    Returns the seconds it took.
    """
    start = time.perf_counter()
    for name in KERNELS + more:
        waiting()
        importlib.import_module(f"einlab.search.{name}_kernels")
    return time.perf_counter() - start


def kernels_loaded() -> bool:
    """Whether every module of kernels that a search needs has been imported already."""
    return all(f"einlab.search.{name}_kernels" in sys.modules for name in KERNELS)
