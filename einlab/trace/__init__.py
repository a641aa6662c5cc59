"""Cost reports of any JAX function: the walk over its trace, and one counting rule a primitive."""
