from __future__ import annotations

import math

import numpy as np
import pytest

from einlab.contraction import Network
from einlab.search.bits import pack, pairs_of


def test_indices_of_one_size_share_words_and_rare_sizes_share_the_last() -> None:
    sizes = (2,) * 70 + (3,) * 20 + (5, 7, 1)
    packed = pack(Network((tuple(range(93)), (0, 92)), (92, 90), sizes))
    assert packed.stops.tolist() == [2, 3]
    assert packed.logs.tolist() == [1.0, math.log2(3)]
    assert packed.rest[:3].tolist() == [math.log2(5), math.log2(7), 0.0]
    assert np.bitwise_count(packed.leaves).sum(axis=1).tolist() == [92, 1]
    assert np.bitwise_count(packed.output).sum() == 1


@pytest.mark.parametrize("size", [0, 1])
def test_indices_without_weight_have_no_bit(size: int) -> None:
    packed = pack(Network(((0,), (0, 1)), (1,), (size, 4)))
    assert packed.leaves.tolist() == [[0], [1]]


def test_steps_come_in_an_order_in_which_each_finds_its_arrays() -> None:
    children = np.full((7, 2), -1)
    children[4:] = [[0, 5], [2, 3], [4, 1]]
    assert pairs_of(children) == ((2, 3), (0, 4), (1, 5))
