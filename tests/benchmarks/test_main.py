"""The command: what it measures it writes, reads back and draws."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks.__main__ import main
from benchmarks.overhead import Way, ways
from benchmarks.results import read, write
from benchmarks.startup import ARGUMENTS, imports_jax
from tests.benchmarks.runs import made_run


def called(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_a_run_writes_its_file_and_its_page(tmp_path: Path) -> None:
    out, page = tmp_path / "run.json", tmp_path / "run.html"
    result = called(
        *("--suite", "tiny", "--case", "product", "--dtype", "float32", "--seed", 5),
        *("--peers", "numpy,opt_einsum", "--rounds", 2, "--seconds", 0),
        *("--out", out, "--html", page),
    )
    assert result.exit_code == 0, result.output
    assert "seed 5; 5 of 5 cases" in result.stderr
    assert "opt_einsum" in result.stdout
    run = read(out)
    assert run.complete
    assert run.settings["seed"] == 5
    assert all(set(each.peers) == {"numpy", "opt_einsum"} for each in run.cases)
    assert all(outcome.counts for each in run.cases for outcome in each.peers.values())
    assert "<svg" in page.read_text(encoding="utf-8")


def test_a_stored_run_is_reported_in_full_without_measuring(tmp_path: Path) -> None:
    write(made_run(), tmp_path / "run.json")
    result = called("--from", tmp_path / "run.json", "--html", tmp_path / "run.html")
    assert result.exit_code == 0
    assert "Times" in result.stdout
    assert "ended by signal 11" in result.stdout
    assert (tmp_path / "run.html").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dtype", "float31"),
        ("--peers", "numpy,abacus"),
        ("--suite", "nothing"),
        ("--case", "no such case", "--list"),
    ],
)
def test_a_wrong_option_is_refused_with_its_name(arguments: tuple[str, ...]) -> None:
    result = called(*arguments)
    assert result.exit_code == 2
    assert arguments[1].split(",")[-1] in result.stderr


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    result = called("--from", tmp_path / "run.json")
    assert result.exit_code == 1
    assert "is no file of" in result.stderr


def test_the_list_names_every_case_of_a_suite() -> None:
    result = called("--suite", "tccg", "--dtype", "float32", "--list")
    assert len(result.stdout.splitlines()) == 48


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.name)
def test_every_way_of_calling_gives_what_the_bare_function_gives(way: Way) -> None:
    np.testing.assert_allclose(way.ours(), way.bare(), rtol=0, atol=1e-5)


def test_planning_from_the_command_line_leaves_jax_alone() -> None:
    assert not imports_jax(ARGUMENTS)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_what_is_measured_and_exits_130(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    process = subprocess.Popen(
        (sys.executable, "-m", "benchmarks", "--suite", "tiny", "--peers", "numpy", "--out", out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[2/18]"):
            process.send_signal(signal.SIGINT)
            break
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    run = read(out)
    assert not run.complete
    assert run.cases[0].peers["numpy"].counts
    assert len(run.cases) <= 2
