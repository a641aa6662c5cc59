"""Charts of a plan as SVG pictures: the cost of every step, and the cost over a search's time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from einlab.show import units
from einlab.show.axes import Scale, decades, linear, power
from einlab.show.sheet import (
    ADVANCE,
    GLYPH,
    HEADER,
    LEGEND,
    MARGIN,
    WIDTH,
    Box,
    dots,
    label,
    note,
    px,
    sheet,
    tooltip,
    width_of,
)
from einlab.show.subject import INTENSITY_NAMES, Subject, shares, warmth
from einlab.show.text import abbreviated

__all__ = ["draw_search", "draw_steps", "search_told", "steps_told"]

LEFT, RIGHT = 84.0, WIDTH - MARGIN
TOP, BOTTOM = HEADER + 34, 430.0
HEIGHT = BOTTOM + 52 + LEGEND
MOST_EQUATIONS = 12
"""Steps are named by their equations up to this many, else by their numbers."""
MOST_TOOLTIPS = 400
NOTABLE = 0.05
"""Share of the FLOPs from which on a step is labelled."""
MOST_NOTABLE = 5


def draw_steps(subject: Subject) -> str:
    """A bar for the FLOPs of each step, on a logarithmic scale, coloured by its FLOPs a byte."""
    title, sentence = steps_told(subject)
    flops = [cost.flops for _, cost in subject.steps]
    scale = decades(flops)
    number = linear(1, max(len(flops), 1))
    y = HEIGHT - 18
    body = [
        *_ground(scale, "FLOPs of the step"),
        *_bars(subject, scale),
        *_feet(subject, number),
        *_peaks(subject, scale),
        *dots("FLOP/B of the step", "h", INTENSITY_NAMES, MARGIN, y),
        note("bar: FLOPs, logarithmic", WIDTH - MARGIN, y, "end"),
    ]
    return sheet(title, sentence, HEIGHT, body)


def draw_search(subject: Subject) -> str:
    """The value of the best order over the time of the search; logarithmic where it falls far."""
    title, sentence = search_told(subject)
    trace = subject.trace
    if not trace:
        middle = (TOP + BOTTOM) / 2
        empty = note("there is no course of a search to show", WIDTH / 2, middle, "middle")
        return sheet(title, sentence, HEIGHT, [empty])
    values = [value for _, value in trace]
    least, most = min(values), max(values)
    wide = least > 0 and most > 8 * least
    scale = decades(values) if wide else linear(0.98 * least, 1.02 * most, 6)
    times = [max(seconds, 1e-6) for seconds, _ in trace]
    long = times[-1] > 30 * times[0]
    time = decades(times, 9) if long else linear(0.0, 1.15 * times[-1])
    places = [
        (LEFT + time.at(seconds) * (RIGHT - LEFT), BOTTOM - scale.at(value) * (BOTTOM - TOP))
        for seconds, (_, value) in zip(times, trace, strict=True)
    ]
    steps = "".join(f"H{px(x)}V{px(y)}" for x, y in places[1:])
    first = f"M{px(places[0][0])} {px(places[0][1])}"
    body = [
        *_ground(scale, "best order so far" + (f", {subject.unit}" if wide else "")),
        *_times(time),
        f'<path class="mark" stroke-width="2.5" d="{first}{steps}H{px(RIGHT)}"/>',
        *(
            f'<circle class="spot" cx="{px(x)}" cy="{px(y)}" r="4">'
            f"{tooltip(f'{units.si(value, subject.unit)} after {units.seconds(seconds)}')}</circle>"
            for (x, y), (seconds, value) in zip(places, trace, strict=True)
        ),
        *_ends(subject, places),
        note("seconds of search", (LEFT + RIGHT) / 2, BOTTOM + 44, "middle"),
    ]
    return sheet(title, sentence, HEIGHT - LEGEND + 16, body)


def steps_told(subject: Subject) -> tuple[str, str]:
    """A title for the chart of the steps, and a sentence that tells what there is to see."""
    equation = abbreviated(subject.tree.contraction.equation, 60, middle=True)
    title = f"Cost of each step of {equation}"
    flops = [cost.flops for _, cost in subject.steps]
    if not flops:
        return title, "There is no step: the operand is the result."
    most, of = max(range(len(flops)), key=flops.__getitem__), shares(flops)
    steps = "1 step takes" if len(flops) == 1 else f"{units.count(len(flops))} steps take"
    told = f"{steps} {units.si(sum(flops), 'FLOP')}"
    if len(flops) > 1:
        told += f"; step {most + 1} alone takes {units.percent(of[most])}"
    return title, f"{told}{subject.slicing}."


def search_told(subject: Subject) -> tuple[str, str]:
    """A title for the chart of the search, and a sentence that tells what there is to see."""
    title = f"Search for {abbreviated(subject.tree.contraction.equation, 60, middle=True)}"
    name = subject.searched_by or "an unnamed search"
    if not subject.trace:
        return title, f"The order is by {name}, which notes no course."
    (_, first), (seconds, last) = subject.trace[0], subject.trace[-1]
    if len(subject.trace) == 1:
        value = units.si(last, subject.unit)
        return title, f"{name} found {value} after {units.seconds(seconds)}."
    better = len(subject.trace) - 1
    return title, (
        f"{name}: from {units.si(first, subject.unit)} to {units.si(last, subject.unit)} in "
        f"{units.seconds(seconds)}, by {units.count(better)} better order{'s' * (better > 1)}."
    )


def _ground(scale: Scale, name: str) -> Iterator[str]:
    """The horizontal lines of a scale, their values, and what is measured."""
    yield note(name, MARGIN, TOP - 14)
    for mark in scale.marks:
        y = BOTTOM - scale.along(mark) * (BOTTOM - TOP)
        yield f'<path class="line" stroke-width="1" d="M{px(LEFT)} {px(y)}H{px(RIGHT)}"/>'
        text = power(mark) if scale.logarithmic else units.si(mark, digits=3)
        yield note(text, LEFT - 10, y + 4.5, "end")


def _bars(subject: Subject, scale: Scale) -> Iterator[str]:
    """All bars of one colour as one path; each with a tooltip where they are few."""
    room = (RIGHT - LEFT) / max(len(subject.steps), 1)
    width = min(0.8 * room if room > 3 else room, 48.0)
    few = len(subject.steps) <= MOST_TOOLTIPS
    runs: dict[int, list[str]] = defaultdict(list)
    for number, (equation, cost) in enumerate(subject.steps):
        if not cost.flops:
            continue
        x = LEFT + (number + 0.5) * room
        top = BOTTOM - max(scale.at(cost.flops) * (BOTTOM - TOP), 1.5)
        if few:
            told = f"step {number + 1}: {abbreviated(equation, 60, middle=True)}, "
            told += f"{units.si(cost.flops, 'FLOP')}, {units.number(cost.intensity)} FLOP/B"
            yield (
                f'<rect class="fh{warmth(cost)}" x="{px(x - width / 2)}" y="{px(top)}" '
                f'width="{px(width)}" height="{px(BOTTOM - top)}" rx="{px(min(3, width / 4))}">'
                f"{tooltip(told)}</rect>"
            )
        else:
            runs[warmth(cost)].append(f"M{x:.2f} {px(BOTTOM)}V{px(top)}")
    for colour, parts in sorted(runs.items()):
        data = "".join(parts)
        yield f'<path class="bars h{colour}" stroke-width="{width:.2f}" d="{data}"/>'


def _feet(subject: Subject, scale: Scale) -> Iterator[str]:
    """Below the bars their equations where they are few, else numbers."""
    count = len(subject.steps)
    room = (RIGHT - LEFT) / max(count, 1)
    if count <= MOST_EQUATIONS:
        for number, (equation, _) in enumerate(subject.steps):
            x = LEFT + (number + 0.5) * room
            yield label(str(number + 1), x, BOTTOM + 14)
            fitting = int((room - 8) / (GLYPH * ADVANCE * 0.85))
            text = abbreviated(equation, fitting, middle=True)
            yield label(text, x, BOTTOM + 30, glyph=round(0.85 * GLYPH, 1), name="soft")
        return
    for mark in scale.marks:
        if 1 <= mark <= count and mark == int(mark):
            yield note(f"{mark:.0f}", LEFT + (mark - 0.5) * room, BOTTOM + 20, "middle")
    yield note("step", (LEFT + RIGHT) / 2, BOTTOM + 40, "middle")


def _peaks(subject: Subject, scale: Scale) -> Iterator[str]:
    """Above the dearest bars their FLOPs and share, where they overlap nothing."""
    flops = [cost.flops for _, cost in subject.steps]
    of = shares(flops)
    room = (RIGHT - LEFT) / max(len(flops), 1)
    tops = [BOTTOM - scale.at(value) * (BOTTOM - TOP) for value in flops]
    taken: list[Box] = []
    dearest = sorted(range(len(flops)), key=lambda step: -flops[step])[:MOST_NOTABLE]
    for step in dearest:
        text = f"{units.si(flops[step], 'FLOP', digits=3)} · {units.percent(of[step])}"
        wide = width_of(text)
        x = min(max(LEFT + (step + 0.5) * room, LEFT + wide / 2), RIGHT - wide / 2)
        box = Box.around(x, tops[step] - 11, wide + 8, 14)
        under = [
            top
            for other, top in enumerate(tops)
            if abs(LEFT + (other + 0.5) * room - x) < (wide + room) / 2 and other != step
        ]
        hidden = min(under, default=BOTTOM) < box.bottom
        if of[step] >= NOTABLE and not hidden and not any(box.meets(one) for one in taken):
            taken.append(box)
            yield label(text, x, tops[step] - 11)


def _times(time: Scale) -> Iterator[str]:
    """The marks of the axis of time."""
    for mark in time.marks:
        x = LEFT + time.along(mark) * (RIGHT - LEFT)
        yield f'<path class="line" stroke-width="1" d="M{px(x)} {px(BOTTOM)}v6"/>'
        yield note(power(mark) if time.logarithmic else f"{mark:g}", x, BOTTOM + 22, "middle")


def _ends(subject: Subject, places: list[tuple[float, float]]) -> Iterable[str]:
    """The first value beside its point and the last one, unless there is but one."""
    values = [units.si(value, subject.unit) for _, value in subject.trace]
    boxes: list[Box] = []
    for number in dict.fromkeys((len(places) - 1, 0)):
        text, (x, y) = values[number], places[number]
        wide = width_of(text)
        middle = min(max(x, LEFT + wide / 2 + 6), RIGHT - wide / 2)
        height = y + 16 if number and y < BOTTOM - 30 else y - 14
        box = Box.around(middle, height, wide + 6, 14)
        if not any(box.meets(other) for other in boxes):
            boxes.append(box)
            yield label(text, middle, height, name="halo")
