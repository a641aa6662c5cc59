"""Networks for `benchmarks.search`: the wide set of generated ones, and files of real ones.

A file is JSON, gzipped or not: {"networks": [{"name", "inputs": lists of index numbers, "output",
"sizes", "best_log10_mults"}]}.
"""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search_families import Network
from benchmarks.search_wide import FAMILIES
from einlab.contraction import Contraction

__all__ = ["BEST_KNOWN", "Instance", "best_known", "read_networks", "record_best", "wide_set"]

BEST_KNOWN = Path(__file__).parent / "published" / "wide-set-best.json"


@dataclass(frozen=True)
class Instance:
    """A network, and the best cost known of it."""

    name: str
    contraction: Contraction
    best: float | None = None
    """log10 of the multiplications of the best order known."""
    family: str = "file"


def read_networks(path: Path) -> list[Instance]:
    """The networks of a file."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return [
        Instance(
            found["name"],
            _contraction(
                (
                    [[str(index) for index in term] for term in found["inputs"]],
                    [str(index) for index in found["output"]],
                    {str(index): size for index, size in enumerate(found["sizes"])},
                )
            ),
            found.get("best_log10_mults"),
        )
        for found in json.loads(text)["networks"]
    ]


def wide_set(names: Iterable[str] | None = None) -> list[Instance]:
    """The generated networks, or those of some names; each is drawn from its name as the seed."""
    wanted, best = None if names is None else set(names), best_known()
    return [
        Instance(name, _contraction(make(random.Random(name))), best.get(name), family)
        for family, members in FAMILIES.items()
        for name, make in members.items()
        if wanted is None or name in wanted
    ]


def best_known(path: Path = BEST_KNOWN) -> dict[str, float]:
    """log10 of the least multiplications recorded for each network of the wide set."""
    if not path.exists():
        return {}
    found: dict[str, float] = json.loads(path.read_text())["best_log10_multiplications"]
    return found


def record_best(costs: Mapping[str, float], path: Path = BEST_KNOWN) -> int:
    """Write down costs that are less than those recorded; returns how many were."""
    known = best_known(path)
    names = [name for members in FAMILIES.values() for name in members]
    better = [n for n in names if n in costs and costs[n] < known.get(n, math.inf) - 1e-9]
    known |= {name: round(costs[name], 6) for name in better}
    text = {
        "about": "least multiplications that any planner found, within any budget; "
        "each network is drawn from its name as the seed, see search_wide.py",
        "best_log10_multiplications": {name: known[name] for name in names if name in known},
    }
    path.write_text(json.dumps(text, indent=1) + "\n")
    return len(better)


def _contraction(network: Network) -> Contraction:
    terms, output, sizes = network
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    inputs = tuple(tuple(term) for term in terms)
    return Contraction(inputs, tuple(output), shapes, ("float32",) * len(terms))
