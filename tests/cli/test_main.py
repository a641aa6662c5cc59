"""The command line as a whole: help, exit codes, streams, and what it does not import."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

import einlab
from einlab import errors, machinestore
from einlab.cli import ALIASES, COMMANDS, EXIT_CODES, commands
from tests.calibration.samples import stored
from tests.cli.calling import README_PLAN, ROOT, call, process
from tests.golden import check
from tests.transformer.models import PUBLISHED, SHRUNK


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `einlab plan` raise an error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("einlab.cli.contractions.plan", fail)


def test_the_readmes_plan_is_printed_as_in_its_golden_file() -> None:
    check("plan.txt", call(*README_PLAN).stdout)


@pytest.mark.parametrize("args", [("--help",), ("--version",), README_PLAN])
def test_neither_jax_nor_numba_is_imported_for(args: tuple[str, ...]) -> None:
    code = (
        "import sys; from einlab.cli import commands\n"
        "try: commands(sys.argv[1:], prog_name='einlab')\n"
        "finally: print('heavy:', {'jax', 'numba', 'matplotlib'} & set(sys.modules))"
    )
    done = process("-c", code, *args)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("heavy: set()\n")


def test_the_module_runs_as_the_command() -> None:
    done = process("-m", "einlab", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"einlab {einlab.__version__}\n"


def test_help_lists_every_command_with_its_alias_and_every_exit_code() -> None:
    shown = call("--help").stdout
    for name in (*COMMANDS, *ALIASES):
        assert name in shown
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"{code}\s+{re.escape(meaning)}", shown)


def test_help_says_how_to_complete_in_each_shell() -> None:
    shown = call("--help").stdout
    for shell in ("bash", "zsh", "fish"):
        line = next(line for line in shown.splitlines() if f"{shell}_source" in line)
        assert "_EINLAB_COMPLETE" in line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_commands_and_options(shell: str) -> None:
    if shell == "bash":
        words = {"COMP_WORDS": "einlab pl", "COMP_CWORD": "1"}
    else:
        words = {"COMP_WORDS": "einlab pl", "COMP_CWORD": "pl" if shell == "fish" else "1"}
    code = "from einlab.cli import main; main()"
    done = process("-c", code, cwd=None, **words, _EINLAB_COMPLETE=f"{shell}_complete")
    assert "plan" in done.stdout
    assert "doctor" not in done.stdout


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_every_command_has_help_with_an_example_and_a_json_option(name: str) -> None:
    shown = call(name, "--help").stdout
    assert re.search(r"Examples:\n +einlab ", shown)
    assert "--json" in shown


def examples(*name: str) -> list[list[str]]:
    """The words of every example in the help of a command."""
    text = call(*name, "--help").stdout.replace("\\\n", " ").partition("Examples:")[2]
    lines = [line.strip() for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("einlab ")]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_example_in_the_help_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("einlab.cli.doctor.all_findings", lambda version: [])  # tested elsewhere
    monkeypatch.setitem(sys.modules, "einlab.demo", SimpleNamespace(main=lambda argv: 0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EINLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(  # measured elsewhere
        "einlab.calibration.calibrating.calibrate", lambda dtypes, **_: tuple(map(stored, dtypes))
    )
    machinestore.save(stored())
    own = 'name="mine"\npeak={float32=1e12}\nbandwidth=1e11\nmemory=1e10\n'
    Path("mine.toml").write_text(f"[[machine]]\n{own}")
    np.save("a.npy", np.ones((3, 4), np.float32))
    np.save("b.npy", np.ones((4, 5), np.float32))
    made = call("plan", "ij,jk->ik", "--shape", "3,4", "--shape", "4,5", "--json")
    Path("plan.json").write_text(made.stdout)
    fields = PUBLISHED["Llama-3-8B"][0] | SHRUNK["Llama-3-8B"]
    Path("config.json").write_text(json.dumps(fields))
    found = examples(*filter(None, [name]))
    assert len(found) >= 2
    for words in found:
        done = call(*words)
        assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.EquationError("two arrows"), 3),
        (errors.ShapeError("sizes differ"), 3),
        (errors.FileError("damaged"), 3),
        (errors.PlanError("damaged"), 3),
        (errors.ArgumentError("2 bananas"), 2),
        (errors.MemoryLimitError("at least 3 bytes"), 4),
        (errors.MissingPackageError("no matplotlib"), 1),
        (click.ClickException("disk full"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_becomes_its_exit_code_and_its_message_without_a_traceback(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, error)
    done = call(*README_PLAN)
    assert done.exit_code == code
    assert done.stdout == ""
    assert (str(error) or "interrupted") in done.stderr
    assert "Traceback" not in done.stderr


def test_every_error_class_of_the_library_has_an_exit_code_that_help_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in errors.__all__:
        failing(monkeypatch, getattr(errors, name)("text"))
        assert call(*README_PLAN).exit_code in EXIT_CODES


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("a fault of ours"))
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        call(*README_PLAN)


def test_a_warning_is_told_on_the_standard_error_without_file_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def warn(*_: object, **__: object) -> None:
        warnings.simplefilter("always")
        warnings.warn("be careful", UserWarning, stacklevel=2)
        raise errors.EquationError("end")

    monkeypatch.setattr("einlab.cli.contractions.plan", warn)
    assert call(*README_PLAN).stderr.splitlines() == ["Warning: be careful", "Error: end"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("plam",), "did you mean 'plan'?"),
        (("zzzzz",), "there are plan, run"),
        (("ij,jk->ik",), "einlab plan 'ij,jk->ik'"),
        (("plan",), "Missing argument 'EQUATION'"),
        (("plan", "ij->i", "--shap", "3,4"), "--shape"),
        (("--verison",), "--version"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_likely_meant(
    args: tuple[str, ...], told: str
) -> None:
    done = call(*args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.parametrize("equation", ["->", "-i,j", "-,->"])
def test_an_equation_that_begins_with_a_dash_gets_the_hint_to_write_two_before_it(
    equation: str,
) -> None:
    done = call("plan", equation, "--shape", "3")
    assert done.exit_code == 2
    assert f"-- '{equation}'" in done.stderr


def test_an_equation_after_two_dashes_is_read_as_one() -> None:
    done = call("plan", "--shape", "scalar", "--", "->")
    assert done.exit_code == 0, done.stderr


def test_a_mistyped_option_gets_no_hint_about_equations() -> None:
    assert "equation that begins" not in call("plan", "ij->i", "-x", "--shape", "3,4").stderr


def test_a_reader_that_leaves_is_no_reason_to_complain() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "einlab", *README_PLAN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 1


def test_data_and_messages_do_not_share_a_stream(tmp_path: Path) -> None:
    done = call(*README_PLAN, "--svg", tmp_path / "t.svg", "--json")
    assert json.loads(done.stdout)["equation"] == "ij,jk,kl->il"
    assert done.stderr.splitlines() == [f"wrote {tmp_path / 't.svg'}"]


def test_json_survives_an_encoding_that_lacks_its_characters() -> None:
    done = process("-m", "einlab", *README_PLAN, "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert json.loads(done.stdout)["report"]["rows"][0]["shapes"] == "10×1000, 1000×1"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A function that prints the plan as if to a terminal."""
    output = importlib.import_module("einlab.cli.output")

    def shown() -> str:
        lines: list[str] = []
        monkeypatch.setattr("einlab.cli.output.sys.stdout", Terminal())
        monkeypatch.setattr("einlab.cli.output.click.echo", lines.append)
        plan = importlib.import_module("einlab.planning").plan
        output.print_table(plan("ij,jk->ik", (2, 3), (3, 4)).table(), as_json=False)
        return "\n".join(lines)

    return shown


class Terminal:
    """A standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_colour_is_used_on_a_terminal_and_never_with_no_color(
    terminal: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in terminal()
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in terminal()


def test_without_a_terminal_there_is_no_colour() -> None:
    assert "\x1b" not in call(*README_PLAN).stdout


def test_a_wide_terminal_shows_every_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "MACs" in call(*README_PLAN).stdout
    assert "too narrow" not in call(*README_PLAN).stdout


def test_every_command_can_be_imported_by_its_name() -> None:
    for name in COMMANDS:
        context = click.Context(commands)
        command = commands.get_command(context, name)
        assert command is not None
        assert command.name == name
