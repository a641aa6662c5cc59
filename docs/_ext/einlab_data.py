"""What a cell computes for a widget of its page: inlined, so that a file:// page works."""

from __future__ import annotations

import json
from typing import Any

from IPython.display import HTML

__all__ = ["page_data"]


def page_data(name: str, value: Any) -> HTML:
    """A value as JSON in the page, which a widget finds by `name`; nothing to see."""
    text = json.dumps(value, separators=(",", ":")).replace("</", "<\\/")
    return HTML(f'<script type="application/json" id="data-{name}">{text}</script>')
