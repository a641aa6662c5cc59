import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.exact import Exact
from einlab.search.greedy import Greedy
from einlab.search.subtrees import Subtrees
from einlab.search.value import tree_value
from tests.search.networks import random_network, recount


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_solving_subtrees_never_makes_a_tree_worse(objective):
    for seed in range(15):
        contraction = random_network(seed, most=16)
        start = Greedy().search(contraction, OBJECTIVES[objective])
        tree = Subtrees(5).improve(start, OBJECTIVES[objective])
        value = tree_value(tree, OBJECTIVES[objective])
        assert value == recount(contraction, tree.pairs, objective)
        assert value <= tree_value(start, OBJECTIVES[objective])


def test_a_subtree_as_wide_as_the_tree_is_the_exact_search():
    objective = OBJECTIVES["flops"]
    for seed in range(30):
        contraction = random_network(seed, most=8)
        start = Greedy().search(contraction, objective)
        value = tree_value(Subtrees(8).improve(start, objective), objective)
        assert value == tree_value(Exact().search(contraction, objective), objective)
