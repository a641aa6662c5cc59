"""Text fits its width, shows what matters longest, and says what it leaves out."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.contraction import Contraction
from einlab.errors import display_width
from einlab.search.tree import Tree
from einlab.show import text
from einlab.table import Column, Table
from tests.golden import check
from tests.show.samples import TABLE, WIDE, chain, random_tree, three


@pytest.mark.parametrize("width", [120, 80, 48])
def test_a_table_is_rendered_as_in_its_golden_file(width: int) -> None:
    check(f"table_{width}.txt", text.render(TABLE, width=width) + "\n")


def test_wide_and_combining_characters_line_up_as_in_the_golden_file() -> None:
    check("table_wide.txt", text.render(WIDE) + "\n")


def test_a_tree_is_outlined_as_in_its_golden_file() -> None:
    check("tree_10.txt", text.render_tree(random_tree(10)) + "\n")


@pytest.mark.parametrize("table", [TABLE, WIDE])
@pytest.mark.parametrize("width", range(20, 130, 7))
def test_no_line_is_wider_than_asked_for(table: Table, width: int) -> None:
    lines = text.render(table, width=width).splitlines()
    assert max(map(display_width, lines)) <= width


@pytest.mark.parametrize("width", [48, 60, 80])
def test_every_column_is_shown_or_named_as_left_out(width: int) -> None:
    shown = text.render(TABLE, width=width)
    for column in TABLE.columns:
        assert column.name in shown


def test_columns_of_low_rank_outlive_those_of_high_rank() -> None:
    def columns_at(width: int) -> set[str]:
        head = text.render(TABLE, width=width).splitlines()[2]
        return {column.name for column in TABLE.columns if column.name in head}

    seen = [columns_at(width) for width in range(130, 40, -1)]
    assert seen[0] == {column.name for column in TABLE.columns}
    ranks = {column.name: column.rank for column in TABLE.columns}
    for wider, narrower in pairwise(seen):
        for gone in wider - narrower:
            assert all(ranks[gone] >= ranks[left] for left in narrower - {"step"})
    assert {"equation", "FLOPs", "bytes"} <= seen[-1]


def test_rows_left_out_of_the_middle_are_counted() -> None:
    table = Table("t", (Column("n", "count"),), [(row,) for row in range(1000)])
    lines = text.render(table, max_rows=10).splitlines()
    assert "… 990 rows more …" in lines
    assert lines[-1].strip() == "999"
    assert len(lines) == 4 + 10 + 1


def test_without_colour_there_is_no_escape_and_with_it_the_text_is_the_same() -> None:
    plain, coloured = text.render(TABLE), text.render(TABLE, colour=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain != coloured


def test_control_characters_of_an_equation_do_not_reach_the_terminal() -> None:
    table = Table("a\x1b[2J", (Column("e", "code"),), [("i\x1b]0;x\x07j\n",)], notes=["\x1b[H"])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text.render(table))


@given(st.text(max_size=40), st.integers(2, 30), st.booleans())
def test_an_abbreviation_fits_and_keeps_what_fits_already(
    given_text: str, width: int, middle: bool
) -> None:
    short = text.abbreviated(given_text, width, middle=middle)
    assert display_width(short) <= width
    if display_width(text.printable(given_text)) <= width:
        assert short == text.printable(given_text)
    else:
        assert "…" in short


def test_the_outline_of_a_tree_names_every_operand_once() -> None:
    shown = text.render_tree(random_tree(12, seed=3))
    assert sorted(map(int, re.findall(r"operand (\d+)", shown))) == list(range(12))


def test_a_deep_tree_is_outlined_to_a_limit_and_the_rest_is_counted() -> None:
    count = 3000
    names = [chr(0x4E00 + place) for place in range(count + 1)]
    terms = tuple(pairwise(names))
    contraction = Contraction(terms, (), ((2, 2),) * count, ("float32",) * count)
    pairs = ((0, 1), *((count + step - 1, step + 1) for step in range(1, count - 1)))
    lines = text.render_tree(Tree(contraction, pairs), max_lines=50).splitlines()
    assert len(lines) == 51
    assert lines[-1] == f"… and {2 * count - 1 - 50:,} arrays more"
    assert max(map(display_width, lines)) <= 80


def test_the_result_of_a_tree_is_written_in_the_order_of_the_output() -> None:
    contraction = Contraction((("i", "j"),) * 2, ("j", "i"), ((2, 3),) * 2, ("float32",) * 2)
    assert text.render_tree(Tree(contraction, ((0, 1),))).startswith("ji  6 elements")


def test_a_lone_operand_is_its_own_outline() -> None:
    assert text.render_tree(Tree(chain((2, 3)), ())) == "ab  operand 0, 2×3"


def test_a_table_without_rows_or_columns_is_still_text() -> None:
    assert text.render(Table("empty")) == "empty"
    assert text.render(Table("t", (Column("a"),))).splitlines()[2:] == ["a", "─"]


def test_a_title_of_a_thousand_terms_takes_four_lines_at_most() -> None:
    lines = text.render(Table("ab," * 1000), width=60).splitlines()
    assert len(lines) <= 5
    assert any("…" in line for line in lines)


def test_the_three_matrices_are_outlined_with_their_sizes() -> None:
    assert "└── bd  10 elements" in text.render_tree(three())
