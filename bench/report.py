"""Aligned plain-text tables of results, budgets and comparisons; pure."""

from collections.abc import Sequence

from bench.figures import Result
from bench.rounds import Ratio
from bench.suite import MIB, Comparison, Verdict

EMPTY = "-"


def number(value: float | None) -> str:
    """A figure with about four significant digits, thousands separated."""
    if value is None:
        return EMPTY
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns separated by two spaces: the first to the left, the others to the right."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    text = []
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        text.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(text)


RESULT_HEADER = (
    "run", "c", "ops/s", "MB/s", "p50 ms", "p90", "p99", "max",
    "cpu us/op", "MB/cpu s", "rss MiB", "+anon", "client", "busy", "errors",
)  # fmt: skip


def result_row(result: Result) -> list[str]:
    """One line of the table of results."""
    figures, server = result.figures, result.figures.server
    cost = [EMPTY] * 4
    if server is not None:
        cost = [
            number(server.cpu_us_per_op),
            number(server.mb_per_cpu_second),
            number(server.rss_peak / MIB),
            number(server.anonymous_growth / MIB),
        ]
    times = (figures.latency.p50, figures.latency.p90, figures.latency.p99, figures.latency.max)
    return [
        result.name,
        str(result.parameters["concurrency"]),
        number(figures.ops_per_second),
        number(figures.mb_per_second or None),
        *map(number, times),
        *cost,
        f"{figures.client_share:.0%}",
        f"{figures.machine_busy:.0%}",
        str(sum(figures.errors.values())),
    ]


def results_text(results: Sequence[Result]) -> str:
    """The table of results, then the kinds of mixed runs and whatever went wrong."""
    parts = [table(RESULT_HEADER, [result_row(result) for result in results])]
    rows = [
        [f"{result.name} {kind}", f"{each.count:,}", *map(number, (each.p50, each.p99, each.max))]
        for result in results
        for kind, each in result.figures.by_kind.items()
        if len(result.figures.by_kind) > 1
    ]
    if rows:
        parts.append(table(("kind", "ops", "p50 ms", "p99", "max"), rows))
    parts += [f"note: {remark}" for result in results for remark in remarks(result)]
    return "\n\n".join(parts[:2]) + "".join(f"\n{line}" for line in parts[2:])


def remarks(result: Result) -> list[str]:
    """What a reader must know before trusting a result."""
    found = [f"{result.name}: INVALID: {text} ({n})" for text, n in result.figures.errors.items()]
    if not result.figures.operations:
        found.append(f"{result.name}: INVALID: no operation ended in the window")
    if result.figures.client_share > 0.9:
        found.append(f"{result.name}: the client was the limit; rates say little of the server")
    return found


MEASURE_NAMES = {
    "cpu_us_per_op": "cpu us/op",
    "mb_per_cpu_second": "MB/cpu s",
    "mib_per_stream": "MiB/stream",
}


def budgets_text(verdicts: Sequence[Verdict]) -> str:
    """Each budget with the measured figure and whether it is met."""
    rows = []
    for verdict in verdicts:
        budget = verdict.budget
        sign = ">=" if budget.at_least else "<="
        met = "met" if verdict.met else "NOT MET" if verdict.value is not None else "not measured"
        limit = f"{sign} {number(budget.limit)}"
        name = MEASURE_NAMES[budget.measure]
        if budget.share_of:
            name = f"{name}, share of {budget.share_of}"
        rows.append([budget.run, name, limit, number(verdict.value), met])
    return table(("run", "figure", "budget", "measured", "result"), rows)


def comparison_text(comparisons: Sequence[Comparison], names: tuple[str, str]) -> str:
    """Both figures and their ratio; a cost that grew too much is marked."""
    rows = [
        [
            f"{each.run} {each.measure}",
            number(each.before),
            number(each.after),
            f"{each.ratio:.2f}",
            "WORSE" if each.worse else "",
        ]
        for each in comparisons
    ]
    return table(("figure", *names, "ratio", ""), rows)


def ratios_text(ratios: Sequence[Ratio], names: tuple[str, str]) -> str:
    """Medians of both, and the median of the rounds' ratios with the least and the greatest."""
    rows = [
        [
            f"{each.run} {each.measure}",
            number(each.first),
            number(each.second),
            *(f"{value:.2f}" for value in (each.ratio, each.least, each.most)),
        ]
        for each in ratios
    ]
    return table(("figure", *names, "ratio", "least", "most"), rows)
