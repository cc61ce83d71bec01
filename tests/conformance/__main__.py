"""`tests/conformance/run`: its options, the run, the comparison."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.conformance import report
from tests.conformance.exclusions import Exclusions, parse, plain
from tests.conformance.report import Comparison
from tests.conformance.suite import Checkout, SuiteError, configure, make_keys
from tests.support.engines import ENGINES, settings
from tests.support.server import Server

LIST = Path(__file__).with_name("excluded.txt")
PASSED = Path(__file__).with_name("passed.txt")
PEER = Path(__file__).with_name("radosgw-16.2.txt")
LIFECYCLE = {"OCEAN_LIFECYCLE_DAY_SECONDS": "10"}  # what cases take a day for
RECORDED = "# The cases that passed in the last run that was recorded; README counts them."


def main() -> int:
    """The exit status: 0 as listed, 1 otherwise than listed or an unsound store, 2 not run."""
    options = _options()
    listed = parse(LIST.read_text())
    try:
        checkout = Checkout(options.checkout.resolve())
        with (
            tempfile.TemporaryDirectory(prefix="ocean-conformance-") as name,
            Server(Path(name), settings(options.metastore) | LIFECYCLE) as server,
        ):
            found = _run(checkout, server, options, listed)
            print(report.text(found, listed.cases, plain(PEER.read_text())), end="")
    except SuiteError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    if options.record and found.agrees and not options.expression:
        _record(found.passed)
    return 0 if found.agrees else 1


def _record(passed: list[str]) -> None:
    PASSED.write_text("\n".join([RECORDED, *passed]) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run", description="Run s3-tests against Ocean.")
    parser.add_argument("checkout", type=Path, help="folder with ceph/s3-tests")
    parser.add_argument("-k", dest="expression", default="", help="only cases that match")
    parser.add_argument("--processes", type=int, default=2, help="of the suite (2)")
    parser.add_argument("--record", action="store_true", help="what passes, if all is as listed")
    parser.add_argument("--metastore", choices=ENGINES, default="embedded", help="of the server")
    parser.add_argument("--log", type=Path, help="file for what pytest prints")
    return parser.parse_args()


def _run(
    checkout: Checkout, server: Server, options: argparse.Namespace, listed: Exclusions
) -> Comparison:
    commit = checkout.commit()
    if commit != listed.commit:
        print(f"run: the list is of commit {listed.commit}, this is {commit}", file=sys.stderr)
    make_keys(server)
    configurations = [server.folder / f"{n}.conf" for n in range(options.processes)]
    for path in configurations:
        configure(server, path)
    chosen = ["-k", options.expression] if options.expression else []
    cases = checkout.cases(configurations[0], *chosen)
    print(f"Running {len(cases)} cases at {server.endpoint} ...", file=sys.stderr)
    outcomes = checkout.run(cases, configurations)
    marked = checkout.cases(configurations[0], "-m", "fails_on_aws")
    if options.log:
        logs = (path.with_suffix(".log").read_text() for path in configurations)
        options.log.write_text("\n".join(logs))
    return report.compare(outcomes, listed.cases, marked, whole=not chosen)


if __name__ == "__main__":
    sys.exit(main())
