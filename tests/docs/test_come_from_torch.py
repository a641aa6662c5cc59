"""What the page for those who come from torch says of torch, where torch is installed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einlab.layers
from einlab import contract

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "come-from.md"


def test_the_part_that_the_site_does_not_run_says_what_is_true():
    torch = pytest.importorskip("torch")
    part = PAGE.read_text(encoding="utf-8").partition("## From torch")[2].partition("\n(")[0]
    blocks = re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    x = np.linspace(-1, 1, 40, dtype=np.float32).reshape(5, 8)
    found: dict[str, Any] = {"contract": contract, "einlab": einlab, "x": x}
    for block in blocks:
        exec(block, found)
    assert (found["a"] @ found["b"]).tolist() == [[58, 64], [139, 154]]
    product = contract("ij,jk->ik", found["a"], found["b"])
    assert np.asarray(product).tolist() == [[58, 64], [139, 154]]
    theirs = found["network"](torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(einlab.layers.mlp(found["ours"], x), theirs, atol=1e-5)
