"""The curriculum map: every item of `curriculum.toml` with links to where it is treated."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from einlab_anchors import Home, Item, anchors, items, title
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

DRILL = "drill-"
MAP = "curriculum.toml"


class Curriculum(SphinxDirective):
    """`{curriculum}`: the map as a table, or with `:wrong:` what corrects a claim alone."""

    option_spec: ClassVar[dict[str, Any]] = {"wrong": lambda given: True}

    def run(self) -> list[nodes.Node]:
        docs = Path(self.env.srcdir)
        self.env.note_dependency(str(docs / MAP))
        table = tomllib.loads((docs / MAP).read_text(encoding="utf-8"))
        chosen = [item for item in items(table) if item.wrong or "wrong" not in self.options]
        lines = ["| no. | item | where |", "|--:|--|--|"]
        lines += [self.row(item) for item in chosen]
        return list(self.parse_text_to_nodes("\n".join(lines)))

    def row(self, item: Item) -> str:
        mark = " ⚠" if item.wrong and "wrong" not in self.options else ""
        return f"| {item.number}{mark} | {item.title} | {' · '.join(map(self.link, item.homes))} |"

    def link(self, home: Home) -> str:
        """A link in Markdown, from the page of the directive."""
        docs = Path(self.env.srcdir)
        page = docs / f"{home.page}.md"
        short = title(page).partition(" · ")[0]
        if home.anchor.startswith(DRILL):
            here = self.env.app.builder.get_relative_uri(self.env.docname, home.page)
            text = f"{short}, drill {home.anchor.removeprefix(DRILL)}"
            return f'<a class="reference internal" href="{here}#{home.anchor}">{text}</a>'
        up = "../" * self.env.docname.count("/")
        if not home.anchor:
            return f"[{short}]({up}{home.page}.md)"
        text = f"{short}: {anchors(page)[home.anchor]}".replace("|", "\\|")
        return f"[{text}]({up}{home.page}.md#{home.anchor})"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("curriculum", Curriculum)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
