"""Laws of the kernels bound by memory: any strides, any number of parts, as np.einsum does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.native import strided
from einlab.native.measures import LEAST_ROOM
from einlab.native.preparing import DOT, EACH, KIND, SCRATCH, SUM, TASKS, WIDE, prepared
from einlab.native.words import Axis

PARTS = {
    np.dtype(np.float32): strided.strided_f32,
    np.dtype(np.float64): strided.strided_f64,
}
GUARD = 77.0  # what memory that belongs to nobody must keep


class Case(NamedTuple):
    """An equation with the extents of its indices."""

    operands: tuple[str, ...]
    result: str
    extents: dict[str, int]

    @property
    def equation(self) -> str:
        return ",".join(self.operands) + "->" + self.result


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One or two operands over up to nine indices in any order, with diagonals and sums."""
    letters = "abcdefghi"[: draw(st.integers(1, 9))]
    longest = {1: 5000, 2: 90, 3: 40, 4: 12}.get(len(letters), 4)
    extents = {x: draw(st.integers(1, longest)) for x in letters}
    orders = st.permutations(list(letters)).map("".join)
    operands = []
    for _ in range(draw(st.integers(1, 2))):
        order = draw(orders)
        operands.append(order[: draw(st.integers(0, len(order)))])
    if operands[0] and draw(st.booleans()):
        operands[0] += draw(st.sampled_from(operands[0]))
    given = set("".join(operands))
    result = "".join(x for x in draw(orders) if x in given)
    return Case(tuple(operands), result[: draw(st.integers(0, len(result)))], extents)


def strides(letters: str, array: np.ndarray) -> dict[str, int]:
    """Elements between neighbours along each index; those of an index given twice add up."""
    found: dict[str, int] = {}
    for letter, stride in zip(letters, array.strides, strict=True):
        found[letter] = found.get(letter, 0) + stride // array.itemsize
    return found


def words_of(
    case: Case, arrays: list[np.ndarray], *, add: bool = False, room: int = 0
) -> tuple[int, ...]:
    """The prepared words of a case; the last array is the result."""
    rows = [strides(*x) for x in zip((*case.operands, case.result), arrays, strict=True)]
    left, right, result = (rows[0], rows[1], rows[-1]) if len(rows) == 3 else (rows[0], {}, rows[1])
    axes = [
        Axis(n, left.get(x, 0), right.get(x, 0), result.get(x, 0))
        for x, n in case.extents.items()
        if x in left | right
    ]
    return prepared(tuple(axes), arrays[-1].itemsize, two=len(rows) == 3, add=add, room=room)


def aligned(size: int) -> np.ndarray:
    """Bytes that begin at a multiple of 64."""
    room = np.full(size + 64, 255, np.uint8)
    start = -int(room.ctypes.data) % 64
    return room[start : start + size]


def compute(
    case: Case, arrays: list[np.ndarray], parts: int, *, add: bool = False, room: int = 0
) -> None:
    """Run all parts of a case, in an order that nobody counts on; the last array is the result."""
    words = np.array(words_of(case, arrays, add=add, room=room), np.int64)
    scratch = aligned(int(words[SCRATCH]) + 64)
    scratch[-64:] = 7
    addresses = [x.ctypes.data for x in arrays]
    a, b, c = (*addresses[:-1], 0, addresses[-1]) if len(arrays) == 2 else addresses
    for part in reversed(range(parts)):
        PARTS[arrays[-1].dtype](words.ctypes.data, a, b, c, scratch.ctypes.data, part, parts)
    assert (scratch[-64:] == 7).all()


def operands_of(case: Case, dtype: str, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = [[case.extents[x] for x in letters] for letters in case.operands]
    return [np.asarray(random.standard_normal(shape), dtype) for shape in shapes]


def guarded(case: Case, dtype: str, spread: int) -> tuple[np.ndarray, np.ndarray]:
    """Memory full of guards, and a result within it whose elements lie `spread` apart."""
    shape = [case.extents[x] for x in case.result]
    count = int(np.prod(shape)) * spread
    memory = np.full(count + 64, GUARD, dtype)
    return memory, memory[32 : 32 + count : spread].reshape(shape, copy=False)


def bound(case: Case, arrays: list[np.ndarray]) -> np.ndarray:
    """How far rounding may take a result: a few units in the last place of the sum of sizes."""
    sizes = np.einsum(case.equation, *(abs(x.astype(np.float64)) for x in arrays))
    return np.asarray(8 * np.finfo(arrays[0].dtype).eps * (sizes + GUARD))


@given(
    cases(),
    st.sampled_from(["float32", "float64"]),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([1, 1, 3]),
    st.sampled_from([0, 0, 1, 20_000]),
    st.integers(0, 99),
)
def test_any_strides_parts_and_room_give_the_einsum(
    case: Case, dtype: str, parts: int, add: bool, spread: int, room: int, seed: int
) -> None:
    operands = operands_of(case, dtype, seed)
    memory, result = guarded(case, dtype, spread)
    before = memory.copy()
    compute(case, [*operands, result], parts, add=add, room=room)
    wanted = np.einsum(case.equation, *(x.astype(np.float64) for x in operands)) + GUARD * add
    assert (abs(result - wanted) <= bound(case, operands)).all()
    result[...] = GUARD
    np.testing.assert_array_equal(memory, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("equation", "extents"),
    [
        ("ab->ba", (200, 150)),
        ("ab->ba", (72, 24)),
        ("abc->cab", (5, 70, 9)),
        ("abcd->cbad", (20, 9, 20, 6)),
        ("abcdefghijklmnop->ponmlkjihgfedcba", (2,) * 16),
        ("abcdefghijklmnop->acegikmobdfhjlnp", (2,) * 16),
        ("abcdefghijklmnop->bdfhjlnpacegikmo", (2,) * 16),
    ],
)
def test_a_permuted_copy_is_exact(equation: str, extents: tuple[int, ...], dtype: str) -> None:
    letters, result = equation.split("->")
    case = Case((letters,), result, dict(zip(letters, extents, strict=True)))
    (operand,) = operands_of(case, dtype, 0)
    memory, permuted = guarded(case, dtype, 1)
    compute(case, [operand, permuted], 3)
    np.testing.assert_array_equal(permuted, np.einsum(equation, operand))
    assert (memory[:32] == GUARD).all()
    assert (memory[-32:] == GUARD).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_sums_lose_no_more_than_a_few_units(dtype: str) -> None:
    count = 2_000_000
    unit = np.finfo(dtype).eps
    for case, shape, length in [
        (Case(("i",), "", {"i": count}), (count,), count),
        (Case(("ij",), "j", {"i": count // 50, "j": 50}), (count // 50, 50), count // 50),
        (Case(("ij",), "i", {"i": 2, "j": count // 2}), (2, count // 2), count // 2),
        (Case(("ij", "ij"), "", {"i": 20, "j": count // 20}), (20, count // 20), count),
    ]:
        tenths = np.full(shape, 0.1, dtype)
        result = np.zeros([case.extents[x] for x in case.result], dtype)
        compute(case, [*[tenths] * len(case.operands), result], 1)
        wanted = length * float(tenths.flat[0]) ** len(case.operands)
        assert (abs(result - wanted) <= 40 * unit * wanted).all()


def test_sums_over_nothing_are_zero_and_empty_results_are_left_alone() -> None:
    for case in (Case(("ij",), "j", {"i": 0, "j": 9}), Case(("ij", "i"), "", {"i": 0, "j": 9})):
        operands = operands_of(case, "float32", 0)
        _, result = guarded(case, "float32", 1)
        compute(case, [*operands, result], 2)
        assert (result == 0).all()
    case = Case(("ij",), "ji", {"i": 0, "j": 9})
    memory, result = guarded(case, "float32", 1)
    compute(case, [np.zeros((0, 9), np.float32), result], 2)
    assert (memory == GUARD).all()


def test_a_step_is_cut_into_more_parts_the_more_it_moves() -> None:
    axes = tuple(Axis(4, 4 ** (6 - i), 0, 4**i) for i in range(7))
    few, many = (prepared(x, 4, two=False) for x in (axes, (*axes, Axis(64, 4**7, 0, 4**7))))
    assert 1 == few[TASKS] < many[TASKS]


def test_rows_run_along_the_neighbours_of_the_result_or_along_a_sum() -> None:
    assert prepared((Axis(64, 64, 0, 1), Axis(64, 1, 0, 64)), 4, two=False)[KIND] == EACH
    assert prepared((Axis(64, 64, 0, 0), Axis(64, 1, 0, 1)), 4, two=False)[KIND] == SUM
    assert prepared((Axis(64, 64, 0, 1), Axis(64, 1, 0, 0)), 4, two=False)[KIND] == DOT


def test_pairs_are_copied_as_wider_numbers() -> None:
    axes = (Axis(2, 1, 0, 1), Axis(8, 2, 0, 10), Axis(5, 16, 0, 2))
    assert prepared(axes, 4, two=False)[WIDE]
    assert not prepared(axes, 4, two=False, add=True)[WIDE]
    assert not prepared(axes, 8, two=False)[WIDE]


@given(cases(), st.sampled_from([4, 8]), st.booleans(), st.integers(1, 200_000))
def test_scratch_fits_its_room(case: Case, size: int, add: bool, room: int) -> None:
    shapes = [[case.extents[x] for x in letters] for letters in (*case.operands, case.result)]
    arrays = [
        np.lib.stride_tricks.as_strided(np.zeros(1, f"f{size}"), shape, packed(shape, size))
        for shape in shapes
    ]
    words, best = (words_of(case, arrays, add=add, room=given) for given in (room, 0))
    assert words[SCRATCH] <= max(room, LEAST_ROOM)
    assert words == best or best[SCRATCH] > room


def packed(shape: list[int], size: int) -> list[int]:
    """Strides of an array row by row, in bytes."""
    return [size * int(np.prod(shape[place + 1 :])) for place in range(len(shape))]
