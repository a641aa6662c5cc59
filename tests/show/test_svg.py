"""The pictures: well formed, nothing overlapping, small, light and dark, and true to the plan."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest

from einlab.contraction import Contraction
from einlab.errors import ArgumentError
from einlab.search.tree import Tree
from einlab.show import figure, mesh, sheet, svg, tent
from einlab.show.subject import PICTURES, Subject, warmth
from tests.golden import check, check_compressed
from tests.show.boxes import NAME, labels, overlapping
from tests.show.boxes import corners as corners_of
from tests.show.boxes import texts as texts_of
from tests.show.samples import chain, hypergraph, lattice, random_tree, ring_tree, subject, three

TRACE = ((0.004, 3.1e9), (0.05, 8e8), (0.4, 2.2e8), (0.9, 2.1e8))
TREES = {
    "three": three(),
    "ten": ring_tree(10),
    "words": random_tree(9, seed=2, words=True),
    "lattice": lattice(8, 8),
    "hundred": ring_tree(100, seed=1),
    "random": random_tree(100, seed=1),
    "model": hypergraph(30, 14),
    "large model": hypergraph(100, 60),
}
SUBJECTS = {
    name: subject(tree, trace=TRACE, searched_by="portfolio") for name, tree in TREES.items()
}


def parsed(kind: str, of: Subject) -> ElementTree.Element:
    return ElementTree.fromstring(svg.draw(of, kind))


@pytest.mark.parametrize("kind", svg.KINDS)
@pytest.mark.parametrize("name", ["ten", "hundred"])
def test_a_picture_is_drawn_as_in_its_golden_file(kind: str, name: str) -> None:
    check(f"{kind}_{name}.svg", svg.draw(SUBJECTS[name], kind) + "\n")


@pytest.mark.parametrize("kind", ["tent", "ring", "network", "steps"])
def test_a_thousand_operands_are_drawn_as_in_their_golden_files(kind: str) -> None:
    drawn = svg.draw(subject(ring_tree(1000, seed=2)), kind)
    assert len(drawn.encode()) < 1_000_000
    assert not labels(ElementTree.fromstring(drawn)) or kind == "steps"
    check_compressed(f"{kind}_thousand.svgz", drawn + "\n")


@pytest.mark.parametrize("kind", svg.KINDS)
@pytest.mark.parametrize("name", TREES)
def test_no_two_texts_overlap_and_all_are_inside_the_picture(kind: str, name: str) -> None:
    root = parsed(kind, SUBJECTS[name])
    height = float(root.get("height") or 0)
    assert overlapping(root) == []
    for text in texts_of(root):
        for x, y in corners_of(text):
            assert 0 <= x <= sheet.WIDTH, text.text
            assert 0 <= y <= height, text.text


@pytest.mark.parametrize("kind", ["tent", "ring", "network"])
def test_every_operand_is_labelled_up_to_a_hundred_and_none_above(kind: str) -> None:
    assert len(labels(parsed(kind, SUBJECTS["hundred"]))) >= 100
    assert labels(parsed(kind, subject(ring_tree(101)))) == []


@pytest.mark.parametrize("kind", svg.KINDS)
@pytest.mark.parametrize("name", TREES)
def test_a_picture_has_a_title_and_a_description_and_needs_nothing_else(
    kind: str, name: str
) -> None:
    text = svg.draw(SUBJECTS[name], kind)
    root = ElementTree.fromstring(text)
    assert [child.tag for child in root][:2] == [f"{NAME}title", f"{NAME}desc"]
    assert all(child.text for child in list(root)[:2])
    assert root.get("role") == "img"
    assert not re.search(r"https?:|href|url\(|<script", text.replace("http://www.w3.org/", ""))


def test_every_colour_of_the_light_theme_has_its_counterpart_in_the_dark_one() -> None:
    text = svg.draw(SUBJECTS["three"])
    rule = r"\.einlab-picture ([.\w]+)\{(fill|stroke):(#\w+|var\(--\w+\))\}"
    written, switched = text.split("\n@media screen{\n.einlab-picture")
    by_name, by_variable = (
        {(where, what): colour for where, what, colour in re.findall(rule, part)}
        for part in (written, f".einlab-picture{switched}")
    )
    assert by_name.keys() == by_variable.keys()
    for key, variable in by_variable.items():
        light, dark = sheet.COLOURS[variable.removeprefix("var(--").removesuffix(")")]
        assert by_name[key] == light != dark
        assert text.count(f";{variable[4:-1]}:{dark}") == 2


@pytest.mark.parametrize("kind", svg.KINDS)
def test_every_class_that_is_used_has_a_rule(kind: str) -> None:
    text = svg.draw(SUBJECTS["lattice"], kind)
    used = {name for names in re.findall(r'<\w+ class="([\w ]+)"', text) for name in names.split()}
    assert {name for name in used if f".{name}{{" not in text and f".{name}," not in text} == set()


def test_every_picture_is_drawn_both_as_svg_and_on_axes() -> None:
    assert tuple(svg.KINDS) == tuple(figure.KINDS) == PICTURES


def test_an_unknown_picture_is_refused_by_the_names_of_all() -> None:
    with pytest.raises(ArgumentError, match=r"no picture 'trees'.*tent, ring, network, steps"):
        svg.draw(SUBJECTS["ten"], "trees")


@pytest.mark.parametrize("kind", ["tent", "ring"])
@pytest.mark.parametrize("name", TREES)
def test_every_array_but_the_result_has_one_branch(kind: str, name: str) -> None:
    strokes = "".join(
        path.get("d") or "" for path in parsed(kind, SUBJECTS[name]).iter(f"{NAME}path")
    )
    assert strokes.count("M") == len(TREES[name].terms) - 1


def test_colour_follows_the_flops_a_byte_and_the_dots_the_share() -> None:
    of = subject(Tree(chain((100, 100, 100, 2)), ((0, 1), (2, 3))))  # (AB)c: nearly all is in AB
    nodes = tent.pitch(of)
    assert [node.warmth for node in nodes[3:]] == [warmth(cost) for cost in of.products] == [3, 0]
    assert [cost.intensity for cost in of.products] == pytest.approx([2e6 / 1.2e5, 4e4 / 41600])
    assert of.shares == pytest.approx((100 / 102, 2 / 102))
    assert {"h3", "h0"} == {path.get("class") for path in parsed("tent", of).iter(f"{NAME}path")}


def test_width_follows_the_logarithm_of_the_size() -> None:
    nodes = tent.pitch(subject(Tree(chain((4, 4, 4, 256)), ((0, 1), (2, 3)))))
    assert [node.weight for node in nodes] == pytest.approx([0.4, 0.4, 1.0, 0.4, 1.0])


@pytest.mark.parametrize("name", TREES)
def test_operands_stand_in_a_row_and_results_above_all_they_are_made_of(name: str) -> None:
    tree = TREES[name]
    nodes = tent.pitch(SUBJECTS[name])
    count = len(tree.contraction.terms)
    row = sorted(node.x for node in nodes[:count])
    assert row == pytest.approx([(place + 0.5) / count for place in range(count)])
    assert {node.y for node in nodes[:count]} == {0}
    assert nodes[-1].y == 1
    for step, pair in enumerate(tree.pairs):
        left, right = sorted((nodes[array] for array in pair), key=lambda node: node.x)
        assert left.x < nodes[count + step].x < right.x
        assert nodes[count + step].y > max(left.y, right.y)


def test_a_network_shows_each_index_once_and_says_when_it_is_summed() -> None:
    terms = (("a", "b", "x"), ("a", "b", "h"), ("h", "c"), ("h", "c", "o"), ("lone", "h"))
    shapes = tuple((2,) * len(term) for term in terms)
    contraction = Contraction(terms, ("x", "o"), shapes, ("float32",) * 5)
    tree = Tree(contraction, ((0, 1), (2, 3), (4, 6), (5, 7)))
    net = mesh.mesh(subject(tree, sliced=("c",), slices=2), (600.0, 400.0), 20.0)
    assert sorted(net.hubs) == [("h",), ("o",), ("x",)]
    assert Counter(line.names for line in net.lines) == {
        ("a", "b"): 1, ("c",): 1, ("x",): 1, ("o",): 1, ("h",): 4,
    }  # fmt: skip
    phase = {line.names: line.phase for line in net.lines}
    assert phase == {("a", "b"): 0, ("c",): 1, ("h",): 3, ("x",): None, ("o",): None}
    assert [line.names for line in net.lines if line.sliced] == [("c",)]
    assert dict(zip(net.hubs, net.is_open, strict=True)) == {
        ("h",): False,
        ("o",): True,
        ("x",): True,
    }


def test_the_chart_of_steps_has_a_bar_for_each_step_as_high_as_its_flops() -> None:
    of = SUBJECTS["hundred"]
    bars = [rect for rect in parsed("steps", of).iter(f"{NAME}rect") if len(rect)]
    heights = [float(bar.get("height") or 0) for bar in bars]
    flops = [cost.flops for _, cost in of.steps]
    assert len(bars) == len(flops)
    by_height = sorted(range(len(bars)), key=lambda step: heights[step])
    assert [flops[step] for step in by_height] == sorted(flops)


def test_the_chart_of_the_search_falls_from_point_to_point() -> None:
    points = [
        (float(dot.get("cx") or 0), float(dot.get("cy") or 0))
        for dot in parsed("search", SUBJECTS["ten"]).iter(f"{NAME}circle")
    ]
    assert len(points) == len(TRACE)
    assert points == sorted(points)
    assert [y for _, y in points] == sorted(y for _, y in points)


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        ((), "which notes no course"),
        (((0.5, 100.0),), "found 100 FLOP after 500 ms"),
        (((0.1, 1e300), (0.2, 1.0)), "by 1 better order."),
        (((0.0, 5.0), (0.0, 4.0)), "from 5 FLOP to 4 FLOP in 0 s"),
    ],
)
def test_searches_without_a_course_or_with_an_odd_one_are_drawn_too(
    trace: tuple[tuple[float, float], ...], told: str
) -> None:
    root = parsed("search", subject(three(), trace=trace, searched_by="exact"))
    assert told in (root[1].text or "")
    assert overlapping(root) == []


def test_names_are_shown_and_never_obeyed() -> None:
    terms = (("<b>", "&"), ("&", '"'))
    contraction = Contraction(terms, ("<b>", '"'), ((2, 3), (3, 4)), ("float32",) * 2)
    for kind in svg.KINDS:
        parsed(kind, subject(Tree(contraction, ((0, 1),)), searched_by="<script>"))
    root = parsed("tent", subject(Tree(contraction, ((0, 1),))))
    assert {"<b> &", '& "'} <= {element.text for element in root.iter(f"{NAME}text")}


@pytest.mark.parametrize("kind", svg.KINDS)
@pytest.mark.parametrize("sizes", [(2, 3), (0, 3, 2), (1, 1, 1)])
def test_one_operand_no_elements_and_scalars_are_drawn_too(
    sizes: tuple[int, ...], kind: str
) -> None:
    count = len(sizes) - 1
    of = subject(Tree(chain(sizes), ((0, 1),) if count == 2 else ()))
    assert overlapping(parsed(kind, of)) == []


def test_a_deep_tree_of_huge_steps_is_drawn_without_recursion() -> None:
    count = 1500
    names = [chr(0x4E00 + place) for place in range(count)]
    contraction = Contraction(
        tuple((name,) for name in names), (), ((16,),) * count, ("float32",) * count
    )
    pairs = ((0, 1), *((count + step - 1, step + 1) for step in range(1, count - 1)))
    for kind in ("tent", "ring", "steps"):
        assert parsed(kind, subject(Tree(contraction, pairs))).get("role") == "img"
    outer = Contraction(contraction.terms, tuple(names), contraction.shapes, contraction.dtypes)
    for kind in ("tent", "steps"):
        assert parsed(kind, subject(Tree(outer, pairs))).get("role") == "img"
