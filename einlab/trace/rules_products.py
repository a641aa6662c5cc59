"""Counting rules of matrix products and convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from einlab.cost import COMPLEX_MACS
from einlab.trace.operations import Counted, Operation, Rule, elements, length

__all__ = ["PRODUCTS", "valid_taps"]

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def _dot_general(op: Operation) -> Counted:
    """2·batch·m·k·n FLOPs, also where k is 1, exactly as XLA counts the product as lowered."""
    (contracted, _), _ = op.params["dimension_numbers"]
    k = math.prod(length(op.ins[0], axis) for axis in contracted)
    fused = op.written * k
    macs = fused * (COMPLEX_MACS if op.is_complex else 1)
    return Counted(
        "product",
        flops=2 * macs,
        macs=macs,
        xla=(2 * fused, 0),
        equation=_dot_equation(op),
    )


def _dot_equation(op: Operation) -> str:
    """The product as an equation in letters, and its sizes: batch·(m×k×n)."""
    (left_k, right_k), (left_b, right_b) = op.params["dimension_numbers"]
    left, right = op.ins[0], op.ins[1]
    if left.ndim + right.ndim > len(ALPHABET):
        return op.described()
    free = iter(ALPHABET)
    first = [next(free) for _ in range(left.ndim)]
    second = [""] * right.ndim
    for a, b in (*zip(left_k, right_k, strict=True), *zip(left_b, right_b, strict=True)):
        second[b] = first[a]
    second = [letter or next(free) for letter in second]
    batch = [first[axis] for axis in left_b]
    rest = [first[a] for a in range(left.ndim) if a not in (*left_k, *left_b)]
    rest += [second[a] for a in range(right.ndim) if a not in (*right_k, *right_b)]
    return f"{''.join(first)},{''.join(second)}->{''.join([*batch, *rest])}"


def _ragged_dot(op: Operation) -> Counted:
    """Every row of the left operand meets one group of the right one.

    XLA on a CPU multiplies each row with every group.
    """
    numbers = op.params["ragged_dot_dimension_numbers"]
    (_, right_k), (_, right_b) = numbers.dot_dimension_numbers
    fixed = {*right_k, *right_b, *numbers.rhs_group_dimensions}
    columns = math.prod(length(op.ins[1], a) for a in range(op.ins[1].ndim) if a not in fixed)
    macs = elements(op.ins[0]) * columns * (COMPLEX_MACS if op.is_complex else 1)
    return Counted("product", flops=2 * macs, macs=macs, equation=f"ragged {op.described()}")


def _convolution(op: Operation) -> Counted:
    """Two FLOPs for each tap on an entry of the input; taps on padding and holes count as dense."""
    numbers = op.params["dimension_numbers"]
    image, kernel, result = op.ins[0], op.ins[1], op.outs[0]
    groups, batch_groups = op.params["feature_group_count"], op.params["batch_group_count"]
    taps = dense = 1
    for place, (axis, kernel_axis, out_axis) in enumerate(
        zip(numbers.lhs_spec[2:], numbers.rhs_spec[2:], numbers.out_spec[2:], strict=True)
    ):
        window, out = length(kernel, kernel_axis), length(result, out_axis)
        dense *= window * out
        taps *= valid_taps(
            size=length(image, axis),
            window=window,
            out=out,
            stride=op.params["window_strides"][place],
            low=op.params["padding"][place][0],
            holes=op.params["lhs_dilation"][place],
            spread=op.params["rhs_dilation"][place],
        )
    features = length(image, numbers.lhs_spec[1]) // groups
    batch = length(image, numbers.lhs_spec[0]) // batch_groups
    each = features * batch * length(result, numbers.out_spec[1])
    scale = COMPLEX_MACS if op.is_complex else 1
    return Counted(
        "convolution",
        flops=2 * each * taps * scale,
        macs=each * taps * scale,
        dense=2 * each * dense * scale,
        xla=None if op.is_complex else (2 * each * taps, 0),
        equation=op.described(),
    )


def valid_taps(
    *, size: int, window: int, out: int, stride: int, low: int, holes: int, spread: int
) -> int:
    """Pairs of a position of the output and a tap that falls on an entry of the input, of one axis.

    `low` is the padding before the first entry, `holes` the dilation of the input, `spread` that of
    the kernel.

    >>> valid_taps(size=4, window=2, out=4, stride=1, low=0, holes=1, spread=1)
    7
    """
    if size == 0:
        return 0
    if holes == 1 and out > 4096:
        return _taps_without_holes(size, window, out, stride, low, spread)
    last = (size - 1) * holes
    return sum(
        0 <= place <= last and place % holes == 0
        for tap in range(window)
        for place in range(tap * spread - low, tap * spread - low + out * stride, stride)
    )


def _taps_without_holes(
    size: int, window: int, out: int, stride: int, low: int, spread: int
) -> int:
    """For each tap the positions o with 0 ≤ o·stride + tap·spread - low < size, without a loop."""
    total = 0
    for tap in range(window):
        offset = tap * spread - low
        first = max(0, -(offset // stride))
        stop = min(out, -((offset - size) // stride))
        total += max(0, stop - first)
    return total


def _scaled_matmul(op: Operation) -> Counted:
    """A product of blocks with scales; the scales are applied to entries, and are not counted."""
    contracted: Sequence[Any] = op.params["dimension_numbers"][0][0]
    k = math.prod(length(op.ins[0], axis) for axis in contracted)
    return Counted("product", flops=2 * op.written * k, macs=op.written * k)


def _batched_matmul(op: Operation) -> Counted:
    """(batch, m, k) times (batch, n, k)."""
    k = length(op.ins[0], op.ins[0].ndim - 1)
    return Counted("product", flops=2 * op.written * k, macs=op.written * k)


def _tape(op: Operation) -> Counted:
    """The steps of einlab's own program of small products, without the entries that fill it up."""
    program = op.params["program"]
    macs = sums = 0
    for step in program.steps:
        entries = program.volume(step.labels)
        sums += entries * (len(step.terms) - 1)
        for left, right in step.terms:
            macs += program.volume({*step.labels, *left.labels, *right.labels})
    examples = math.prod(int(size) for size in op.ins[0].shape[: op.params["batch"]])
    scale = COMPLEX_MACS if op.is_complex else 1
    return Counted(
        "product",
        flops=examples * (2 * macs * scale + sums),
        macs=examples * macs * scale,
        equation=f"{len(program.steps)} steps",
    )


PRODUCTS: Mapping[str, Rule] = {
    "dot_general": _dot_general,
    "ragged_dot_general": _ragged_dot,
    "conv_general_dilated": _convolution,
    "scaled_dot": _scaled_matmul,
    "einlab_tape": _tape,
    **dict.fromkeys(("scaled_matmul", "scaled_matmul_wrapper"), _batched_matmul),
}
