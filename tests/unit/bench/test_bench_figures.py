"""Statistics, results files, budgets, comparisons and tables."""

from argparse import ArgumentTypeError
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import main, parse_size, seconds
from bench.figures import (
    SCHEMA,
    Result,
    ResultsFile,
    dump_results,
    latency,
    load_results,
    percentile,
    server_figures,
)
from bench.report import budgets_text, comparison_text, number, results_text, table
from bench.suite import BUDGETS, MIB, Budget, compare, differences, judge, suite
from bench.workloads import WORKLOADS, Parameters
from tests.support.measured import result


def all_good() -> list[Result]:
    return [result(name) for name in suite(Parameters("put"))]


@given(st.lists(st.integers(0, 10**12), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_percentile_is_the_least_value_that_covers_the_share(
    values: list[int], share: float
) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    needed = ceil(round(share * len(ordered), 6))
    assert sum(value <= found for value in ordered) >= needed
    assert sum(value < found for value in ordered) < needed


def test_latency_is_in_ms_and_empty_when_nothing_ended() -> None:
    summary = latency([3_000_000, 1_000_000, 2_000_000])
    assert (summary.count, summary.p50, summary.p99, summary.max) == (3, 2.0, 3.0, 3.0)
    assert latency([]).count == 0


def test_server_figures_are_per_operation_and_per_cpu_second() -> None:
    memory = dict.fromkeys(("rss_peak", "rss_growth", "anonymous_peak", "anonymous_growth"), 0)
    figures = server_figures(2 * 10**9, 4, 600 * 10**6, 2, memory)
    assert (figures.cpu_us_per_op, figures.mb_per_cpu_second) == (500_000.0, 300.0)
    nothing = server_figures(0, 0, 0, 2, memory)
    assert (nothing.cpu_us_per_op, nothing.mb_per_cpu_second) == (None, None)


def test_a_results_file_survives_writing_and_reading() -> None:
    file = ResultsFile(SCHEMA, "2026-11-22", "x", "http://h", {"cores": 2}, all_good())
    assert load_results(dump_results(file)) == file


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"schema":1}', b"\xff"])
def test_what_is_no_results_file_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):
        load_results(raw)


def test_another_schema_is_refused_by_number() -> None:
    file = ResultsFile(SCHEMA + 1, "", "", "", {}, [])
    with pytest.raises(ValueError, match=str(SCHEMA + 1)):
        load_results(dump_results(file))


def test_every_budget_names_a_run_of_the_suite_and_is_met_by_good_figures() -> None:
    runs = suite(Parameters("put"))
    named = {name for budget in BUDGETS for name in (budget.run, budget.share_of) if name}
    assert named <= set(runs)
    assert {parameters.workload for parameters in runs.values()} <= set(WORKLOADS)
    assert all(verdict.met for verdict in judge(all_good()))


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: f"{budget.run}-{budget.measure}")
@pytest.mark.parametrize("off", [0.99, 1.0, 1.01])
def test_a_budget_is_met_up_to_its_limit(budget: Budget, off: float) -> None:
    value = budget.limit * off
    others = []
    if budget.share_of:
        others = [result(budget.share_of, **{budget.measure: 1000.0})]
        value *= 1000
    if budget.measure == "mib_per_stream":
        streams = suite(Parameters("put"))[budget.run].concurrency
        changed = result(budget.run, anonymous_growth=round(value * MIB * streams))
    else:
        changed = result(budget.run, **{budget.measure: value})
    [verdict] = [each for each in judge([changed, *others]) if each.budget == budget]
    assert verdict.met == (off >= 1 if budget.at_least else off <= 1)


@pytest.mark.parametrize("changes", [{"errors": {"x": 1}}, {"operations": 0}, {"server": None}])
def test_an_invalid_or_unmeasured_result_meets_no_budget(changes: dict[str, Any]) -> None:
    verdicts = [each for each in judge([result("put-4k", **changes)]) if each.met]
    assert verdicts == []


def test_missing_runs_are_not_met_but_not_exceeded() -> None:
    assert not any(verdict.met or verdict.exceeded for verdict in judge([]))


@pytest.mark.parametrize(("after", "worse"), [(115.0, False), (116.0, True), (50.0, False)])
def test_cpu_may_grow_by_fifteen_percent(after: float, worse: bool) -> None:
    compared = compare([result("head", cpu_us_per_op=100.0)], [result("head", cpu_us_per_op=after)])
    cpu = [each for each in compared if each.measure == "cpu us/op"]
    assert [each.ratio for each in cpu] == [after / 100]
    assert any(each.worse for each in compared) == worse


def test_only_common_runs_are_compared() -> None:
    assert compare([result("head")], [result("get-4k")]) == []


def test_runs_made_otherwise_are_named_but_not_for_longer_runs() -> None:
    base = result("head")
    longer = msgspec.structs.replace(base, parameters=base.parameters | {"duration": 99.0})
    wider = msgspec.structs.replace(base, parameters=base.parameters | {"concurrency": 99})
    assert differences([base], [longer, result("get-4k")]) == []
    assert differences([base], [wider]) == ["head: concurrency 16 / 99"]


def write(path: Path, results: list[Result]) -> str:
    path.write_bytes(dump_results(ResultsFile(SCHEMA, "d", path.stem, "e", {}, results)))
    return str(path)


def test_exit_status_of_compare_and_budgets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "good.json", all_good())
    slow = write(tmp_path / "slow.json", [*all_good()[1:], result("put-4k", cpu_us_per_op=301.0)])
    grown = write(tmp_path / "grown.json", [result("put-4k", cpu_us_per_op=2.0)])
    broken = write(tmp_path / "broken.json", [result("put-4k", errors={"status 500": 1})])
    assert main(["budgets", good]) == 0
    assert main(["compare", good, good]) == 0
    for other in (slow, grown, broken):
        assert main(["budgets", other]) == 1
        assert main(["compare", good, other]) == 1
    assert main(["budgets", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


@given(st.lists(st.lists(st.text("ab ", max_size=6), min_size=3, max_size=3), min_size=1))
def test_table_columns_line_up(rows: list[list[str]]) -> None:
    lines = table(("one", "two", "three"), rows).split("\n")
    assert len(lines) == len(rows) + 1
    widths = [max(map(len, column)) for column in zip(("one", "two", "three"), *rows, strict=True)]
    assert all(len(line) <= sum(widths) + 4 for line in lines)
    assert lines[0].rstrip().endswith("three")


def test_texts_show_values_limits_and_errors() -> None:
    text = results_text([result("put-4k", errors={"PUT: status 503 SlowDown": 7})])
    assert "INVALID: PUT: status 503 SlowDown (7)" in text
    assert "NOT MET" in budgets_text(judge([result("put-4k", cpu_us_per_op=301.0)]))
    compared = compare([result("head", cpu_us_per_op=1.0)], [result("head", cpu_us_per_op=2.0)])
    assert "WORSE" in comparison_text(compared, ("a", "b"))


def test_numbers_are_short_and_separated() -> None:
    assert [number(value) for value in (None, 1.234, 123.45, 12345.6)] == [
        "-",
        "1.23",
        "123.5",
        "12,346",
    ]


@pytest.mark.parametrize(
    ("text", "size"),
    [("4096", 4096), ("4KiB", 4096), ("4k", 4000), ("16 MiB", 16 * MIB), ("1gb", 10**9)],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "4 potatoes", "KiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        parse_size(text)


@pytest.mark.parametrize("text", ["-1", "601", "nan", "x"])
def test_durations_are_bounded(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        seconds(text)
