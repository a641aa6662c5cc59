"""Every JSON document that einlab writes has a schema, and keeps it."""

from __future__ import annotations

import json
from dataclasses import fields

import jax.numpy as jnp
import pytest

from einlab.cli import COMMANDS, commands
from einlab.cli.schemas import BY_COMMAND, SCHEMAS, schema_of
from einlab.errors import ArgumentError
from einlab.machines import machines
from einlab.planning import plan
from einlab.plans import Plan
from einlab.show import json as shown
from einlab.trace.reporting import report
from einlab.transformer import budget
from tests.schemas import problems

CALLS = {
    "plan": "plan ij,jk,kl->il --sizes i=9,j=8,k=7,l=6 --json",
    "roofline": "roofline ij,jk->ik --sizes i=9,j=8,k=7 --on H100SXM --json",
    "compare": "compare ij,jk->ik --sizes i=9,j=8,k=7 --on H100SXM --json",
    "drill": "drill L6 --list --json",
    "cache": "cache --json",
}
GPT2 = {
    "model_type": "gpt2",
    "vocab_size": 99,
    "n_positions": 16,
    "n_embd": 12,
    "n_layer": 2,
    "n_head": 4,
    "layer_norm_epsilon": 1e-5,
    "activation_function": "gelu_new",
}


def test_every_command_with_json_has_a_schema():
    with_json: set[str] = set()
    for name in COMMANDS:
        command = commands.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        with_json |= {name for one in command.params if one.name == "as_json"}
    assert with_json == set(BY_COMMAND)
    assert set(BY_COMMAND.values()) <= set(SCHEMAS)


@pytest.mark.parametrize("name", CALLS)
def test_what_a_command_prints_keeps_its_schema(name, capsys):
    with pytest.raises(SystemExit) as left:
        commands.main(CALLS[name].split())
    assert left.value.code == 0
    assert list(problems(json.loads(capsys.readouterr().out), schema_of(name))) == []


@pytest.mark.parametrize(
    "made",
    [
        plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 6)),
        plan("ij,jk->ik", (9, 8), (8, 7), machine="H100 SXM", precision="highest"),
        plan("i->", (9,), memory_limit="1KiB"),
    ],
    ids=["plain", "machine", "one"],
)
def test_plans_keep_their_schema_and_it_names_every_field(made):
    document = json.loads(made.to_json())
    schema = SCHEMAS["plan"]
    assert list(problems(document, schema)) == []
    assert set(document) == set(schema["properties"]) - {"report"}
    assert {item.name for item in fields(Plan)} - {"contraction"} <= set(schema["properties"])


def test_reports_budgets_tables_and_machines_keep_theirs():
    found = report(jnp.tanh, jnp.ones((2, 3))).to_json()
    assert list(problems(json.loads(found), SCHEMAS["report"])) == []
    spent = budget(GPT2, prompt=8, machine="H100 SXM")
    assert list(problems(json.loads(spent.to_json()), SCHEMAS["budget"])) == []
    document = shown.document(spent.table())
    assert list(problems(document, SCHEMAS["table"])) == []
    for machine in machines():
        assert list(problems(machine.to_dict(), SCHEMAS["machine"])) == []


@pytest.mark.parametrize("name", ["plan", "table", "machine", "calibration", "demo"])
def test_a_document_with_something_else_in_it_breaks_its_schema(name):
    schema = SCHEMAS[name]
    assert list(problems({}, schema))
    assert list(problems([], schema))


def test_an_unknown_command_has_none():
    with pytest.raises(ArgumentError, match="there is no command 'paln'"):
        schema_of("paln")
