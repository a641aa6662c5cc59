"""Numbers in the prose of the tutorial come from its cells: a digit elsewhere needs a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LEARN = Path(__file__).parents[2] / "docs" / "learn"
PAGES = sorted(path.stem for path in LEARN.glob("L*.md"))

NAMES = (
    r"\ball-MiniLM-L6-v2\b",
    r"\bL\d+\b",  # pages
    r"\bb?float(16|32|64)\b",
    r"\bu?int(8|16|32|64)\b",
    r"\b[AH]100\b",
    r"\bTF32\b",
    r"\bAVX2\b",
    r"\bGPT-[23]\b",
    r"\bLlama[ -]\d[\dB ]*\b",
    r"\bim2col\b",
    r"\b(CC BY|Apache-)\s?\d\.0\b",
)
"""Digits that are part of a name."""

REASONS = {
    ("L7", "A MiB is 2²⁰ bytes"): "a unit's definition",
    ("L9", "has a 1 at place"): "the definition of a one-hot vector",
    ("L9", "and 0 elsewhere"): "the definition of a one-hot vector",
    ("L9", "times 0."): "the definition of a one-hot vector",
    ("L10", "layers of 16 and 8"): "sizes of the example, as in its cell",
    ("L10", "(32×64)"): "sizes of the example, as in its cell",
    ("L10", "(64×5)"): "sizes of the example, as in its cell",
    ("L11", "sum to 1"): "what weights are",
    ("L11", "over 512 tokens"): "sizes of the example, as in its cell",
    ("L11", "the model, 768"): "sizes of the example, as in its cell",
    ("L11", "heads of 32"): "a size of the model, as in the cell's root",
    ("L11", "query 0 at key 0"): "positions, counted from nought",
    ("L16", "a 3×3 window"): "a size of the example, as in its cell",
    ("L18", "Records of 512"): "sizes of the example, as in its cell",
    ("L18", "width 768"): "sizes of the example, as in its cell",
    ("L18", "batches of 32"): "sizes of the example, as in its cell",
    ("L18", "for a 3×3 filter"): "sizes of the example, as in its cell",
    ("L18", "27 for 3×3×3"): "numbers of a window, as the cell's shapes show",
    ("L18", '"32 × 512 × 768'): "a claim that is quoted",
}
"""What else may stand in prose, by page and words, and why."""

LEFT_OUT = (
    (r"\A---\n.*?\n---\n", ""),  # the header
    (r"^```\{container\}[^\n]*\n(.*?)^```$", r"\1"),  # a box is prose
    (r"^```.*?^```$", ""),  # code, output, widgets
    (r"\$\$.*?\$\$", ""),
    (r"\$[^$]*\$", ""),
    (r"`[^`]*`", ""),
    (r"^#+ [^\n]*$", ""),
    (r"^\d+\. ", ""),  # the numbering of a list
    (r"\]\([^)]*\)", "]"),  # where a link leads
    (r"\b(19|20)\d\d\b(?! ?[×x·])", ""),  # years
)


def prose(text: str) -> str:
    """A page's words: without header, code, formulas, headings, numbering, targets and years."""
    for pattern, kept in LEFT_OUT:
        text = re.sub(pattern, kept, text, flags=re.MULTILINE | re.DOTALL)
    return text


def digits(page: str, text: str) -> list[str]:
    """The lines of prose in which a digit is left that has no reason."""
    text = prose(text)
    for name in NAMES:
        text = re.sub(name, "", text)
    for of, words in REASONS:
        if of == page:
            text = text.replace(words, "")
    return [line for line in text.splitlines() if re.search(r"\d", line)]


@pytest.mark.parametrize("page", PAGES)
def test_a_number_in_prose_has_a_reason(page):
    assert digits(page, (LEARN / f"{page}.md").read_text(encoding="utf-8")) == []


def test_every_reason_is_still_needed():
    texts = {page: prose((LEARN / f"{page}.md").read_text(encoding="utf-8")) for page in PAGES}
    assert [(page, words) for page, words in REASONS if words not in texts[page]] == []


@pytest.mark.parametrize(
    "text",
    [
        "It took 22 ms.",
        "```{container} you-can\n- do it 3 times\n```",
        "550 times, see $x$ and `y`",
    ],
)
def test_a_result_in_prose_is_found(text):
    assert digits("L1", f"# A page\n\n{text}\n")


@pytest.mark.parametrize(
    "text",
    ["(Eckart and Young 1936)", "# L3 · Rules 9", "```python\n3\n```", "$x_1$ in `a[3]`",
     "1. first", "[here](L13.md#a-1)", "in float32 on an H100, as Llama 7B"],
)  # fmt: skip
def test_code_formulas_headings_dates_references_and_names_are_left_out(text):
    assert digits("L1", text) == []
