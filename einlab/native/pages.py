"""Large pages for results that are made afresh.

XLA takes new memory for every large result, and the first write to each page of 4 KiB costs an
interruption: for 64 MiB that takes four times as long as writing them. Linux gives pages of 2 MiB
to memory for which they are asked (madvise(2), MADV_HUGEPAGE; NumPy asks so for its own arrays).
This asks for the memory of one result and changes no setting of the process.
"""

from __future__ import annotations

import sys

from einlab.native.compiled import function_at, helper, invoke_three
from einlab.native.symbols import ADVISE

__all__ = ["ask_for_large_pages"]

LINUX = sys.platform == "linux"
PAGE = 2**21
LEAST = 2 * PAGE
"""Bytes of a result from which on it is worth a call of the system."""
HUGE_PAGES = 14  # MADV_HUGEPAGE

advise = function_at(ADVISE)


@helper
def ask_for_large_pages(start, length):  # type: ignore[no-untyped-def]
    """Ask for large pages in a buffer of so many bytes, if it is large."""
    if LINUX and length >= LEAST:
        first = (start + 4095) // 4096 * 4096
        invoke_three(advise(), first, (start + length - first) // 4096 * 4096, HUGE_PAGES)
