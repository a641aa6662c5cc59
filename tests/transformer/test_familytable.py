from __future__ import annotations

import pytest

from einlab.transformer.families import FAMILIES
from einlab.transformer.familytable import COLUMNS, READ, family_table
from tests.transformer.models import PUBLISHED, published

ROWS = dict(zip(family_table().table.column("family"), family_table().table.rows, strict=True))


def test_every_family_has_a_row_and_the_table_fits_its_columns() -> None:
    assert list(ROWS) == ["bert", *FAMILIES]
    assert {column for column, _ in READ.values()} <= set(COLUMNS)
    assert family_table("phi", "gemma").table.column("family") == ("phi", "gemma")


@pytest.mark.parametrize("model", PUBLISHED)
def test_a_row_says_what_a_published_config_says(model: str) -> None:
    config = published(model)
    row = map(str, ROWS[config.family])
    said = dict(zip(("family", *COLUMNS, "source"), row, strict=True))
    assert said["norm"] == config.norm + ("+1" if config.norm_offset else "")
    assert said["placed"] == config.arrangement
    assert said["positions"] == ("table" if config.rotary is None else "rotary")
    latent = said["heads"] == "latent"
    assert latent == (config.latent is not None)
    assert said["network"] == ("gated" if config.gated else "plain")
    assert (said["experts"] != "none") == (config.experts is not None)
    if config.experts is not None:
        assert said["experts"].split(",")[0] == config.experts.score
        assert ("shared" in said["experts"]) == (config.experts.shared > 0)
    if any(config.windows):
        assert said["window"] != "none"
    if said["biases"] in ("none", "qkv", "all"):
        assert config.attention_bias == (said["biases"] != "none")
        assert config.feed_forward_bias == (said["biases"] == "all")
