"""The interpreter of programs: a foreign function of XLA that runs their steps over its buffers.

A step that is cut into several tasks is offered to the threads of XLA's pool. Whoever comes takes
the next task; the caller takes part and waits only for tasks that others have begun, so that it
makes no difference how many threads come, or whether any does, and pools whose threads all wait
for each other cannot come about. What a late thread finds is a counter, which the last one frees.
"""

from __future__ import annotations

from einlab.native.compiled import (
    callback,
    count_up,
    function_at,
    helper,
    invoke,
    load64,
    reserve,
    run_kernel,
    store64,
)
from einlab.native.frame import (
    answer_metadata,
    argument,
    is_execution,
    is_metadata,
    result,
    result_length,
    schedule,
    threads,
    words_of,
)
from einlab.native.kernels import (
    fill_f32,
    fill_f64,
    product_f32_at,
    product_f64_at,
    strided_f32_at,
    strided_f64_at,
)
from einlab.native.pages import ask_for_large_pages
from einlab.native.symbols import ALLOCATE, FREE, TASKS, YIELD, published
from einlab.native.words import (
    ADVANCES,
    BEGIN,
    END,
    HEADER,
    MOST_DEPTH,
    NOTHING,
    PRODUCT,
    STRIDED,
)

__all__ = ["handler"]

REFERENCES, NEXT, DONE, COUNT, KIND, DTYPE, STEP, LEFT, RIGHT, RESULT, SCRATCH, STRIDE, PLACE = (
    8 * place for place in range(13)
)
"""Where in the notice of a step its words are: threads that know of it, next task, tasks done."""
NOTICE = 8 * 13
LOOP = 4
"""Words of a loop that runs: iterations that are over, iterations in all, address and number of its
first step."""
LOOPS = LOOP * MOST_DEPTH
PATIENCE = 64
"""Looks at a counter between two offers of the core to others."""

allocate, free, give_way, tasks_of = (function_at(name) for name in (ALLOCATE, FREE, YIELD, TASKS))


@helper
def _run(kind, dtype, step, left, right, result, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """One task of a step."""
    descriptor = step + 8 * HEADER
    if kind == PRODUCT:
        kernel = product_f32_at() if dtype == 0 else product_f64_at()
        run_kernel(kernel, descriptor, left, right, result, scratch, task, tasks)
    elif kind == STRIDED:
        kernel = strided_f32_at() if dtype == 0 else strided_f64_at()
        run_kernel(kernel, descriptor, left, right, result, scratch, task, tasks)
    elif dtype == 0:
        fill_f32(result, load64(descriptor))
    else:
        fill_f64(result, load64(descriptor))


@helper
def _take_part(notice):  # type: ignore[no-untyped-def]
    """Run tasks of a step until none is left."""
    tasks = load64(notice + COUNT)
    task = count_up(notice + NEXT, 1)
    if task >= tasks:
        return
    place = count_up(notice + PLACE, 1)
    scratch = load64(notice + SCRATCH) + place * load64(notice + STRIDE)
    while task < tasks:
        _run(
            load64(notice + KIND),
            load64(notice + DTYPE),
            load64(notice + STEP),
            load64(notice + LEFT),
            load64(notice + RIGHT),
            load64(notice + RESULT),
            scratch,
            task,
            tasks,
        )
        count_up(notice + DONE, 1)
        task = count_up(notice + NEXT, 1)


@helper
def _leave(notice):  # type: ignore[no-untyped-def]
    """Know of a step no longer."""
    if count_up(notice + REFERENCES, -1) == 1:
        invoke(free(), notice)


@callback("int64(int64)")
def _come(notice):  # type: ignore[no-untyped-def]
    """What a thread of the pool does."""
    _take_part(notice)
    _leave(notice)
    return 0


published(TASKS, _come.address)


@helper
def _run_together(frame, others, tasks, kind, dtype, step, left, right, result, scratch, stride):  # type: ignore[no-untyped-def]
    """All tasks of a step, by this thread and as many others as come."""
    notice = invoke(allocate(), NOTICE)
    if notice == 0:
        for task in range(tasks):
            _run(kind, dtype, step, left, right, result, scratch, task, tasks)
        return
    store64(notice + REFERENCES, others + 1)
    for place in (NEXT, DONE, PLACE):
        store64(notice + place, 0)
    store64(notice + COUNT, tasks)
    store64(notice + KIND, kind)
    store64(notice + DTYPE, dtype)
    store64(notice + STEP, step)
    store64(notice + LEFT, left)
    store64(notice + RIGHT, right)
    store64(notice + RESULT, result)
    store64(notice + SCRATCH, scratch)
    store64(notice + STRIDE, stride)
    for _ in range(others):
        if not schedule(frame, tasks_of(), notice):
            count_up(notice + REFERENCES, -1)
    _take_part(notice)
    looks = 0
    while count_up(notice + DONE, 0) < tasks:
        looks += 1
        if looks % PATIENCE == 0:
            invoke(give_way(), 0)
    _leave(notice)


@helper
def _address(frame, operands, size, buffer, offset, advances, loops, depth):  # type: ignore[no-untyped-def]
    """The address of a part of a buffer in this iteration of the loops."""
    if buffer == NOTHING:
        return 0
    start = argument(frame, buffer) if buffer < operands else result(frame, buffer - operands)
    for place in range(depth):
        offset += load64(loops + 8 * LOOP * place) * load64(advances + 24 * place)
    return start + size * offset


@helper
def _interpret(frame):  # type: ignore[no-untyped-def]
    """All steps in their order, those of a loop again and again."""
    program = words_of(frame)
    dtype, steps, depth = load64(program), load64(program + 8), load64(program + 16)
    buffers, most = load64(program + 24), load64(program + 32)
    operands, size = load64(frame + 56), 4 if dtype == 0 else 8
    stride = load64(program + 40)
    scratch = (result(frame, buffers - operands) + 63) // 64 * 64
    pool = min(most, threads(frame)) if most > 1 else 1
    for place in range(buffers - operands):
        ask_for_large_pages(result(frame, place), result_length(frame, place) * size)
    loops, inside = reserve(LOOPS), 0
    number, step = 0, program + 8 * (ADVANCES + 3 * depth * steps)
    while number < steps:
        kind = load64(step + 8)
        if kind == END:
            loop = loops + 8 * LOOP * (inside - 1)
            store64(loop, load64(loop) + 1)
            if load64(loop) < load64(loop + 8):
                step, number = load64(loop + 16), load64(loop + 24)
                continue
            inside -= 1
        elif kind != BEGIN:
            _run_step(frame, program, number, step, loops, inside, scratch, stride, pool)
        step += 8 * load64(step)
        number += 1
        if kind == BEGIN:
            loop = loops + 8 * LOOP * inside
            store64(loop, 0)
            store64(loop + 8, load64(step - 8))
            store64(loop + 16, step)
            store64(loop + 24, number)
            inside += 1


@helper
def _run_step(frame, program, number, step, loops, inside, scratch, stride, pool):  # type: ignore[no-untyped-def]
    """One step in this iteration of the loops around it."""
    dtype, depth, operands = load64(program), load64(program + 16), load64(frame + 56)
    kind, tasks, size = load64(step + 8), load64(step + 16), 4 if dtype == 0 else 8
    table = program + 8 * (ADVANCES + 3 * depth * number)
    left = _address(
        frame, operands, size, load64(step + 24), load64(step + 32), table, loops, inside
    )
    right = _address(
        frame, operands, size, load64(step + 40), load64(step + 48), table + 8, loops, inside
    )
    out = _address(
        frame, operands, size, load64(step + 56), load64(step + 64), table + 16, loops, inside
    )
    others = min(pool, tasks) - 1
    if others > 0:
        _run_together(frame, others, tasks, kind, dtype, step, left, right, out, scratch, stride)
    else:
        for task in range(tasks):
            _run(kind, dtype, step, left, right, out, scratch, task, tasks)


@callback("int64(int64)")
def handler(frame):  # type: ignore[no-untyped-def]
    """XLA's foreign function; the answer 0 means that all went well."""
    if is_metadata(frame):
        answer_metadata(frame)
    elif is_execution(frame):
        _interpret(frame)
    return 0
