"""Tables hold values, check their shape, and sum what can be summed."""

from __future__ import annotations

import pickle

import pytest

from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.table import Column, Fact, Table

COLUMNS = (
    Column("step", "code"),
    Column("FLOPs", "quantity", "FLOP"),
    Column("written", "bytes", "B", rank=1),
)
ROWS = (("jk,kl->jl", 20_000, 40), ("ij,jl->il", 30_000, None))


def test_a_table_built_from_lists_equals_one_built_from_tuples() -> None:
    built = Table("t", list(COLUMNS), [list(row) for row in ROWS], notes=["n"])
    assert built == Table("t", COLUMNS, ROWS, notes=("n",))
    assert hash(built) == hash(Table("t", COLUMNS, ROWS, notes=("n",)))
    assert pickle.loads(pickle.dumps(built)) == built


def test_numbers_line_up_on_the_right_and_words_on_the_left_unless_told_otherwise() -> None:
    assert [column.align for column in COLUMNS] == ["left", "right", "right"]
    assert Column("x", "count", alignment="left").align == "left"


def test_totals_are_the_sums_of_the_named_columns_and_empty_cells_count_nothing() -> None:
    table = Table("t", COLUMNS, ROWS).summed("FLOPs", "written", label="sum")
    assert table.totals == ("sum", 50_000, 40)
    assert table.rows == ROWS


def test_sums_stay_exact_for_counts_beyond_what_a_float_holds() -> None:
    table = Table("t", COLUMNS, [("a", 10**30 + 1, 0), ("b", 1, 0)]).summed("FLOPs")
    assert table.totals[1] == 10**30 + 2


def test_records_name_every_cell() -> None:
    assert Table("t", COLUMNS, ROWS).records()[0] == {
        "step": "jk,kl->jl",
        "FLOPs": 20_000,
        "written": 40,
    }


@pytest.mark.parametrize("name", ["step", "nowhere"])
def test_a_column_that_cannot_be_summed_is_refused_by_name(name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        Table("t", COLUMNS, ROWS).summed(name)


def test_a_row_of_another_length_is_refused_with_both_lengths() -> None:
    with pytest.raises(ArgumentError, match=r"row 1 of table 't' has 2 cells for 3 columns"):
        Table("t", COLUMNS, [ROWS[0], ("a", 1)])
    with pytest.raises(ArgumentError, match="totals"):
        Table("t", COLUMNS, ROWS, totals=("a",))


def test_two_columns_or_two_facts_of_one_name_are_refused() -> None:
    with pytest.raises(ArgumentError, match="two columns"):
        Table("t", [Column("a"), Column("a")])
    with pytest.raises(ArgumentError, match="two facts"):
        Table("t", facts=[Fact("a", 1), Fact("a", 2)])


@pytest.mark.parametrize("value", ["20 kFLOP", True])
def test_formatted_text_in_a_numeric_column_is_refused(value: str | bool) -> None:
    with pytest.raises(ArgumentTypeError, match="FLOPs in row 0"):
        Table("t", COLUMNS, [("a", value, 1)])


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ArgumentError, match=r"'flops'.*quantity"):
        Column("FLOPs", "flops")  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="peak"):
        Fact("peak", "7 MiB", "bytes")
