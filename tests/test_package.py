"""The package as a whole: imports in any order, public names, their docstrings."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import einlab

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(einlab.__path__, "einlab.")
    if not module.name.endswith("__main__")
)
CHECK = """
import importlib, json, sys
order = json.loads(sys.argv[1])
missing = []
for name in order:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:  # an extra that is not installed
        if (error.name or "").startswith("einlab"):
            raise
import einlab
for name in einlab.__all__:
    value = getattr(einlab, name)
    assert callable(value) or name == "config", (name, value)
    assert type(value).__name__ != "module", name
assert einlab.plan("ij,jk->ik", (2, 3), (3, 4)).flops == 48
print("fine")
"""


def run_apart(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.mark.parametrize("order", ["forward", "backward", "shuffled"])
def test_modules_imported_in_any_order_leave_every_public_name_callable(order: str) -> None:
    modules = list(MODULES)
    if order == "backward":
        modules.reverse()
    elif order == "shuffled":
        random.Random(7).shuffle(modules)
    assert run_apart(CHECK, json.dumps(modules)) == "fine"


def test_no_module_bears_the_name_of_a_public_function() -> None:
    tops = {name.split(".")[1] for name in MODULES if name.count(".") == 1}
    assert not tops & (set(einlab.__all__) - {"config"})


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = """
import sys
import einlab
einlab.plan("ij,jk,kl->il", (1000, 10), (10, 1000), (1000, 1))
print(sorted({"jax", "jaxlib", "numba", "matplotlib", "click"} & set(sys.modules)))
"""
    assert run_apart(code) == "[]"


def test_every_public_name_is_listed_once_and_found() -> None:
    assert list(einlab.__all__) == sorted(set(einlab.__all__))
    assert set(einlab.__all__) <= set(dir(einlab))
    with pytest.raises(AttributeError, match="no attribute 'contrackt'"):
        _ = einlab.contrackt


def public(name: str) -> list[tuple[str, Any]]:
    """A public name and, of a class, its public methods and properties."""
    value = getattr(einlab, name)
    found = [(name, value)]
    if inspect.isclass(value):
        found += [
            (f"{name}.{member}", thing)
            for member, thing in vars(value).items()
            if not member.startswith("_")
            and (inspect.isfunction(thing) or isinstance(thing, property))
        ]
    return found


@pytest.mark.parametrize("name", einlab.__all__)
def test_public_names_are_documented(name: str) -> None:
    for full_name, value in public(name):
        text = inspect.getdoc(value)
        assert text, full_name
        assert text.splitlines()[0].rstrip().endswith((".", ":")), full_name


@pytest.mark.parametrize("name", ["contract", "contract_path", "contract_expression", "plan"])
def test_the_main_calls_say_what_they_raise_and_show_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(einlab, name)) or ""
    assert ">>> " in text
    assert "Raises " in text
