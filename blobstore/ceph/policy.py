"""Policies of pools: how many copies, or which erasure code. Pure.

Invariant: read(str(policy)) == policy.
"""

import re
from typing import NamedTuple

_REPLICA = re.compile("replica:([1-9][0-9]?)")
_ERASURE = re.compile(r"ec:([1-9][0-9]?)\+([1-9][0-9]?)")


class Policy(NamedTuple):
    """`data` chunks and `coding` chunks; of replicas, 1 and the copies beyond the first."""

    data: int
    coding: int
    erasure: bool

    def __str__(self) -> str:
        return f"ec:{self.data}+{self.coding}" if self.erasure else f"replica:{self.width}"

    @property
    def width(self) -> int:
        """Failure domains that it takes."""
        return self.data + self.coding

    @property
    def least(self) -> int:
        """Ceph's min_size: how many of them must be up for a write.

        One more than are needed to read, so that the loss of one more loses nothing; but where the
        policy survives only one loss, it survives that one writable.
        """
        return self.data + min(self.coding - 1, 1) if self.coding else self.data


def read(text: str) -> Policy:
    """The policy in replica:N or ec:K+M; ValueError."""
    if found := _REPLICA.fullmatch(text):
        return Policy(1, int(found[1]) - 1, erasure=False)
    if (found := _ERASURE.fullmatch(text)) and int(found[1]) > 1:
        return Policy(int(found[1]), int(found[2]), erasure=True)
    raise ValueError(f"{text!r}: a policy is replica:N or ec:K+M, with K of at least 2")
