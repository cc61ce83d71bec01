"""Killed at each storage call of an operation: it is wholly done or wholly absent, nothing leaks.

`TEAR` does half of a write before the kill, `FAIL` lets the call fail: then the process must stop
without an acknowledgement. The store is fsck-clean at once, and after the jobs nothing is left over
that no row names.
"""

import pytest

from tests.faults.conftest import Program
from tests.faults.operations import ALL, DELETES, JOBS, OTHERS, PUTS

_SEED = 20261122


def sound(told: dict[str, object]) -> None:
    assert told["problems"] == []
    assert told["killed"], "no point was met"


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PUTS, *DELETES])
def test_killed_at_every_call(program: Program, name: str) -> None:
    sound(program("sweep", name, "KILL", "all"))


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_killed_at_some_calls(program: Program, name: str) -> None:
    """More than fifty in all."""
    sound(program("sweep", name, "KILL", f"5@{_SEED}"))


@pytest.mark.slow
def test_killed_while_collecting_and_compacting(program: Program) -> None:
    sound(program("sweep", "jobs", "KILL", f"24@{_SEED}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["put-small", "put-large", "delete-small"])
def test_a_call_that_fails_stops_the_process(program: Program, name: str) -> None:
    sound(program("sweep", name, "FAIL", "all"))


@pytest.mark.nightly(part="kill-points")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("action", ["KILL", "TEAR", "FAIL"])
@pytest.mark.parametrize("name", [name for name in ALL if name not in JOBS])
def test_every_call_of_every_operation(program: Program, name: str, action: str) -> None:
    sound(program("sweep", name, action, "all"))


@pytest.mark.nightly(part="kill-points")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("action", ["KILL", "TEAR", "FAIL"])
def test_a_hundred_calls_of_the_jobs(program: Program, action: str) -> None:
    told = program("sweep", "jobs", action, f"100@{_SEED}")
    sound(told)
    assert told["points"] == 100
