"""JSON holds the raw numbers of a table, and nothing that JSON lacks."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from einlab.show import json as shown
from einlab.table import Column, Fact, Table
from tests.golden import check
from tests.show.samples import TABLE, random_tree, three

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_a_table_is_rendered_as_in_its_golden_file() -> None:
    check("table.json", shown.render(TABLE) + "\n")


def test_numbers_arrive_unrounded() -> None:
    data = json.loads(shown.render(TABLE))
    assert data["rows"][0]["FLOPs"] == 20_000
    assert data["rows"][0]["intensity"] == 20_000 / 44_040
    assert data["rows"][1]["time"] is None
    assert data["totals"]["FLOPs"] == 40_000
    assert data["facts"]["peak memory"] == {
        "value": 88_040,
        "unit": "B",
        "remark": "operands and result included",
    }


def test_every_column_says_its_unit() -> None:
    columns = json.loads(shown.render(TABLE))["columns"]
    units = {column["name"]: column["unit"] for column in columns}
    assert units["bytes"] == "B"
    assert units["time"] == "s"
    assert units["speed"] == "FLOP/s"


def test_infinities_become_null() -> None:
    table = Table("t", (Column("x", "number"),), [(math.inf,), (1.5,)], facts=[])
    assert json.loads(shown.render(table))["rows"] == [{"x": None}, {"x": 1.5}]
    fact = Table("t", facts=[Fact("x", math.nan, "number")])
    assert json.loads(shown.render(fact))["facts"]["x"]["value"] is None


@given(VALUES)
def test_the_layout_of_json_changes_no_value(value: Any) -> None:
    def finite(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: finite(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [finite(inner) for inner in part]
        return None if isinstance(part, float) and math.isinf(part) else part

    assert json.loads(shown.dumps(value)) == finite(value)


def test_a_tree_holds_what_is_needed_to_rebuild_it() -> None:
    for tree in (three(), random_tree(20)):
        data = json.loads(shown.render_tree(tree))
        assert data["equation"] == tree.contraction.equation
        assert [tuple(pair) for pair in data["pairs"]] == list(tree.pairs)
        assert [tuple(pair) for pair in data["path"]] == list(tree.path)
        assert [tuple(shape) for shape in data["shapes"]] == list(tree.contraction.shapes)
