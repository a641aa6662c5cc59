from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.transformer.published_rows import ROWS

DATA = Path(__file__).parent.parent / "data" / "published_costs.json"
PUBLISHED: dict[str, dict[str, Any]] = {
    row["id"]: row for row in json.loads(DATA.read_text(encoding="utf-8"))
}


def test_every_published_row_is_tried() -> None:
    assert len(PUBLISHED) == 100
    assert set(ROWS) == set(PUBLISHED)


@pytest.mark.parametrize("name", ROWS)
def test_a_published_cost_is_reproduced(name: str) -> None:
    value, row = ROWS[name](), PUBLISHED[name]
    allowed = row["rel_tol"] * abs(row["published"])
    assert abs(value - row["published"]) <= allowed, (
        f"{value} for {row['published']}: {row['what']}, {row['source']}"
    )
