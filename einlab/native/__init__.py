"""Contractions on a CPU by compiled code of our own, called from within XLA's programs."""
