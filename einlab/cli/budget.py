"""`einlab budget`: what a transformer costs to train and to run, from its config.json."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

from einlab.cli.output import json_option, print_json, print_table, write_text

__all__ = ["command"]

HELP = """Show what a transformer costs to train and to run. Nothing is computed but shapes.

CONFIG is a config.json of Hugging Face: GPT-2, Llama, Mistral, Mixtral, Qwen 2 and 3 (also MoE),
Gemma, Gemma 2, Phi, DeepSeek-V3 or BERT. A field or family that is not understood is named.

\b
Examples:
  einlab budget config.json --machine 'H100 SXM'
  einlab budget config.json --batch 8 --prompt 4096 --generate 512 --by product
  einlab budget config.json --machine 'H100 SXM' --devices 8 \\
    --tokens-per-second 80000 --train-tokens 3e11
"""


@click.command("budget", help=HELP)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--by",
    type=click.Choice(["part", "product"]),
    default="part",
    help="A line for each part of the model, or for each product.  [default: part]",
)
@click.option("--batch", type=click.IntRange(min=1), help="Sequences.  [default: 1]")
@click.option(
    "--prompt",
    type=click.IntRange(min=1),
    help="Tokens of a sequence in training and prefill.  [default: the model's most, up to 2048]",
)
@click.option(
    "--generate", type=click.IntRange(min=0), help="Tokens after the prompt.  [default: 0]"
)
@click.option("--dtype", metavar="DTYPE", help="Of weights and cache.  [default: bfloat16]")
@click.option("--machine", metavar="NAME", help="Times on a machine of the table of devices.")
@click.option("--devices", type=click.IntRange(min=1), help="How many of it.  [default: 1]")
@click.option(
    "--recompute",
    metavar="LEVEL",
    help="What training computes again: none, attention or layer.  [default: none]",
)
@click.option("--optimiser", metavar="NAME", help="adam, adam-float32, momentum or sgd.")
@click.option("--under", "convention", metavar="NAME", help="A counting convention, such as palm.")
@click.option("--tokens-per-second", type=float, metavar="RATE", help="Measured: gives MFU, HFU.")
@click.option("--train-tokens", type=float, metavar="COUNT", help="Gives days of training.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@json_option
def command(config: Path, by: str, html: Path | None, as_json: bool, **options: Any) -> None:
    """The command `einlab budget`; its help is `HELP`."""
    budgets = importlib.import_module("einlab.transformer.budgets")
    given = {name: value for name, value in options.items() if value is not None}
    found = budgets.budget(config, **given)
    if html is not None:
        write_text(html, found.to_html())
    if as_json:
        print_json(found.to_json())
    else:
        print_table(found.table(by), as_json=False)
