from __future__ import annotations

import csv
import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from einlab.contracting import contract
from einlab.cost import Cost
from einlab.errors import ArgumentError, ArgumentTypeError, EinlabError
from einlab.planning import plan
from einlab.show import text
from einlab.trace.compiled import alone, lowered_count
from einlab.trace.reportfile import SCHEMA
from einlab.trace.reporting import Report, report
from einlab.trace.walk import walk
from tests.schemas import problems
from tests.trace import llama
from tests.trace.operations import source_of, spec
from tests.trace.programs import blockwise_attention, layer, random_program

N = 8
MATRIX = spec(N, N)


def model(x, w):
    with jax.named_scope("encoder"):
        x = jax.jit(layer)(x, w)
    with jax.named_scope("decoder"):
        return contract("row i, i column -> row column", x, w).sum()


REPORTS = {
    "model": report(model, MATRIX, MATRIX),
    "gradient": report(jax.grad(model), MATRIX, MATRIX),
    "llama": report(
        lambda p, i: llama.train_step(p, i, llama.TINY),
        llama.parameters(llama.TINY, "float32"),
        spec(2, 17, dtype="int32"),
    ),
    "unknown": report(lambda x: jax.pure_callback(np.sin, x, x) + x, spec(3)),
    "branches": report(
        lambda p, x: lax.cond(p, lambda y: y @ y, jnp.sin, x), spec(dtype="bool"), MATRIX
    ),
    "empty": report(lambda x: x, MATRIX),
}


@pytest.mark.parametrize("name", REPORTS)
def test_totals_are_the_sums_of_rows(name):
    found = REPORTS[name]
    for other in (found, found.under("palm"), found.under("xla"), found.on("H100 SXM")):
        assert other.cost == sum((row.cost for row in other.rows), Cost())
        records = other.records()
        assert other.flops == sum(record["flops"] or 0 for record in records)
        assert other.ideal_bytes == sum(record["ideal_bytes"] for record in records)
        if other.seconds is not None:
            times = [r["seconds"] for r in records if r["kind"] != "bookkeeping"]
            assert other.seconds == pytest.approx(sum(times))


@pytest.mark.parametrize("name", REPORTS)
def test_every_depth_of_the_table_has_the_same_totals_and_fits_80_columns(name):
    for found in (REPORTS[name], REPORTS[name].on("H100 SXM")):
        tables = [found.table(depth=depth) for depth in (1, 2, 9)] + [found.table(steps=True)]
        assert len({table.totals for table in tables}) == 1
        for table in (*tables, found.table(wide=True)):
            assert all(len(line) <= 80 for line in text.render(table).splitlines())


def test_a_scope_sums_up_what_stands_beneath_it():
    tree = REPORTS["llama"].tree()
    assert {"embedding", "layers", "logits"} <= tree.groups.keys()
    layers = tree.groups["layers"]
    assert {"attention", "mlp"} <= layers.groups.keys()
    inner = sum((group.cost for group in layers.groups.values()), Cost())
    assert layers.cost == inner + sum((row.cost for row in layers.rows), Cost())


def test_a_contraction_opens_into_its_steps():
    lines = REPORTS["model"].table(steps=True).column("operation")
    place = next(i for i, line in enumerate(lines) if "contract row i" in str(line))
    assert str(lines[place + 1]).strip().startswith("product row i")


def test_a_contraction_is_one_row_under_a_gradient_too_and_opens_into_its_steps():
    f = lambda *xs: contract("row i, i j, j column -> row column", *xs).sum()  # noqa: E731
    found = report(jax.grad(f, (0, 1, 2)), MATRIX, MATRIX, MATRIX)
    lines = [str(line) for line in found.table().column("operation")]
    assert [line for line in lines if "->" in line] == [
        "contract row i, i j, j column -> row column"
    ] * 2
    phases = found.table().column("pass")
    assert {"forward", "backward"} <= set(phases)
    opened = [str(line) for line in found.table(steps=True).column("operation")]
    assert opened[1].startswith("  row i, i j -> row j")
    rows = [row for row in found.records() if row["contraction"]]
    assert sum(row["flops"] for row in rows) == found.flops == 5 * 2 * N**3


@pytest.mark.parametrize("name", REPORTS)
def test_json_follows_its_schema_and_csv_says_the_same(name):
    found = REPORTS[name].on("TPU v5e")
    document = json.loads(found.to_json())
    assert list(problems(document, SCHEMA)) == []
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [int(row["flops"] or 0) for row in rows] == [
        row["flops"] or 0 for row in document["rows"]
    ]


def test_a_report_is_saved_as_its_name_says(tmp_path):
    found = REPORTS["gradient"]
    for ending, beginning in ((".html", "<!doctype"), (".json", "{"), (".csv", "scope,")):
        found.save(tmp_path / f"report{ending}")
        assert (tmp_path / f"report{ending}").read_text("utf-8").startswith(beginning)
    assert "http" not in found.to_html().replace("http://www.w3.org", "")
    with pytest.raises(ArgumentError, match="ends in none"):
        found.save(tmp_path / "report.pdf")


def test_what_is_unknown_is_listed_with_its_reason_and_never_zero():
    found = REPORTS["unknown"]
    (item,) = found.unknown
    assert item.name == "pure_callback"
    assert "host" in item.reason
    assert item.bytes == 24
    assert "unknown: pure_callback" in str(found)
    assert "pure_callback" in found.to_html()
    assert next(r for r in found.records() if r["kind"] == "unknown")["flops"] is None


def test_a_loop_of_unknown_length_is_named():
    loop = lambda x, n: lax.fori_loop(0, n, lambda i, c: c @ c, x)  # noqa: E731
    found = report(loop, MATRIX, spec(dtype="int32"))
    assert any("unknown length" in item.reason for item in found.unknown)
    runs = found.table().column("runs")
    assert "1 × n" in runs
    assert all(" × n" in str(text) for text in runs)


def test_a_whole_number_given_as_such_is_known_to_loops():
    loop = lambda x, n: lax.fori_loop(0, n, lambda i, c: c @ c, x)  # noqa: E731
    found = report(loop, MATRIX, 3)
    assert not found.unknown
    assert found.macs == 3 * N**3
    assert report(loop, MATRIX, jnp.asarray(3)).unknown  # an array may change


def test_branches_show_their_maximum_and_their_minimum():
    found = REPORTS["branches"]
    assert (found.flops, found.least.flops) == (2 * N**3, 0)
    (fork,) = found.forks
    assert sorted(branch.flops for branch in fork.branches) == [0, 2 * N**3]
    assert any(note.startswith("branches: ") for note in found.table().notes)


def test_arguments_that_are_no_arrays_are_passed_as_they_are():
    def function(x, axis, how, *, act):
        assert how == "fast"
        return act(x).sum(axis)

    assert report(function, MATRIX, None, "fast", act=jnp.tanh).transcendentals == N * N
    jitted = jax.jit(lambda x, n: x @ x if n == 2 else x, static_argnums=1)
    assert report(jitted, MATRIX, 2).flops == 2 * N**3


def test_reports_are_values_that_compare_and_hold_no_arrays():
    assert REPORTS["model"] == report(model, MATRIX, MATRIX)
    assert report(model, jnp.ones((N, N)), np.ones((N, N), "f4")) == REPORTS["model"]
    assert REPORTS["model"].under("palm") != REPORTS["model"]
    assert REPORTS["model"].under("palm").under("einlab") == REPORTS["model"]


def test_bad_settings_are_refused_in_words():
    with pytest.raises(ArgumentTypeError, match="function first"):
        report(3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="did you mean 'palm'"):
        REPORTS["model"].under("plam")
    with pytest.raises(ArgumentError, match="did you mean"):
        REPORTS["model"].on("H10 SXM")
    with pytest.raises(ArgumentTypeError, match="closed form"):
        REPORTS["model"].against(1.5)  # type: ignore[arg-type]


def test_the_difference_of_two_reports_lists_what_changed():
    before = report(lambda x: x @ x, MATRIX)
    after = report(lambda x: jnp.tanh(x @ x @ x), MATRIX)
    table = before.diff(after)
    assert table.column("FLOPs more")[0] == 2 * N**3
    assert len(table.rows) == 2
    assert before.diff(before).rows == ()


def products(found: Report) -> int:
    return sum(row.cost.flops for row in found.rows if row.is_product)


def lowered_products(function, *arguments):
    """XLA's count of the lowered program, less what it counts for all but products; our own
    count of products, those merged by the compiler included, complex ones like real ones."""
    found = report(function, *arguments)
    walked = walk(source_of(found).jaxpr)
    rows = [*enumerate(walked.rows), *((-1 - i, row) for i, row in enumerate(walked.merged))]
    others = sum(walked.control)
    ours = 0
    for place, row in rows:
        if row.is_product:
            ours += row.each.flops // (4 if row.is_complex else 1) * row.once
        elif row.taken:
            asked = walked.equations[place]
            measured = row.xla[0] if row.xla else alone(asked.equation, asked.used).flops or 0
            others += measured * row.once
    return (lowered_count(source_of(found).lowered).flops or 0) - others, ours


def check_random_program(seed):
    program, arguments = random_program(seed)
    for function in (program, jax.grad(program, argnums=tuple(range(len(arguments))))):
        xla, ours = lowered_products(function, *arguments)
        assert xla == ours, seed


@pytest.mark.parametrize("seed", range(30))
def test_products_are_exactly_those_that_xla_counts_forward_and_in_the_gradient(seed):
    check_random_program(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 330))
def test_products_of_three_hundred_programs_are_exactly_those_that_xla_counts(seed):
    check_random_program(seed)


def looped(transform, length):
    """A scan, and the same written out, under one transformation."""

    def scanned(x, ws):
        return lax.scan(lambda c, w: (transform(layer)(c, w), None), x, ws)[0].var()

    def written(x, ws):
        for place in range(length):
            x = transform(layer)(x, ws[place])
        return x.var()

    return scanned, written


@pytest.mark.parametrize("transform", [lambda f: f, jax.checkpoint, jax.jit])
@pytest.mark.parametrize("outer", ["", "grad", "vmap", "vmap of grad"])
def test_a_scan_counts_as_often_as_it_is_long_what_xla_counts_for_it_written_out(transform, outer):
    length = 5
    x, ws = MATRIX, spec(length, N, N)
    scanned, written = looped(transform, length)
    if "grad" in outer:
        scanned, written = jax.grad(scanned, (0, 1)), jax.grad(written, (0, 1))
    if "vmap" in outer:
        scanned, written = jax.vmap(scanned), jax.vmap(written)
        x, ws = spec(3, N, N), spec(3, length, N, N)
    of_body, once = lowered_products(scanned, x, ws)
    assert of_body == once
    of_written, ours = lowered_products(written, x, ws)
    assert of_written == ours
    assert products(report(scanned, x, ws)) == length * once == of_written


def test_nested_scans_multiply():
    def inner(c, ws):
        return lax.scan(lambda d, w: (layer(d, w), None), c, ws)[0], None

    nested = lambda x, ws: lax.scan(inner, x, ws)[0].sum()  # noqa: E731
    ws = spec(4, 3, N, N)
    xla, once = lowered_products(jax.grad(nested, (0, 1)), MATRIX, ws)
    assert xla == once
    assert products(report(jax.grad(nested, (0, 1)), MATRIX, ws)) == 12 * once


def test_blockwise_attention_counts_what_the_closed_form_says_where_xla_sees_a_fraction():
    t, d, block = 512, 16, 32
    array = spec(t, d)
    found = report(lambda q, k, v: blockwise_attention(q, k, v, block), array, array, array)
    closed = 4 * t * t * d
    assert found.under("einlab", elementwise=0).flops == closed
    assert (lowered_count(source_of(found).lowered).flops or closed) < 0.02 * closed


def test_llama_405b_is_traced_from_shapes_alone():
    s = llama.LLAMA_405B
    params = llama.parameters(s)
    assert llama.count(params) == 405_853_388_800
    ids = spec(1, s.length + 1, dtype="int32")
    found = report(lambda p, i: llama.train_step(p, i, s), params, ids)
    assert found.unknown == ()
    matrices = llama.count(params) - s.vocabulary * s.width - s.width * (2 * s.layers + 1)
    attention = 2 * s.layers * s.heads * s.head * s.length
    assert found.under("palm").flops == 3 * s.length * 2 * (matrices + attention)
    assert found.under("megatron-hardware").flops > found.under("palm").flops


def test_errors_of_the_library_alone_are_ours():
    with pytest.raises(ZeroDivisionError):
        report(lambda x: x / (1 // 0), MATRIX)
    assert issubclass(ArgumentError, EinlabError)


def test_flags_stay_flags():
    q = spec(1, 8, 2, 4)
    causal = report(jax.nn.dot_product_attention, q, q, q, is_causal=True)
    assert products(causal) == products(report(jax.nn.dot_product_attention, q, q, q))


@pytest.mark.parametrize(
    ("equation", "shapes", "options"),
    [
        ("ij,jk,kl->il", ((5, 6), (6, 7), (7, 4)), {}),
        ("i,j->ij", ((5,), (6,)), {}),
        ("ii->i", ((5, 5),), {}),
        ("ab->", ((5, 6),), {}),
        ("batch i, batch i j -> batch j", ((3, 4), (3, 4, 5)), {}),
        ("ab,cd,ac->bd", ((6, 5), (4, 3), (6, 4)), {}),
        ("ab,bc,cd,de->ae", ((8, 8),) * 4, {"memory_limit": 32}),
    ],
)
def test_plan_trace_and_lowered_program_count_the_same_flops(equation, shapes, options):
    arrays = [spec(*shape) for shape in shapes]
    found = report(lambda *xs: contract(equation, *xs, **options), *arrays)
    made = plan(equation, *shapes, **options)
    assert found.flops == made.flops
    assert [row.plan for row in found.rows if row.plan] == [made]
    check = found.check(compiled=False)
    assert check.lowered == made.flops or made.slices > 1
