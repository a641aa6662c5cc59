from __future__ import annotations

import json

import pytest

from tests.cli.calling import call

MODULE = """
import jax
import jax.numpy as jnp

def loss(params, x):
    with jax.named_scope("layer"):
        return jnp.tanh(x @ params["w"]).sum()

step = jax.grad(loss)
number = 3

def example():
    f = jnp.float32
    return {"w": jax.ShapeDtypeStruct((8, 4), f)}, jax.ShapeDtypeStruct((2, 8), f)

def broken():
    raise ValueError("no such thing")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "reported_model.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_cost_of_a_function_from_shapes():
    result = call("report", "jax.numpy:matmul", "--shape", "30,4", "--shape", "4x5")
    assert result.exit_code == 0
    assert "1.2 kFLOP" in result.stdout


def test_arguments_come_from_a_function_of_the_module(folder):
    result = call("report", "reported_model:step", "--arguments", "example", "--json")
    document = json.loads(result.stdout)
    assert document["convention"] == "einlab"
    assert sum(row["flops"] for row in document["rows"] if row["kind"] == "product") == 2 * 128
    assert {row["scope"] for row in document["rows"]} == {"layer"}


def test_a_convention_a_machine_and_files(folder):
    options = ("--under", "palm", "--machine", "H100 SXM", "--html", "a.html", "--csv", "a.csv")
    result = call("report", "reported_model:step", "--arguments", "example", *options)
    assert result.exit_code == 0
    assert "'palm'" in result.stdout
    assert "time at least" in result.stdout
    assert (folder / "a.html").read_text("utf-8").startswith("<!doctype html>")
    assert (folder / "a.csv").read_text("utf-8").startswith("scope,")


def test_the_check_shows_both_counts_of_xla():
    result = call("report", "jax.numpy:matmul", "--shape", "3,4", "--shape", "4,5", "--check")
    assert result.exit_code == 0
    assert "XLA, as lowered" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("jax.numpy",), 2, "package.module:function"),
        (("nowhere_at_all:f",), 2, "cannot be imported"),
        (("jax.numpy:matmull",), 2, "has no 'matmull'"),
        (("jax.numpy:pi",), 2, "no function"),
        (("jax.numpy:matmul", "--shape", "3,4", "--shape", "5,6"), 2, "cannot be traced"),
        (("jax.numpy:sin", "--shape", "3", "--dtype", "float32,int32"), 2, "1 shapes and 2 dtypes"),
        (("jax.numpy:sin", "--shape", "3", "--under", "plam"), 2, "did you mean 'palm'"),
        (("jax.numpy:sin", "--shape", "3", "--arguments", "cos"), 2, "not both"),
    ],
)
def test_what_cannot_be_reported_is_said_in_words(words, code, says):
    result = call("report", *words)
    assert result.exit_code == code
    assert says in result.stderr
    assert "Traceback" not in result.stderr
