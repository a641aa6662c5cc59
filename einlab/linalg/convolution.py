"""Convolution as one matrix product over patches (im2col), in one, two or three dimensions.

As in every network library it is a correlation: filters are not mirrored. Libraries pick among
several algorithms (implicit products, Winograd's, Fourier transforms); this one is the plainest,
and its patch matrix repeats each entry of the input once for each place of the window.
Source: Chellapilla, Puri and Simard 2006, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Shaped

from einlab.arguments import array, whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ShapeError
from einlab.show.shown import Shown
from einlab.table import Column, Fact, Table
from einlab.trace.reporting import report

__all__ = ["compare_convolution", "convolve", "patch_matrix"]

AXES = ("x", "yx", "zyx")
WINDOW = ("u", "vu", "wvu")


@dataclass(frozen=True)
class Geometry:
    """Where a window stands over an input: one entry an axis of space."""

    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    output: tuple[int, ...]


def convolve(
    x: Any,
    filters: Any,
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    *,
    precision: Any = None,
) -> Shaped[Array, "b o *out"]:
    """The convolution of x (b, c, *space) with filters (o, c/groups, *window), as one product.

    Space has one, two or three axes. stride and dilation: a whole number, or one for each axis.
    padding: "valid" (none), "same" (as many places as ⌈size/stride⌉, the odd zero at the end), or
    (before, after) for each axis. Equal to `jax.lax.conv_general_dilated` to rounding.

    Raises OperandError or ShapeError if x and filters do not fit or the window is larger than the
    padded input, ArgumentError or ArgumentTypeError for a stride, padding, dilation or groups that
    cannot be.

    >>> convolve([[[1.0, 2.0, 3.0, 4.0]]], [[[1.0, 0.0, -1.0]]]).tolist()
    [[[-2.0, -2.0]]]
    """
    image, weights = _operands(x, filters)
    groups = _groups(groups, image, weights)
    space = image.ndim - 2
    places = _geometry(image.shape[2:], weights.shape[2:], stride, padding, dilation)
    patches = _patches(image, places)
    out, window = AXES[space - 1], WINDOW[space - 1]
    b, c = image.shape[:2]
    patches = patches.reshape(b, groups, c // groups, *patches.shape[2:])
    weights = weights.reshape(groups, weights.shape[0] // groups, *weights.shape[1:])
    equation = f"bgc{out}{window},goc{window}->bgo{out}"
    found = contract(equation, patches, weights, precision=precision)
    return found.reshape(b, -1, *places.output)


def patch_matrix(
    x: Any, window: Any, stride: Any = 1, padding: Any = "valid", dilation: Any = 1
) -> Shaped[Array, "p q"]:
    """A row for each place of the window over x (b, c, *space), a column for each entry it covers.

    The rows are in the order (b, *places), the columns in that of (c, *window). Times the filters
    (o, c, *window), flattened and transposed, it gives the convolution.

    Raises OperandError or ShapeError if x has not one to three axes of space or the window does not
    fit, ArgumentError or ArgumentTypeError for a stride, padding or dilation that cannot be.

    >>> patch_matrix([[[1.0, 2.0, 3.0, 4.0]]], 3).tolist()
    [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]
    """
    image = _image(array(x, "x"))
    space = image.ndim - 2
    sizes = _each(window, "window", space, 1)
    places = _geometry(image.shape[2:], sizes, stride, padding, dilation)
    patches = jnp.moveaxis(_patches(image, places), 1, 1 + space)
    return patches.reshape(image.shape[0] * math.prod(places.output), -1)


def compare_convolution(
    x: Any, filters: Any, stride: Any = 1, padding: Any = "valid", dilation: Any = 1
) -> Shown:
    """The product over patches beside `jax.lax.conv_general_dilated`: FLOPs, memory, difference.

    Raises what `convolve` raises.

    >>> compare_convolution([[[1.0, 2.0, 3.0]]], [[[1.0, 1.0]]]).table.column("FLOPs")
    (8, 8)
    """
    image, weights = _operands(x, filters)
    _groups(1, image, weights)
    places = _geometry(image.shape[2:], weights.shape[2:], stride, padding, dilation)

    def product(x: jax.Array, filters: jax.Array) -> jax.Array:
        return convolve(x, filters, stride, padding, dilation)

    def library(x: jax.Array, filters: jax.Array) -> jax.Array:
        found: jax.Array = lax.conv_general_dilated(
            x, filters, places.stride, places.padding, rhs_dilation=places.dilation
        )
        return found

    results = [np.asarray(one(image, weights)) for one in (product, library)]
    scale = float(np.abs(results[1]).max(initial=0)) or 1.0
    gap = float(np.abs(results[0] - results[1]).max(initial=0)) / scale
    rows = []
    for name, one, error in (("product", product, gap), ("lax.conv", library, 0.0)):
        counted = report(one, image, weights)
        rows.append((name, counted.flops, counted.cost.bytes, counted.peak, error))
    columns = [
        Column("form"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("bytes, unfused", "bytes"),
        Column("peak memory", "bytes"),
        Column("difference", "number"),
    ]
    height = image.shape[0] * math.prod(places.output)
    width = image.shape[1] * math.prod(places.window)
    facts = [
        Fact("patch matrix", f"{height:,} × {width}"),
        Fact("entries over those of x", height * width / image.size, "ratio"),
    ]
    notes = ["difference: the largest, over the largest entry of the library's result"]
    return Shown(Table("convolution as a product", columns, rows, facts=facts, notes=notes))


def _patches(image: jax.Array, places: Geometry) -> jax.Array:
    """(b, c, *output, *window): axis by axis, a slice for each place of its window."""
    space = len(places.window)
    found = jnp.pad(image, ((0, 0), (0, 0), *places.padding))
    for axis in range(space):
        step, gap, count = places.stride[axis], places.dilation[axis], places.output[axis]
        slices = [
            lax.slice_in_dim(
                found, start * gap, start * gap + (count - 1) * step + 1, step, axis + 2
            )
            for start in range(places.window[axis])
        ]
        found = jnp.stack(slices, axis=-1)
    return found


def _geometry(
    size: Sequence[int], window: Sequence[int], stride: Any, padding: Any, dilation: Any
) -> Geometry:
    space = len(size)
    strides, gaps = _each(stride, "stride", space, 1), _each(dilation, "dilation", space, 1)
    reach = [(w - 1) * gap + 1 for w, gap in zip(window, gaps, strict=True)]
    pads = _padding(padding, size, reach, strides)
    output = []
    for axis in range(space):
        padded = size[axis] + sum(pads[axis])
        if reach[axis] > padded:
            raise ShapeError(
                f"the window reaches over {reach[axis]} entries of axis {axis + 2} of x, which has "
                f"{size[axis]}, {padded} with padding"
            )
        output.append((padded - reach[axis]) // strides[axis] + 1)
    return Geometry(tuple(window), strides, gaps, pads, tuple(output))


def _padding(
    padding: Any, size: Sequence[int], reach: Sequence[int], stride: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    space = len(size)
    kind = padding.lower() if isinstance(padding, str) else ""
    if kind == "valid":
        return ((0, 0),) * space
    if kind == "same":
        found = []
        for n, r, s in zip(size, reach, stride, strict=True):
            zeros = max((-(-n // s) - 1) * s + r - n, 0)
            found.append((zeros // 2, zeros - zeros // 2))
        return tuple(found)
    pairs = list(padding) if isinstance(padding, (list, tuple)) else []
    if len(pairs) != space or any(
        not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in pairs
    ):
        raise ArgumentError(
            f"padding is {padding!r:.60}; it is 'valid', 'same', or (before, after) for each of "
            f"{space} axes"
        )
    return tuple((whole(a, "padding", 0), whole(b, "padding", 0)) for a, b in pairs)


def _each(value: Any, name: str, space: int, least: int) -> tuple[int, ...]:
    """A whole number for each axis of space."""
    if not isinstance(value, (list, tuple)):
        return (whole(value, name, least),) * space
    if len(value) != space:
        raise ArgumentError(f"{name} has {len(value)} numbers; x has {space} axes of space")
    return tuple(whole(one, name, least) for one in value)


def _image(image: jax.Array) -> jax.Array:
    if not 3 <= image.ndim <= 5:
        raise ShapeError(
            f"x has shape {image.shape}; it is (batch, channels) and one to three axes of space"
        )
    if image.size == 0:
        raise ShapeError(f"x has shape {image.shape}; it has one entry at least")
    return image


def _operands(x: Any, filters: Any) -> tuple[jax.Array, jax.Array]:
    image, weights = _image(array(x, "x")), array(filters, "filters")
    if weights.ndim != image.ndim or weights.size == 0:
        raise ShapeError(
            f"filters has shape {weights.shape}; it is (outputs, channels) and "
            f"{image.ndim - 2} axes of the window, as x has shape {image.shape}"
        )
    dtype = jnp.result_type(image, weights)
    return image.astype(dtype), weights.astype(dtype)


def _groups(groups: object, image: jax.Array, weights: jax.Array) -> int:
    found = whole(groups, "groups")
    channels, outputs = image.shape[1], weights.shape[0]
    if channels % found or outputs % found:
        raise ArgumentError(
            f"groups is {found}; it divides the {channels} channels of x and the {outputs} filters"
        )
    if weights.shape[1] * found != channels:
        of_each = f" in each of {found} groups" if found > 1 else ""
        raise ShapeError(
            f"filters has {weights.shape[1]} channels; x has {channels // found}{of_each}"
        )
    return found
