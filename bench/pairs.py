"""Two servers measured in turn, round by round: what the machine does to one it does to the other.

A round is one run of each, the second first in every other round. Figures are compared within
rounds, and the ratio that counts is the median of the rounds'.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import Result
from bench.proc import machine
from bench.rounds import Round
from bench.run import RunError, followed, run
from bench.suite import MIB
from bench.target import Target
from bench.workloads import Parameters

SCHEMA = 1
SETTLE_SECONDS = 3.0  # between two runs: what one server puts off is not the other's work


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two, as its file says (TOML).

    `pids` and `ports` tell whose work is measured; `before` is a command that is run before each
    of its turns, `settings` are words for whoever reads the results.
    """

    label: str
    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    pids: list[int] = []
    ports: list[int] = []
    before: list[str] = []
    settings: str = ""

    @property
    def target(self) -> Target:
        """Where it is."""
        return Target(self.endpoint, self.access_key, self.secret_key, self.region)


class PairsFile(msgspec.Struct, frozen=True):
    """What `pairs --json` writes; `rounds` are by the name of the run."""

    schema: int
    date: str
    labels: tuple[str, str]
    settings: tuple[str, str]
    machine: dict[str, Any]
    rounds: dict[str, list[Round]]


def load_side(path: Path) -> Side:
    """The side that a file describes; ValueError naming what is wrong with it."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Side)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}") from None


def pair_suite(base: Parameters) -> dict[str, Parameters]:
    """The runs by name, on the common parameters of `base`."""
    small = replace(base, size=4096)
    large = replace(base, size=64 * MIB, concurrency=4)
    return {
        "put-4k": replace(small, workload="put"),
        "get-4k": replace(small, workload="get"),
        "delete": replace(small, workload="remove", count=2000),
        "list-1000": replace(base, workload="list"),
        "put-64m": replace(large, workload="put"),
        "get-64m": replace(large, workload="get"),
    }


def run_pairs(
    sides: tuple[Side, Side],
    runs: Mapping[str, Parameters],
    rounds: int,
    progress: Callable[[str], None],
) -> Iterator[tuple[str, list[Round]]]:
    """Measure `rounds` of each run, one run after the other; RunError."""
    for name, parameters in runs.items():
        found = []
        for number in range(rounds):
            progress(f"{name}: round {number + 1} of {rounds}")
            turns = [0, 1] if number % 2 == 0 else [1, 0]
            results = {turn: _turn(sides[turn], name, parameters) for turn in turns}
            found.append(Round(results[0], results[1]))
        yield name, found


def _turn(side: Side, name: str, parameters: Parameters) -> Result:
    if side.before:
        done = subprocess.run(side.before, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RunError(f"{side.before[0]}: {done.stderr.strip()}")
    time.sleep(SETTLE_SECONDS)
    return run(
        side.target, name, parameters, followed(side.pids, side.ports), 1, lambda _stage: None
    )


def record(sides: tuple[Side, Side], rounds: dict[str, list[Round]]) -> PairsFile:
    """What is kept of it."""
    return PairsFile(
        SCHEMA,
        datetime.now(UTC).isoformat(timespec="seconds"),
        (sides[0].label, sides[1].label),
        (sides[0].settings, sides[1].settings),
        machine(),
        rounds,
    )
