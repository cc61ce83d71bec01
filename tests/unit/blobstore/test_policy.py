"""Policies of pools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blobstore.ceph import policy
from blobstore.ceph.policy import Policy


@given(st.integers(1, 99))
def test_replicas_are_read_as_written(copies: int) -> None:
    assert policy.read(f"replica:{copies}") == Policy(1, copies - 1, erasure=False)
    assert str(policy.read(f"replica:{copies}")) == f"replica:{copies}"


@given(st.integers(2, 99), st.integers(1, 99))
def test_erasure_codes_are_read_as_written(data: int, coding: int) -> None:
    assert policy.read(f"ec:{data}+{coding}") == Policy(data, coding, erasure=True)
    assert str(policy.read(f"ec:{data}+{coding}")) == f"ec:{data}+{coding}"


@pytest.mark.parametrize(
    "text", ["", "replica", "replica:0", "replica:100", "ec:1+1", "ec:2", "ec:2+0", "EC:2+1", "2"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="replica:N or ec"):
        policy.read(text)


@pytest.mark.parametrize(
    ("text", "width", "least"),
    [("replica:1", 1, 1), ("replica:2", 2, 1), ("replica:3", 3, 2), ("ec:2+1", 3, 2),
     ("ec:2+2", 4, 3), ("ec:4+2", 6, 5)],
)  # fmt: skip
def test_writes_go_on_after_one_loss(text: str, width: int, least: int) -> None:
    found = policy.read(text)
    assert (found.width, found.least) == (width, least)
