"""The command line: `python -m bench run|suite|pairs|trickle|fill|swaps|compare|budgets`."""

import argparse
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from bench.figures import SCHEMA, Result, ResultsFile, dump_results, load_results
from bench.fill import fill
from bench.pairs import load_side, pair_suite, record, run_pairs
from bench.proc import machine
from bench.report import budgets_text, comparison_text, ratios_text, results_text
from bench.requests import SIGNINGS
from bench.rounds import invalid, ratios
from bench.run import Progress, RunError, followed, run
from bench.suite import compare, differences, judge, suite
from bench.swaps import Pace, run_swaps
from bench.target import Target
from bench.trickle import Trickle
from bench.workloads import WORKLOADS, Parameters
from metastore.engine import EngineError
from metastore.hbase.address import parse

_UNITS = {"": 1, "k": 1000, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
MAX_SECONDS = 600  # header signatures are good for 15 minutes, preparation included


def parse_size(text: str) -> int:
    """Bytes of `4096`, `4KiB`, `4k` (1000) or `16MiB`; raises ArgumentTypeError."""
    match = re.fullmatch(r"(\d+)\s*(|[kmg]i?)b?", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; use 4096, 4KiB or 16MiB")
    return int(match[1]) * _UNITS[match[2]]


def seconds(text: str) -> float:
    """A duration within what signatures are good for; raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and {MAX_SECONDS} seconds")
    return value


def count(text: str) -> int:
    """A positive whole number; raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


def add_target(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what to drive and how."""
    parser.add_argument("--endpoint", required=True, help="like http://127.0.0.1:9000")
    parser.add_argument("--access-key", required=True)
    parser.add_argument("--secret-key", required=True)
    parser.add_argument("--region", default="us-east-1")
    add_followed(parser)
    add_load(parser)
    add_client(parser)
    parser.add_argument("--repeat", type=count, default=1, help="keep the run of median CPU")
    parser.add_argument("--label", default="", help="names the server in the results")
    parser.add_argument("--json", type=Path, help="write the results there")  # fmt: skip


def add_client(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how the load comes about."""
    parser.add_argument("--processes", type=count, default=1, help="of the load generator")
    parser.add_argument(
        "--sign",
        choices=[*SIGNINGS, "header"],
        default="presigned",
        help="header means unsigned-payload",
    )


def add_followed(parser: argparse.ArgumentParser) -> None:
    """The arguments that say whose work is measured."""
    parser.add_argument(
        "--pid",
        type=count,
        action="append",
        default=[],
        help="a server process, measured with its descendants; repeatable",
    )
    parser.add_argument(
        "--pid-of-port",
        type=count,
        action="append",
        default=[],
        help="measure the processes that listen on this local port; repeatable",
    )


def add_load(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how much."""
    defaults = Parameters("put")
    parser.add_argument("--concurrency", type=count, default=defaults.concurrency)
    parser.add_argument("--duration", type=seconds, default=defaults.duration)
    parser.add_argument("--warm-up", type=seconds, default=defaults.warm_up)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures S3 endpoints.")
    commands = parser.add_subparsers(dest="command", required=True)
    defaults = Parameters("put")
    one = commands.add_parser("run", help="measure one workload")
    add_target(one)
    one.add_argument("--workload", choices=list(WORKLOADS), required=True)
    one.add_argument("--size", type=parse_size, default=defaults.size)
    one.add_argument("--count", type=count, default=defaults.count, help="counted workloads")
    one.add_argument("--keys", type=count, default=defaults.keys, help="a LIST or delete")
    one.add_argument("--bucket-keys", type=int, default=0, help="keys in the listed bucket")
    one.add_argument("--parts", type=count, default=defaults.parts)
    one.add_argument("--part-size", type=parse_size, default=defaults.part_size)
    one.add_argument("--encrypted", action="store_true", help="with SSE-S3 by default")
    all_runs = commands.add_parser("suite", help="measure all workloads that have budgets")
    add_target(all_runs)
    all_runs.add_argument("--only", help="names of runs, with commas between")
    all_runs.add_argument("--skip", default="", help="names of runs, with commas between")
    two = commands.add_parser("pairs", help="measure two servers in turn, round by round")
    two.add_argument(
        "first", type=Path, help="a file that says where it is (see results/README.md)"
    )
    two.add_argument("second", type=Path)
    two.add_argument("--rounds", type=count, default=10)
    two.add_argument("--only", help="names of runs, with commas between")
    two.add_argument("--json", type=Path, help="write the rounds there")
    add_load(two)
    add_client(two)
    beside = commands.add_parser("trickle", help="GETs at an even rate beside what is measured")
    beside.add_argument("side", type=Path, help="a file as for pairs")
    beside.add_argument("bucket", help="its objects are asked for")
    beside.add_argument("--rate", type=float, default=50.0, help="requests a second")
    beside.add_argument("--seconds", type=float, default=float("inf"))
    filled = commands.add_parser("fill", help="objects of 1 to 64 KiB, log-uniform")
    filled.add_argument("side", type=Path, help="a file as for pairs")
    filled.add_argument("bucket", help="made if it is not there")
    filled.add_argument("--count", type=count, default=20_000)
    bare = commands.add_parser("swaps", help="measure bare checkAndPut calls of HBase")
    bare.add_argument("url", help="hbase://HOST:PORT/PREFIX")
    bare.add_argument("--rate", type=float, default=0.0, help="calls a second; 0: all that can be")
    add_followed(bare)
    add_load(bare)
    pair = commands.add_parser("compare", help="ratios of two results")
    pair.add_argument("before", type=Path)
    pair.add_argument("after", type=Path)
    commands.add_parser("budgets", help="is each budget met?").add_argument("file", type=Path)
    return parser


def terminal_progress(name: str) -> Progress:
    """Shows what a run is doing, on a terminal only."""

    def show(stage: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{name}: {stage}", end="", file=sys.stderr, flush=True)

    return show


def base_parameters(arguments: argparse.Namespace) -> Parameters:
    """The parameters all runs of a command share."""
    return Parameters(
        workload="put",
        concurrency=arguments.concurrency,
        duration=arguments.duration,
        warm_up=arguments.warm_up,
        processes=min(arguments.processes, arguments.concurrency),
        signing="unsigned-payload" if arguments.sign == "header" else arguments.sign,
    )


def chosen_runs(arguments: argparse.Namespace) -> dict[str, Parameters]:
    """The runs a command asks for, by name; raises ValueError for an unknown name."""
    base = base_parameters(arguments)
    if arguments.command == "run":
        names = (
            "workload",
            "size",
            "count",
            "keys",
            "bucket_keys",
            "parts",
            "part_size",
            "encrypted",
        )
        given = {name: getattr(arguments, name) for name in names}
        return {arguments.workload: replace(base, **given)}
    return selected(suite(base), arguments.only, arguments.skip)


def selected(
    runs: dict[str, Parameters], only: str | None, skip: str = ""
) -> dict[str, Parameters]:
    """Those of `runs` that two options name; ValueError for an unknown name."""
    wanted = only.split(",") if only else list(runs)
    skipped = skip.split(",") if skip else []
    unknown = [name for name in [*wanted, *skipped] if name not in runs]
    if unknown:
        raise ValueError(f"no run {unknown[0]!r}; there are {', '.join(runs)}")
    return {name: runs[name] for name in wanted if name not in skipped}


def measure(arguments: argparse.Namespace) -> int:
    """`run` and `suite`: measure, print, write; 1 when any result is invalid."""
    target = Target(
        arguments.endpoint, arguments.access_key, arguments.secret_key, arguments.region
    )
    pids = followed(arguments.pid, arguments.pid_of_port)
    results: list[Result] = []
    for name, parameters in chosen_runs(arguments).items():
        show = terminal_progress(name)
        try:
            results.append(run(target, name, parameters, pids, arguments.repeat, show))
        except RunError as error:
            print(f"{name}: {error}", file=sys.stderr)
    terminal_progress("bench")("done\n")
    print(results_text(results))
    if arguments.json:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        label = arguments.label or arguments.endpoint
        file = ResultsFile(SCHEMA, date, label, arguments.endpoint, machine(), results)
        arguments.json.write_bytes(dump_results(file))
    complete = len(results) == len(chosen_runs(arguments))
    return 0 if complete and all(result.valid for result in results) else 1


def measure_pairs(arguments: argparse.Namespace) -> int:
    """`pairs`: measure, print, write; 1 when any round is invalid."""
    sides = (load_side(arguments.first), load_side(arguments.second))
    runs = selected(pair_suite(base_parameters(arguments)), arguments.only)
    rounds = {}
    for name, found in run_pairs(sides, runs, arguments.rounds, terminal_progress("pairs")):
        rounds[name] = found
        terminal_progress("bench")(f"{name}: done\n")
        print(ratios_text(ratios({name: found}), (sides[0].label, sides[1].label)), flush=True)
        if arguments.json:
            arguments.json.write_bytes(dump_results(record(sides, rounds)))
    wrong = invalid(rounds)
    for line in wrong:
        print(f"INVALID: {line}")
    return 1 if wrong else 0


def trickle(arguments: argparse.Namespace) -> int:
    """`trickle`: until its time is up or SIGTERM; prints what was answered."""
    load = Trickle(load_side(arguments.side).target, arguments.bucket, arguments.rate)
    signal.signal(signal.SIGTERM, lambda *_: load.stop())
    if arguments.seconds < float("inf"):
        threading.Timer(arguments.seconds, load.stop).start()
    load.run()
    counts = ", ".join(f"{count} of {status}" for status, count in sorted(load.statuses.items()))
    print(f"{counts}; the slowest took {load.slowest:.2f} s")
    return 0


def write_objects(arguments: argparse.Namespace) -> int:
    """`fill`: write, and print how much."""
    size = fill(load_side(arguments.side).target, arguments.bucket, arguments.count)
    print(f"{arguments.count:,} objects, {size:,} bytes")
    return 0


def measure_swaps(arguments: argparse.Namespace) -> int:
    """`swaps`: measure and print; 1 when any failed."""
    pace = Pace(arguments.concurrency, arguments.rate, arguments.duration, arguments.warm_up)
    figures = run_swaps(parse(arguments.url), pace, followed(arguments.pid, arguments.pid_of_port))
    result = Result("swaps", "swaps", asdict(pace), figures)
    print(results_text([result]))
    return 0 if result.valid else 1


def compare_files(arguments: argparse.Namespace) -> int:
    """`compare`: 1 when CPU grew too much, a budget is exceeded or a result is invalid."""
    before = load_results(arguments.before.read_bytes())
    after = load_results(arguments.after.read_bytes())
    comparisons = compare(before.results, after.results)
    print(comparison_text(comparisons, (before.label, after.label)))
    if before.machine != after.machine:
        print("note: not made on the same machine")
    for difference in differences(before.results, after.results):
        print(f"note: not made alike: {difference}")
    exceeded = [verdict for verdict in judge(after.results) if verdict.exceeded]
    if exceeded:
        print(f"\nbudgets exceeded by {after.label}:\n{budgets_text(exceeded)}")
    invalid = [result for result in after.results if not result.valid]
    for result in invalid:
        print(f"{result.name}: INVALID")
    worse = any(each.worse for each in comparisons)
    return 1 if worse or exceeded or invalid else 0


def show_budgets(arguments: argparse.Namespace) -> int:
    """`budgets`: 1 when any is not met."""
    verdicts = judge(load_results(arguments.file.read_bytes()).results)
    print(budgets_text(verdicts))
    return 0 if all(verdict.met for verdict in verdicts) else 1


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": measure,
    "suite": measure,
    "pairs": measure_pairs,
    "trickle": trickle,
    "fill": write_objects,
    "swaps": measure_swaps,
    "compare": compare_files,
    "budgets": show_budgets,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well, 1 when a figure is not, 2 when it could not run."""
    arguments = build_parser().parse_args(argv)
    try:
        return COMMANDS[arguments.command](arguments)
    except (RunError, ValueError, OSError, BotoCoreError, ClientError, EngineError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
