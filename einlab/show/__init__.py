"""Tables and plans turned into text, HTML, SVG, JSON and figures; nothing is counted here.

Each form is imported when it is first asked for: a plan printed as text loads no picture.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from einlab.show import bars as bars
    from einlab.show import figure as figure
    from einlab.show import html as html
    from einlab.show import json as json
    from einlab.show import plane as plane
    from einlab.show import svg as svg
    from einlab.show import text as text

__all__ = ["bars", "figure", "html", "json", "plane", "svg", "text"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'einlab.show' has no attribute {name!r}")
    return importlib.import_module(f"einlab.show.{name}")
