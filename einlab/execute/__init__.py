"""Plans on arrays: the only part of einlab's spine that touches JAX."""
