"""One amplitude of a quantum circuit, as one contraction instead of 2ⁿ numbers.

    python examples/quantum_circuit.py [FOLDER]

A circuit of random two-qubit gates in a brick pattern is a tensor network: each gate is an operand
of four axes, each wire an index. Simulating the state gate by gate keeps 2ⁿ numbers alive;
contracting the network for one amplitude in a good order keeps far fewer. Both are computed, and
agree. With a folder the network and its contraction tree are drawn into it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from einlab import Plan, contract, contract_path

QUBITS, LAYERS = 16, 6

Network = list[tuple[np.ndarray, list[int]]]


def random_gate(random: np.random.Generator) -> np.ndarray:
    """A unitary of two qubits with axes (out, out, in, in), from the QR of a Gaussian matrix."""
    gaussian = random.normal(size=(2, 4, 4))
    unitary, triangle = np.linalg.qr(gaussian[0] + 1j * gaussian[1])
    phases = np.diag(triangle) / abs(np.diag(triangle))
    return np.asarray((unitary * phases).reshape(2, 2, 2, 2), np.complex64)


def circuit(qubits: int, layers: int, seed: int = 0) -> tuple[Network, list[int]]:
    """Gates with their indices, starting from |0…0⟩, and the index at the end of each wire."""
    random = np.random.default_rng(seed)
    zero = np.array([1, 0], np.complex64)
    wires = list(range(qubits))
    network: Network = [(zero, [wire]) for wire in wires]
    fresh = qubits
    for layer in range(layers):
        for left in range(layer % 2, qubits - 1, 2):
            out = [fresh, fresh + 1]
            network.append((random_gate(random), [*out, wires[left], wires[left + 1]]))
            wires[left : left + 2] = out
            fresh += 2
    return network, wires


def interleaved(network: Network) -> list[Any]:
    """Operands and their indices by turns, as `contract` takes them."""
    return [part for array, indices in network for part in (array, indices)]


def amplitude(network: Network, wires: list[int]) -> tuple[complex, Plan]:
    """⟨0…0|circuit|0…0⟩, and the plan that gave it."""
    zero = np.array([1, 0], np.complex64)
    operands = [*interleaved(network), *(part for wire in wires for part in (zero, [wire])), []]
    plan = contract_path(*operands, budget="0.5s")[1]
    value = contract(plan, *(array for array, _ in network), *[zero] * len(wires))
    return complex(value), plan


def first_entry_of_state(network: Network, qubits: int) -> complex:
    """The same number by simulating the whole state, one gate after the other."""
    state = jnp.zeros((2,) * qubits, jnp.complex64).at[(0,) * qubits].set(1)
    wires = list(range(qubits))
    for gate, (one, two, left, right) in ((gate, ids) for gate, ids in network if len(ids) == 4):
        places = wires.index(left), wires.index(right)
        after = list(wires)
        after[places[0]], after[places[1]] = one, two
        state = contract(state, wires, gate, [one, two, left, right], after)
        wires = after
    return complex(state[(0,) * qubits])


def main(folder: Path | None = None) -> None:
    """Print the plan, what the order saves, and the amplitude found in two ways."""
    network, wires = circuit(QUBITS, LAYERS)
    value, plan = amplitude(network, wires)
    gates = sum(array.ndim == 4 for array, _ in network)
    print(f"{QUBITS} qubits, {gates} gates, {len(network) + QUBITS} operands")
    print(plan)
    state = 2**QUBITS
    print(f"largest intermediate {plan.size:,} numbers; the state itself has {state:,}")
    print(f"FLOPs {plan.flops:,}; left to right {plan.left_to_right.flops:,}")
    simulated = first_entry_of_state(network, QUBITS)
    print(f"amplitude by contraction {value:.6f}, by simulation {simulated:.6f}")
    if abs(value - simulated) > 1e-5:
        raise SystemExit("the two ways disagree")
    if folder is not None:
        (folder / "network.svg").write_text(plan.svg("network"), encoding="utf-8")
        (folder / "tree.svg").write_text(plan.svg("tent"), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
