import json
import math
import random

import pytest

from benchmarks.search import best_costs, jobs_of, kept, too_large
from benchmarks.search_lanes import work
from benchmarks.search_networks import Instance, best_known, read_networks, record_best, wide_set
from benchmarks.search_planners import ORDERS, SLICERS, UNTIMED, available
from benchmarks.search_recount import recount
from benchmarks.search_report import clipped, draw, families, quality, slicing, values, weak
from benchmarks.search_store import Job, Outcome, Store
from benchmarks.search_wide import FAMILIES
from einlab.objectives import OBJECTIVES
from einlab.search.portfolio import find
from einlab.search.value import largest_before_last, peak_bytes, tree_value
from tests.search.compiled import hypernetwork

SMALL = "square 10x10", "3-clauses, 60 variables", "complete graph of 12"


def outcome(network, planner, cost, part="orders", seconds=1.0, budget=1.0, limit=None):
    return Outcome(Job(part, network, planner, budget, limit=limit), seconds, cost, cost)


def test_the_wide_set_is_drawn_from_its_names():
    assert wide_set(SMALL) == wide_set(SMALL)
    names = [name for members in FAMILIES.values() for name in members]
    assert len(set(names)) == len(names) == 70
    assert {found.name for found in wide_set(SMALL)} == set(SMALL)


def test_small_networks_of_the_wide_set_can_be_planned():
    for instance in wide_set():
        if len(instance.contraction.terms) < 100:
            tree = find(instance.contraction, optimize="greedy").tree
            assert len(tree.pairs) == len(instance.contraction.terms) - 1


def test_networks_are_read_from_a_file(tmp_path):
    network = {
        "name": "pair",
        "inputs": [[0, 1], [1]],
        "output": [0],
        "sizes": [2, 3],
        "best_log10_mults": 0.78,
    }
    path = tmp_path / "networks.json"
    path.write_text(json.dumps({"networks": [network]}))
    (instance,) = read_networks(path)
    assert instance.contraction.shapes == ((2, 3), (3,))
    assert (instance.name, instance.best) == ("pair", 0.78)


def test_the_recount_agrees_with_the_tree_on_cost_size_and_peak():
    for seed in range(30):
        given = hypernetwork(seed)
        shapes = tuple(tuple(given.sizes[index] for index in leaf) for leaf in given.leaves)
        contraction = type(given)(given.leaves, given.output, shapes, given.dtypes)
        tree = find(contraction, optimize="greedy").tree
        names = list(contraction.sizes)
        sliced = random.Random(seed).sample(names, 2)
        places = [names.index(name) for name in sliced]
        counted = recount(
            contraction.terms, contraction.output, contraction.sizes, tree.path, sliced
        )
        assert counted.multiplications == tree_value(tree, OBJECTIVES["multiplications"], places)
        assert counted.largest == largest_before_last(tree, places)
        whole = recount(contraction.terms, contraction.output, contraction.sizes, tree.path)
        assert whole.size == tree_value(tree, OBJECTIVES["size"])
        assert whole.peak == peak_bytes(tree)


def test_the_recount_refuses_a_path_that_is_not_complete():
    terms, sizes = [("i",), ("i",), ("i",)], {"i": 2}
    with pytest.raises(ValueError, match="2 arrays are left"):
        recount(terms, (), sizes, [(0, 1)])
    with pytest.raises(ValueError, match="a step of 3 operands"):
        recount(terms, (), sizes, [(0, 1, 2)])


def test_a_cut_run_goes_on_where_it_was_cut(tmp_path):
    path = tmp_path / "store.json"
    instances = {found.name: found for found in wide_set(SMALL[:1])}
    jobs = jobs_of("orders", instances.values(), ["opt_einsum random-greedy"], [0.1, 0.2], 1, 0)
    assert work(jobs[:1], instances, Store(path), [set()]) == 0
    again = Store(path)
    assert jobs[0] in again
    assert jobs[1] not in again
    assert work(jobs, instances, again, [set()], within=0.0) == 1  # there is no time for it
    assert work(jobs, instances, again, [set()]) == 0
    found = list(Store(path))
    assert [each.job for each in found] == jobs
    assert all(each.log10_multiplications and not each.problem for each in found)


def test_a_planner_that_ends_is_a_failure_and_no_end_of_the_run():
    broken = Instance("none", wide_set(SMALL[:1])[0].contraction)
    job = Job("slicing", "none", "cotengra sliced", 0.1, limit=None)
    store = Store(None)
    if "cotengra sliced" in available(SLICERS):
        work([job], {"none": broken}, store, [set()])
        (found,) = store
        assert found.log10_value is None
        assert found.problem


def test_jobs_are_every_planner_on_every_network_at_every_budget():
    instances = wide_set(SMALL)
    jobs = jobs_of("orders", instances, None, [0.1, 1.0], 1, 0)
    assert len(jobs) == len(set(jobs))
    timed = set(available(ORDERS)) - set(UNTIMED)
    assert {(job.planner, job.seconds) for job in jobs if job.planner in timed} == {
        (planner, seconds) for planner in timed for seconds in (0.1, 1.0)
    }
    for planner in UNTIMED[:1]:  # asked once
        assert [job.seconds for job in jobs if job.planner == planner] == [1.0] * 3
    for job in jobs:  # only where it ends
        assert job.planner != "opt_einsum dp" or job.network == "complete graph of 12"
    sliced = jobs_of("slicing", instances, ["einlab sliced"], [1.0], 1, 0)
    assert {job.limit for job in sliced} == {2**26, 2**28, 2**30}


def test_only_limits_below_the_largest_intermediate_are_sliced_to():
    instances, store = wide_set(SMALL), Store(None)
    store.add(outcome(SMALL[0], "einlab", math.log10(2**28), part="width"))
    assert too_large(store, instances) == {(SMALL[0], 2**26)}


def test_ratios_are_clipped_and_averaged_geometrically():
    contraction = wide_set(SMALL)[0].contraction
    instances = [Instance("a", contraction, 3.0), Instance("b", contraction, None)]
    found = [
        outcome("a", "ours", 3.0 + math.log10(2)),
        outcome("b", "ours", 5.0, seconds=1.3),
        outcome("a", "theirs", 2.0),
        outcome("b", "theirs", 50.0),
    ]
    best = best_costs(instances, found)
    assert best == {"a": 3.0, "b": 5.0}  # that of a file stays, whatever is found
    ours, theirs = quality(found, best, "").rows
    assert ours[:2] == ("ours", 1.0)
    assert ours[4] == pytest.approx(math.sqrt(2))
    assert ours[7] == pytest.approx(0.15)
    assert theirs[4] == pytest.approx(math.sqrt(0.5 * 1000))
    assert clipped(Outcome(found[0].job, 1.0, problem="ended"), 3.0) == 1000.0


def test_tables_show_families_weak_networks_slices_and_values():
    found = [outcome("a", "einlab", 3.3), outcome("a", "other", 3.0)]
    best = {"a": 3.0}
    (row,) = families(found, best, {"a": "odd"}, "einlab", "").rows
    assert row == ("odd", 1.0, pytest.approx(10**0.3), 1.0, "other")
    assert weak(found, best, "einlab").rows[0][2] == pytest.approx(10**0.3)
    sliced = [
        outcome("a", "ours", 5.0, "slicing", limit=2**26),
        outcome("a", "theirs", 6.0, "slicing", limit=2**26),
    ]
    assert "0.1, worst 0.1" in slicing(sliced, "ours").notes[0]
    valued = [outcome("a", "ours", 2.0, "size"), outcome("a", "theirs", 1.0, "size")]
    assert values(valued, "ours", "").rows[0][-1] == pytest.approx(10.0)


def test_what_is_kept_speaks_of_the_wide_set_alone():
    found = [outcome("a", "einlab", 3.0), outcome("b", "einlab", 9.0), outcome("a", "other", 4.0)]
    quality_of, by_family = kept(found, {"a": 3.0, "b": 3.0}, {"a": "odd", "b": "file"})
    assert quality_of.column("networks") == (1, 1)
    assert [row[0] for row in by_family.rows] == ["odd"]


def test_the_best_costs_are_recorded_and_only_get_less(tmp_path):
    path = tmp_path / "best.json"
    assert record_best({SMALL[0]: 5.0, "not of the set": 1.0}, path) == 1
    assert record_best({SMALL[0]: 6.0, SMALL[1]: 7.0}, path) == 1
    assert best_known(path) == {SMALL[0]: 5.0, SMALL[1]: 7.0}


def test_the_picture_has_a_line_for_every_planner(tmp_path):
    pytest.importorskip("matplotlib")
    found = [
        outcome("a", planner, cost, budget=budget)
        for planner, cost in (("einlab", 3.0), ("other", 4.0))
        for budget in (0.1, 1.0)
    ]
    draw(quality(found, {"a": 3.0}, "title"), tmp_path / "quality.svg")
    assert "<svg" in (tmp_path / "quality.svg").read_text()
