from __future__ import annotations

import pytest

from einlab.trace.names import phase_of, scopes_of


@pytest.mark.parametrize(
    ("stack", "scopes"),
    [
        ("", ()),
        ("jvp()", ()),
        ("transpose(jvp(outer))/layer", ("outer", "layer")),
        ("vmap(jvp(a))/vmap(b)", ("a", "b")),
        ("rematted_computation/layer", ("layer",)),
        ("transpose(jvp(a/b))", ("a", "b")),
        ("f(1)/g(2/3)", ("f(1)", "g(2/3)")),
        ("jvp(einlab:batch i, i j->batch j)", ("einlab:batch i, i j->batch j",)),
    ],
)
def test_scopes_are_those_that_the_author_wrote(stack, scopes):
    assert scopes_of(stack) == scopes


def test_an_inner_trace_belongs_to_the_pass_of_its_caller_unless_it_says_more():
    assert phase_of("jvp(a)", "forward") == "forward"
    assert phase_of("transpose(jvp(a))", "forward") == "backward"
    assert phase_of("rematted_computation", "backward") == "recomputed"
    assert phase_of("transpose(jvp(a))", "recomputed") == "recomputed"
