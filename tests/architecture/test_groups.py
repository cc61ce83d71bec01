"""Tests of one group share what is started for them: they must run in one process."""

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_is_seen(request: pytest.FixtureRequest) -> None:
    """A group that xdist sees is in the name of its tests; one unseen had two HBases at work."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("one process runs all tests")
    assert request.node.nodeid.endswith("@together")
