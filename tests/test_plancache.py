"""Orders are kept for twins and processes; a damaged cache is as good as none."""

import json
import multiprocessing
import random

import numpy as np
import pytest

from einlab import contract, plancache
from einlab.config import config
from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.planning import Plan, make_plan, plan
from einlab.search import portfolio
from einlab.search.greedy import Greedy
from einlab.settings import settings_from
from tests.test_canonical import drawn, twin


@pytest.fixture
def cache(tmp_path):
    with config.using(cache_dir=tmp_path):
        yield tmp_path / "plans"


def planned(contraction: Contraction, **options) -> Plan:
    """The plan of a contraction, past what this process remembers."""
    return make_plan.__wrapped__(contraction, settings_from(options))


def count_searches(monkeypatch) -> list[int]:
    searched: list[int] = []

    def counting(contraction, **options):
        searched.append(len(contraction.terms))
        return portfolio.find(contraction, **options)

    monkeypatch.setattr(plancache, "find", counting)
    return searched


def test_a_network_is_searched_once_for_all_its_twins(cache, monkeypatch):
    searched = count_searches(monkeypatch)
    contraction = drawn(1, 24)
    first = planned(contraction)
    for seed in range(5):
        other, _ = twin(contraction, seed)
        assert planned(other).tree.multiplications == first.tree.multiplications
    assert searched == [24]


def test_a_plan_is_the_same_with_an_empty_cache_and_a_full_one(cache):
    contraction = drawn(2, 20)
    twin_first, _ = twin(contraction, 7)
    planned(twin_first)
    with_cache = planned(contraction)
    for file in cache.glob("*.json"):
        file.unlink()
    assert planned(contraction) == with_cache


def test_few_operands_leave_no_file(cache):
    plan("ij,jk,kl->il", (2, 3), (3, 4), (4, 5))
    assert not cache.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"pairs": [[0, 0]], "sliced": [], "name": "x"}', '{"pairs": 3}', "\x00\xff"],
)
def test_a_damaged_entry_is_passed_over_and_written_anew(cache, text):
    contraction = drawn(3, 20)
    first = planned(contraction)
    files = sorted(cache.glob("*.json"))
    for file in files:
        file.write_text(text, encoding="utf-8")
    assert planned(contraction) == first
    assert any(file.read_text(encoding="utf-8") != text for file in files)


def test_an_entry_of_another_network_is_not_believed(cache):
    contraction, other = drawn(4, 20), drawn(5, 19)
    planned(contraction)
    before = {file: file.read_text() for file in cache.glob("*.json")}
    planned(other)
    for file in set(cache.glob("*.json")) - before.keys():
        file.write_text(next(iter(before.values())))
    assert len(planned(other).pairs) == 18


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path):
    (tmp_path / "plans").write_text("a file in the way")
    with config.using(cache_dir=tmp_path):
        assert len(planned(drawn(6, 20)).pairs) == 19


def test_cached_takes_the_best_known_and_keeps_a_better_one(cache, monkeypatch):
    contraction = drawn(8, 22)
    poor = planned(contraction, optimize="cached").cost.flops
    searched = count_searches(monkeypatch)
    assert planned(contraction, optimize="cached").cost.flops == poor
    assert searched == []
    for file in cache.glob("*.json"):
        entry = json.loads(file.read_text())
        size = len(entry["pairs"]) + 1
        entry["pairs"] = [[0 if s == 0 else size + s - 1, s + 1] for s in range(size - 1)]
        file.write_text(json.dumps(entry))
    worse = planned(contraction, optimize="cached").cost.flops
    better = planned(contraction, optimize="cached", budget="0.2s").cost.flops
    assert better < worse
    assert planned(contraction, optimize="cached").cost.flops == better


def test_there_is_room_for_so_many_entries_and_the_latest_stay(cache, monkeypatch):
    monkeypatch.setattr(plancache, "MOST_FILES", 4)
    for seed in range(6):
        planned(drawn(20 + seed, 18))
    assert len(list(cache.glob("*.json"))) <= 4


def plan_many(folder: str, seed: int) -> int:
    with config.using(cache_dir=folder):
        draw = random.Random(seed)
        for _ in range(15):
            planned(twin(drawn(30 + draw.randrange(3), 18), draw.randrange(100))[0])
    return seed


def test_processes_share_the_folder_without_harm(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        assert pool.starmap_async(plan_many, [(str(tmp_path), 0), (str(tmp_path), 1)]).get(120)
    files = list((tmp_path / "plans").glob("*"))
    assert not [file for file in files if file.suffix == ".new"]
    for file in files:
        if file.suffix == ".json":
            assert json.loads(file.read_text())["name"]


def test_on_ctrl_c_a_plan_is_the_best_so_far_and_is_not_kept(cache, monkeypatch):
    contraction = drawn(9, 20)

    def interrupted(form, **_):
        tree = Greedy(1, 0).search(form, OBJECTIVES["flops"])
        raise portfolio.SearchInterrupted(portfolio.Found(tree, (), "auto, interrupted"))

    monkeypatch.setattr(plancache, "find", interrupted)
    call = contraction.equation, *contraction.shapes
    stopped = plan(*call)
    assert stopped.searched_by == "auto, interrupted"
    assert stopped.contraction == contraction
    assert not cache.exists()
    with pytest.raises(KeyboardInterrupt):
        contract(contraction.equation, *[np.ones(s, "float32") for s in contraction.shapes])
    monkeypatch.undo()
    with config.using(cache_dir=cache.parent):
        assert "interrupted" not in plan(*call).searched_by
