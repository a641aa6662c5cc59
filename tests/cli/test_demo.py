"""`einlab demo` hands over to the demo and keeps its exit code."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tests.cli.calling import call


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(("args", "handed"), [((), []), (("--json",), ["--json"])])
def test_the_demo_gets_the_options_and_its_exit_code_is_kept(
    code: int, args: tuple[str, ...], handed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def main(argv: list[str]) -> int:
        calls.append(argv)
        return code

    monkeypatch.setitem(sys.modules, "einlab.demo", SimpleNamespace(main=main))
    assert call("demo", *args).exit_code == code
    assert calls == [handed]
