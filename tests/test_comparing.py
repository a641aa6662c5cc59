"""Comparing machines: fastest first, what does not fit last, unknown named, plans and reports."""

from __future__ import annotations

import json

import jax.numpy as jnp
import pytest

import einlab
from einlab.comparing import compare_report
from einlab.errors import ArgumentError
from einlab.machines import Machine, machines
from einlab.planning import plan
from tests.cli.calling import call

SMALL = Machine("small and fast", {"float32": 1e15}, bandwidth=1e13, memory=1e4)
LARGE = Machine("large and slow", {"float32": 1e12}, bandwidth=1e11, memory=1e12)


def test_machines_are_ordered_by_time_and_those_too_small_come_last():
    made = plan("ij,jk->ik", (100, 100), (100, 100))
    table = made.compare([SMALL, LARGE]).table
    assert table.column("machine") == ("large and slow", "small and fast")
    assert table.column("fits") == ("yes", "no")
    assert table.column("time") == (
        made.on(LARGE).seconds,
        made.on(SMALL).seconds,
    )


def test_the_whole_table_is_compared_where_none_are_named():
    made = plan("ij,jk->ik", (4096, 4096), (4096, 4096), dtype="bfloat16")
    table = made.compare().table
    assert set(table.column("machine")) == {machine.name for machine in machines()}
    known = [row for row in table.records() if row["bound"] != "unknown"]
    times = [float(row["time"] or 0.0) for row in known if row["fits"] == "yes"]
    assert times == sorted(times)
    assert any("unknown" in note for note in table.notes)


def test_a_report_is_compared_like_a_plan():
    found = einlab.report(lambda x: x @ x, jnp.ones((64, 64)))
    table = compare_report(found, [LARGE, "H100 SXM"])
    assert table.column("machine") == ("H100 SXM", "large and slow")
    assert table.column("time")[1] == found.on(LARGE).seconds


@pytest.mark.parametrize("given", [[], "H100 SXM"])
def test_machines_are_a_list_that_is_not_empty(given):
    with pytest.raises(ArgumentError, match="list of names or machines"):
        plan("ij,jk->ik", (4, 4), (4, 4)).compare(given)


def test_the_command_reads_a_users_own_machines(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('[[machine]]\nname="mine"\npeak={float32=1e12}\nbandwidth=1e11\nmemory=1e10\n')
    sizes = ("--sizes", "i=64,j=64,k=64")
    done = call("compare", "ij,jk->ik", *sizes, "--machines", mine, "--on", "mine", "--json")
    assert done.exit_code == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert row["machine"] == "mine"
    mine.write_text("[[machine]]\nname='mine'\npeak={float32=1}\nbandwidth=1e11\nmemory=1e10\n")
    done = call("compare", "ij,jk->ik", *sizes, "--machines", mine)
    assert done.exit_code == 2
    assert "units of giga or tera" in done.stderr


def test_the_command_compares_a_program_as_it_compares_an_equation():
    shapes = ("--shape", "512,256", "--shape", "256,128", "--on", "T4", "--json")
    program, equation = (
        json.loads(call("compare", work, *shapes).stdout)
        for work in ("jax.numpy:matmul", "ij,jk->ik")
    )
    assert program["rows"] == equation["rows"]
    refused = call("compare", "jax.numpy:matmul", "--sizes", "i=3")
    assert refused.exit_code == 2
    assert "--shape and --dtype alone" in refused.stderr
