"""What every page of the site shares: widgets, the executed notebook to download, llms.txt."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class Widget(nodes.General, nodes.Element):
    """A place in a page where a script of `_static/widgets` shows something that can be moved."""


class WidgetDirective(SphinxDirective):
    """`{widget} name`, its settings as JSON in the body; text until its script runs."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"title": str}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        script = Path(self.env.srcdir) / "_static" / "widgets" / f"{name}.js"
        if not script.exists():
            raise self.error(f"there is no widget {name!r}: {script.name} is missing")
        settings = json.loads("\n".join(self.content) or "{}")
        title = self.options.get("title", name)
        return [Widget(name=name, settings=settings, title=title)]


def visit_widget(translator: Any, node: Widget) -> None:
    settings = html.escape(json.dumps(node["settings"], ensure_ascii=False), quote=True)
    title = html.escape(node["title"], quote=True)
    translator.body.append(
        f'<section class="widget" data-widget="{node["name"]}" data-settings="{settings}" '
        f'aria-label="{title}"><p class="widget-title">{title}</p><noscript><p>This part moves '
        "with JavaScript; all that it shows is in the text as well.</p></noscript>"
    )


def depart_widget(translator: Any, node: Widget) -> None:
    translator.body.append("</section>")


def skip(translator: Any, node: Widget) -> None:
    raise nodes.SkipNode


def add_scripts(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the scripts of a page's widgets, and of no others."""
    names = sorted({node["name"] for node in doctree.findall(Widget)}) if doctree else []
    if names:
        app.add_js_file("parts.js", loading_method="defer", priority=550)
    for name in names:
        app.add_js_file(f"widgets/{name}.js", loading_method="defer", priority=600)


def add_notebook(app: Sphinx, name: str, source: list[str]) -> None:
    """At the end of each page of the tutorial, the notebook that was executed for it."""
    folder, _, page = name.rpartition("/")
    if folder == "learn":
        source[0] += f"\n\n{{nb-download}}`This page as an executed notebook <{page}.ipynb>`\n"


# Spans of code and of signatures that look as the text around them does.
PLAIN = {
    re.compile(r"<pre>.*?</pre>", re.DOTALL): re.compile(r'<span class="[npw]">([^<>]*)</span>'),
    re.compile(r'<dt class="sig .*?</dt>', re.DOTALL): re.compile(
        r'<span class="(?:pre|[opw])">([^<>]*)</span>'
    ),
}
SHARED = re.compile(r"<style>.*?</style>|<script>\s*function einlabSort.*?</script>", re.DOTALL)
HINT = re.compile(r' title="(?:Link to this definition|\(in [^"]*\))"')


def lighten(text: str) -> str:
    """The same page in fewer bytes.

    Spans that change nothing and hints that say nothing go; of styles and scripts that every table
    and picture brings along, the first stays.

    >>> lighten('<pre><span class="n">x</span> <span class="o">=</span></pre>')
    '<pre>x <span class="o">=</span></pre>'
    """
    for part, plain in PLAIN.items():

        def bare(found: re.Match[str], plain: re.Pattern[str] = plain) -> str:
            once = plain.sub(r"\1", found[0])
            return plain.sub(r"\1", once)  # spans stand in spans

        text = part.sub(bare, text)
    seen: set[str] = set()

    def first(found: re.Match[str]) -> str:
        new = found[0] not in seen
        seen.add(found[0])
        return found[0] if new else ""

    return SHARED.sub(first, HINT.sub("", text))


SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)


def in_lines(text: str) -> str:
    """Parameters of a signature, one a line, as lines and not as a list of definitions of nothing.

    >>> in_lines('<dt class="sig py">f(<dl><dd>x</dd></dl>)</dt>')
    '<dt class="sig py">f(<span class="sig-line">x</span>)</dt>'
    """

    def spanned(found: re.Match[str]) -> str:
        lines = re.sub("</?dl>", "", found[0])
        return lines.replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")

    return SIGNATURE.sub(spanned, text)


def finish(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Captions of lists of pages are headings of the second level; the body loses idle bytes."""
    for part in ("body", "furo_navigation_tree"):
        if part in context:
            whole = str(context[part])
            # A part that unfolds says in its own words what it holds.
            whole = whole.replace(' aria-label="Toggle hidden content"', "")
            context[part] = whole.replace(' role="heading">', ' role="heading" aria-level="2">')
    if "body" in context:
        context["body"] = in_lines(lighten(context["body"]))
    if pagename == "search":  # it brings along the index of all words, and shows nothing of these
        for kind in ("css_files", "script_files"):
            context[kind] = [file for file in context[kind] if not IDLE.search(str(file.filename))]


IDLE = re.compile("katex|mystnb|copybutton|clipboard|drills")
"""Files of formulas, cells, buttons on code, and drills."""

PARTS = {
    "": "Start",
    "learn": "Course, page by page",
    "howto": "How to",
    "reference": "Reference",
    "corrections": "What is often told wrongly",
    "decisions": "Why it is made so",
}
"""Folders of the site with what they hold; pages of others come last."""


def in_order(name: str) -> tuple[object, ...]:
    """L2 before L10, and a folder's own page before the others."""
    cut = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    return (not name.endswith("index"), *map(str, cut[:1]), *cut[1:])


def first_words(doctree: nodes.document) -> str:
    """The first paragraph of a page that stands by itself, on one line."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            return " ".join(paragraph.astext().split())
    return ""


def llms(pages: dict[str, tuple[str, str, str]]) -> str:
    """The text of llms.txt: of each page, by name, its title, its address and its first words."""
    lines = [
        "# einlab",
        "",
        "> What an einsum costs, in which order it should run, and running it.",
    ]
    folders = dict.fromkeys([*PARTS, *(name.rpartition("/")[0].split("/")[0] for name in pages)])
    for folder in folders:
        mine = [name for name in pages if name.rpartition("/")[0].split("/")[0] == folder]
        if mine:
            lines += ["", f"## {PARTS.get(folder, folder.capitalize())}", ""]
        for name in sorted(mine, key=in_order):
            title, address, words = pages[name]
            lines.append(f"- [{title}]({address})" + (f": {words}" if words else ""))
    return "\n".join(lines) + "\n"


def write_llms(app: Sphinx, error: Exception | None) -> None:
    """A list of all pages with their titles, for readers that are programs (llmstxt.org)."""
    if error is not None or app.builder.name not in ("html", "dirhtml"):
        return
    pages = {
        name: (
            app.env.titles[name].astext(),
            app.builder.get_target_uri(name),
            first_words(app.env.get_doctree(name)),
        )
        for name in app.env.found_docs
    }
    (Path(app.outdir) / "llms.txt").write_text(llms(pages), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the widgets and what is written beside the pages."""
    app.add_directive("widget", WidgetDirective)
    app.add_node(
        Widget,
        html=(visit_widget, depart_widget),
        latex=(skip, None),
        text=(skip, None),
        gettext=(skip, None),
    )
    app.connect("source-read", add_notebook)
    app.connect("html-page-context", add_scripts)
    app.connect("html-page-context", finish, priority=900)
    app.connect("build-finished", write_llms)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
