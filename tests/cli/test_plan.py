"""`einlab plan` gives the plan that the library gives, from whatever way sizes are written."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from einlab.planning import Plan, plan
from tests.cli.calling import call
from tests.show.test_html import outline

CHAIN = "ij,jk,kl->il"
SIZES = "i=1000,j=10,k=1000,l=1"
SHAPES = ("--shape", "1000,10", "--shape", "10,1000", "--shape", "1000,1")


def planned(*args: str | Path) -> Plan:
    done = call("plan", *args, "--json")
    assert done.exit_code == 0, done.stderr
    return Plan.from_json(done.stdout)


def test_shapes_and_sizes_give_the_plan_of_the_library() -> None:
    wanted = plan(CHAIN, (1000, 10), (10, 1000), (1000, 1))
    assert planned(CHAIN, *SHAPES) == planned(CHAIN, "--sizes", SIZES) == wanted


def test_sizes_may_be_given_one_by_one() -> None:
    several = [word for part in SIZES.split(",") for word in ("--sizes", part)]
    assert planned(CHAIN, *several) == planned(CHAIN, *SHAPES)


@pytest.mark.parametrize("written", ["10,1000", "10x1000", "10×1000", "(10, 1000)", "[10 1000]"])
def test_a_shape_may_be_written_in_any_common_way(written: str) -> None:
    shapes = ("--shape", "1000,10", "--shape", written, "--shape", "1000,1")
    assert planned(CHAIN, *shapes) == planned(CHAIN, *SHAPES)


@pytest.mark.parametrize("written", ["scalar", "()", ""])
def test_a_scalar_has_the_shape_without_sizes(written: str) -> None:
    assert planned("i,->i", "--shape", "3", "--shape", written).contraction.shapes == ((3,), ())


def test_named_axes_are_read_and_the_letters_reading_can_be_forced() -> None:
    named = planned("batch key, key query -> batch query", "--sizes", "batch=8,key=64,query=3")
    assert named.contraction.shape == (8, 3)
    letters = planned("i j, j k -> i k", *("--shape", "2,3", "--shape", "3,4"), "--axes", "letters")
    assert letters.contraction.equation == "ij,jk->ik"


def test_dtypes_are_one_for_all_or_one_each() -> None:
    one = planned("ij,jk->ik", "--sizes", "i=2,j=3,k=4", "--dtype", "bfloat16")
    assert one.contraction.dtypes == ("bfloat16", "bfloat16")
    each = planned("ij,jk->ik", "--sizes", "i=2,j=3,k=4", "--dtype", "bfloat16, float32")
    assert each.contraction.dtypes == ("bfloat16", "float32")


def test_a_path_may_be_given_and_is_taken() -> None:
    taken = planned(CHAIN, *SHAPES, "--optimize", "[(0, 1), (0, 1)]")
    assert taken.path == [(0, 1), (0, 1)]
    assert taken.flops == 22_000_000


def test_every_option_reaches_the_search() -> None:
    options = ("--optimize", "greedy", "--objective", "size", "--seed", "3", "--budget", "0.5")
    limited = planned(CHAIN, *SHAPES, *options, "--memory-limit", "1 MiB")
    assert limited.objective == "size"


def test_a_budget_may_be_a_number_of_trials() -> None:
    assert planned(CHAIN, *SHAPES, "--budget", "3 trials").flops == 40_000


def test_a_machine_adds_the_least_time_of_every_step() -> None:
    data = json.loads(call("plan", CHAIN, *SHAPES, "--machine", "H100 SXM", "--json").stdout)
    assert data["report"]["facts"]["least time"]["unit"] == "s"


def test_a_plan_of_many_steps_is_shown_by_its_first_and_last() -> None:
    count = 70
    letters = [chr(0x4E00 + place) for place in range(count + 1)]
    equation = ",".join(map("".join, pairwise(letters)))
    shapes = [word for _ in range(count) for word in ("--shape", "2,2")]
    done = call("plan", equation, *shapes, "--optimize", "greedy")
    assert f"… {count - 1 - 60} rows more …" in done.stdout


def test_the_report_in_json_is_the_plans_own_table() -> None:
    data = json.loads(call("plan", CHAIN, *SHAPES, "--json").stdout)
    assert data["report"]["totals"]["FLOPs"] == planned(CHAIN, *SHAPES).flops == 40_000


def test_the_tree_and_the_page_are_written(tmp_path: Path) -> None:
    svg, html = tmp_path / "t.svg", tmp_path / "t.html"
    done = call("plan", CHAIN, *SHAPES, "--svg", svg, "--html", html)
    assert done.exit_code == 0
    made = planned(CHAIN, *SHAPES)
    assert svg.read_text(encoding="utf-8") == made.svg()
    page = outline(html.read_text(encoding="utf-8"))
    assert len(page.named("svg")) == len(page.named("table")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.html", "t.svg"]


@pytest.mark.parametrize("kind", ["ring", "network", "steps", "search"])
def test_the_picture_may_be_chosen(tmp_path: Path, kind: str) -> None:
    svg = tmp_path / "p.svg"
    assert call("plan", CHAIN, *SHAPES, "--svg", svg, "--picture", kind).exit_code == 0
    assert svg.read_text(encoding="utf-8") == planned(CHAIN, *SHAPES).svg(kind)


def test_without_a_file_the_picture_is_printed_as_text() -> None:
    done = call("plan", CHAIN, *SHAPES, "--picture", "steps")
    assert done.stdout.endswith(f"\n\n{planned(CHAIN, *SHAPES).text('steps')}\n")
    refused = call("plan", CHAIN, *SHAPES, "--picture", "network")
    assert refused.exit_code == 2
    assert "no picture 'network' in text" in refused.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "--shape once for each operand, or --sizes"),
        ((*SHAPES, "--sizes", SIZES), "--shape once for each operand, or --sizes"),
        (("--shape", "3,four"), "'3,four' is no shape"),
        (("--shape", "3,-4"), "'3,-4' is no shape"),
        (("--sizes", "i=3,j"), "'j' is no size"),
        (("--sizes", "i=-3"), "'i=-3' is no size"),
        (("--sizes", "i=3,i=4"), "'i' is given the sizes 3 and 4"),
        (("--sizes", "i=3", "--sizes", "i=4"), "'i' is given the sizes 3 and 4"),
        ((*SHAPES, "--dtype", "float33"), "float33"),
        ((*SHAPES, "--optimize", "[(0, 1), ("), "is no path"),
        ((*SHAPES, "--optimize", "gredy"), "greedy"),
        ((*SHAPES, "--objective", "flop"), "flops"),
        ((*SHAPES, "--memory-limit", "2 bananas"), "2 bananas"),
        ((*SHAPES, "--memory-limit", "nan"), "nan"),
        ((*SHAPES, "--memory-limit", "-5"), "-5"),
        ((*SHAPES, "--budget", "soon"), "soon"),
        ((*SHAPES, "--budget", "0"), "0"),
        ((*SHAPES, "--budget", "0 trials"), "0 trials"),
        ((*SHAPES, "--machine", "H1000"), "H100 SXM"),
        ((*SHAPES, "--seed", "-1"), "-1"),
        ((*SHAPES, "--seed", "one"), "one"),
        ((*SHAPES, "--axes", "words"), "words"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_what_is_wrong(args: tuple[str, ...], told: str) -> None:
    done = call("plan", CHAIN, *args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("ij,jk->iz", "--shape", "2,3", "--shape", "3,4"), "'z'"),
        (("ij,jk->ik", "--shape", "2,3", "--shape", "4,5"), "index 'j' has size 3"),
        (("ij,jk->ik", "--shape", "2,3"), "operand"),
        (("ij,jk->ik", "--sizes", "i=2,j=3"), "k"),
        (("ij,jk->->ik", "--shape", "2,3", "--shape", "3,4"), "->"),
        ((CHAIN, *SHAPES, "--optimize", "[(0, 5)]"), "5"),
    ],
)
def test_a_bad_expression_exits_with_3_and_shows_where(args: tuple[str, ...], told: str) -> None:
    done = call("plan", *args)
    assert (done.exit_code, done.stdout) == (3, "")
    assert told in done.stderr


def test_a_memory_limit_that_cannot_be_kept_exits_with_4_and_names_one_that_can() -> None:
    done = call("plan", CHAIN, *SHAPES, "--memory-limit", "1kB")
    assert (done.exit_code, done.stdout) == (4, "")
    assert "smallest memory limit" in done.stderr


@pytest.mark.parametrize("args", [("ij->iz", "--shape", "2,3"), (CHAIN, "--shape", "2,3")])
def test_nothing_is_written_when_there_is_no_plan(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert call("plan", *args, "--svg", tmp_path / "t.svg").exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_exits_with_1_and_leaves_nothing(tmp_path: Path) -> None:
    done = call("plan", CHAIN, *SHAPES, "--svg", tmp_path / "no folder" / "t.svg")
    assert done.exit_code == 1
    assert "cannot write" in done.stderr
    assert list(tmp_path.iterdir()) == []
