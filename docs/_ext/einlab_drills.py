"""The directive `drills`: all drills of a page, answered and checked where they stand.

Answers are computed while the site is built; the page holds them for its script. Prompts, hints and
solutions are text of the document, so that they can be translated.
"""

from __future__ import annotations

import html
import json
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from einlab.drills import PAGES, Drill, of_page
from einlab.drills.answers import FACTORS, PREFIXES, shown

HOW = {
    "number": "a number",
    "shape": "a shape, such as 3×4",
    "einsum": "an expression, such as ij,jk->ik",
    "choice": "one letter",
    "order": "letters in order",
}


class Details(nodes.General, nodes.Element):
    """A part that opens when its summary is clicked."""


def visit_details(translator: Any, node: Details) -> None:
    translator.body.append(
        f'<details class="drill-{node["kind"]}"><summary>{node["summary"]}</summary>'
    )


def depart_details(translator: Any, node: Details) -> None:
    translator.body.append("</details>")


def skip(translator: Any, node: Details) -> None:
    """Other builders show what is inside."""


class Drills(SphinxDirective):
    """All drills of a page of the tutorial, `L1` to `L18`."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        page = self.arguments[0]
        drills = of_page(page)
        found: list[nodes.Node] = []
        for number, drill in enumerate(drills, 1):
            found += self.drill(number, drill)
        counted = sum(drill.counted for drill in drills)
        tally = (
            f'<p class="drill-tally" role="status" data-of="{counted}">'
            f"0 of {counted} answered rightly</p>"
        )
        extra = nodes.paragraph()
        extra += nodes.Text("The same questions in a terminal: ")
        extra += nodes.literal(text=f"einlab drill {page}")
        return [*found, nodes.raw("", tally, format="html"), extra]

    def drill(self, number: int, drill: Drill) -> list[nodes.Node]:
        """One drill: question, options, the place for an answer, hint and solution."""
        box = nodes.container(classes=["drill"], ids=[f"drill-{drill.name}"])
        prompt = nodes.paragraph(classes=["drill-prompt"])
        prompt += nodes.strong(text=f"{number}. ")
        prompt += nodes.Text(drill.prompt)
        box += prompt
        if drill.options:
            listed = nodes.bullet_list(classes=["drill-options"])
            for letter, text in drill.shown_options.items():
                item = nodes.list_item()
                line = nodes.paragraph()
                line += nodes.strong(text=f"{letter} ")
                line += nodes.Text(text)
                item += line
                listed += item
            box += listed
        if drill.counted:
            box += nodes.raw("", form(drill), format="html")
        box += details("hint", "Hint", [nodes.paragraph("", drill.hint)])
        box += details("solution", "Worked solution", solution(drill))
        return [box]


def form(drill: Drill) -> str:
    """The place for an answer, with what its script needs."""
    data = {
        "kind": drill.kind,
        "answer": drill.answer,
        "unit": drill.unit,
        "tolerance": drill.tolerance,
        "options": drill.shown_options,
    }
    label = HOW[drill.kind] + (f" ({drill.unit})" if drill.unit else "")
    name = f"answer-{drill.name}"
    return (
        f'<form class="drill-form" data-drill="{html.escape(json.dumps(data), quote=True)}">'
        f'<label for="{name}">Your answer: {html.escape(label)}</label> '
        f'<input id="{name}" autocomplete="off" spellcheck="false"> '
        '<button type="submit">Check</button> '
        '<output aria-live="polite"></output></form>'
    )


def solution(drill: Drill) -> list[nodes.Node]:
    """The worked solution: words, the code that computes the answer, the answer."""
    parts: list[nodes.Node] = [nodes.paragraph("", drill.solution)]
    if drill.points:
        listed = nodes.bullet_list(classes=["drill-points"])
        for place, point in enumerate(drill.points):
            name = f"tick-{drill.name}-{place}"
            box = f'<input type="checkbox" id="{name}">'
            tick = f'{box}<label for="{name}">{html.escape(point)}</label>'
            item = nodes.list_item()
            item += nodes.raw("", tick, format="html")
            listed += item
        parts.append(listed)
    if drill.counted:
        code = nodes.literal_block(drill.code, drill.code)
        code["language"] = "python"
        answer = nodes.paragraph()
        answer += nodes.Text("Answer: ")
        answer += nodes.strong(text=shown(drill))
        parts += [code, answer]
    return parts


def details(kind: str, summary: str, children: list[nodes.Node]) -> Details:
    """A part that opens."""
    node = Details(kind=kind, summary=summary)
    node += children
    return node


def write_reading(app: Sphinx) -> None:
    """What the script needs to read numbers as Python does."""
    words = {"prefixes": PREFIXES, "factors": [[factor, why] for factor, why in FACTORS.items()]}
    folder = app.srcdir / "_static"
    text = f"window.einlabReading = {json.dumps(words, ensure_ascii=False)};\n"
    place = folder / "reading.js"
    if not place.exists() or place.read_text(encoding="utf-8") != text:
        place.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive; every page must be a page of drills."""
    app.add_directive("drills", Drills)
    app.add_node(
        Details,
        html=(visit_details, depart_details),
        latex=(skip, skip),
        text=(skip, skip),
        gettext=(skip, skip),
    )
    app.connect("builder-inited", write_reading)
    app.add_js_file("reading.js", loading_method="defer", priority=400)
    return {"version": str(len(PAGES)), "parallel_read_safe": True, "parallel_write_safe": True}
