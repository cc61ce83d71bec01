"""Statistics of one measured run and the shape of a results file; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

SCHEMA = 1
MEGABYTE = 10**6


def percentile(ordered: Sequence[int], share: float) -> int:
    """The nearest-rank percentile of ascending values: the least that `share` do not exceed."""
    if not ordered:
        return 0
    rank = -(-round(share * 1_000_000) * len(ordered) // 1_000_000)
    return ordered[min(max(rank, 1), len(ordered)) - 1]


class Latency(msgspec.Struct, frozen=True):
    """Latencies of one kind of operation, ms."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


def latency(values_ns: Sequence[int]) -> Latency:
    """Summarize latencies given in ns, in any order."""
    ordered = sorted(values_ns)
    p50, p90, p99 = (round(percentile(ordered, share) / 1e6, 3) for share in (0.5, 0.9, 0.99))
    return Latency(len(ordered), p50, p90, p99, round(ordered[-1] / 1e6, 3) if ordered else 0.0)


class ServerFigures(msgspec.Struct, frozen=True):
    """What the server's processes used; memory in bytes, growth since the window began."""

    cpu_seconds: float
    cpu_us_per_op: float | None
    mb_per_cpu_second: float | None
    processes: int
    rss_peak: int
    rss_growth: int
    anonymous_peak: int
    anonymous_growth: int


class Figures(msgspec.Struct, frozen=True):
    """The outcome of one run. MB is 10**6 bytes of object content.

    `client_share` is the client's CPU time per process and wall second: near 1 the client was
    the limit and the rates say little about the server. `machine_busy` is the share of all
    processors that was in use, by anyone.
    """

    seconds: float
    operations: int
    ops_per_second: float
    mb_per_second: float
    latency: Latency
    by_kind: dict[str, Latency]
    errors: dict[str, int]
    client_share: float
    client_cpu_us_per_op: float | None
    machine_busy: float
    server: ServerFigures | None


class Result(msgspec.Struct, frozen=True):
    """A named run of a workload; `repeats` has the CPU us per operation of each repetition."""

    name: str
    workload: str
    parameters: dict[str, Any]
    figures: Figures
    repeats: list[float | None] = []

    @property
    def valid(self) -> bool:
        """A result counts only when operations ended and none failed."""
        return not self.figures.errors and self.figures.operations > 0


class ResultsFile(msgspec.Struct, frozen=True):
    """What `--json` writes and `compare` and `budgets` read."""

    schema: int
    date: str
    label: str
    endpoint: str
    machine: dict[str, Any]
    results: list[Result]


def per(amount: float, count: float) -> float | None:
    """A ratio, None where there is nothing to divide by."""
    return round(amount / count, 2) if count else None


def server_figures(
    cpu_ns: int, operations: int, moved: int, processes: int, memory: Mapping[str, int]
) -> ServerFigures:
    """Derive the server's figures from its CPU ns and the bytes moved."""
    rate = per(moved / MEGABYTE, cpu_ns / 1e9) if moved else None
    return ServerFigures(
        cpu_seconds=round(cpu_ns / 1e9, 4),
        cpu_us_per_op=per(cpu_ns / 1e3, operations),
        mb_per_cpu_second=rate,
        processes=processes,
        **memory,
    )


def load_results(raw: bytes) -> ResultsFile:
    """Decode a results file; raises ValueError naming what is wrong with it."""
    try:
        file = msgspec.json.decode(raw, type=ResultsFile)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a results file: {error}") from None
    if file.schema != SCHEMA:
        raise ValueError(f"schema {file.schema} is not the schema {SCHEMA} this version reads")
    return file


def dump_results(file: msgspec.Struct) -> bytes:
    """Encode a file of results, indented so that its changes read well in a diff."""
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"
