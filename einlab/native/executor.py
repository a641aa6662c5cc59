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
from einlab.native.words import ADVANCES, HEADER, NOTHING, PRODUCT, STRIDED

__all__ = ["handler"]

REFERENCES, NEXT, DONE, COUNT, KIND, DTYPE, STEP, LEFT, RIGHT, RESULT, SCRATCH, STRIDE, PLACE = (
    8 * place for place in range(13)
)
"""Where in the notice of a step its words are: threads that know of it, next task, tasks done."""
NOTICE = 8 * 13
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
def _address(frame, program, operands, buffer, offset, element):  # type: ignore[no-untyped-def]
    """The address of a part of a buffer for one element of a batch."""
    if buffer == NOTHING:
        return 0
    start = argument(frame, buffer) if buffer < operands else result(frame, buffer - operands)
    advance = load64(program + 8 * (ADVANCES + buffer))
    size = 4 if load64(program) == 0 else 8
    return start + size * (offset + element * advance)


@helper
def _interpret(frame):  # type: ignore[no-untyped-def]
    """All steps, for each element of the batch."""
    program = words_of(frame)
    dtype, steps, batch = load64(program), load64(program + 8), load64(program + 16)
    buffers, most = load64(program + 24), load64(program + 32)
    operands = load64(frame + 56)
    stride = load64(program + 40)
    scratch = (result(frame, buffers - operands) + 63) // 64 * 64
    pool = min(most, threads(frame)) if most > 1 else 1
    for place in range(buffers - operands):
        ask_for_large_pages(
            result(frame, place), result_length(frame, place) * (4 if dtype == 0 else 8)
        )
    for element in range(batch):
        step = program + 8 * (ADVANCES + buffers)
        for _ in range(steps):
            kind, tasks = load64(step + 8), load64(step + 16)
            left = _address(frame, program, operands, load64(step + 24), load64(step + 32), element)
            right = _address(
                frame, program, operands, load64(step + 40), load64(step + 48), element
            )
            out = _address(frame, program, operands, load64(step + 56), load64(step + 64), element)
            others = min(pool, tasks) - 1
            if others > 0:
                _run_together(
                    frame, others, tasks, kind, dtype, step, left, right, out, scratch, stride
                )
            else:
                for task in range(tasks):
                    _run(kind, dtype, step, left, right, out, scratch, task, tasks)
            step += 8 * load64(step)


@callback("int64(int64)")
def handler(frame):  # type: ignore[no-untyped-def]
    """XLA's foreign function; the answer 0 means that all went well."""
    if is_metadata(frame):
        answer_metadata(frame)
    elif is_execution(frame):
        _interpret(frame)
    return 0
