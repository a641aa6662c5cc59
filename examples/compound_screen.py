"""A screen of a library of compounds: which are most like a few queries, batch by batch.

    python examples/compound_screen.py

A demonstration of cost, not of chemistry: the fingerprints are made up. A fingerprint is a row of
bits; the bits that two compounds share are one product of rows, and Tanimoto's similarity is shared
bits over all bits that either has. The plan says what memory a batch needs before it runs, so the
largest batch within a limit is chosen from plans alone; then the whole library is screened, and
its rate measured. The count of shared bits is exact because it is asked for in 32-bit integers.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from einlab import contract, plan, report
from einlab.show.shown import Shown
from einlab.table import Column, Table

LIBRARY, QUERIES, BITS, BEST = 16_384, 32, 1024, 3
LIMIT = 32 * 2**20  # bytes for one batch: its bits, the queries, and what they share

SHARED = "lb,qb->lq"


def fingerprints(random: np.random.Generator, count: int, families: int = 64) -> np.ndarray:
    """Made-up fingerprints in families: each compound changes some bits of its family's."""
    cores = random.random((families, BITS)) < 0.15
    changed = random.random((count, BITS)) < 0.05
    return (cores[random.integers(families, size=count)] ^ changed).astype(np.int8)


def shared_bits(library: jax.Array, queries: jax.Array) -> jax.Array:
    """How many bits each compound shares with each query, exactly."""
    return contract(SHARED, library, queries, preferred_element_type="int32")


def tanimoto(library: jax.Array, queries: jax.Array) -> jax.Array:
    """Similarity of each compound (l) and each query (q), from 0 to 1."""
    shared = shared_bits(library, queries)
    own = library.sum(1, dtype=jnp.int32)[:, None] + queries.sum(1, dtype=jnp.int32)
    return shared / jnp.maximum(own - shared, 1)


def screen(library: jax.Array, queries: jax.Array, *, batch: int) -> tuple[jax.Array, jax.Array]:
    """For each query the most similar compounds and their similarity, a batch at a time."""
    batches = library.reshape(-1, batch, BITS)

    def one(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: tuple[jax.Array, jax.Array] = lax.top_k(tanimoto(rows, queries).T, BEST)
        return found

    values, places = lax.map(one, batches)
    places = places + batch * jnp.arange(len(batches))[:, None, None]
    values, places = (jnp.moveaxis(x, 0, 1).reshape(QUERIES, -1) for x in (values, places))
    best, which = lax.top_k(values, BEST)
    return best, jnp.take_along_axis(places, which, 1)


def largest_batch() -> tuple[int, list[tuple[int, int, int]]]:
    """The largest batch whose plan stays within the limit, and a row for each size tried."""
    rows = []
    for batch in (512, 1024, 2048, 4096, 8192, 16_384):
        one = plan(
            SHARED, (batch, BITS), (QUERIES, BITS), dtype="int8", preferred_element_type="int32"
        )
        rows.append((batch, one.flops, one.peak))
    return max(batch for batch, _, peak in rows if peak <= LIMIT // 2), rows


def main() -> None:
    """Print batches, the report of a screen, its rate, and the best hits of the first query."""
    random = np.random.default_rng(0)
    library, queries = np.split(fingerprints(random, LIBRARY + QUERIES), [LIBRARY])
    batch, rows = largest_batch()
    columns = [
        Column("batch", "count"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("peak memory", "bytes"),
    ]
    note = f"half of {LIMIT:,} B is left to the batch that is read next: {batch:,} compounds"
    print(Shown(Table("memory of a batch, by its plan", columns, rows, notes=[note])))
    search = partial(screen, batch=batch)
    print(report(search, library, queries))
    program = jax.jit(search)
    jax.block_until_ready(program(library, queries))
    start = time.perf_counter()
    values, places = jax.block_until_ready(program(library, queries))
    seconds = time.perf_counter() - start
    print(f"{LIBRARY * QUERIES / seconds:,.0f} comparisons a second, {seconds:.3f} s in all")
    ours, theirs = library.astype(bool), queries[0].astype(bool)
    expected = (ours & theirs).sum(1) / (ours | theirs).sum(1)
    if not np.allclose(values[0], np.sort(expected)[::-1][:BEST]):
        sys.exit("bit by bit another compound is nearest")
    for value, place in zip(values[0], places[0], strict=True):
        print(f"query 0: compound {int(place):6d}, similarity {float(value):.3f}")


if __name__ == "__main__":
    main()
