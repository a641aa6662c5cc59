"""The reference names everything that is public, and every public name has an example that runs."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.extensions import extension
from tests.toolkit import ROOMS

DOCS = Path(__file__).parents[2] / "docs"
API = DOCS / "reference" / "api"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(API.glob("*.md"))}
MODULES = sorted({name for text in PAGES.values() for name in re.findall(r"\{api\} (\S+)", text)})
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.fixture(scope="module")
def api() -> ModuleType:
    """The directive's module, which is no package's part."""
    pytest.importorskip("sphinx", reason="the group docs is not installed")
    return extension("einlab_api")


def names() -> list[tuple[str, str]]:
    """Every public name with its module."""
    return [(one, name) for one in MODULES for name in importlib.import_module(one).__all__]


def code_cells() -> str:
    """The code that the pages of the reference run while they are built."""
    return "\n".join(
        cell
        for text in PAGES.values()
        for cell in re.findall(r"```\{code-cell\}(.+?)```", text, re.DOTALL)
    )


def test_every_room_and_the_package_itself_have_a_page():
    assert {"einlab", *(f"einlab.{room}" for room in ROOMS)} <= set(MODULES)
    assert {"einlab.testing", "einlab.errors", "einlab.table", "einlab.machines"} <= set(MODULES)
    listed = re.search(r"```\{toctree\}(.+?)```", PAGES["index"], re.DOTALL)
    assert listed is not None
    assert set(PAGES) - {"index"} <= set(listed[1].split())


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_example(module, api):
    without = []
    for name in importlib.import_module(module).__all__:
        value = getattr(importlib.import_module(module), name)
        written = isinstance(value, ModuleType) or (callable(value) and hasattr(value, "__name__"))
        text = (value.__doc__ or "") if written and not is_alias(value) else ""
        if ">>>" not in (text or api.attribute_text(module, name)):
            without.append(name)
    assert without == []


def is_alias(value: Any) -> bool:
    """Whether it stands for a type, and its docstring is that of typing."""
    return type(value).__module__ in ("typing", "types") and not inspect.isroutine(value)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_constants_hold(module, api):
    found = importlib.import_module(module)
    for name in found.__all__:
        value = getattr(found, name)
        if inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, ModuleType):
            continue
        if hasattr(value, "__wrapped__"):
            continue
        home = importlib.import_module(api.home_of(module, name))
        test = doctest.DocTestParser().get_doctest(
            api.attribute_text(module, name), dict(vars(home)), name, home.__name__, 0
        )
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test)
        assert result.attempted > 0, name
        assert result.failed == 0, name


def classes() -> dict[str, type]:
    return {
        f"{module}.{name}": value
        for module, name in names()
        if inspect.isclass(value := getattr(importlib.import_module(module), name))
    }


def examples(owner: type) -> str:
    """The lines at a prompt in the module that a class is written in."""
    source = inspect.getsource(sys.modules[owner.__module__]).splitlines()
    return "\n".join(line for line in source if line.strip().startswith((">>>", "...")))


def test_every_method_is_used_in_an_example(api):
    shown, missing, seen = code_cells(), [], 0
    for name, owner in classes().items():
        used = examples(owner) + shown
        for kind, member, _ in api.members(owner):
            if kind != "field" and member != "__call__":
                seen += 1
                if not re.search(rf"\.{member}\b", used):
                    missing.append(f"{name}.{member}")
    assert missing == []
    assert seen > 150


def test_docstrings_keep_their_signs_as_markdown(api):
    lines = api.markdown("Of a*b, x[0] and `c_d`.\n\n    i->j\n     ^\n\n>>> 1 + 1\n2")
    assert lines == [
        *("Of a\\*b, x\\[0\\] and `c_d`.", "", "```text", "i->j", " ^", "```"),
        *("", "```pycon", ">>> 1 + 1", "2", "```"),
    ]


def test_a_signature_is_shown_as_it_is_written(api):
    def called(a: int, /, b: str = "x", *, c: float | None = None, **rest: int) -> bool:
        return bool(a)

    text = api.signature(called)
    assert text == ("(a: int, /, b: str = 'x', *, c: float | None = None, **rest: int) -> bool")
    ast.parse(f"def called{text}: ...")
