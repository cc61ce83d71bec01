"""What an operator does with partitions and rules: made, added, changed, shown and taken away."""

import asyncio
import configparser
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from blobstore.base import BlobError, Unavailable
from blobstore.blobs import LOCAL
from blobstore.ceph import policy, pools
from blobstore.ceph.policy import Policy
from blobstore.ceph.session import driver
from blobstore.ceph.stripes import aligned
from blobstore.layout import count
from blobstore.partition import State
from metastore.engine import Engine
from metastore.lives import Lives
from metastore.records import LifeState
from ocean.belonging import identity
from ocean.keys.local import MasterKey
from ocean.partitions import topology
from ocean.partitions.members import Settings, context, opened
from ocean.partitions.progress import REBALANCE, Progress, forget, progress
from ocean.partitions.records import (
    LARGE,
    ROLES,
    SETTLED,
    SMALL,
    Member,
    Pool,
    Rebalance,
    Rule,
    Topology,
)
from ocean.partitions.refusals import Refused, check_name, check_rule

CONNECT = 10.0  # seconds for a cluster to answer an operator
STRIPE = 8 << 20  # bytes of a RADOS object, if nothing else is asked for
AFTER_DRAIN = 30.0  # seconds until no process can still write by what it knew before

_Result = TypeVar("_Result")


class Reach(NamedTuple):
    """How an operator reaches a cluster: a ceph.conf, and a user whose key is in it or in
    `keyring`."""

    conf: Path
    user: str = "admin"
    keyring: Path | None = None


class Usage(NamedTuple):
    """What a pool of a partition holds; -1: its cluster does not answer."""

    role: str
    pool: str
    policy: str
    objects: int
    bytes: int


class Moved(NamedTuple):
    """What a drain has moved."""

    blobs: int
    volumes: int
    bytes: int


def pool_name(name: str, role: str) -> str:
    """The pool of Ceph that a partition has for a role."""
    return f"ocean.{name}.{role}"


def user_name(name: str) -> str:
    """The user of Ceph that may do what a partition takes, and nothing else."""
    return f"ocean.{name}"


# ------------------------------------------------------------------------------ of a cluster


def init(
    name: str, reach: Reach, wanted: dict[str, Policy], *, domain: str, placement_groups: int
) -> None:
    """Make the pools of a partition, by role, and a user for them; Refused.

    Again is no harm: what is there stays, if it is the same.
    """
    check_name(name)

    def make(cluster: Any) -> None:
        for of_role in wanted.values():
            pools.require_room(cluster, of_role, domain)
        for role, of_role in wanted.items():
            pools.make(cluster, pool_name(name, role), of_role, domain, placement_groups)
        pools.make_user(cluster, user_name(name), [pool_name(name, role) for role in ROLES])

    _at(reach, make)


def found(name: str, reach: Reach, *, stripe: int) -> tuple[Member, str]:
    """A partition whose pools are on a cluster, and the key to use them; Refused."""

    def look(cluster: Any) -> tuple[Member, str]:
        there = pools.names(cluster)
        wanted = {role: pool_name(name, role) for role in ROLES}
        missing = [pool for pool in wanted.values() if pool not in there]
        if missing:
            raise Refused(f"there is no pool {missing[0]}; see `ocean partition init`")
        policies = {role: pools.policy_of(cluster, pool) for role, pool in wanted.items()}
        key, user = pools.key_of(cluster, user_name(name)), user_name(name)
        if key is None:
            key, user = _own_key(cluster, reach), reach.user
        member = Member(
            name,
            conf=str(reach.conf),
            fsid=cluster.get_fsid(),
            mon_host=cluster.conf_get("mon_host"),
            user=user,
            failure_domain=pools.domain_of(cluster, wanted[LARGE]),
            pools=tuple(
                Pool(role, pool, str(policies[role]), aligned(stripe, policies[role].data))
                for role, pool in wanted.items()
            ),
        )
        return member, key

    return _at(reach, look)


def _own_key(cluster: Any, reach: Reach) -> str:
    given = cluster.conf_get("key")
    if given:
        return str(given)
    for path in str(reach.keyring or cluster.conf_get("keyring")).split(","):
        parser = configparser.ConfigParser()
        parser.read(path.strip())
        if parser.has_option(f"client.{reach.user}", "key"):
            return parser.get(f"client.{reach.user}", "key")
    raise Refused(f"the key of client.{reach.user} cannot be read")


def _at(reach: Reach, work: Callable[[Any], _Result]) -> _Result:
    with _connected(reach) as cluster:
        try:
            return work(cluster)
        except (pools.Impossible, Unavailable) as error:
            raise Refused(str(error)) from error
        except driver().Error as error:
            raise Refused(f"{reach.conf}: {error}") from error


@contextmanager
def _connected(reach: Reach) -> Any:
    try:
        rados = driver()
    except Unavailable as error:
        raise Refused(str(error)) from error
    if not reach.conf.is_file():
        raise Refused(f"{reach.conf}: there is no such file")
    settings = {
        "rados_osd_op_timeout": f"{CONNECT:g}",
        "rados_mon_op_timeout": f"{CONNECT:g}",
        "client_mount_timeout": f"{CONNECT:g}",
        "log_file": "/dev/null",
    }
    if reach.keyring is not None:
        settings["keyring"] = str(reach.keyring)
    try:
        cluster = rados.Rados(conffile=str(reach.conf), rados_id=reach.user, conf=settings)
        cluster.connect(timeout=CONNECT)
    except rados.Error as error:
        raise Refused(f"{reach.conf}: the cluster cannot be reached: {error}") from error
    try:
        yield cluster
    finally:
        cluster.shutdown()


# -------------------------------------------------------------------------------- of a store


class Partitions:
    """The verbs on one store, whose own folder of blobs is `root`."""

    def __init__(self, engine: Engine, key: Callable[[], MasterKey], root: Path) -> None:
        self._engine = engine
        self._key = key
        self._root = root

    async def topology(self) -> Topology:
        """Partitions and rules as they are."""
        return await topology.read(self._engine)

    async def add(self, name: str, reach: Reach, *, weight: float, stripe: int) -> None:
        """Take in a partition whose pools are there; Refused when they are another store's."""
        check_name(name)
        member, secret = await asyncio.to_thread(found, name, reach, stripe=stripe)
        sealed = self._key().seal(secret.encode(), context(name))
        member = replace(member, key=sealed, weight=weight, changed_ms=_now_ms())
        store = (await identity(self._engine)).decode()

        def claim(cluster: Any) -> None:
            for pool in member.pools:
                mark = {"format": 1, "partition": name, "store": store, **_shape(pool)}
                pools.claim(cluster, pool.pool, mark)

        def added(now: Topology) -> Topology:
            there = now.member(name)
            if there is not None:
                raise Refused(f"there is a partition {name}")
            same = [other.name for other in now.members if _overlaps(other, member)]
            if same:
                raise Refused(f"its pools are those of the partition {same[0]}")
            return replace(now, members=(*now.members, member))

        added(await self.topology())
        await asyncio.to_thread(_at, reach, claim)
        await topology.change(self._engine, added)

    async def set_state(self, name: str, state: State, *, weight: float | None = None) -> Member:
        """What a partition may be used for from now on."""

        def changed(now: Topology) -> Topology:
            member = _existing(now, name)
            after = replace(member, state=state, changed_ms=_now_ms())
            if member.state is state:
                after = replace(after, changed_ms=member.changed_ms)
            if weight is not None:
                after = replace(after, weight=weight)
            if state is not State.ACTIVE and not _others(now, name):
                raise Refused(f"no partition but {name} is active: new objects had no place")
            return _with(now, after)

        return _existing(await topology.change(self._engine, changed), name)

    async def drain(self, name: str, *, paused: bool = False, rate: int | None = None) -> Member:
        """Begin to move everything elsewhere; again: pause, resume, or change the rate."""
        if _existing(await self.topology(), name).state is not State.DRAINING:
            await forget(self._engine, name)
        await self.set_state(name, State.DRAINING)

        def changed(now: Topology) -> Topology:
            member = _existing(now, name)
            kept = member.rate if rate is None else int(rate)
            return _with(now, replace(member, paused=paused, rate=kept))

        return _existing(await topology.change(self._engine, changed), name)

    async def remove(self, name: str) -> None:
        """Forget an empty partition; Refused while anything is left, or may yet come."""
        member = _removable(await self.topology(), name)
        left = await self.left(member)
        if left:
            raise Refused(f"{left} RADOS objects are left in the pools of {name}")

        def removed(now: Topology) -> Topology:
            _removable(now, name)  # it may have been put to use again meanwhile
            kept = [one for one in now.members if one.name != name]
            return replace(now, members=tuple(kept))

        await topology.change(self._engine, removed)
        with suppress(BlobError):  # a mark that stays keeps other stores out, not this one
            await self._release(member)
        await forget(self._engine, name)

    async def all(self) -> list[dict[str, Any]]:
        """All partitions, the store's folder first, as `show` gives them."""
        members = (await self.topology()).all()
        return list(await asyncio.gather(*map(self._shown, members)))

    async def show(self, name: str) -> dict[str, Any]:
        """A partition, and what its pools hold; Refused."""
        return await self._shown(_existing(await self.topology(), name))

    async def _shown(self, member: Member) -> dict[str, Any]:
        since = time.gmtime(member.changed_ms / 1000)
        return {
            "name": member.name,
            "conf": member.conf,
            "state": str(member.state),
            "weight": member.weight,
            "user": member.user,
            "fsid": member.fsid,
            "failure_domain": member.failure_domain,
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", since),
            "pools": [pool._asdict() for pool in await self.usage(member)],
        }

    async def usage(self, member: Member) -> list[Usage]:
        """What the pools of a partition hold, as its cluster last counted."""
        if not member.pools:
            return []
        try:
            counted = await self._ask(
                member, lambda cluster: pools.usage(cluster, [pool.pool for pool in member.pools])
            )
        except BlobError:
            counted = {}
        unknown = pools.Usage(-1, -1)
        return [
            Usage(pool.role, pool.pool, pool.policy, seen.objects, seen.size)
            for pool in member.pools
            for seen in (counted.get(pool.pool, unknown),)
        ]

    async def moved(self, name: str) -> Moved:
        """What the drain of a partition has moved, as its processes noted."""
        noted = [one async for one in progress(self._engine, name)]
        return Moved(
            sum(one.blobs for one in noted),
            sum(one.volumes for one in noted),
            sum(one.bytes for one in noted),
        )

    async def left(self, member: Member) -> int:
        """RADOS objects in its pools, beside our marks; Refused when that cannot be seen.

        Of the store's own folder: files.
        """
        if not member.pools:
            return await asyncio.to_thread(count, self._root)

        def counted(cluster: Any) -> int:
            return sum(_count(cluster, pool.pool) for pool in member.pools)

        try:
            return await self._ask(member, counted)
        except BlobError as error:
            raise Refused(f"whether {member.name} is empty cannot be seen: {error}") from error

    async def _release(self, member: Member) -> None:
        def release(cluster: Any) -> None:
            for pool in member.pools:
                pools.release(cluster, pool.pool)

        await self._ask(member, release)

    async def _ask(self, member: Member, question: Callable[[Any], _Result]) -> _Result:
        session = opened(member, self._key(), Settings())
        try:
            return await session.blocking(question)
        finally:
            await session.close()

    async def rebalance(self, *, stop: bool = False, rate: int = 0) -> int:
        """Even out what lies in the active partitions, once; its number."""

        def changed(now: Topology) -> Topology:
            if stop:
                return replace(now, rebalance=replace(now.rebalance, stopped=True))
            number = now.rebalance.number + 1
            return replace(now, rebalance=Rebalance(number, int(rate), stopped=False))

        return (await topology.change(self._engine, changed)).rebalance.number

    async def living(self) -> set[int]:
        """The epochs of the processes that serve the store."""
        lives = await Lives(self._engine).list()
        return {life.epoch for life in lives if life.state is LifeState.LIVE}

    async def rebalanced(self) -> list[Progress]:
        """How far each process is with it."""
        return [one async for one in progress(self._engine, REBALANCE)]

    # ---------------------------------------------------------------------------- rules

    async def set_rule(self, rule: Rule, *, first: bool = False) -> None:
        """Put a rule in the place of the one of its name, else behind all others, or before."""

        def changed(now: Topology) -> Topology:
            check_rule(rule, now)
            names = [one.name for one in now.rules]
            if rule.name in names and not first:
                rules = tuple(rule if one.name == rule.name else one for one in now.rules)
            else:
                others = tuple(one for one in now.rules if one.name != rule.name)
                rules = (rule, *others) if first else (*others, rule)
            return replace(now, rules=rules, classes=_classes(now, rule))

        await topology.change(self._engine, changed)

    async def remove_rule(self, name: str) -> None:
        """Forget a rule; what was placed by it stays where it is."""

        def changed(now: Topology) -> Topology:
            if name not in [rule.name for rule in now.rules]:
                raise Refused(f"there is no placement rule {name}")
            return replace(now, rules=tuple(rule for rule in now.rules if rule.name != name))

        await topology.change(self._engine, changed)


def _classes(now: Topology, rule: Rule) -> tuple[str, ...]:
    wanted = rule.storage_class
    if wanted in ("", "STANDARD", *now.classes):
        return now.classes
    return (*now.classes, wanted)


def _existing(now: Topology, name: str) -> Member:
    member = now.member(name)
    if member is None:
        raise Refused(f"there is no partition {name}")
    return member


def _removable(now: Topology, name: str) -> Member:
    """A partition that is drained long enough; Refused."""
    member = _existing(now, name)
    if name == LOCAL:
        raise Refused("the store's own folder stays; it can be drained")
    if member.state is not State.DRAINING:
        raise Refused(f"{name} is {member.state}; `ocean partition drain {name}` empties it")
    age = (_now_ms() - member.changed_ms) / 1000
    if age < AFTER_DRAIN:
        raise Refused(f"{name} is draining for {age:.0f} seconds; wait for {AFTER_DRAIN:.0f}")
    named = [rule.name for rule in now.rules if name in rule.partitions]
    if named:
        raise Refused(f"the placement rule {named[0]} names {name}")
    return member


def _others(now: Topology, name: str) -> bool:
    return any(one.state is State.ACTIVE for one in now.all() if one.name != name)


def _with(now: Topology, member: Member) -> Topology:
    if any(one.name == member.name for one in now.members):
        members = tuple(member if one.name == member.name else one for one in now.members)
    else:
        members = (*now.members, member)
    return replace(now, members=members)


def _overlaps(one: Member, other: Member) -> bool:
    names = {pool.pool for pool in one.pools}
    return one.fsid == other.fsid and any(pool.pool in names for pool in other.pools)


def _shape(pool: Pool) -> dict[str, Any]:
    return {"role": pool.role, "stripe": pool.stripe}


def _count(cluster: Any, pool: str) -> int:
    """RADOS objects in a pool but our mark."""
    with cluster.open_ioctx(pool) as context:
        return sum(1 for found in context.list_objects() if found.key != pools.MARK)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def policies(large: str, small: str, settled: str) -> dict[str, Policy]:
    """The policies of an operator by role; Refused."""
    try:
        found = {
            LARGE: policy.read(large),
            SMALL: policy.read(small),
            SETTLED: policy.read(settled),
        }
    except ValueError as error:
        raise Refused(str(error)) from error
    if found[SMALL].erasure:
        raise Refused("small objects are written to replicas; settled ones may be erasure-coded")
    return found
