from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks import ladder


@pytest.mark.parametrize("rung", ladder.RUNGS, ids=lambda rung: rung.name)
def test_every_rung_gives_the_product(rung, monkeypatch):
    monkeypatch.setattr(ladder, "ENOUGH", 1e-9)
    assert ladder.seconds_of(rung, 8) > 0  # compares with NumPy's product before it times


def test_a_wrong_rung_is_not_timed():
    wrong = ladder.Rung("wrong", "", 8, lambda a, b: a)
    with pytest.raises(AssertionError):
        ladder.seconds_of(wrong, 8)


def test_strassen_is_timed_beside_the_plain_product():
    done = CliRunner().invoke(ladder.main, ["--strassen", "16,32", "--rounds", "1"])
    assert done.exit_code == 0
    assert "n =    32: plain" in done.output


def test_a_rungs_gain_is_over_the_rung_before():
    seconds = [each.size**3 / 2**place * 1e-9 for place, each in enumerate(ladder.RUNGS)]
    table = ladder.ladder_table(seconds)
    assert table.column("gain")[0] is None
    assert table.column("gain")[1:] == pytest.approx([2.0] * (len(ladder.RUNGS) - 1))
    assert table.column("ns a multiply-add")[1] == pytest.approx(0.5)
