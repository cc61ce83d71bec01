"""Rounds of two servers measured in turn: figures are compared within each; pure."""

import statistics
from collections.abc import Mapping, Sequence

import msgspec

from bench.figures import Result
from bench.suite import measured


class Round(msgspec.Struct, frozen=True):
    """One run of each."""

    first: Result
    second: Result


class Ratio(msgspec.Struct, frozen=True):
    """One figure of one run: medians of both, and of first by second within a round."""

    run: str
    measure: str
    first: float
    second: float
    ratio: float
    least: float
    most: float


def ratios(rounds: Mapping[str, Sequence[Round]]) -> list[Ratio]:
    """Each figure that all rounds of a run have of both."""
    found = []
    for name, each in rounds.items():
        both = [(dict(measured(r.first.figures)), dict(measured(r.second.figures))) for r in each]
        for measure in both[0][0] if both else ():
            values = [(first.get(measure), second.get(measure)) for first, second in both]
            pairs = [(first, second) for first, second in values if first and second]
            if len(pairs) == len(both):
                found.append(_ratio(name, measure, pairs))
    return found


def _ratio(name: str, measure: str, pairs: Sequence[tuple[float, float]]) -> Ratio:
    each = [first / second for first, second in pairs]
    return Ratio(
        name,
        measure,
        statistics.median(first for first, _ in pairs),
        statistics.median(second for _, second in pairs),
        round(statistics.median(each), 3),
        round(min(each), 3),
        round(max(each), 3),
    )


def invalid(rounds: Mapping[str, Sequence[Round]]) -> list[str]:
    """What keeps a round from counting."""
    found = []
    for name, each in rounds.items():
        for number, one in enumerate(each, 1):
            for side, result in (("first", one.first), ("second", one.second)):
                if not result.valid:
                    errors = ", ".join(result.figures.errors) or "no operation ended in the window"
                    found.append(f"{name}, round {number}, {side}: {errors}")
    return found
