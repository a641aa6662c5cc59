"""Plans in other processes: read from JSON, made again alike, made without JAX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import opt_einsum

import einlab

ROOT = Path(__file__).resolve().parent.parent


def run_apart(code: str, *arguments: str, **environment: str) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_plan_read_in_another_process_runs_as_written(tmp_path: Path) -> None:
    equations = ("ij,jk,kl->il", "iij,jk,->k", "ij,jk,kl->il", "é行,行->é", "...i,i->...")
    limits = (None, None, "1100 B", None, None)
    random = np.random.default_rng(5)
    sizes = dict.fromkeys("ijklé行", 8)
    plans: list[einlab.Plan] = []
    arrays: dict[str, Any] = {}
    for number, (equation, limit) in enumerate(zip(equations, limits, strict=True)):
        terms = equation.replace("...", "").split("->")[0].split(",")
        operands = [random.normal(size=[sizes[i] for i in t]).astype("float32") for t in terms]
        plans.append(einlab.plan(equation, *operands, memory_limit=limit))
        arrays.update({f"{number}_{place}": x for place, x in enumerate(operands)})
    assert plans[2].sliced
    (tmp_path / "plans.json").write_text(
        json.dumps([plan.to_json() for plan in plans]), encoding="utf-8"
    )
    np.savez(tmp_path / "arrays.npz", **arrays)
    code = """
import json, sys
from pathlib import Path
import numpy as np
import einlab
folder = Path(sys.argv[1])
arrays = np.load(folder / "arrays.npz")
texts = json.loads((folder / "plans.json").read_text(encoding="utf-8"))
results = {}
for number, text in enumerate(texts):
    plan = einlab.Plan.from_json(text)
    operands = [arrays[f"{number}_{place}"] for place in range(len(plan.contraction.terms))]
    results[str(number)] = einlab.contract(plan, *operands)
    assert plan.to_json() == text
np.savez(folder / "results.npz", **results)
"""
    run_apart(code, str(tmp_path))
    results = np.load(tmp_path / "results.npz")
    for number, (equation, plan) in enumerate(zip(equations, plans, strict=True)):
        operands = [arrays[f"{number}_{p}"] for p in range(len(plan.contraction.terms))]
        expected = opt_einsum.contract(equation, *(x.astype("float64") for x in operands))
        np.testing.assert_allclose(results[str(number)], expected, rtol=1e-4, atol=1e-4)


def test_the_same_call_gives_the_same_plan_in_every_process() -> None:
    code = """
import random
import einlab
draw = random.Random(1)
edges = [(a, b) for a in range(18) for b in range(a) if draw.random() < 0.2]
terms = ["".join(chr(97 + n) if n < 26 else chr(0x3b1 + n) for n, e in enumerate(edges) if v in e)
         for v in range(18)]
sizes = {index: 2 + ord(index) % 3 for term in terms for index in term}
print(einlab.plan(",".join(terms) + "->", sizes=sizes).to_json())
"""
    first, second = (run_apart(code, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first == second
    assert json.loads(first)["pairs"]


def test_planning_imports_no_jax() -> None:
    code = """
import sys
import einlab
plan = einlab.plan("ij,jk,kl->il", (1000, 10), (10, 1000), (1000, 1), memory_limit="1MiB")
einlab.Plan.from_json(plan.to_json())
str(plan), plan._repr_html_(), einlab.contract_path("ij,jk", (2, 3), (3, 4), shapes=True)
print(sorted({"jax", "jaxlib", "matplotlib"} & set(sys.modules)))
"""
    assert run_apart(code).strip() == "[]"
