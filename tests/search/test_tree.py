import pytest

from einlab.errors import PathError
from einlab.objectives import OBJECTIVES
from einlab.search.greedy import Greedy
from einlab.search.tree import Tree, tree_from_path
from einlab.search.value import in_peak_order, peak_elements, tree_value
from tests.search.networks import contraction_of, random_network, recount, steps_of

CHAIN = contraction_of("ab,bc,cd,de->ae", {"a": 2, "b": 3, "c": 4, "d": 5, "e": 6})


def some_trees(most: int = 12):
    for seed in range(40):
        contraction = random_network(seed, most)
        yield next(iter(Greedy(seed=seed).each(contraction)))


def test_a_path_gives_the_tree_that_gives_the_path():
    for tree in some_trees():
        assert tree_from_path(tree.contraction, tree.path) == tree


def test_volumes_of_steps_are_those_of_the_index_sets():
    for tree in some_trees():
        count = len(tree.contraction.terms)
        for step, (left, right, result, _) in enumerate(steps_of(tree.contraction, tree.pairs)):
            assert tree.volume(tree.pairs[step][0]) == left
            assert tree.volume(tree.pairs[step][1]) == right
            assert tree.volume(count + step) == result


def test_groups_share_out_the_indices_of_each_step():
    for tree in some_trees():
        for groups, (left, right) in zip(tree.groups, tree.pairs, strict=True):
            parts = [set(groups.batch), set(groups.m), set(groups.k), set(groups.n)]
            assert sum(map(len, parts)) == len(tree.terms[left] | tree.terms[right])
            assert parts[0] | parts[1] | parts[2] == tree.terms[left]
            assert parts[0] | parts[3] | parts[2] == tree.terms[right]


@pytest.mark.parametrize("objective", ["flops", "bytes", "size", "peak"])
def test_values_are_recounted_from_names(objective):
    for tree in some_trees():
        value = tree_value(tree, OBJECTIVES[objective])
        assert value == recount(tree.contraction, tree.pairs, objective)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ([(0, 1), (0, 1)], "leaves 2 of 4"),
        ([(0, 4), (0, 1), (0, 1)], "only operands 0 to 3 are left"),
        ([(1, 1), (0, 1), (0, 1)], "repeats an operand"),
        ([(0, "b")], "not a tuple of operand numbers"),
        ([()], "not a tuple of operand numbers"),
        ([3], "not a tuple of operand numbers"),
    ],
)
def test_a_wrong_path_is_refused_with_the_step(path, complaint):
    with pytest.raises(PathError, match=complaint):
        tree_from_path(CHAIN, path)


def test_a_wrong_tree_is_refused():
    with pytest.raises(PathError, match="is not there"):
        Tree(CHAIN, ((0, 1), (0, 2), (3, 5)))
    with pytest.raises(PathError, match="2 arrays are left"):
        Tree(CHAIN, ((0, 1), (2, 3)))


def test_steps_over_one_operand_or_several_are_taken_pairwise():
    assert tree_from_path(CHAIN, [(0,), (0, 1, 2, 3)]).pairs == ((1, 2), (0, 3), (4, 5))


def finishing_orders(tree):
    """All orders of the steps that finish one side of a step before the other is begun."""
    count = len(tree.contraction.terms)

    def orders(array):
        if array < count:
            return [()]
        left, right = (orders(side) for side in tree.pairs[array - count])
        return [
            (*a, *b, array) for one, two in ((left, right), (right, left)) for a in one for b in two
        ]

    return set(orders(count + len(tree.pairs) - 1))


def test_the_peak_order_is_the_best_of_all_that_finish_a_branch():
    for tree in some_trees(most=7):
        count = len(tree.contraction.terms)
        peaks = []
        for order in finishing_orders(tree):
            number = {array: count + step for step, array in enumerate(order)} | {
                operand: operand for operand in range(count)
            }
            made = (tree.pairs[array - count] for array in order)
            pairs = tuple((number[left], number[right]) for left, right in made)
            peaks.append(peak_elements(Tree(tree.contraction, pairs)))
        ordered = in_peak_order(tree)
        assert peak_elements(ordered) == min(peaks)
        assert sorted(
            map(sorted, map(tree_leaves(ordered), range(count, 2 * count - 1)))
        ) == sorted(map(sorted, map(tree_leaves(tree), range(count, 2 * count - 1))))


def tree_leaves(tree):
    """Which operands each array of a tree holds."""
    held = [[operand] for operand in range(len(tree.contraction.terms))]
    for left, right in tree.pairs:
        held.append(held[left] + held[right])
    return held.__getitem__
