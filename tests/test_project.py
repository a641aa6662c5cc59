"""The files around the package agree with it and with each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import einlab
from noxfile import half_installed

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
SOURCES = sorted(path for path in (ROOT / "einlab").rglob("*.py"))
LAYERS = [name.strip("()") for name in PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]]
RUNS_ON_JAX = (*LAYERS[: LAYERS.index("execute") + 1], "native")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    """The packages that requirements name, extras included."""
    return {re.split(r"[<>=!~;\s]", requirement)[0] for requirement in requirements}


def sessions() -> list[str]:
    """The sessions of the noxfile, read from its text."""
    found = []
    for node in ast.parse(read("noxfile.py")).body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if "nox.session" in ast.unparse(decorator):
                    named = re.search(r"name='([\w-]+)'", ast.unparse(decorator))
                    found.append(named[1] if named else node.name)
    return found


def test_one_version_stands_everywhere() -> None:
    assert "version" in PROJECT["dynamic"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "einlab/__init__.py"
    assert f"\nversion: {einlab.__version__}\n" in read("CITATION.cff")
    assert re.findall(r"^## ([\d.]+)", read("CHANGELOG.md"), re.MULTILINE)[0] == einlab.__version__


def test_the_licence_is_apache_2_0_in_every_place_that_names_one() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert [path.name for path in ROOT.glob(PROJECT["license-files"][0])] == ["LICENSE"]
    assert read("LICENSE").split("\n")[0].strip() == "Apache License"
    assert "license: Apache-2.0" in read("CITATION.cff")
    assert PROJECT["authors"] == [{"name": "The einlab developers"}]
    assert "  - name: The einlab developers" in read("CITATION.cff")


def test_the_project_has_no_address_yet() -> None:
    assert "urls" not in PROJECT
    assert "http" not in read("CITATION.cff")


def test_the_package_is_typed_and_has_its_command() -> None:
    assert (ROOT / "einlab" / "py.typed").read_text() == ""
    assert PROJECT["scripts"] == {"einlab": "einlab.cli:main"}
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_dependencies_are_those_decided_on() -> None:
    assert names(PROJECT["dependencies"]) == {
        *("jax", "numpy", "scipy", "ml_dtypes", "opt_einsum", "numba", "jaxtyping", "click")
    }
    extras = {extra: names(wanted) for extra, wanted in PROJECT["optional-dependencies"].items()}
    assert extras == {
        "cuda12": {"jax[cuda12]"},
        "cuda13": {"jax[cuda13]"},
        "tpu": {"jax[tpu]"},
        "plots": {"matplotlib"},
        "rich": {"rich"},
        "models": {"safetensors", "tokenizers"},
        "data": {"scikit-learn"},
    }
    assert {"test", "dev"} <= set(PYPROJECT["dependency-groups"])


def test_nothing_under_a_copyleft_licence_is_asked_for() -> None:
    groups = PYPROJECT["dependency-groups"].values()
    wanted = [one for group in groups for one in group if isinstance(one, str)]
    assert not {"cotengrust", "kahypar", "sesum"} & names(wanted)


def test_the_tests_run_on_the_oldest_jax_that_is_promised() -> None:
    oldest = re.search(r"jax>=([\d.]+)", " ".join(PROJECT["dependencies"]))
    assert oldest is not None
    assert f'"jax=={oldest[1]}", "jaxlib=={oldest[1]}"' in read("noxfile.py")


def test_every_session_is_explained_to_contributors() -> None:
    assert len(sessions()) >= 9
    for session in sessions():
        assert f"| `{session}` |" in read("CONTRIBUTING.md"), session


def test_ci_runs_what_the_readme_says() -> None:
    assert "python3 start.py test\n" in read("README.md")
    assert "python3 start.py demo\n" in read("README.md")
    script = read(".ci/run")
    assert "python3 start.py test\n" in script
    assert "set -euo pipefail" in script
    run = re.search(r"sessions=\((.+)\)", script)
    assert run is not None
    assert set(run[1].split()) <= set(sessions())
    assert "bash .ci/run" in read(".github/workflows/ci.yml")


def test_every_decision_is_listed_and_says_what_was_given_up() -> None:
    pages = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [page[:4] for page in pages] == [f"{n + 1:04}" for n in range(len(pages))]
    assert re.findall(r"\]\((.+)\)", read("docs/decisions/index.md")) == pages
    for page in pages:
        headings = re.findall(r"^## (.+)$", read(f"docs/decisions/{page}"), re.MULTILINE)
        assert headings == ["Context", "Choice", "What was given up"], page


def test_links_between_the_projects_pages_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "docs/decisions/index.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", read(page)):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: {target}"


def test_no_file_is_over_400_lines_and_no_function_over_70() -> None:
    long = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long.append(path.name)
        functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
        over = [n for n in functions if (n.end_lineno or 0) - n.lineno > 70]
        long += [f"{path.name}: {node.name}" for node in over]
    assert long == []


def test_every_module_has_its_place_in_the_layers() -> None:
    tops = {path.relative_to(ROOT / "einlab").parts[0].removesuffix(".py") for path in SOURCES}
    assert tops - {"__init__"} <= set(LAYERS)


def test_nothing_up_to_the_plan_imports_jax() -> None:
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES]
    light = [name for name in modules if name.split(".")[1] not in RUNS_ON_JAX]
    # Kernels are compiled as they are imported, which takes a while: import-linter reads those.
    light = [name.removesuffix(".__init__") for name in light if not name.endswith("kernels")]
    assert {"einlab.planning", "einlab.search", "einlab.show"} <= set(light)
    code = f"import importlib, sys; [importlib.import_module(name) for name in {light}]; "
    code += "print(sorted({'jax', 'jaxlib', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_an_environment_is_broken_only_once_pip_was_putting_files_in_place(tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    assert not half_installed(log)
    log.write_text("2026-11-21T21:55:44,510   Installing collected packages: hatchling\n")
    assert not half_installed(log)
    with log.open("a") as file:
        file.write("2026-11-21T21:55:50,112 Installing collected packages: jax, einlab\n")
    assert half_installed(log)
