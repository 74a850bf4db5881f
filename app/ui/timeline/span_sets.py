"""Sets of frames as sorted runs (first, last), both included: what tracks look like before and after an operation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Spans = list[tuple[int, int]]


def within(spans: Sequence[tuple[int, int]], first: int, last: int) -> Spans:
    """The part of `spans` in frames `first` to `last`."""
    return [(max(a, first), min(b, last)) for a, b in spans if a <= last and b >= first]


def without(spans: Sequence[tuple[int, int]], first: int, last: int) -> Spans:
    """`spans` less frames `first` to `last`."""
    return within(spans, 0, first - 1) + [(max(a, last + 1), b) for a, b in spans if b > last]


def union(*sets: Iterable[tuple[int, int]]) -> Spans:
    """All frames of the sets; runs that touch become one."""
    result: Spans = []
    for a, b in sorted(run for spans in sets for run in spans):
        if result and a <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], b))
        else:
            result.append((a, b))
    return result


def common(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> Spans:
    """The frames that are in both."""
    return [run for a, b in other for run in within(one, a, b)]


def count(spans: Iterable[tuple[int, int]]) -> int:
    """How many frames."""
    return sum(b - a + 1 for a, b in spans)
