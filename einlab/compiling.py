"""What compiling a plan costs, and in which form it is compiled so that a budget is kept.

XLA takes about the same time for every step of a program, so a thousand small steps take ten
seconds. On a CPU they are *native*: one call of code that is compiled already, to which the steps
are data. Elsewhere a *tape* runs small steps in one loop that is compiled once, however many they
are; the large steps beside it stay ordinary operations. *Kernels* are the steps one by one, each
compiled once for all steps like it. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from einlab.portions import largest_within, numbered
from einlab.steps import Step

__all__ = [
    "CHUNK",
    "DEFAULT_BUDGET",
    "FEWEST_STEPS",
    "Compilation",
    "Part",
    "choose_compilation",
    "compilations",
    "divide",
    "program_seconds",
    "tape_entries",
]

DEFAULT_BUDGET = 1.0
"""Seconds that compiling may take where the caller names none."""

PROGRAM, OPERATION, REPEATED = 0.05, 0.011, 0.004
"""Seconds that XLA takes for a program, for every operation in it that is unlike all others, and
for one like an earlier one: 0.001 where products go to a library, 0.005 where they are loops.
Measured with jax 0.12 on one core of an AMD EPYC: `python -m benchmarks.compile --forms`."""
TAPE, MADE = 0.2, 1e-4
"""Seconds for a loop with its branches, and for every step put on it."""
FURTHER = 0.024
"""Seconds for each of several programs, beside its operations."""
CALLED, FILLED = 2e-5, 1e-9
"""Seconds that a call of a program takes beside what it computes, and a product on a tape, sides
filled up to powers of 4: by these, forms that keep a budget are compared."""
CALL, PASSED = 0.01, 1.2e-4
"""Seconds for a call of native code, and for every step in it with the operands it is passed."""

FEWEST_STEPS = 32
"""Steps that one program may have under the default budget, with two more for each operand."""

LIMITS = (2**16, 2**18, 2**20)
"""Products of the largest step on a tape, its sides filled up to powers of 4; the first limit under
which the budget is kept. A product costs about 1 ns on a tape, several times what it costs beside
it, so that large steps stay beside it as long as they can."""
DEEPEST = 256
"""Largest k of a step on a tape."""
FEWEST = 16
"""Fewer steps than this are not worth a loop of their own."""
NATIVE_LIMITS = (2**20, 2**60)
"""Products of the largest step that native code runs whatever its form, likewise."""

CHUNK = 4096
"""Products that a tape computes at a time, at most, where every entry of a result is by itself."""

ROOM = 4096
"""Entries in which native code works, about: that of large products has more, with the caches."""

Name = Literal["program", "several", "native", "tape", "kernels"]
Traced = Literal["program", "native", "tape"]


@dataclass(frozen=True, slots=True)
class Compilation:
    """How a plan is compiled: as one program or several, with native code or a tape, or as kernels.

    Where only one program can be had (inside another, in a gradient), it is as `traced` says.
    """

    form: Name
    seconds: float
    """The estimate."""
    traced: Traced
    limit: int = 0
    """Products of the largest step that goes on a tape, or into native code whatever its form."""
    most: int = 1
    """Steps that each of several programs has at most; kernels have one."""
    added: float = 0.0
    """Seconds that a call takes beside what the steps take in one program, by estimate."""

    def tape_entries(self, steps: Sequence[Step]) -> int:
        """Entries that tapes hold beside the operands; 0 where there are none."""
        if self.traced == "native":
            return native_entries(steps, self.limit)
        return tape_entries(steps, self.limit) if "tape" in (self.form, self.traced) else 0


@dataclass(frozen=True, slots=True)
class Part:
    """Steps that run together: on a tape, or one by one in the program around it."""

    on_tape: bool
    steps: tuple[int, ...]
    """Their places in the plan, ascending."""


def choose_compilation(
    steps: Sequence[Step], budget: float, *, sliced: bool = False, natively: bool = False
) -> Compilation:
    """The form whose estimate keeps the budget: the program, else native code, else the fastest.

    That is the one of a tape, several programs and kernels that adds least to what the steps take.
    If none keeps the budget, the one that compiles soonest. Slices run in a program of their own,
    as one, which may call native code.

    >>> choose_compilation([], 1.0).form
    'program'
    """
    program = program_seconds(steps)
    if any(math.prod(step.shape) == 0 for step in steps):
        return Compilation("program", program, "program")
    if natively and program > budget:
        limit, native = _natively(steps, budget)
        if native < program:
            return Compilation("native", native, "native", limit)
    if sliced or program <= budget:
        return Compilation("program", program, "program")
    forms = compilations(steps, budget)
    within = [form for form in forms if form.seconds <= budget]
    if within:
        return min(within, key=lambda form: form.added)
    return min(forms, key=lambda form: form.seconds)


def compilations(steps: Sequence[Step], budget: float) -> tuple[Compilation, ...]:
    """A plan in every form that needs no native code: one program, several, a tape, kernels.

    A tape and several programs are divided such that they keep the budget, if they can.
    """
    kinds = numbered(steps)
    program, kernels = PROGRAM + _operations(kinds), (FURTHER + OPERATION) * len(set(kinds))
    limit, tape = _tape(steps, budget)
    most, several, calls = largest_within(steps, budget, _further)
    traced: Traced = "tape" if tape < program else "program"
    on_tape = FILLED * sum(_filled(step) for step in steps if is_small(step, limit))
    return (
        Compilation("program", program, traced, limit),
        Compilation("tape", tape, traced, limit, added=on_tape),
        Compilation("several", several, traced, limit, most, CALLED * calls),
        Compilation("kernels", kernels, traced, limit, added=CALLED * len(steps)),
    )


def program_seconds(steps: Sequence[Step]) -> float:
    """The seconds that XLA takes for all steps in one program, by estimate, if no two are alike."""
    return PROGRAM + OPERATION * len(steps)


def _operations(kinds: Sequence[int]) -> float:
    """The seconds for operations of these kinds in a program."""
    unlike = len(set(kinds))
    return OPERATION * unlike + REPEATED * (len(kinds) - unlike)


def _further(kinds: Sequence[int]) -> float:
    """The seconds for one of several programs."""
    return FURTHER + _operations(kinds)


def tape_entries(steps: Sequence[Step], limit: int) -> int:
    """Entries that tapes hold beside operands: those packed, one buffer, and the chunk at work.

    A buffer holds what its tape takes once more, and results; regions that are used again are not
    told apart. Of a chunk both factors of its products are there, looked up and then apart.
    """
    results = {step.result for step in steps}
    packed: set[int] = set()
    most = entries = 0
    for part in divide(steps, limit):
        if not part.on_tape:
            continue
        own = [steps[place] for place in part.steps]
        inside = {step.result for step in own}
        taken = {
            value: math.prod(shape)
            for step in own
            for value, shape in zip(step.operands, step.shapes, strict=True)
            if value not in inside
        }
        new = {value for value in taken if value not in results} - packed
        entries += sum(taken[value] for value in new)
        packed |= new
        most = max(most, sum(taken.values()) + sum(math.prod(step.shape) for step in own))
    return entries + most + 4 * CHUNK if most else 0


def native_entries(steps: Sequence[Step], limit: int) -> int:
    """Entries that native code holds beside operands, results of steps, and room to work in.

    Those are what several calls pass on to each other, and the results of the largest; a single
    call holds what its steps do one by one.
    """
    parts = divide(steps, limit, natively=True)
    if len(parts) < 2:
        return ROOM
    size = {step.result: math.prod(step.shape) for step in steps}
    part_of = {steps[place].result: number for number, part in enumerate(parts)
               for place in part.steps}  # fmt: skip
    passed = most = 0
    for number, part in enumerate(parts):
        alive = 0
        for step in (steps[place] for place in part.steps):
            alive += size[step.result]
            most = max(most, alive)
            inner = [value for value in step.operands if value in size]
            passed += sum(size[value] for value in inner if part_of[value] != number)
            alive -= sum(size[value] for value in inner if part_of[value] == number)
    return passed + most + ROOM


def _tape(steps: Sequence[Step], budget: float) -> tuple[int, float]:
    """A limit of the steps on a tape, and the seconds that compiling takes under it."""
    limit, seconds, tapes = 0, math.inf, 0
    for limit in LIMITS:
        parts = divide(steps, limit)
        tapes = sum(part.on_tape for part in parts)
        beside = sum(len(part.steps) for part in parts if not part.on_tape)
        seconds = PROGRAM + OPERATION * beside + TAPE * tapes + MADE * len(steps)
        if tapes and seconds <= budget:
            return limit, seconds
    return (limit, seconds) if tapes else (0, math.inf)


def _natively(steps: Sequence[Step], budget: float) -> tuple[int, float]:
    """A limit of the steps in native code, and the seconds that compiling takes under it."""
    limit, seconds = 0, math.inf
    for limit in NATIVE_LIMITS:
        parts = divide(steps, limit, natively=True)
        calls = sum(part.on_tape for part in parts)
        beside = sum(len(part.steps) for part in parts if not part.on_tape)
        within = len(steps) - beside
        seconds = PROGRAM + OPERATION * beside + CALL * calls + PASSED * within
        if seconds <= budget:
            break
    return limit, seconds


def is_small(step: Step, limit: int, natively: bool = False) -> bool:
    """Whether a step may go on a tape where steps have at most `limit` products."""
    if step.gemm is None:
        entries = max(math.prod(shape) for shape in (*step.shapes, step.shape))
        return 4 * entries <= limit
    if natively:
        return step.gemm.batch * step.gemm.m * step.gemm.k * step.gemm.n <= limit
    return _filled(step) <= limit and step.gemm.k <= DEEPEST


def _filled(step: Step) -> int:
    """Products of a step on a tape, its sides filled up to powers of 4."""
    if step.gemm is None:
        return math.prod(step.shape)
    sides = step.gemm.m, step.gemm.k, step.gemm.n
    filled = (int(4 ** math.ceil(math.log(side, 4))) for side in sides)
    return step.gemm.batch * math.prod(filled)


def divide(steps: Sequence[Step], limit: int, *, natively: bool = False) -> tuple[Part, ...]:
    """The steps in parts, in an order in which they can run: tapes, and what runs between them.

    A tape holds all small steps that wait for equally many changes from large steps to small ones.
    In native code a step of native form is small, and a tape is as short as it may be.
    """
    level: dict[int, int] = {}
    large: set[int] = set()
    tapes: dict[int, list[int]] = {}
    between: dict[int, list[int]] = {}
    for place, step in enumerate(steps):
        below = max(level.get(value, 0) for value in step.operands)
        if (natively and step.is_native) or is_small(step, limit, natively):
            waits = any(value in large and level[value] == below for value in step.operands)
            level[step.result] = below + waits
            tapes.setdefault(below + waits, []).append(place)
        else:
            level[step.result] = below
            large.add(step.result)
            between.setdefault(below, []).append(place)
    parts = []
    for number in range(max(level.values(), default=-1) + 1):
        tape, beside = tapes.get(number, []), between.get(number, [])
        if len(tape) < FEWEST and not natively:
            tape, beside = [], sorted(tape + beside)
        parts += [
            Part(on, tuple(chosen)) for on, chosen in ((True, tape), (False, beside)) if chosen
        ]
    return tuple(parts)
