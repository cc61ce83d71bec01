"""Power cuts: of what was not synced any part may be lost, of what was promised none."""

import pytest

from tests.faults.conftest import Program


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_is_there(program: Program, seed: int) -> None:
    told = program("powercut", seed, 50, "commit")
    assert told["problems"] == [], f"seed {seed}"
    assert told["events"]["sync"] > 100


@pytest.mark.nightly(part="power")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(10, 20))
def test_what_was_acknowledged_is_there_in_many_images(program: Program, seed: int) -> None:
    assert program("powercut", seed, 100, "commit")["problems"] == [], f"seed {seed}"


@pytest.mark.slow
def test_with_relaxed_durability_it_is_not(program: Program) -> None:
    """The control: images are harsh enough to notice missing syncs."""
    assert program("powercut", 3, 5, "relaxed")["problems"]
