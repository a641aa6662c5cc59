"""The directive `api`: every public name of a module, with its signature, docstring and examples.

Docstrings are plain text with `names` in backticks and examples at a prompt; they are read as the
Markdown that the pages are written in. Constants are explained by the text after their assignment.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache, cached_property
from types import ModuleType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["attribute_text", "home_of", "markdown", "members", "public_names"]

SPECIAL = re.compile(r"([\\*_$<\[\]{}|#~])")
"""Characters that Markdown would take for its own."""


def public_names(module: str) -> tuple[str, ...]:
    """The names in a module's `__all__`, without those that the package root offers as well."""
    names = tuple(importlib.import_module(module).__all__)
    if module == "einlab":
        return names
    root = importlib.import_module("einlab")
    here = importlib.import_module(module)
    shared = {name for name in root.__all__ if getattr(here, name, None) is getattr(root, name)}
    return tuple(name for name in names if name not in shared)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


def _explained(body: list[ast.stmt], name: str) -> str | None:
    """The text that stands after the assignment of a name; None if it is not assigned here."""
    for place, statement in enumerate(body):
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            after = body[place + 1] if place + 1 < len(body) else None
            value = after.value if isinstance(after, ast.Expr) else None
            text = value.value if isinstance(value, ast.Constant) else ""
            return inspect.cleandoc(text) if isinstance(text, str) else ""
    return None


def home_of(module: str, name: str) -> str:
    """The module in which a constant is assigned, however often it is imported on."""
    tree = _tree(module)
    if _explained(tree.body, name) is not None:
        return module
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return home_of(node.module, alias.name)
    raise LookupError(f"{module} does not assign {name}")


def attribute_text(module: str, name: str, owner: type | None = None) -> str:
    """What the source says of a constant, or of a field of a class."""
    if owner is None:
        return _explained(_tree(home_of(module, name)).body, name) or ""
    for node in _tree(owner.__module__).body:
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            return _explained(node.body, name) or ""
    return ""


def members(owner: type) -> Iterator[tuple[str, str, Any]]:
    """Public fields, properties and methods of a class: kind, name, what it is."""
    fields = [item.name for item in dataclasses.fields(owner)] if _is_record(owner) else []
    fields += list(getattr(owner, "_fields", ()))
    for name in fields:
        if not name.startswith("_"):
            yield "field", name, None
    for name, value in vars(owner).items():
        public = not name.startswith("_") or (name == "__call__" and value.__doc__)
        if not public or name in fields or name.startswith("tree_"):  # JAX alone calls those
            continue
        if isinstance(value, (property, cached_property)):
            yield "property", name, value
        elif isinstance(value, (classmethod, staticmethod)):
            yield type(value).__name__, name, value.__func__
        elif inspect.isfunction(value):
            yield "method", name, value


def _is_record(owner: type) -> bool:
    return dataclasses.is_dataclass(owner) and "__dataclass_fields__" in vars(owner)


def fields_of(owner: type) -> str:
    """The arguments of a record: names and defaults, since each field says its type."""
    found = inspect.signature(owner).parameters.values()
    return signature(owner, parameters=[one.replace(annotation=one.empty) for one in found])


def signature(
    called: Any, bound: bool = False, parameters: list[inspect.Parameter] | None = None
) -> str:
    """The arguments as they are written, shapes included."""
    try:
        found = inspect.signature(called)
    except (TypeError, ValueError):
        return "()"
    given_ones = list(found.parameters.values()) if parameters is None else parameters
    arguments = given_ones[1 if bound else 0 :]
    given = found.return_annotation
    returned = "" if given in (inspect.Signature.empty, None) else f" -> {_written(given)}"
    return f"({', '.join(_arguments(arguments))}){returned}"


def _arguments(arguments: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for place, one in enumerate(arguments):
        if one.kind is one.VAR_POSITIONAL:
            starred = True
        if one.kind is one.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        kind = "" if one.annotation is one.empty else f": {_written(one.annotation)}"
        equals = " = " if kind else "="
        default = "" if one.default is one.empty else equals + _default(one.default)
        yield f"{mark}{one.name}{kind}{default}"
        last = place + 1 == len(arguments) or arguments[place + 1].kind != one.kind
        if one.kind is one.POSITIONAL_ONLY and last:
            yield "/"


def _written(annotation: Any) -> str:
    text = getattr(annotation, "__forward_arg__", annotation)
    return text if isinstance(text, str) else inspect.formatannotation(text)


def _default(value: Any) -> str:
    text = getattr(value, "__name__", None) or repr(value)
    return "..." if "<" in text or len(text) > 60 else " ".join(text.split())


def markdown(text: str) -> list[str]:
    r"""A docstring as lines of Markdown: examples fenced, and only backticks with a meaning.

    >>> markdown("Of a*b and `c_d`.")
    ['Of a\\*b and `c_d`.']
    """
    lines: list[str] = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        rows = block.split("\n")
        if lines:
            lines.append("")
        start = next((place for place, row in enumerate(rows) if row.startswith(">>>")), None)
        if rows[0].startswith("    ") or _is_aligned(rows):
            lines += ["```text", *(row.removeprefix("    ") for row in rows), "```"]
        elif start is None:
            lines += map(_escaped, rows)
        else:
            lines += [*map(_escaped, rows[:start]), *([""] if start else [])]
            lines += ["```pycon", *rows[start:], "```"]
    return lines


def _is_aligned(rows: list[str]) -> bool:
    """Whether blanks put words into columns."""
    return len(rows) > 1 and all(re.search(r"\S {2,}\S", row) for row in rows)


def _escaped(row: str) -> str:
    """A line whose signs are no Markdown outside of backticks; a dash still makes a list."""
    parts = re.split(r"(`[^`]*`)", row)
    return "".join(part if part.startswith("`") else SPECIAL.sub(r"\\\1", part) for part in parts)


def entry(kind: str, head: str, options: list[str], body: list[str], ticks: int) -> list[str]:
    """One directive of Sphinx's Python domain."""
    fence = "`" * ticks
    return ["", f"{fence}{{py:{kind}}} {head}", *options, "", *body, fence]


def of_class(name: str, owner: type) -> list[str]:
    """A class with its fields, properties and methods."""
    kind = "exception" if issubclass(owner, Exception) else "class"
    head = name if kind == "exception" else name + fields_of(owner)
    body = markdown(owner.__doc__ or "")
    for what, member, value in members(owner):
        if what == "field":
            text = attribute_text(owner.__module__, member, owner)
            body += entry("attribute", member, [], [*typed(owner, member), *markdown(text)], 5)
        elif what == "property":
            body += entry("property", member, [], markdown(value.__doc__ or ""), 5)
        else:
            bound = what != "staticmethod"
            options = [f":{what}:"] if what != "method" else []
            text = markdown(value.__doc__ or "")
            body += entry("method", member + signature(value, bound), options, text, 5)
    return entry(kind, head, [], body, 7)


def typed(owner: type, field: str) -> list[str]:
    """The type of a field, as it is written."""
    annotation = inspect.get_annotations(owner).get(field)
    return [] if annotation is None else [f"`{_written(annotation)}`", ""]


def of_name(module: str, name: str) -> list[str]:
    """One public name of a module."""
    value = getattr(importlib.import_module(module), name)
    if isinstance(value, ModuleType):
        return entry("data", name, [], markdown(value.__doc__ or ""), 7)
    if inspect.isclass(value):
        return of_class(name, value)
    if inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        return entry("function", name + signature(value), [], markdown(value.__doc__ or ""), 7)
    return entry("data", name, [], markdown(attribute_text(module, name)), 7)


def is_class(module: str, name: str) -> bool:
    """Whether a name is that of a class, not of a function or a constant."""
    return inspect.isclass(getattr(importlib.import_module(module), name))


def kind_option(given: str) -> str:
    """The two halves of a long page."""
    return str(directives.choice(given, ("classes", "functions")))


class Api(SphinxDirective):
    """All public names of a module, or with `:only:` its classes, or what is none."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"only": kind_option}

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        only = self.options.get("only")
        lines = [] if only == "classes" else markdown(importlib.import_module(module).__doc__ or "")
        lines += ["", f"```{{py:currentmodule}} {module}", "```"]
        for name in public_names(module):
            kind = "classes" if is_class(module, name) else "functions"
            lines += of_name(module, name) if only in (None, kind) else []
        holder = nodes.container(classes=["api"])
        source = StringList(lines, source=f"{module} (docstrings)")
        self.state.nested_parse(source, self.content_offset, holder)
        return holder.children


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("api", Api)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
