"""Tables of a benchmark go to a file and come back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks import products
from benchmarks.records import begin, read_tables, write_tables
from einlab.table import Column, Fact, Table

TABLE = Table(
    "products",
    [Column("by"), Column("time", "seconds"), Column("speed", "quantity", "FLOP/s")],
    [("NumPy", 0.5, 3e9), ("nobody", None, None)],
    facts=[Fact("highest", 3e9, "quantity", "FLOP/s", "seen"), Fact("where", "here")],
    notes=["a note"],
)


def test_a_record_comes_back_as_it_was(tmp_path):
    written = replace(begin("ladder"), tables=(TABLE,))
    write_tables(written, tmp_path / "new" / "record.json")
    assert read_tables(tmp_path / "new" / "record.json") == written


@pytest.mark.parametrize(
    ("fields", "fault"),
    [({"format": "another"}, "is no file of"), ([1], "is no file of"),
     ({"format": "einlab-benchmark-tables", "version": 9}, "version 9")],
)  # fmt: skip
def test_another_file_is_refused(tmp_path, fields, fault):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(ValueError, match=fault):
        read_tables(path)


def test_square_products_are_timed_by_every_way_and_kept(tmp_path):
    path = tmp_path / "squares.json"
    asked = ["squares", "--sizes", "4,8", "--rounds", "1", "--least", "0", "--out", str(path)]
    done = CliRunner().invoke(products.main, asked)
    assert done.exit_code == 0, done.output
    (table,) = read_tables(path).tables
    assert table.column("n") == (4, 4, 4, 8, 8, 8)
    assert set(table.column("by")) == {"NumPy", "JAX", "einlab"}
    for row in table.rows:
        size, _, seconds, speed = map(_number, row)
        assert seconds * speed == pytest.approx(2 * size**3)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def test_a_network_takes_its_inputs_one_by_one_and_at_once():
    table = products.network_table(3, 1)
    assert len(table.rows) == 4
    for row in table.rows:
        _, whole, each, rate = map(_number, row)
        assert each == pytest.approx(whole / 3)
        assert rate == pytest.approx(3 / whole)
