"""The 48 contractions of the TCCG benchmark: quantum chemistry, machine learning, AO-to-MO.

Source: P. Springer and P. Bientinesi, "Design of a high-performance GEMM-like tensor-tensor
multiplication", ACM Transactions on Mathematical Software 44(3), 2018, and the benchmark that comes
with it (HPAC/tccg, benchmark/benchmark.py, version 0.1), read 2026-11-21. The letters are kept as
written and read in row-major order, as the papers that took the set over do; TCCG itself reads them
in column-major order.

Extents follow the benchmark's own rule for double precision: the largest array has about 200 MiB,
so all extents are near e = (200 MiB / 8 bytes)^(1/rank); the first index of each array is e rounded
up to a multiple of 24, the others are e rounded to the nearest multiple of 4; the index that the
matrix brings into the eight tensor-times-matrix cases is 24. Both precisions use these extents.

A published case takes up to 280 GFLOP. `tccg` scales those above 6 GFLOP down: every extent is
multiplied by the factor that brings the case to 6 GFLOP, then rounded to the nearest multiple of 4;
the 30 cases below 6 GFLOP, all rank-6 ones among them, keep the published extents. `tccg_full`
scales nothing.
"""

from __future__ import annotations

import math

from benchmarks.cases import Case

__all__ = ["tccg", "tccg_full"]

LARGEST_ELEMENTS = 200 * 2**20 / 8  # the benchmark's largest array, in double precision
FIRST_MULTIPLE, MULTIPLE = 24, 4
MOST_FLOPS = 6e9

# result-left-right; the first eight are tensor-times-matrix, with a fixed extent of 24
TENSOR_TIMES_MATRIX = """
abc-bda-dc abc-dca-bd abcd-dbea-ec abcd-deca-be abcd-ebad-ce abcde-efbad-cf abcde-ecbfa-fd
abcde-efcad-bf
""".split()  # noqa: SIM905 - a list literal would take a line a case
OTHERS = """
abcd-ea-ebcd abcd-eb-aecd abcd-ec-abed
ab-ac-cb ab-acd-dbc ab-cad-dcb abc-acd-db abc-ad-bdc abc-adc-bd abc-adc-db abc-adec-ebd
abcd-aebf-dfce abcd-aebf-fdec abcd-aecf-bfde abcd-aecf-fbed abcd-aedf-bfce abcd-aedf-fbec
abcd-aefb-fdce abcd-aefc-fbed abcd-eafb-fdec abcd-eafc-bfde abcd-eafd-fbec
abcdef-dega-gfbc abcdef-degb-gfac abcdef-degc-gfab abcdef-dfga-gebc abcdef-dfgb-geac
abcdef-dfgc-geab abcdef-efga-gdbc abcdef-efgb-gdac abcdef-efgc-gdab abcdef-gdab-efgc
abcdef-gdac-efgb abcdef-gdbc-efga abcdef-geab-dfgc abcdef-geac-dfgb abcdef-gebc-dfga
abcdef-gfab-degc abcdef-gfac-degb abcdef-gfbc-dega
""".split()  # noqa: SIM905 - as above


def tccg(seed: int, dtype: str) -> tuple[Case, ...]:
    """The 48 cases, of about 6 GFLOP at most; the seed draws entries only, extents are fixed."""
    return tuple(_case(spec, dtype, MOST_FLOPS) for spec in (*TENSOR_TIMES_MATRIX, *OTHERS))


def tccg_full(seed: int, dtype: str) -> tuple[Case, ...]:
    """The 48 cases at the published extents, up to 280 GFLOP each."""
    return tuple(_case(spec, dtype, math.inf) for spec in (*TENSOR_TIMES_MATRIX, *OTHERS))


def _case(spec: str, dtype: str, most_flops: float) -> Case:
    result, left, right = spec.split("-")
    sizes = _scaled(_published(spec), most_flops)
    shapes = tuple(tuple(sizes[index] for index in term) for term in (left, right))
    return Case(spec, "tccg", f"{left},{right}->{result}", shapes, dtype)


def _published(spec: str) -> dict[str, int]:
    """The extents of the benchmark for double precision."""
    terms = spec.split("-")
    extent = LARGEST_ELEMENTS ** (1 / max(map(len, terms)))
    first = math.floor((extent + FIRST_MULTIPLE - 1) / FIRST_MULTIPLE) * FIRST_MULTIPLE
    sizes = dict.fromkeys(spec.replace("-", ""), round(extent / MULTIPLE) * MULTIPLE)
    sizes |= dict.fromkeys((term[0] for term in terms), first)
    if spec in TENSOR_TIMES_MATRIX:
        matrix = next(term for term in terms if len(term) == 2)
        sizes |= {index: 24 for index in matrix if index in terms[0]}
    return sizes


def _scaled(sizes: dict[str, int], most_flops: float) -> dict[str, int]:
    flops = 2 * math.prod(sizes.values())
    if flops <= most_flops:
        return sizes
    factor = (most_flops / flops) ** (1 / len(sizes))
    return {
        index: max(round(size * factor / MULTIPLE) * MULTIPLE, MULTIPLE)
        for index, size in sizes.items()
    }
