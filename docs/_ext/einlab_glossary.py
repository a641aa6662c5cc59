"""The first use of each term of the glossary on a page leads to what it means.

Prose alone is looked at: headings, code, formulas, links, drills and what cells print stay as they
are. A term is found in the singular and in the plural.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

__all__ = ["forms", "link_terms", "pattern"]

APART = ("reference/api/", "reference/cli", "reference/glossary", "changelog", "decisions/")
"""Pages that are lists of names rather than prose, the glossary itself, and what was decided."""

SKIPPED = (
    nodes.title,
    nodes.rubric,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.reference,
    nodes.target,
    addnodes.desc_signature,
    addnodes.pending_xref,
    addnodes.toctree,
)
CLASSES = {"drill", "cell_input", "cell_output", "widget"}
"""Containers whose text is a question, code, or what came out of it."""

IRREGULAR = {"axis": "axes", "index": "indices", "matrix": "matrices", "axes": "axes"}
ALONE = {
    *("logits", "one loop", "named axes", "bound by compute", "bound by memory", "unknown"),
    *("Strassen", "XLA", "SVD", "query, key and value", "principal components", "decode"),
}
"""Terms that have no plural."""


def forms(term: str) -> tuple[str, ...]:
    """A term and its plural.

    >>> forms("free index"), forms("FLOP"), forms("logits"), forms("vocabulary")
    (('free index', 'free indices'), ('FLOP', 'FLOPs'), ('logits',), ('vocabulary', 'vocabularies'))
    """
    if term in ALONE or term.endswith("ss"):
        return (term,)
    rest, blank, last = term.rpartition(" ")
    if last in IRREGULAR:
        plural = IRREGULAR[last]
    elif last.endswith("y") and last[-2] not in "aeiou":
        plural = f"{last[:-1]}ies"
    elif last.endswith(("s", "x", "ch", "sh")):
        plural = f"{last}es"
    else:
        plural = f"{last}s"
    return tuple(dict.fromkeys((term, rest + blank + plural)))


def plainly(text: str) -> str:
    """A form with blanks where it may have dashes, or ends of lines."""
    return re.sub(r"[\s-]", " ", text)


def pattern(terms: Iterable[str]) -> tuple[re.Pattern[str], dict[str, str]]:
    """What finds any form of any term, the longest first, and each form's term.

    Capitals count where the term has one; elsewhere the first letter may be one, as it is at the
    start of a sentence.
    """
    named = {plainly(form): term for term in terms for form in forms(term)}
    parts = []
    for form in sorted(named, key=len, reverse=True):
        text = re.escape(form).replace(r"\ ", r"[\s-]")
        if form == form.lower():
            text = f"[{form[0]}{form[0].upper()}]{text[1:]}"
        parts.append(text)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])"), named


def prose(doctree: nodes.Node) -> Iterator[nodes.Text]:
    """The text of a page that is neither heading, code, formula, link, drill nor output."""
    for text in list(doctree.findall(nodes.Text)):
        node: Any = text.parent
        while node is not None and not isinstance(node, nodes.document):
            if isinstance(node, SKIPPED) or CLASSES & set(node.get("classes", ())):
                break
            node = node.parent
        else:
            yield text


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link what was found, once a term and page."""
    if app.builder.format != "html" or docname.startswith(APART):
        return
    objects = app.env.domains["std"].data["objects"]
    places = {name: place for (kind, name), place in objects.items() if kind == "term"}
    if not places:
        return
    finder, named = pattern(places)
    seen: set[str] = set()

    def parts(text: str) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        end = 0
        for match in finder.finditer(text):
            form = plainly(match[0])
            term = named.get(form) or named[form[0].lower() + form[1:]]
            page, label = places[term]
            if label in seen or page == docname:
                continue
            seen.add(label)
            found.append(nodes.Text(text[end : match.start()]))
            link = make_refnode(app.builder, docname, page, label, nodes.Text(match[0]), term)
            link["classes"].append("term")
            found.append(link)
            end = match.end()
        return [*found, nodes.Text(text[end:])] if found else []

    for text in prose(doctree):
        new = parts(text.astext())
        if new:
            text.parent.replace(text, new)


def setup(app: Sphinx) -> dict[str, Any]:
    """Link terms once all pages are read."""
    app.connect("doctree-resolved", link_terms)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
