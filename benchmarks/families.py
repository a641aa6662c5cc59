"""Generated families of contractions; a seed draws the sizes.

Every function takes a seed and a dtype and returns the same cases for the same two. Sizes are drawn
on a logarithmic scale, so small and large ones are equally likely.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from string import ascii_letters

from benchmarks.cases import Case

__all__ = [
    "FAMILIES",
    "attention",
    "chain",
    "coupled_cluster",
    "low_rank",
    "mera",
    "mps",
    "peps",
    "star",
    "tiny",
    "tree",
]


class _Sizes:
    """Draws sizes for one family from the seed of the run."""

    def __init__(self, family: str, seed: int) -> None:
        self._random = random.Random(f"{family}:{seed}")

    def draw(self, low: int, high: int) -> int:
        """An integer between `low` and `high`, both included, even on a logarithmic scale."""
        return round(math.exp(self._random.uniform(math.log(low), math.log(high))))

    def choose(self, options: Sequence[int]) -> int:
        """One of the options."""
        return self._random.choice(options)


def _case(name: str, family: str, equation: str, dtype: str, sizes: dict[str, int]) -> Case:
    terms = equation.split("->")[0].split(",")
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Case(name, family, equation, shapes, dtype)


def _cases(
    family: str, dtype: str, drawn: Sequence[tuple[str, str, dict[str, int]]]
) -> tuple[Case, ...]:
    return tuple(_case(name, family, equation, dtype, sizes) for name, equation, sizes in drawn)


def chain(seed: int, dtype: str) -> tuple[Case, ...]:
    """Products of 3, 5 and 8 matrices, and one of 5 between two vectors."""
    sizes = _Sizes("chain", seed)
    cases = []
    for count in (3, 5, 8):
        letters = ascii_letters[: count + 1]
        terms = ["".join(pair) for pair in pairwise(letters)]
        equation = f"{','.join(terms)}->{letters[0]}{letters[-1]}"
        drawn = {index: sizes.draw(16, 1024) for index in letters}
        cases.append((f"chain of {count}", equation, drawn))
    drawn = {index: sizes.draw(64, 1024) for index in "abcdef"}
    cases.append(("chain between vectors", "a,ab,bc,cd,de,ef,f->", drawn))
    return _cases("chain", dtype, cases)


def star(seed: int, dtype: str) -> tuple[Case, ...]:
    """A core with a matrix on each axis, open and closed, and leaves that share one index."""
    sizes = _Sizes("star", seed)
    core = {index: sizes.draw(12, 32) for index in "abcd"}
    leaves = {index: sizes.draw(8, 64) for index in "efgh"}
    shared = {index: sizes.draw(8, 32) for index in "abcd"} | {"r": sizes.draw(16, 128)}
    return _cases(
        "star",
        dtype,
        [
            ("open star", "abcd,ae,bf,cg,dh->efgh", core | leaves),
            ("closed star", "abcd,a,b,c,d->", core),
            ("star on a hyperedge", "ar,br,cr,dr->abcd", shared),
        ],
    )


def tree(seed: int, dtype: str) -> tuple[Case, ...]:
    """Binary tree tensor networks: one with open legs, and the norm of one of eight sites."""
    sizes = _Sizes("tree", seed)
    legs = dict.fromkeys("abcdefgh", sizes.draw(2, 6))
    bonds = dict.fromkeys("ijklmn", sizes.draw(4, 24))
    ket = "abi,cdj,efk,ghl,ijm,kln,mn"
    upper = {index: index.upper() for index in bonds}
    bra = "".join(upper.get(letter, letter) for letter in ket)
    twins = {upper[index]: size for index, size in bonds.items()}
    return _cases(
        "tree",
        dtype,
        [
            ("open tree", f"{ket}->abcdefgh", dict.fromkeys("abcdefgh", 4) | bonds),
            ("norm of a tree", f"{ket},{bra}->", legs | bonds | twins),
        ],
    )


def mps(seed: int, dtype: str) -> tuple[Case, ...]:
    """Matrix product states: an overlap, a DMRG two-site product, and an environment update."""
    sizes = _Sizes("mps", seed)
    bond, wide = sizes.draw(16, 128), sizes.draw(32, 160)
    physical, operator = sizes.choose((2, 3, 4)), sizes.draw(3, 8)
    ket, bra, spins = "abcdefghi", "ABCDEFGHI", "qrstuvwxyz"
    overlap = [spins[0] + ket[0], spins[0] + bra[0]]
    for site, (left, right) in enumerate(zip(pairwise(ket), pairwise(bra), strict=True), 1):
        overlap += [left[0] + spins[site] + left[1], right[0] + spins[site] + right[1]]
    overlap += [ket[-1] + spins[9], bra[-1] + spins[9]]
    bonds = dict.fromkeys(ket + bra, bond)
    two_sites = dict.fromkeys("abcd", wide) | dict.fromkeys("xyz", operator)
    two_sites |= dict.fromkeys("stuv", physical)
    environment = dict.fromkeys("abcd", wide) | dict.fromkeys("xy", operator)
    environment |= dict.fromkeys("st", physical)
    return _cases(
        "mps",
        dtype,
        [
            (
                "overlap of 10 sites",
                f"{','.join(overlap)}->",
                bonds | dict.fromkeys(spins, physical),
            ),
            ("DMRG two-site product", "axb,xsty,yuvz,czd,asuc->btvd", two_sites),
            ("DMRG environment", "axb,asc,xsty,btd->cyd", environment),
        ],
    )


def peps(seed: int, dtype: str) -> tuple[Case, ...]:
    """Projected entangled pair states: a patch of 3 by 4, a norm of 2 by 3, a boundary step."""
    sizes = _Sizes("peps", seed)
    patch = dict.fromkeys("abcdefghijklmnopq", sizes.draw(4, 10))
    bond, physical = sizes.draw(2, 6), sizes.choose((2, 3))
    norm = dict.fromkeys("abcdefgABCDEFG", bond) | dict.fromkeys("uvwxyz", physical)
    boundary = dict.fromkeys("abcd", sizes.draw(16, 64)) | dict.fromkeys("ijklmnop", bond)
    sites = "abu,acdv,cew,bfx,fdgy,gez"
    twin = "ABu,ACDv,CEw,BFx,FDGy,GEz"
    patch_terms = "ab,acd,cef,eg,bhi,hdjk,jflm,lgn,io,okp,pmq,qn"
    return _cases(
        "peps",
        dtype,
        [
            ("patch of 3 by 4", f"{patch_terms}->", patch),
            ("norm of 2 by 3", f"{sites},{twin}->", norm),
            ("boundary step", "aijb,ikmo,jlnp,bklc,cmnd->aopd", boundary),
        ],
    )


def mera(seed: int, dtype: str) -> tuple[Case, ...]:
    """Ternary MERA: a two-site operator raised through one layer, in the centre and on the left.

    Source: G. Evenbly and G. Vidal, Physical Review B 79, 144108 (2009): two isometries with three
    legs below, one disentangler between them, and their conjugates on the other side.
    """
    drawn = dict.fromkeys("abcdefghijklmPQMN", _Sizes("mera", seed).draw(6, 12))
    return _cases(
        "mera",
        dtype,
        [
            ("ascending, centre", "abcP,defQ,ghcd,ghij,ijkl,abkM,lefN->PQMN", drawn),
            ("ascending, left", "abcP,defQ,ghcd,bgmi,ihkl,amkM,lefN->PQMN", drawn),
        ],
    )


def coupled_cluster(seed: int, dtype: str) -> tuple[Case, ...]:
    """Terms of the CCSD equations, of density fitting, and the four-index transformation.

    Sources: Stanton, Gauss, Watts and Bartlett, Journal of Chemical Physics 94, 4334 (1991) for the
    CCSD terms; Whitten, Journal of Chemical Physics 58, 4496 (1973) for density fitting.
    """
    sizes = _Sizes("coupled cluster", seed)
    occupied, virtual = sizes.draw(8, 16), sizes.draw(16, 36)
    auxiliary, orbitals = sizes.draw(64, 192), sizes.draw(24, 48)
    orbital = dict.fromkeys("ijklmn", occupied) | dict.fromkeys("abcdef", virtual)
    fitted = orbital | {"P": auxiliary, "Q": auxiliary}
    transformed = dict.fromkeys("pqrs", orbitals) | dict.fromkeys("ijkl", occupied)
    drawn = [
        ("ring term", "klcd,ikac,ljdb->ijab", orbital),
        ("ladder of t1", "abcd,ic,jd->ijab", orbital),
        ("quadratic term", "klcd,ijcd,klab->ijab", orbital),
        ("quartic term", "klcd,ic,jd,ka,lb->ijab", orbital),
        ("energy", "ijab,ijab,ia,jb->", orbital),
        ("fitted integrals", "Pia,PQ,Qjb->iajb", fitted),
        ("fitted exchange", "Pik,Pja,kjab->ib", fitted),
        ("four-index transformation", "pqrs,pi,qj,rk,sl->ijkl", transformed),
    ]
    return _cases("coupled cluster", dtype, drawn)


def attention(seed: int, dtype: str) -> tuple[Case, ...]:
    """The contractions of attention: scores and values, grouped heads, decode, latent keys."""
    sizes = _Sizes("attention", seed)
    drawn = {
        "b": sizes.choose((1, 2, 4)),
        "t": sizes.draw(64, 384),
        "s": sizes.draw(64, 384),
        "g": sizes.choose((2, 4)),
        "h": sizes.choose((4, 8, 12)),
        "d": sizes.choose((32, 64, 128)),
        "e": sizes.choose((32, 64)),
        "r": sizes.choose((32, 128)),
        "k": sizes.draw(512, 4096),
        "c": sizes.choose((256, 384)),
    }
    return _cases(
        "attention",
        dtype,
        [
            ("scores, heads first", "bhtd,bhsd->bhts", drawn),
            ("scores, heads last", "bthd,bshd->bhts", drawn),
            ("values", "bhts,bshe->bthe", drawn),
            ("grouped scores", "btghd,bsgd->bghts", drawn),
            ("decode scores", "bhd,bkhd->bhk", drawn),
            ("decode values", "bhk,bkhe->bhe", drawn),
            ("projection in", "btc,chd->bthd", drawn),
            ("projection out", "bthe,hec->btc", drawn),
            ("latent scores", "bthd,hdr,bsr->bhts", drawn),
        ],
    )


def low_rank(seed: int, dtype: str) -> tuple[Case, ...]:
    """Low-rank updates, CP, MTTKRP, Tucker and tensor trains."""
    sizes = _Sizes("low rank", seed)
    wide = {index: sizes.draw(256, 1024) for index in "tio"} | {"q": sizes.draw(4, 32)}
    cube = {index: sizes.draw(48, 160) for index in "ijk"} | {"r": sizes.draw(8, 64)}
    core = {index: sizes.draw(8, 32) for index in "abc"}
    train = {index: sizes.draw(8, 24) for index in "ijkl"} | {i: sizes.draw(4, 32) for i in "xyz"}
    return _cases(
        "low rank",
        dtype,
        [
            ("low-rank update", "ti,iq,qo->to", wide),
            ("CP reconstruction", "ir,jr,kr->ijk", cube),
            ("MTTKRP", "ijk,jr,kr->ir", cube),
            ("Tucker compression", "ijk,ia,jb,kc->abc", cube | core),
            ("Tucker reconstruction", "abc,ia,jb,kc->ijk", cube | core),
            ("tensor train", "ix,xjy,ykz,zl->ijkl", train),
            ("bilinear form", "ti,io,to->t", wide),
        ],
    )


def tiny(seed: int, dtype: str) -> tuple[Case, ...]:
    """Contractions whose call costs more than their arithmetic."""
    sizes = _Sizes("tiny", seed)
    drawn = {index: sizes.draw(2, 16) for index in "ijkl"}
    return _cases(
        "tiny",
        dtype,
        [
            ("matrix product", "ij,jk->ik", drawn),
            ("8 by 8 product", "ij,jk->ik", dict.fromkeys("ijk", 8)),
            ("matrix vector", "ij,j->i", drawn),
            ("inner product", "i,i->", drawn),
            ("outer product", "i,j->ij", drawn),
            ("trace", "ii->", drawn),
            ("transposition", "ij->ji", drawn),
            ("three matrices", "ij,jk,kl->il", drawn),
            ("batched product", "lij,ljk->lik", drawn),
        ],
    )


FAMILIES: dict[str, Callable[[int, str], tuple[Case, ...]]] = {
    "chain": chain,
    "star": star,
    "tree": tree,
    "mps": mps,
    "peps": peps,
    "mera": mera,
    "coupled cluster": coupled_cluster,
    "attention": attention,
    "low rank": low_rank,
    "tiny": tiny,
}
