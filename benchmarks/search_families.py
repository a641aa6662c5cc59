"""Families of tensor networks, drawn from seeds.

Everything is made here in plain Python, so that the set is the same whatever is installed. A
network is lists of index names, one for each tensor, the indices kept, and the size of each index.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations, product

__all__ = [
    "Edge",
    "Network",
    "bayesian",
    "chain",
    "circuit",
    "clauses",
    "dense",
    "fourier",
    "honeycomb",
    "lattice",
    "lattice_edges",
    "layers",
    "local_clauses",
    "mera",
    "mixed",
    "partial_k_tree",
    "qaoa",
    "regular",
    "sandwich",
    "scale_free",
    "small_world",
    "sparse",
    "spins",
    "tree",
    "triangular",
]

Terms = list[list[str]]
Network = tuple[Terms, list[str], dict[str, int]]
Edge = tuple[int, int]


def _graph(nodes: int, edges: Sequence[Edge], size: int | Sequence[int]) -> Network:
    """A tensor at each node, an index on each edge."""
    terms: Terms = [[] for _ in range(nodes)]
    for number, (left, right) in enumerate(edges):
        terms[left].append(f"e{number}")
        terms[right].append(f"e{number}")
    sizes = [size] * len(edges) if isinstance(size, int) else size
    return terms, [], {f"e{number}": sizes[number] for number in range(len(edges))}


def _drawn(draw: random.Random, count: int, most: int) -> list[int]:
    return [draw.randint(2, most) for _ in range(count)]


def lattice_edges(lengths: Sequence[int], periodic: bool = False) -> list[Edge]:
    """The neighbours on a cubic lattice of any dimension."""
    places = {place: number for number, place in enumerate(product(*map(range, lengths)))}
    edges = []
    for place, number in places.items():
        for axis, length in enumerate(lengths):
            after = [x + (at == axis) for at, x in enumerate(place)]
            if periodic and length > 2:
                after[axis] %= length
            if tuple(after) in places:
                edges.append((number, places[tuple(after)]))
    return edges


def lattice(lengths: Sequence[int], size: int, periodic: bool = False) -> Network:
    """A cubic lattice of any dimension."""
    count = 1
    for length in lengths:
        count *= length
    return _graph(count, lattice_edges(lengths, periodic), size)


def honeycomb(rows: int, columns: int, size: int) -> Network:
    """A brick wall: every site has up to three neighbours."""
    edges = [
        (r * columns + c, r * columns + c + 1) for r in range(rows) for c in range(columns - 1)
    ]
    edges += [
        (r * columns + c, (r + 1) * columns + c)
        for r in range(rows - 1)
        for c in range(r % 2, columns, 2)
    ]
    return _graph(rows * columns, edges, size)


def triangular(rows: int, columns: int, size: int) -> Network:
    """A square lattice with one diagonal."""
    edges = lattice_edges((rows, columns))
    edges += [
        (r * columns + c, (r + 1) * columns + c + 1)
        for r in range(rows - 1)
        for c in range(columns - 1)
    ]
    return _graph(rows * columns, edges, size)


def regular(draw: random.Random, nodes: int, degree: int, size: int) -> Network:
    """A random regular graph by pairing; loops and double edges are drawn again."""
    while True:
        ends = [node for node in range(nodes) for _ in range(degree)]
        draw.shuffle(ends)
        edges = [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if a != b]
        if len({frozenset(edge) for edge in edges}) >= nodes * degree // 2 - 3:
            return _graph(nodes, edges, size)


def sparse(draw: random.Random, nodes: int, edges: int, size: int) -> Network:
    """So many edges between random nodes."""
    pairs = [(draw.randrange(nodes), draw.randrange(nodes)) for _ in range(edges)]
    return _graph(nodes, [pair for pair in pairs if pair[0] != pair[1]], size)


def scale_free(draw: random.Random, nodes: int, links: int, size: int) -> Network:
    """Each new node is linked to nodes drawn by their degree (Barabási and Albert 1999)."""
    edges = list(combinations(range(links + 1), 2))
    ends = [node for edge in edges for node in edge]
    for node in range(links + 1, nodes):
        chosen: set[int] = set()
        while len(chosen) < links:
            chosen.add(draw.choice(ends))
        edges += [(other, node) for other in sorted(chosen)]
        ends += [*sorted(chosen), *[node] * links]
    return _graph(nodes, edges, size)


def small_world(draw: random.Random, nodes: int, near: int, rewired: float, size: int) -> Network:
    """A ring with links to near nodes, some of them rewired (Watts and Strogatz 1998)."""
    edges = []
    for node, step in product(range(nodes), range(1, near + 1)):
        other = (node + step) % nodes
        if draw.random() < rewired:
            other = draw.choice([x for x in range(nodes) if x != node])
        edges.append((node, other))
    return _graph(nodes, edges, size)


def tree(draw: random.Random, nodes: int, most: int, kept: int) -> Network:
    """A random tree with sizes from 2; every `kept`-th node keeps an index of its own."""
    edges = [(draw.randrange(node), node) for node in range(1, nodes)]
    terms, output, sizes = _graph(nodes, edges, _drawn(draw, len(edges), most))
    for number in range(0, nodes, kept) if kept else ():
        terms[number].append(f"o{number}")
        output.append(f"o{number}")
        sizes[f"o{number}"] = 2
    return terms, output, sizes


def chain(draw: random.Random, count: int, most: int, ring: bool = False) -> Network:
    """Matrices one after the other, of random sizes; a ring is their trace."""
    sizes = {f"b{place}": draw.randint(2, most) for place in range(count + 1 - ring)}
    names = list(sizes)
    terms = [[names[place], names[(place + 1) % len(names)]] for place in range(count)]
    return terms, [] if ring else [names[0], names[-1]], sizes


def sandwich(sites: int, bond: int, operators: int, operator_bond: int) -> Network:
    """A matrix-product state, some operators and its conjugate, listed layer by layer."""
    terms, sizes = Terms(), dict[str, int]()
    for layer in range(operators + 2):
        inner = 0 < layer <= operators
        for site in range(sites):
            term = [f"b{layer}.{s}" for s in (site - 1, site) if 0 <= s < sites - 1]
            sizes |= dict.fromkeys(term, operator_bond if inner else bond)
            legs = [f"p{at}.{site}" for at in (layer - 1, layer) if 0 <= at <= operators]
            sizes |= dict.fromkeys(legs, 2)
            terms.append(term + legs)
    return terms, [], sizes


def layers(lengths: Sequence[int], size: int, physical: int = 2) -> Network:
    """Two copies of a lattice, joined at every site: the norm of a lattice state."""
    one, _, held = lattice(lengths, size)
    terms = [
        [f"{layer}{index}" for index in term] + [f"p{site}"]
        for layer in "ab"
        for site, term in enumerate(one)
    ]
    sizes = {f"{layer}{index}": size for layer in "ab" for index in held}
    return terms, [], sizes | {f"p{site}": physical for site in range(len(one))}


def mera(sites: int, bond: int) -> Network:
    """The norm of a binary MERA with one gate kept open between its halves."""
    terms, sizes = Terms(), dict[str, int]()
    for half in "ab":
        wires, level = [f"w{site}" for site in range(sites)], 0
        sizes |= dict.fromkeys(wires, bond)
        while len(wires) > 2:
            fresh = [f"{half}{level}.{site}" for site in range(len(wires))]
            sizes |= dict.fromkeys(fresh, bond)
            for site in range(1, len(wires), 2):
                right = (site + 1) % len(wires)
                terms.append([wires[site], wires[right], fresh[site], fresh[right]])
            tops = [f"{half}t{level}.{site}" for site in range(len(wires) // 2)]
            sizes |= dict.fromkeys(tops, bond)
            for site, top in enumerate(tops):
                terms.append([fresh[2 * site], fresh[2 * site + 1], top])
            wires, level = tops, level + 1
        terms.append(wires)
    return terms, [], sizes


def circuit(
    draw: random.Random, edges: Sequence[Edge], qubits: int, depth: int, diagonal: float
) -> Network:
    """One amplitude of random two-qubit gates on disjoint edges; diagonal ones make hyperedges."""
    fresh = iter(range(10**7))
    wires = [f"w{next(fresh)}" for _ in range(qubits)]
    terms = [[wire] for wire in wires]
    for _ in range(depth):
        free, order = set(range(qubits)), list(edges)
        draw.shuffle(order)
        for left, right in order:
            if not {left, right} <= free:
                continue
            free -= {left, right}
            if draw.random() < diagonal:
                terms.append([wires[left], wires[right]])
                continue
            after = [f"w{next(fresh)}", f"w{next(fresh)}"]
            terms.append([wires[left], wires[right], *after])
            wires[left], wires[right] = after
    terms += [[wire] for wire in wires]
    return terms, [], {index: 2 for term in terms for index in term}


def qaoa(draw: random.Random, qubits: int, degree: int, rounds: int) -> Network:
    """An amplitude of QAOA on a random regular graph: diagonal pair gates, then mixers."""
    pairs = regular(draw, qubits, degree, 2)[0]
    ends: dict[str, list[int]] = {}
    for qubit, term in enumerate(pairs):
        for index in term:
            ends.setdefault(index, []).append(qubit)
    fresh = iter(range(10**7))
    wires = [f"w{next(fresh)}" for _ in range(qubits)]
    terms = [[wire] for wire in wires]
    for _ in range(rounds):
        terms += [[wires[left], wires[right]] for left, right in ends.values()]
        for qubit in range(qubits):
            after = f"w{next(fresh)}"
            terms.append([wires[qubit], after])
            wires[qubit] = after
    terms += [[wire] for wire in wires]
    return terms, [], {index: 2 for term in terms for index in term}


def fourier(qubits: int) -> Network:
    """An amplitude of the quantum Fourier transform: Hadamard gates and diagonal phases."""
    fresh = iter(range(10**7))
    wires = [f"w{next(fresh)}" for _ in range(qubits)]
    terms = [[wire] for wire in wires]
    for qubit in range(qubits):
        after = f"w{next(fresh)}"
        terms.append([wires[qubit], after])
        wires[qubit] = after
        terms += [[wires[other], after] for other in range(qubit + 1, qubits)]
    terms += [[wire] for wire in wires]
    return terms, [], {index: 2 for term in terms for index in term}


def spins(lengths: Sequence[int], states: int, diagonals: bool) -> Network:
    """Spins on a lattice, pair factors and fields: every spin is one index of many factors."""
    edges = lattice_edges(lengths)
    if diagonals:
        rows, columns = lengths
        edges += [
            (r * columns + c, (r + 1) * columns + c + 1)
            for r in range(rows - 1)
            for c in range(columns - 1)
        ]
    terms = [[f"s{a}", f"s{b}"] for a, b in edges]
    names = sorted({index for term in terms for index in term}, key=lambda name: int(name[1:]))
    return terms + [[name] for name in names], [], dict.fromkeys(names, states)


def clauses(draw: random.Random, variables: int, count: int, widths: Sequence[int]) -> Network:
    """Random clauses over variables: the count of satisfying assignments."""
    names = [f"x{v}" for v in range(variables)]
    terms = [sorted(draw.sample(names, draw.choice(widths))) for _ in range(count)]
    return terms + [[name] for name in names], [], dict.fromkeys(names, 2)


def local_clauses(draw: random.Random, variables: int, count: int, reach: int) -> Network:
    """Clauses over variables that lie near each other, as those of real problems do."""
    terms = []
    for _ in range(count):
        first = draw.randrange(variables - reach)
        near = draw.sample(range(first, first + reach), draw.choice((2, 3, 3, 4)))
        if draw.random() < 0.1:
            near[0] = draw.randrange(variables)
        terms.append([f"x{v}" for v in sorted(set(near))])
    names = sorted({index for term in terms for index in term})
    return terms + [[name] for name in names], [], dict.fromkeys(names, 2)


def partial_k_tree(draw: random.Random, count: int, width: int, kept: float) -> Network:
    """Factors on the edges of a k-tree of which some are left out: its width is known."""
    cliques = [list(range(width + 1))]
    edges = list(combinations(range(width + 1), 2))
    for node in range(width + 1, count):
        base = draw.sample(draw.choice(cliques), width)
        cliques.append([*base, node])
        edges += [(other, node) for other in base]
    terms = [[f"v{a}", f"v{b}"] for a, b in edges if draw.random() < kept]
    names = sorted({index for term in terms for index in term})
    return terms, [], {name: draw.choice((2, 2, 3, 4)) for name in names}


def bayesian(draw: random.Random, count: int, parents: int, near: int) -> Network:
    """Conditional tables of variables given some of those shortly before them."""
    terms = []
    for node in range(count):
        before = range(max(0, node - near), node)
        chosen = draw.sample(before, min(len(before), draw.randint(1, parents)))
        terms.append([f"v{x}" for x in sorted(chosen)] + [f"v{node}"])
    return terms, [], {f"v{node}": draw.randint(2, 5) for node in range(count)}


def mixed(draw: random.Random, tensors: int, indices: int, kept: int) -> Network:
    """A random hypergraph with indices of several sizes and holders, some of them kept."""
    terms: Terms = [[] for _ in range(tensors)]
    sizes = {f"i{number}": draw.randint(2, 8) for number in range(indices)}
    for place, name in enumerate(sizes):
        holders = draw.sample(range(tensors), draw.choice((2, 2, 2, 3, 4)))
        if place and draw.random() < 0.8:  # mostly near each other
            middle = draw.randrange(tensors)
            holders = [(middle + draw.randrange(12)) % tensors for _ in holders]
        for holder in set(holders):
            terms[holder].append(name)
    terms = [term for term in terms if term]
    held = sorted({index for term in terms for index in term})
    return terms, draw.sample(held, kept), {name: sizes[name] for name in held}


def dense(draw: random.Random, tensors: int, part: float, most: int) -> Network:
    """Few tensors, a good part of all pairs joined."""
    pairs = [pair for pair in combinations(range(tensors), 2) if draw.random() < part]
    joined = {node for pair in pairs for node in pair}
    pairs += [(node, (node + 1) % tensors) for node in range(tensors) if node not in joined]
    return _graph(tensors, pairs, _drawn(draw, len(pairs), most))
