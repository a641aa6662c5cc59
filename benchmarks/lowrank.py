"""Low rank beside its peers: `python -m benchmarks.lowrank svd` and `… crossover`.

`svd` times a randomised SVD beside the full one of JAX, that of SciPy, and scikit-learn's
randomised one, on made matrices of decaying and of slowly decaying spectra and on real ones, and
gives each one's error over the least that its rank can have. `crossover` times the product of a
matrix, and of its factors, with a block of columns, and says from which rank the factors lose.
Calls are interleaved; what is printed are medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import click
import numpy as np

from benchmarks.machine import describe

__all__ = ["crossover", "svd"]

Call = Callable[[], Any]
SPECTRA: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential, 0.9^k": lambda k: 0.9**k,
    "inverse, 1/(k + 1)": lambda k: 1 / (k + 1),
    "slow, 1/√(k + 1)": lambda k: 1 / np.sqrt(k + 1),
    "flat tail": lambda k: np.where(k < 50, 10.0, 1.0),
}
"""Singular values by their number from 0."""


def _made(size: int, spectrum: str) -> np.ndarray:
    """A square float32 matrix with these singular values and random singular vectors."""
    draw = np.random.default_rng(0).standard_normal
    values = SPECTRA[spectrum](np.arange(size, dtype=float))
    left, right = (np.linalg.qr(draw((size, size), np.float32))[0] for _ in range(2))
    return (left * values.astype(np.float32)) @ right


def _real() -> Iterator[tuple[str, np.ndarray]]:
    """Matrices of scikit-learn's data: a photograph, images, and a kernel matrix of these."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_sample_image

    grey = load_sample_image("china.jpg").mean(axis=2)  # photograph by Sheng Li, CC BY 2.0
    yield "photograph (china.jpg by Sheng Li)", grey.astype(np.float32)
    digits = load_digits().data
    squares = (digits**2).sum(1)
    distances = squares[:, None] + squares[None, :] - 2 * digits @ digits.T
    yield "kernel of the digits", np.exp(-distances / 2000).astype(np.float32)
    patients = load_breast_cancer().data
    scaled = (patients - patients.mean(0)) / patients.std(0)
    yield "patients × measurements, scaled", scaled.astype(np.float32)


def _interleaved(calls: Mapping[str, Call], rounds: Mapping[str, int]) -> dict[str, float]:
    """The median seconds of each call, taken in turn; the first call of each does not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in calls.items():
        if rounds[name] > 1:
            call()
    for turn in range(max(rounds.values())):
        for name, call in calls.items():
            if turn < rounds[name]:
                start = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _error(matrix: np.ndarray, parts: Any, rank: int) -> float:
    """The Frobenius norm of what an SVD cut at a rank leaves out, in float64."""
    u, s, vh = (np.asarray(part, np.float64) for part in parts)
    return float(np.linalg.norm(matrix - (u[:, :rank] * s[:rank]) @ vh[:rank]))


def _one(name: str, matrix: np.ndarray, best: float, rank: int, rounds: int, full: int) -> None:
    """Times and errors of one matrix."""
    import jax
    import scipy.linalg
    from sklearn.utils.extmath import randomized_svd

    from einlab import lowrank

    given = jax.device_put(matrix)
    whole: Any = jax.jit(partial(jax.numpy.linalg.svd, full_matrices=False))
    if full > 1:
        whole = whole.lower(given).compile()
    found: dict[str, Any] = {}

    def ours(power_iterations: int) -> None:
        made = lowrank.randomized_svd(given, rank, power_iterations=power_iterations)
        found[f"einlab, q = {power_iterations}"] = jax.block_until_ready(made.svd.factors)

    def peer(label: str, call: Callable[[], Any]) -> Call:
        def run() -> None:
            found[label] = jax.block_until_ready(call())

        return run

    calls: dict[str, Call] = {f"einlab, q = {q}": partial(ours, q) for q in (1, 2, 4)}
    calls["scikit-learn, q = 4"] = peer(
        "scikit-learn, q = 4", partial(randomized_svd, matrix, rank, n_iter=4, random_state=0)
    )
    counts = dict.fromkeys(calls, rounds)
    calls["full, jax.numpy"] = peer("full, jax.numpy", partial(whole, given))
    calls["full, SciPy"] = peer(
        "full, SciPy", partial(scipy.linalg.svd, matrix, full_matrices=False)
    )
    counts |= dict.fromkeys(("full, jax.numpy", "full, SciPy"), full)
    taken = _interleaved(calls, counts)
    least = min(taken["full, jax.numpy"], taken["full, SciPy"])
    size = "×".join(map(str, matrix.shape))
    click.echo(
        f"\n{name}, {size}, rank {rank}, least relative error "
        f"{best / np.linalg.norm(matrix.astype(np.float64)):.3g}"
    )
    for label, seconds in taken.items():
        error = _error(matrix, found[label], rank)
        click.echo(
            f"  {label:20} {seconds * 1e3:9.1f} ms, {least / seconds:6.1f} × the faster full one, "
            f"error {error / best:.4f} of the least"
        )


@click.group()
def main() -> None:
    """Time low-rank methods beside their peers."""
    machine = describe("system")
    click.echo(f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}")


@main.command()
@click.option("--size", type=click.IntRange(60), default=4000, show_default=True)
@click.option("--rank", type=click.IntRange(1), default=50, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--full", type=click.IntRange(1), default=1, show_default=True, help="Of full SVDs.")
@click.option("--spectrum", "spectra", type=click.Choice(list(SPECTRA)), multiple=True)
@click.option("--real/--no-real", default=True, show_default=True)
def svd(size: int, rank: int, rounds: int, full: int, spectra: tuple[str, ...], real: bool) -> None:
    """The randomised SVD beside full ones and scikit-learn's."""
    for spectrum in spectra or SPECTRA:
        values = SPECTRA[spectrum](np.arange(size, dtype=float))
        best = float(np.linalg.norm(values[rank:]))
        _one(spectrum, _made(size, spectrum), best, rank, rounds, full)
    for name, matrix in _real() if real else ():
        values = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
        kept = min(rank, len(values) // 2)
        best = float(np.linalg.norm(values[kept:]))
        _one(name, matrix, best, kept, rounds, max(full, 3))


@main.command()
@click.option("--size", type=click.IntRange(64), default=2048, show_default=True)
@click.option("--columns", default="1,16,256", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
def crossover(size: int, columns: str, rounds: int) -> None:
    """The rank from which the product with factors takes as long as that with the matrix."""
    import jax

    from einlab import contract, lowrank
    from einlab.machinestore import here

    machine = here()
    draw = np.random.default_rng(0).standard_normal
    matrix = jax.device_put(draw((size, size), np.float32))
    for count in map(int, columns.split(",")):
        x = jax.device_put(draw((size, count), np.float32))
        found = lowrank.crossover(size, size, count, machine=machine)
        ranks = sorted({size // 64, *(size * part // 16 for part in range(2, 15, 2))})
        operands = {
            rank: lowrank.LowRank(draw((size, rank), np.float32), draw((rank, size), np.float32))
            for rank in ranks
        }
        calls: dict[str, Call] = {
            str(rank): partial(_ready, contract, "mn,nk->mk", factors, x)
            for rank, factors in operands.items()
        }
        calls["matrix"] = partial(_ready, contract, "mn,nk->mk", matrix, x)
        taken = _interleaved(calls, dict.fromkeys(calls, rounds))
        dense = taken["matrix"]
        ratios = [taken[str(rank)] / dense for rank in ranks]
        click.echo(
            f"\n{size}×{size} on {count} columns: {dense * 1e3:.3f} ms; factors pay up to rank "
            f"{found.flops} by FLOPs, {found.moved} by bytes moved, "
            + (
                "not predicted without `einlab calibrate`"
                if found.seconds is None
                else f"{found.seconds} by predicted time"
            )
            + f", {_crossing(ranks, ratios)} as measured"
        )
        shown = (f"{rank}: {ratio:.2f}" for rank, ratio in zip(ranks, ratios, strict=True))
        click.echo(f"  time over the matrix's, by rank: {', '.join(shown)}")


def _ready(function: Callable[..., Any], *arguments: Any) -> None:
    function(*arguments).block_until_ready()


def _crossing(ranks: list[int], ratios: list[float]) -> str:
    """Between the last rank that pays and the next one, by a straight line."""
    pays = [place for place, ratio in enumerate(ratios) if ratio < 1]
    if not pays:
        return f"less than {ranks[0]}"
    last = pays[-1]
    if last + 1 == len(ranks):
        return f"more than {ranks[last]}"
    part = (1 - ratios[last]) / (ratios[last + 1] - ratios[last])
    return f"{ranks[last] + part * (ranks[last + 1] - ranks[last]):.0f}"


if __name__ == "__main__":
    main()
