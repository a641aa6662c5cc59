"""The differences between the families of models, in one table."""

from __future__ import annotations

from einlab.arguments import choice
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.transformer import family_parts as parts
from einlab.transformer.families import FAMILIES, Family

__all__ = ["family_table"]

READ = {
    parts.equal_heads: ("heads", "equal"),
    parts.grouped_heads: ("heads", "grouped"),
    parts.latent_heads: ("heads", "latent"),
    parts.rotary: ("positions", "rotary"),
    parts.same_context: ("positions", "table"),
    parts.attention_biases: ("biases", "as given"),
    parts.llama_biases: ("biases", "as given"),
    parts.qkv_bias: ("biases", "qkv"),
    parts.one_window: ("window", "all layers"),
    parts.late_windows: ("window", "late layers"),
    parts.alternate_windows: ("window", "every other"),
    parts.mixtral_experts: ("experts", "softmax"),
    parts.qwen2_experts: ("experts", "softmax, shared"),
    parts.qwen3_experts: ("experts", "softmax"),
    parts.deepseek2_experts: ("experts", "softmax, groups, shared"),
    parts.deepseek_experts: ("experts", "sigmoid, groups, shared"),
}
"""What reads a part of a config.json → what the family then has."""

COLUMNS = ("norm", "placed", "positions", "heads", "network", "biases", "window", "experts")

BERT = {
    "norm": "layer",
    "placed": "after",
    "positions": "table",
    "heads": "equal",
    "network": "plain",
    "biases": "all",
    "source": "Devlin et al. 2018 (arXiv:1810.04805)",
}


def family_table(*families: str) -> Shown:
    """A row for each family of models, or for those named: in what its blocks differ.

    What a single config.json may change is what the family's files say by default or "as given".

    Raises ArgumentError, which proposes the nearest name, for an unknown family.

    >>> family_table().table.column("family")[:4]
    ('bert', 'gpt2', 'llama', 'mistral')
    """
    known = {"bert": BERT} | {name: _words(family) for name, family in FAMILIES.items()}
    chosen = [choice(name, "a family", known) for name in families] or list(known)
    columns = ["family", *COLUMNS, "source"]
    return Shown(
        Table(
            "Families of transformers",
            [Column(name) for name in columns],
            [[name, *(known[name].get(each, "none") for each in columns[1:])] for name in chosen],
            notes=[
                "norm: rms+1 stores scales less 1; placed: before, after or around attention and "
                "network, or once before both in parallel",
                "heads: latent ones share a short vector of keys and values",
            ],
        )
    )


def _words(family: Family) -> dict[str, str]:
    """What a family's entry says, by column."""
    facts = family.facts
    all_biases = facts.get("output_bias") and facts.get("feed_forward_bias")
    words = {
        "norm": f"{facts.get('norm', 'rms')}{'+1' if facts.get('norm_offset') else ''}",
        "placed": str(facts.get("arrangement", "before")),
        "positions": "rotary",
        "network": "gated" if facts.get("gated", True) else "plain",
        "source": family.source,
    }
    if facts.get("attention_bias"):
        words["biases"] = "all" if all_biases else "qkv"
    return words | dict(READ[reader] for reader in family.readers if reader in READ)
