import json
import math

import pytest

from benchmarks.search import Outcome, best_costs, summary
from benchmarks.search_networks import Instance, generated, read_networks
from einlab.search.portfolio import find


def test_generated_networks_are_the_same_for_a_seed_and_differ_between_seeds():
    first, again, other = generated(1), generated(1), generated(2)
    assert first == again
    assert first != other
    assert len({instance.name for instance in first}) == len(first)


def test_generated_networks_can_be_planned():
    for instance in generated(0):
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


def test_ratios_are_clipped_and_averaged_geometrically():
    contraction = generated(0)[0].contraction
    instances = [Instance("a", contraction, 3.0), Instance("b", contraction, None)]
    outcomes = [
        Outcome("a", "ours", 1.0, 1.0, 3.0 + math.log10(2)),
        Outcome("b", "ours", 1.0, 1.3, 5.0),
        Outcome("a", "theirs", 1.0, 1.0, 2.0),
        Outcome("b", "theirs", 1.0, 1.0, 50.0),
    ]
    ours, theirs = summary(outcomes, best_costs(instances, outcomes)).rows
    assert ours[:2] == ("ours", 1.0)
    assert ours[3] == pytest.approx(math.sqrt(2))
    assert ours[6] == pytest.approx(0.15)
    assert theirs[3] == pytest.approx(math.sqrt(0.5 * 1000))
