"""Charts in plain text: a line a step, bars as long as the logarithm, within the width."""

from __future__ import annotations

import pytest

from einlab.errors import ArgumentError, display_width
from einlab.show import bars, text
from tests.golden import check
from tests.show.samples import ring_tree, subject, three

TRACE = ((0.004, 3.1e9), (0.05, 8e8), (0.4, 2.2e8))


def test_charts_are_rendered_as_in_their_golden_files() -> None:
    of = subject(ring_tree(10), trace=TRACE, searched_by="portfolio")
    check("steps_ten.txt", bars.draw(of, "steps") + "\n")
    check("search_ten.txt", bars.draw(of, "search") + "\n")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_line_of_a_chart_fits_and_the_longest_bar_is_of_the_dearest_step(width: int) -> None:
    of = subject(ring_tree(40))
    lines = bars.render_steps(of, width=width).splitlines()[2:]
    assert len(lines) == len(of.steps)
    assert width < 50 or max(map(display_width, lines)) <= width
    flops = [cost.flops for _, cost in of.steps]
    longest = max(range(len(lines)), key=lambda step: display_width(lines[step]))
    assert flops[longest] == max(flops)


def test_a_long_chart_lacks_its_middle() -> None:
    lines = bars.render_steps(subject(ring_tree(200))).splitlines()
    assert len(lines) == 63
    assert "… 139 steps more …" in lines


def test_the_outline_is_the_text_of_a_tree_and_other_kinds_are_refused() -> None:
    of = subject(three())
    assert bars.draw(of, "tent") == text.render_tree(of.tree)
    with pytest.raises(ArgumentError, match="no picture 'network' in text"):
        bars.draw(of, "network")
