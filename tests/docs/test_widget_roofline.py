"""The roofline in the page stands where einlab's own does, and its crossing is the first one."""

from __future__ import annotations

import numpy as np
import pytest

from einlab import plan
from einlab.machines import machines
from einlab.roofline import attainable
from einlab.stepmodel import predict
from tests.docs.node import evaluate

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
ROOFS = [
    (machine, dtype) for machine in machines() for dtype in BYTES if machine.rate(dtype) is not None
]


def drawn(count, most):
    random = np.random.default_rng(0)
    for _ in range(count):
        machine, dtype = ROOFS[random.integers(len(ROOFS))]
        sizes = [int(size) for size in 2 ** random.uniform(0, most, 3)]
        yield machine, dtype, sizes


def test_intensity_bound_and_time_are_those_of_the_plan_on_its_machine():
    cases = list(drawn(500, 14))
    calls = [
        [machine.rate(dtype), machine.bandwidth, *sizes, BYTES[dtype]]
        for machine, dtype, sizes in cases
    ]
    found = evaluate("widgets/roofline.js", "einlabRoofline.step", calls)
    for (machine, dtype, (m, k, n)), one in zip(cases, found, strict=True):
        (step,) = plan("mk,kn->mn", (m, k), (k, n), dtype=dtype, machine=machine).steps
        least = predict(step.cost, machine, dtype, product=True)
        assert one["flops"] == step.cost.flops
        assert one["bytes"] == step.cost.bytes
        assert one["attainable"] == pytest.approx(attainable(machine, dtype, step.cost.intensity))
        assert one["seconds"] == pytest.approx(least.seconds)
        assert one["bound"] == least.bound


def test_the_crossing_is_the_least_batch_at_the_ridge():
    cases = [(machine, dtype, sizes[1:]) for machine, dtype, sizes in drawn(500, 14)]
    calls = [
        [machine.rate(dtype), machine.bandwidth, k, n, BYTES[dtype]]
        for machine, dtype, (k, n) in cases
    ]
    found = evaluate("widgets/roofline.js", "einlabRoofline.crossing", calls)

    def reaches(machine, dtype, batch, k, n):
        flops = 2 * batch * k * n if k > 1 else batch * n
        bytes_moved = BYTES[dtype] * (batch * k + k * n + batch * n)
        return flops * machine.bandwidth >= bytes_moved * machine.rate(dtype)

    for (machine, dtype, (k, n)), least in zip(cases, found, strict=True):
        if least is None:
            assert not reaches(machine, dtype, 2**40, k, n)
        else:
            assert reaches(machine, dtype, least, k, n)
            assert least == 1 or not reaches(machine, dtype, least - 1, k, n)
    assert None in found
    assert any(found)


def test_the_sliders_reach_the_ridge_of_every_device():
    calls = [[machine.rate(d), machine.bandwidth, 4096, 4096, BYTES[d]] for machine, d in ROOFS]
    found = evaluate("widgets/roofline.js", "einlabRoofline.crossing", calls)
    for (machine, dtype), least in zip(ROOFS, found, strict=True):
        assert least is not None, (machine.name, dtype)
        assert least <= 4096, (machine.name, dtype)
