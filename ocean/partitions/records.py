"""Partitions and placement rules as they are stored: one record for all of them. Pure.

Fields are only ever added, at the end.
"""

import msgspec

from blobstore.blobs import LOCAL
from blobstore.partition import State

STANDARD = "STANDARD"
LARGE, SMALL, SETTLED = "large", "small", "settled"
ROLES = (LARGE, SMALL, SETTLED)


class Pool(msgspec.Struct, frozen=True, array_like=True):
    """A pool of Ceph with its `policy` (replica:N or ec:K+M) and the bytes of a stripe."""

    role: str
    pool: str
    policy: str
    stripe: int


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A partition: a Ceph cluster, where it is and who we are there; `key` is sealed.

    Without pools it is the folder of the store. `conf` is the path that it was added with, for
    people only; `changed_ms` is when its state was last set. While it is drained that may be
    `paused`, and goes at `rate` bytes a second in each process at most (0: as it can).
    """

    name: str
    conf: str = ""
    fsid: str = ""
    mon_host: str = ""
    user: str = ""
    key: bytes = b""
    weight: float = 1.0
    failure_domain: str = ""
    state: State = State.ACTIVE
    pools: tuple[Pool, ...] = ()
    changed_ms: int = 0
    paused: bool = False
    rate: int = 0

    def pool(self, role: str) -> Pool:
        """Its pool for a role."""
        return next(pool for pool in self.pools if pool.role == role)


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """New bytes of objects like this go to `partitions`. Empty fields match everything; sizes are
    bytes, `maximum` included, -1: without bound. One of unknown size matches by no size."""

    name: str
    partitions: tuple[str, ...]
    bucket: str = ""
    prefix: str = ""
    storage_class: str = ""
    minimum: int = 0
    maximum: int = -1
    pool: str = ""  # small or large, whatever the size; empty: by the threshold


class Rebalance(msgspec.Struct, frozen=True, array_like=True):
    """One evening out: `number` counts them, `rate` is in bytes a second in each process."""

    number: int = 0
    rate: int = 0
    stopped: bool = True


class Topology(msgspec.Struct, frozen=True, array_like=True):
    """All of it. `classes` are the storage classes beside STANDARD, by the number that versions
    have, less one: none is ever taken away. The first rule that matches counts."""

    members: tuple[Member, ...] = ()
    rules: tuple[Rule, ...] = ()
    classes: tuple[str, ...] = ()
    edit: bytes = b""
    rebalance: Rebalance = Rebalance()

    def member(self, name: str) -> Member | None:
        """A partition by name; that of the store's folder is always there."""
        found = next((member for member in self.members if member.name == name), None)
        if found is None and name == LOCAL:
            others = any(member.pools for member in self.members)
            return Member(LOCAL, state=State.READ_ONLY if others else State.ACTIVE)
        return found

    def class_name(self, number: int) -> str:
        """The storage class that versions with a number have."""
        return self.classes[number - 1] if 0 < number <= len(self.classes) else STANDARD

    def class_number(self, name: str) -> int | None:
        """The number of a storage class; None: there is no such class."""
        if name == STANDARD:
            return 0
        return self.classes.index(name) + 1 if name in self.classes else None

    def all(self) -> list[Member]:
        """Every partition, the store's folder first."""
        local = self.member(LOCAL)
        assert local is not None
        return [local, *(member for member in self.members if member.name != LOCAL)]
