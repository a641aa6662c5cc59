"""The build tells a cell that goes wrong as it should from one that was misspelt."""

from __future__ import annotations

import pytest

from docs._ext.einlab_slips import faults


def cell(*names: str, tags=("raises-exception",)):
    outputs = [{"output_type": "error", "ename": name, "evalue": "x"} for name in names]
    return {"metadata": {"tags": list(tags)}, "source": ["contract()\n"], "outputs": outputs}


def test_an_error_as_meant_and_a_cell_without_one_are_fine():
    plain = {"metadata": {}, "source": "1", "outputs": [{"output_type": "stream"}]}
    assert faults({"cells": [cell("ShapeError"), cell("TypeError"), plain, cell(tags=())]}) == []


@pytest.mark.parametrize(
    ("bad", "fault"), [(cell(), "does not"), (cell("NameError"), "slip: NameError")]
)
def test_a_slip_and_a_cell_that_does_not_go_wrong_are_told(bad, fault):
    (found,) = faults({"cells": [cell("ShapeError"), bad]})
    assert "contract()" in found
    assert fault in found
