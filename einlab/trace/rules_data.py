"""Counting rules of reductions, cumulative operations, sorting, and of moving data.

What only looks at memory differently (a reshape) moves nothing; a slice or a gather moves what it
takes, not the table it takes it from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from einlab.cost import COMPLEX_ADD, COMPLEX_MULTIPLY
from einlab.trace.operations import Counted, Operation, Rule, elements, length, nbytes

__all__ = ["DATA"]


def _reduction(each: int = 1, complex_each: int = COMPLEX_ADD, *, plain: bool = True) -> Rule:
    """One operation less than there are entries, for each entry of the result."""

    def rule(op: Operation) -> Counted:
        joined = max(elements(op.ins[0]) - elements(op.outs[0]), 0)
        flops = joined * (complex_each if op.is_complex else each)
        return Counted("reduction", flops=flops, xla=(joined, 0) if plain else None)

    return rule


def _general_reduction(op: Operation) -> Counted:
    """The operations of the given body, once for each entry that is joined to another."""
    body = op.params["jaxpr"]
    joined = max(elements(op.ins[0]) - elements(op.outs[0]), 0)
    return Counted("reduction", flops=joined * len(body.eqns), xla=(joined * len(body.eqns), 0))


def _window(op: Operation) -> Counted:
    """Entries of a window less one, for each entry of the result; padding counts as an entry."""
    window = math.prod(op.params["window_dimensions"])
    flops = op.written * max(window - 1, 0)
    body = op.params.get("jaxpr")
    scale = max(len(body.eqns), 1) if body is not None else 1
    each = COMPLEX_ADD if op.is_complex else 1
    return Counted("reduction", flops=flops * scale * each, xla=(flops * scale, 0))


def _select_and_scatter(op: Operation) -> Counted:
    """Compares the entries of each window, and adds the source to the one selected."""
    window = math.prod(op.params["window_dimensions"])
    sources = elements(op.ins[0])
    return Counted("scatter", flops=sources * max(window - 1, 0) + sources)


def _select_and_gather(op: Operation) -> Counted:
    """Compares the entries of each window, and takes the one selected."""
    window = math.prod(op.params["window_dimensions"])
    return Counted("gather", flops=op.written * max(window - 1, 0))


def _cumulative(each: int, complex_each: int, transcendentals: int = 0) -> Rule:
    """One operation for each entry after the first of a line.

    XLA's count is that of the window as long as the line which JAX lowers it to.
    """

    def rule(op: Operation) -> Counted:
        entries, line = elements(op.ins[0]), length(op.ins[0], op.params["axis"])
        joined = entries - entries // line if line else 0
        return Counted(
            "cumulative",
            flops=joined * (complex_each if op.is_complex else each),
            transcendentals=joined * transcendentals,
            xla=None if transcendentals else (entries * max(line - 1, 0), 0),
        )

    return rule


def _sort(op: Operation) -> Counted:
    """⌈log₂ n⌉ comparisons an entry of a line of n, as merge sort needs; every operand moves.

    Source: Knuth, The Art of Computer Programming 3, section 5.2.4.
    """
    entries, line = elements(op.ins[0]), length(op.ins[0], op.params["dimension"])
    return Counted("sort", flops=entries * _log2(line))


def _top_k(op: Operation) -> Counted:
    """⌈log₂(k + 1)⌉ comparisons an entry: a heap of the k largest."""
    k = int(op.params["k"])
    return Counted("sort", flops=elements(op.ins[0]) * _log2(k + 1))


def _log2(size: int) -> int:
    return (size - 1).bit_length() if size > 1 else 0


def _fft(op: Operation) -> Counted:
    """5·n·log₂ n FLOPs a complex transform of n entries, half of it where one side is real.

    Source: Frigo and Johnson 2005, "The design and implementation of FFTW3", the count by which
    speeds are compared, that of the radix-2 algorithm of Cooley and Tukey.
    """
    lengths = op.params["fft_lengths"]
    size = math.prod(lengths)
    larger = max(elements(op.ins[0]), elements(op.outs[0]))
    kind = op.params["fft_type"].name
    real = "RFFT" in kind
    entries = op.written if "IRFFT" in kind else elements(op.ins[0]) if real else larger
    batch = entries // size if size else 0
    flops = batch * (5 / 2 if real else 5) * size * math.log2(max(size, 1))
    return Counted("fft", flops=round(flops))


def _moved(op: Operation) -> Counted:
    """Every entry is read and written; no arithmetic."""
    return Counted("movement", xla=(0, 0))


def _viewed(op: Operation) -> Counted:
    """The same memory under another shape or type: nothing moves."""
    return Counted("bookkeeping", reads=(0,) * len(op.ins), written=0, xla=(0, 0))


def _bits(op: Operation) -> Counted:
    """The same bits under another type; XLA counts one operation an entry."""
    return replace(_viewed(op), xla=(op.written, 0))


def _taken(op: Operation) -> Counted:
    """A part is read and written; the rest of the operand is not touched."""
    taken = sum(map(nbytes, op.outs))
    others = tuple(nbytes(aval) for aval in op.ins[1:])
    return Counted("movement", reads=(taken, *others), xla=(0, 0))


def _sliced_at(op: Operation) -> Counted:
    """As a slice; JAX lowers the start indices to a few operations that have no count here."""
    counted = _taken(op)
    return Counted("movement", reads=counted.reads)


def _gather(op: Operation) -> Counted:
    """The entries taken and the indices are read, not the table."""
    return Counted("gather", reads=(sum(map(nbytes, op.outs)), nbytes(op.ins[1])))


def _scatter(flops: int, complex_flops: int) -> Rule:
    """Indices, updates and the entries they meet are read, those entries written: in place."""

    def rule(op: Operation) -> Counted:
        updates = op.ins[2]
        met = nbytes(updates) if flops else 0
        each = complex_flops if op.is_complex else flops
        return Counted(
            "scatter",
            flops=elements(updates) * each,
            reads=(met, nbytes(op.ins[1]), nbytes(updates)),
            written=nbytes(updates),
        )

    return rule


def _updated(op: Operation) -> Counted:
    """The update is read and written into its place; the rest stays where it is."""
    update = nbytes(op.ins[1])
    others = tuple(nbytes(aval) for aval in op.ins[2:])
    return Counted("movement", reads=(0, update, *others), written=update)


def _in_reference(op: Operation) -> Counted:
    """Reads or writes a part of a mutable array; swap both returns and writes it."""
    moved = sum(map(nbytes, op.outs)) or sum(map(nbytes, op.ins[1:]))
    flops = sum(map(elements, op.ins[1:2])) if "add" in op.name else 0
    return Counted("movement", flops=flops, reads=(moved,) + (0,) * (len(op.ins) - 1))


def _argument(op: Operation) -> Counted:
    joined = max(elements(op.ins[0]) - elements(op.outs[0]), 0)
    return Counted("reduction", flops=joined)


DATA: Mapping[str, Rule] = {
    **dict.fromkeys(("reduce_sum", "reduce_max", "reduce_min"), _reduction()),
    "reduce_prod": _reduction(1, COMPLEX_MULTIPLY),
    **dict.fromkeys(("reduce_and", "reduce_or", "reduce_xor"), _reduction(0)),
    **dict.fromkeys(("argmax", "argmin"), _argument),
    "reduce": _general_reduction,
    **dict.fromkeys(("reduce_window", "reduce_window_sum"), _window),
    **dict.fromkeys(("reduce_window_max", "reduce_window_min"), _window),
    **dict.fromkeys(("select_and_scatter_add", "select_and_scatter"), _select_and_scatter),
    "select_and_gather_add": _select_and_gather,
    "cumsum": _cumulative(1, COMPLEX_ADD),
    "cumprod": _cumulative(1, COMPLEX_MULTIPLY),
    **dict.fromkeys(("cummax", "cummin"), _cumulative(1, COMPLEX_ADD)),
    "cumlogsumexp": _cumulative(3, 3, transcendentals=2),  # max, exp of a difference, log1p, sum
    "sort": _sort,
    **dict.fromkeys(("top_k", "approx_top_k"), _top_k),
    "fft": _fft,
    # Whole arrays.
    **dict.fromkeys(("broadcast_in_dim", "transpose", "rev", "iota", "tile"), _moved),
    **dict.fromkeys(("concatenate", "copy", "device_put", "stack", "unstack"), _moved),
    **dict.fromkeys(("empty", "empty2", "zeros_like", "roll", "relayout"), _moved),
    **dict.fromkeys(("split", "broadcast_to"), _moved),
    **dict.fromkeys(("einlab_pack", "einlab_unpack"), lambda op: Counted("movement")),
    "pad": _moved,
    # Views.
    **dict.fromkeys(("reshape", "squeeze"), _viewed),
    "bitcast_convert_type": _bits,
    **dict.fromkeys(("bitcast", "pack_dtype", "unpack_dtype", "to_edtype"), _viewed),
    "from_edtype": _viewed,
    # Parts.
    "slice": _taken,
    "dynamic_slice": _sliced_at,
    "dynamic_update_slice": _updated,
    "gather": _gather,
    "scatter": _scatter(0, 0),
    **dict.fromkeys(("scatter-add", "scatter-sub"), _scatter(1, COMPLEX_ADD)),
    **dict.fromkeys(("scatter-min", "scatter-max"), _scatter(1, COMPLEX_ADD)),
    "scatter-mul": _scatter(1, COMPLEX_MULTIPLY),
    **dict.fromkeys(("get", "swap", "addupdate", "masked_load", "masked_swap"), _in_reference),
}
