"""The demo: an order that saves 550 times the work, and a real sentence encoder made of `contract`.

`main` prints both to the standard output; `python -m einlab.demo` calls it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from einlab import show
from einlab.demo import grouping, minilm
from einlab.errors import EinlabError
from einlab.table import Table
from einlab.transformer.sentences import load

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; `argv` is the command line without its first word, by default sys.argv's.

    With `--json` the output is one JSON object with the tables under "grouping", "pairs" and
    "contractions". Progress and complaints go to the standard error. Returns 0, or 1 if MiniLM
    could not run; then "missing" says what is not installed and how to get it.
    """
    options = _parser().parse_args(argv)
    document: dict[str, Any] = {}

    def out(name: str, table: Table, text: str) -> None:
        document[name] = show.json.document(table)
        if not options.json:
            sys.stdout.write(f"{text}\n\n")
            sys.stdout.flush()

    _say("contracting A·B·C in both groupings …")
    compared = grouping.comparison_table(grouping.compare())
    out("grouping", compared, _text(compared))
    faults = _second_half(out)
    if faults:
        document["missing"] = faults
        _say("The second half, a sentence encoder on real sentences, did not run.")
        _say("\n".join(faults))
    if options.json:
        sys.stdout.write(show.json.dumps(document) + "\n")
    return 1 if faults else 0


def _second_half(out: Callable[[str, Table, str], None]) -> list[str]:
    """Run MiniLM and put its tables out; what keeps it from running, a sentence each."""
    missing = minilm.missing()
    folder = minilm.find_model()
    if missing or folder is None:
        return missing
    _say("running MiniLM on twelve sentences …")
    try:
        reading = minilm.read(load(folder))
    except EinlabError as error:
        return [str(error)]
    pairs, contractions = minilm.pair_table(reading), minilm.contraction_table(reading)
    out("pairs", pairs, minilm.pair_text(pairs))
    out("contractions", contractions, _text(contractions))
    return []


def _text(table: Table) -> str:
    return show.text.render(table, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="einlab demo",
        description="Two groupings of a product side by side, then a sentence encoder whose every "
        "product is a contract call.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser
