"""A step of value iteration as a product: what every action is worth, then the best of them.

Source: Bellman 1957; Sutton and Barto 2018, "Reinforcement Learning", section 4.4.
"""

from __future__ import annotations

from typing import Any

import jax
from jaxtyping import Array, Float

from einlab.arguments import real
from einlab.errors import ShapeError
from einlab.linalg.operands import exact_product, together, wide

__all__ = ["action_values", "value_iteration_step"]


def action_values(
    transitions: Any, rewards: Any, values: Any, discount: float = 1.0
) -> Float[Array, "s a"]:
    """What each action is worth in each state: rewards + discount·Σₜ transitions·values.

    transitions: (a, s, t), the probability of going from state s to t by action a, t as many as s.
    rewards: (s, a). values: (s,), what each state is worth so far.

    Raises OperandError or ShapeError if they do not fit, ArgumentError for a discount that is not
    from 0 to 1.

    >>> action_values([[[0.0, 1.0], [0.0, 1.0]]], [[1.0], [0.0]], [0.0, 10.0], 0.5).tolist()
    [[6.0], [5.0]]
    """
    moves, gains, worth = together(
        wide(transitions, "transitions"), wide(rewards, "rewards"), wide(values, "values")
    )
    _check(moves, gains, worth)
    return gains + real(discount, "discount", 0, 1) * exact_product("ast,t->sa", moves, worth)


def value_iteration_step(
    transitions: Any, rewards: Any, values: Any, discount: float = 1.0
) -> Float[Array, " s"]:
    """The values of all states after one step: in each the worth of its best action.

    Repeated with a discount below 1 it comes nearer to the values of the best policy by that factor
    at least, in the largest difference of any state.

    Takes and raises what `action_values` does.

    >>> value_iteration_step([[[0.0, 1.0], [0.0, 1.0]]], [[1.0], [0.0]], [0.0, 10.0], 0.5).tolist()
    [6.0, 5.0]
    """
    return action_values(transitions, rewards, values, discount).max(axis=1)


def _check(moves: jax.Array, gains: jax.Array, worth: jax.Array) -> None:
    if moves.ndim != 3 or moves.shape[1] != moves.shape[2]:
        raise ShapeError(
            f"transitions has shape {moves.shape}; it is (actions, states, states), a square "
            "matrix for each action"
        )
    actions, states = moves.shape[:2]
    if gains.shape != (states, actions):
        raise ShapeError(
            f"rewards has shape {gains.shape}; it is ({states}, {actions}), states by actions"
        )
    if worth.shape != (states,):
        raise ShapeError(f"values has shape {worth.shape}; it is ({states},), one a state")
