"""The picture of a tree: well formed, nothing overlapping, small, and true to the tree."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest

from einlab.contraction import Contraction
from einlab.errors import display_width
from einlab.search.tree import Tree
from einlab.show import svg, tent
from tests.golden import check
from tests.show.samples import chain, random_tree, three

NAME = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]


def parsed(tree: Tree) -> ElementTree.Element:
    return ElementTree.fromstring(svg.draw_tree(tree))


def labels(root: ElementTree.Element) -> list[Rectangle]:
    """Left, top, right and bottom of every label of an array, from its text and its size."""
    boxes = []
    for element in root.iter(f"{NAME}text"):
        if element.get("class") in ("head", "soft"):
            continue
        size = re.search(r"font-size:([\d.]+)", element.get("style") or "font-size:12")
        glyph = float(size[1]) if size else 12.0
        length = 0.6 * glyph * display_width(element.text or "")
        turned = re.search(r"translate\(([\d.]+) ([\d.]+)\)", element.get("transform") or "")
        if turned:
            x, y = float(turned[1]), float(turned[2])
            boxes.append((x - glyph / 2, y, x + glyph / 2, y + length))
        else:
            x, y = float(element.get("x") or 0), float(element.get("y") or 0)
            boxes.append((x - length / 2, y - glyph, x + length / 2, y))
    return boxes


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


TREES = {
    "three": three(),
    "ten": random_tree(10),
    "words": random_tree(9, seed=2, words=True),
    "hundred": random_tree(100, seed=1),
}


@pytest.mark.parametrize("name", ["three", "ten"])
def test_a_tree_is_drawn_as_in_its_golden_file(name: str) -> None:
    check(f"tree_{name}.svg", svg.draw_tree(TREES[name]) + "\n")


@pytest.mark.parametrize("name", TREES)
def test_no_two_labels_overlap_and_all_are_inside_the_picture(name: str) -> None:
    root = parsed(TREES[name])
    boxes = labels(root)
    height = float(root.get("height") or 0)
    assert len(boxes) >= len(TREES[name].contraction.terms)
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert right <= svg.WIDTH
        assert top > svg.HEADER - 20
        assert bottom < height - 30  # where the legend begins


def test_above_a_hundred_operands_labels_are_left_out() -> None:
    assert labels(parsed(random_tree(101))) == []


def test_a_thousand_operands_take_less_than_a_megabyte() -> None:
    assert len(svg.draw_tree(random_tree(1000)).encode()) < 1_000_000


@pytest.mark.parametrize("name", TREES)
def test_the_picture_has_a_title_and_a_description_and_needs_nothing_else(name: str) -> None:
    text = svg.draw_tree(TREES[name])
    root = ElementTree.fromstring(text)
    assert [child.tag for child in root][:2] == [f"{NAME}title", f"{NAME}desc"]
    assert root.get("role") == "img"
    assert not re.search(r"https?:|href|url\(|<script", text.replace("http://www.w3.org/", ""))


def test_light_and_dark_come_from_the_readers_setting() -> None:
    text = svg.draw_tree(three())
    before, after = text.split("@media (prefers-color-scheme:dark)")
    for name in ("paper", "ink", "soft", "pill", *(f"h{k}" for k in range(5))):
        light, dark = (re.search(rf"--{name}:(#\w+)", part) for part in (before, after))
        assert light
        assert dark
        assert light[1] != dark[1]


@pytest.mark.parametrize("name", TREES)
def test_every_array_but_the_result_has_one_branch(name: str) -> None:
    tree = TREES[name]
    strokes = "".join(path.get("d") or "" for path in parsed(tree).iter(f"{NAME}path"))
    assert strokes.count("M") == len(tree.terms) - 1


def test_colour_follows_the_share_of_the_work() -> None:
    tree = Tree(chain((100, 100, 100, 2)), ((0, 1), (2, 3)))  # (AB)c: nearly all work is in AB
    nodes = tent.pitch(tree)
    assert [tent.heat(node.share) for node in nodes[3:]] == [4, 1]
    assert sum(node.share for node in nodes) == pytest.approx(1)
    assert {"h4", "h1"} == {path.get("class") for path in parsed(tree).iter(f"{NAME}path")}


def test_width_follows_the_logarithm_of_the_size() -> None:
    tree = Tree(chain((4, 4, 4, 256)), ((0, 1), (2, 3)))
    weights = [node.weight for node in tent.pitch(tree)]
    assert weights == pytest.approx([4 / 10, 4 / 10, 10 / 10, 4 / 10, 10 / 10])


@pytest.mark.parametrize("name", TREES)
def test_operands_stand_in_a_row_and_results_above_all_they_are_made_of(name: str) -> None:
    tree = TREES[name]
    nodes = tent.pitch(tree)
    count = len(tree.contraction.terms)
    row = sorted(node.x for node in nodes[:count])
    assert row == pytest.approx([(place + 0.5) / count for place in range(count)])
    assert {node.y for node in nodes[:count]} == {0}
    assert nodes[-1].y == 1
    for step, pair in enumerate(tree.pairs):
        left, right = sorted((nodes[array] for array in pair), key=lambda node: node.x)
        assert left.x < nodes[count + step].x < right.x
        assert nodes[count + step].y > max(left.y, right.y)


def test_names_are_shown_and_never_obeyed() -> None:
    terms = (("<b>", "&"), ("&", '"'))
    contraction = Contraction(terms, ("<b>", '"'), ((2, 3), (3, 4)), ("float32",) * 2)
    root = parsed(Tree(contraction, ((0, 1),)))
    assert {"<b> &", '& "', '<b> "'} <= {element.text for element in root.iter(f"{NAME}text")}


@pytest.mark.parametrize("sizes", [(2, 3), (0, 3, 2), (1, 1, 1)])
def test_one_operand_no_elements_and_scalars_are_drawn_too(sizes: tuple[int, ...]) -> None:
    count = len(sizes) - 1
    root = parsed(Tree(chain(sizes), ((0, 1),) if count == 2 else ()))
    assert len(labels(root)) == 2 * count - 1


def test_a_deep_tree_is_drawn_without_recursion() -> None:
    count = 2000
    names = [chr(0x4E00 + place) for place in range(count)]
    contraction = Contraction(
        tuple((name,) for name in names), (), ((2,),) * count, ("float32",) * count
    )
    pairs = ((0, 1), *((count + step - 1, step + 1) for step in range(1, count - 1)))
    assert parsed(Tree(contraction, pairs)).get("role") == "img"
