"""`python -m einlab.demo`."""

from __future__ import annotations

import sys

from einlab.demo import main

if __name__ == "__main__":
    sys.exit(main())
