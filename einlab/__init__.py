"""einlab: what an einsum costs, in which order it should run, and running it at that speed."""

__version__ = "0.1.0"
