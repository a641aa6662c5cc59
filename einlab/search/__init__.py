"""Searches for contraction trees, each usable alone by name, and the portfolio of them all."""
