from __future__ import annotations

import pytest

from einlab.trace.reporting import Report, report
from tests.trace.operations import source_of
from tests.trace.zoo import ZOO, gradient

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore"),  # what others' packages warn of is not ours to fail on
]


def unknown_shares(found: Report) -> tuple[float, float]:
    """Upper bounds of what has no count: shares of FLOPs and of bytes.

    Of an unknown operation only its bytes are bounded; it is taken to compute at the machine
    balance of today's fastest accelerators, some 300 FLOPs a byte, at most.
    """
    moved = sum(item.bytes for item in found.unknown)
    return 300 * moved / found.flops, moved / found.bytes


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("trained", [False, True], ids=["forward", "gradient"])
def test_nearly_nothing_of_a_public_model_is_unknown(name, trained):
    model = ZOO[name](False)
    call, arguments = gradient(model) if trained else model
    found = report(call, *arguments)
    flops, moved = unknown_shares(found)
    assert flops <= 1e-3, found.unknown
    assert moved <= 1e-2, found.unknown
    assert all(item.reason for item in found.unknown)
    assert str(found)


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("trained", [False, True], ids=["forward", "gradient"])
def test_the_count_of_a_public_model_agrees_with_xla(name, trained):
    model = ZOO[name](True)
    call, arguments = gradient(model) if trained else model
    found = report(call, *arguments)
    check = found.check()
    assert check.unexplained == (0, 0)
    assert check.unexplained_bytes == 0
    assert source_of(found).lowered is not None
