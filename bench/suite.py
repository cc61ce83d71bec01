"""The runs of the suite and the budgets they are held to; pure.

A budget is the server's CPU per operation (us), its throughput per CPU second (MB, 10**6
bytes), its growth of anonymous memory per stream (MiB), or a share of the same figure of another
run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bench.figures import Figures, Result
from bench.workloads import Parameters

MIB = 1 << 20

Measure = Literal["cpu_us_per_op", "mb_per_cpu_second", "mib_per_stream"]


@dataclass(frozen=True)
class Budget:
    """A limit for one figure of one run of the suite, or for its share of that of another run."""

    run: str
    measure: Measure
    limit: float
    share_of: str = ""

    @property
    def at_least(self) -> bool:
        """Whether more is better."""
        return self.measure == "mb_per_cpu_second"

    def value(self, results: Mapping[str, Result]) -> float | None:
        """What was measured, None when the results, by their runs, do not have it."""
        own = self._figure(results.get(self.run))
        if not self.share_of:
            return own
        whole = self._figure(results.get(self.share_of))
        return round(own / whole, 3) if own and whole else None

    def _figure(self, result: Result | None) -> float | None:
        if result is None:
            return None
        server = result.figures.server
        if server is None or not result.valid:
            return None
        if self.measure == "cpu_us_per_op":
            return server.cpu_us_per_op
        if self.measure == "mb_per_cpu_second":
            return server.mb_per_cpu_second
        streams = int(result.parameters["concurrency"])
        return round(server.anonymous_growth / MIB / streams, 2)

    def met(self, value: float | None) -> bool:
        """Whether the limit is kept; a figure that is missing keeps none."""
        if value is None:
            return False
        return value >= self.limit if self.at_least else value <= self.limit


BUDGETS = (
    Budget("put-4k", "cpu_us_per_op", 300),
    Budget("get-4k", "cpu_us_per_op", 180),
    Budget("head", "cpu_us_per_op", 150),
    Budget("list-1000", "cpu_us_per_op", 4_000),
    Budget("delete-1000", "cpu_us_per_op", 60_000),
    Budget("complete-10000", "cpu_us_per_op", 60_000),
    Budget("put-16m", "mb_per_cpu_second", 300),
    Budget("put-16m-signed", "mb_per_cpu_second", 200),
    Budget("get-16m", "mb_per_cpu_second", 2_500),
    Budget("put-16m", "mib_per_stream", 32),
    Budget("put-16m-signed", "mib_per_stream", 32),
    Budget("get-16m", "mib_per_stream", 32),
    Budget("put-16m-encrypted", "mb_per_cpu_second", 0.8, share_of="put-16m"),
    Budget("get-16m-encrypted", "mb_per_cpu_second", 0.6, share_of="get-16m"),
)


def suite(base: Parameters) -> dict[str, Parameters]:
    """The runs by name, on the common parameters of `base`; its signing is kept but for one."""
    small, large = replace(base, size=4096), replace(base, size=16 * MIB)
    few = replace(base, concurrency=4)
    return {
        "put-4k": replace(small, workload="put"),
        "get-4k": replace(small, workload="get"),
        "head": replace(small, workload="head"),
        "list-1000": replace(base, workload="list"),
        "delete-1000": replace(small, workload="delete", count=32),
        "complete-10000": replace(few, workload="complete", parts=10_000, part_size=64, count=4),
        "put-16m": replace(large, workload="put"),
        "put-16m-signed": replace(large, workload="put", signing="signed-payload"),
        "get-16m": replace(large, workload="get"),
        "put-16m-encrypted": replace(large, workload="put", encrypted=True),
        "get-16m-encrypted": replace(large, workload="get", encrypted=True),
        "multipart-64m": replace(few, workload="multipart", parts=8, part_size=8 * MIB),
        "mixed-256k": replace(base, workload="mixed", size=256 * 1024),
    }


@dataclass(frozen=True)
class Verdict:
    """One budget with what was measured."""

    budget: Budget
    value: float | None
    met: bool

    @property
    def exceeded(self) -> bool:
        """Whether it was measured and is not met."""
        return self.value is not None and not self.met


def judge(results: Sequence[Result]) -> list[Verdict]:
    """All budgets; one whose run is not among the results has no value and is not met."""
    by_name = {result.name: result for result in results}
    verdicts = []
    for budget in BUDGETS:
        value = budget.value(by_name)
        verdicts.append(Verdict(budget, value, budget.met(value)))
    return verdicts


CPU_TOLERANCE = 1.15

Measured = tuple[str, float | None]


def measured(figures: Figures) -> list[Measured]:
    """The figures two results are compared by."""
    server = figures.server
    cost: list[Measured] = []
    if server is not None:
        cost = [
            ("cpu us/op", server.cpu_us_per_op),
            ("MB/cpu s", server.mb_per_cpu_second),
            ("rss MiB", round(server.rss_peak / MIB, 1)),
        ]
    return [
        ("ops/s", figures.ops_per_second),
        ("MB/s", figures.mb_per_second or None),
        ("p50 ms", figures.latency.p50),
        ("p99 ms", figures.latency.p99),
        *cost,
    ]


@dataclass(frozen=True)
class Comparison:
    """One figure of one run in two results."""

    run: str
    measure: str
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """After by before; 0 when there was nothing before."""
        return self.after / self.before if self.before else 0.0

    @property
    def worse(self) -> bool:
        """Whether the server's CPU grew by more than is tolerated."""
        return self.measure == "cpu us/op" and self.ratio > CPU_TOLERANCE


def compare(before: Sequence[Result], after: Sequence[Result]) -> list[Comparison]:
    """Each figure that both have of each run that both have."""
    earlier = {result.name: result for result in before}
    found = []
    for result in after:
        if result.name not in earlier:
            continue
        old: dict[str, Any] = dict(measured(earlier[result.name].figures))
        for measure, value in measured(result.figures):
            if value is not None and old.get(measure) is not None:
                found.append(Comparison(result.name, measure, old[measure], value))
    return found


FREE_PARAMETERS = {"duration", "warm_up", "count", "seed"}  # change precision, not the load


def differences(before: Sequence[Result], after: Sequence[Result]) -> list[str]:
    """The runs that were not made with the same parameters, so that ratios mean little."""
    earlier = {result.name: result.parameters for result in before}
    found = []
    for result in after:
        old = earlier.get(result.name, result.parameters)
        names = sorted(
            name
            for name in old.keys() | result.parameters.keys()
            if name not in FREE_PARAMETERS and old.get(name) != result.parameters.get(name)
        )
        found += [f"{result.name}: {n} {old.get(n)} / {result.parameters.get(n)}" for n in names]
    return found
