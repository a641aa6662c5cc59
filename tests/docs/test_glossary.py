"""The glossary has the field's words, and each leads there at its first use on a page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.extensions import extension

pytest.importorskip("sphinx", reason="the group docs is not installed")
pytest.importorskip("myst_parser", reason="the group docs is not installed")

DOCS = Path(__file__).parents[2] / "docs"
WORDS = (
    *("index", "axis", "term", "operand", "contraction", "step", "path", "contraction tree"),
    *("intermediate", "slicing", "peak memory", "arithmetic intensity", "ridge point", "roofline"),
    *("MFU", "prefill", "decode", "search", "objective", "size", "volume", "FLOP", "MAC", "plan"),
    *("batch", "attention head", "grouped heads", "hidden state", "feed-forward network", "rank"),
    *("vocabulary", "einsum", "embedding", "one-hot", "low rank", "LoRA", "softmax", "precision"),
)
"""Words that pages use without saying every time what they mean."""


@pytest.fixture(scope="module")
def glossary() -> ModuleType:
    return extension("einlab_glossary")


def entries() -> list[tuple[list[str], str]]:
    """The names of each entry, and what is said of it."""
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    inside = re.search(r"```\{glossary\}\n(.+?)\n```", text, re.DOTALL)
    assert inside is not None
    found = []
    for block in inside[1].split("\n\n"):
        lines = block.split("\n")
        names = [line for line in lines if not line.startswith(" ")]
        found.append((names, " ".join(line.strip() for line in lines[len(names) :])))
    return found


def test_the_words_of_the_field_are_all_explained_in_alphabetical_order():
    found = entries()
    names = [name for names, _ in found for name in names]
    assert set(WORDS) <= set(names)
    assert len(names) == len(set(names))
    firsts = [names[0].lower() for names, _ in found]
    assert firsts == sorted(firsts)
    for names, text in found:
        assert text.endswith("."), names


def test_most_words_of_the_glossary_are_used_on_the_pages_of_the_course(glossary):
    pages = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("[lh]*/*.md"))
    used = [bool(glossary.pattern(names)[0].search(pages)) for names, _ in entries()]
    assert sum(used) > 0.75 * len(used)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Two operands share an index.", ["operands", "index"]),
        ("Operand by operand", ["Operand", "operand"]),
        ("free indices and axes", ["free indices", "axes"]),
        ("a low-rank factor, of low rank", ["low-rank", "low rank"]),
        ("FLOPs, not flops or a flop", ["FLOPs"]),
        ("indexing a sub-operand", []),
        ("GEMMs; matrices' product", ["GEMMs"]),
    ],
)
def test_terms_are_found_in_singular_and_plural_as_whole_words(text, found, glossary):
    terms = ("operand", "index", "free index", "axis", "low rank", "FLOP", "GEMM")
    finder, _ = glossary.pattern(terms)
    assert [match[0] for match in finder.finditer(text)] == found


CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_parser", "einlab_glossary", "sphinx.ext.intersphinx", "einlab_inventories"]
myst_enable_extensions = ["dollarmath"]
html_theme = "basic"
"""
PAGE = """# An operand in a heading

`operand` and $operand$ stay; so does [operand](glossary.md).

Here an operand is used, then a second operand, and FLOPs.

Element-wise or element
wise.

```text
operand
```

{py:class}`jax.Array`
"""
GLOSSARY = """# Words

```{glossary}
operand
  An array.

FLOP
  A multiplication of an operand.

element-wise
  Entry by entry.
```

```{toctree}
page
```
"""


def test_the_first_use_on_a_page_is_a_link_and_no_other_is(tmp_path):
    source = tmp_path / "source"
    (source / "_inventories").mkdir(parents=True)
    (source / "conf.py").write_text(CONF.format(ext=str(DOCS / "_ext")), encoding="utf-8")
    (source / "index.md").write_text(GLOSSARY, encoding="utf-8")
    page = PAGE.replace("glossary.md", "index.md")
    (source / "page.md").write_text(page, encoding="utf-8")
    jax = (DOCS / "_inventories" / "jax.txt").read_text(encoding="utf-8")
    (source / "_inventories" / "jax.txt").write_text(jax, encoding="utf-8")
    target = tmp_path / "html"
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(source), str(target)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    html = (target / "page.html").read_text(encoding="utf-8")
    links = re.findall(r'<a class="term[^>]*href="([^"]+)"[^>]*>([^<]+)</a>', html)
    assert links == [
        ("index.html#term-operand", "operand"),
        ("index.html#term-FLOP", "FLOPs"),
        ("index.html#term-element-wise", "Element-wise"),
    ]
    assert 'href="https://docs.jax.dev/en/latest/_autosummary/jax.Array.html#jax.Array"' in html
    assert 'class="term' not in (target / "index.html").read_text(encoding="utf-8")
