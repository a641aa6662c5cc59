"""`python -m einlab.demo`."""

from __future__ import annotations

import sys

from einlab.allocator import keep_memory
from einlab.demo import main

if __name__ == "__main__":
    keep_memory()
    sys.exit(main())
