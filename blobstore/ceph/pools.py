"""The pools of a partition on its cluster: made from policies, found, and marked as ours.

Everything here blocks: see Session.blocking.
"""

import errno
import json
from typing import Any, NamedTuple

from blobstore.base import BlobError, Unavailable
from blobstore.ceph.policy import Policy

APPLICATION = "ocean"
MARK = "format"  # the RADOS object that says what a pool holds and whose it is


class Impossible(BlobError):
    """The cluster cannot hold this, or holds something else; the text says what to do."""


class Usage(NamedTuple):
    """Of a pool: RADOS objects, and bytes of data."""

    objects: int
    size: int


class Space(NamedTuple):
    """Of a cluster, in bytes: raw space, and raw space taken."""

    total: int
    used: int


def command(cluster: Any, prefix: str, **arguments: Any) -> Any:
    """What a monitor answers; Impossible when it refuses."""
    text = json.dumps({"prefix": prefix, "format": "json", **arguments})
    code, answer, said = cluster.mon_command(text, b"")
    if code == -errno.ETIMEDOUT:
        raise Unavailable(f"`ceph {prefix}` was not answered")
    if code < 0:
        raise Impossible(f"`ceph {prefix}` was refused: {said or errno.errorcode.get(-code, code)}")
    return json.loads(answer) if answer.strip() else None


def names(cluster: Any) -> list[str]:
    return list(cluster.list_pools())


def require_room(cluster: Any, policy: Policy, domain: str) -> None:
    """Impossible unless the cluster has as many failure domains as `policy` takes."""
    there = len(domains(cluster, domain))
    if there < policy.width:
        raise Impossible(
            f"{policy} takes {policy.width} failure domains ({domain}), the cluster has {there}"
        )


def domains(cluster: Any, kind: str) -> set[int]:
    """Ids of the buckets or devices of a kind, such as host or osd, that hold an OSD."""
    nodes = {node["id"]: node for node in command(cluster, "osd tree")["nodes"]}
    kinds = {node["type"] for node in nodes.values()} | {"osd", "host", "rack", "datacenter"}
    if kind not in kinds:
        raise Impossible(f"{kind}: no failure domain of Ceph; one of {', '.join(sorted(kinds))}")
    return {node for node in nodes if nodes[node]["type"] == kind and _holds_osd(nodes, node)}


def _holds_osd(nodes: dict[int, Any], node: int) -> bool:
    found = nodes[node]
    if found["type"] == "osd":
        return True
    return any(_holds_osd(nodes, child) for child in found.get("children", ()))


def make(cluster: Any, pool: str, policy: Policy, domain: str, placement_groups: int) -> None:
    """The pool, its rule and its profile; one that is there is taken if it is the same."""
    if pool in names(cluster):
        there = policy_of(cluster, pool)
        if there != policy:
            raise Impossible(f"there is a pool {pool}, and it is {there}, not {policy}")
    elif policy.erasure:
        _make_erasure(cluster, pool, policy, domain, placement_groups)
    else:
        _make_replicated(cluster, pool, policy, domain, placement_groups)
    least = {"pool": pool, "var": "min_size", "val": str(policy.least)}
    command(cluster, "osd pool set", **least)
    sure = {"yes_i_really_mean_it": True}
    command(cluster, "osd pool application enable", pool=pool, app=APPLICATION, **sure)


def _make_replicated(
    cluster: Any, pool: str, policy: Policy, domain: str, placement_groups: int
) -> None:
    rule = f"ocean-{domain}"
    command(cluster, "osd crush rule create-replicated", name=rule, root="default", type=domain)
    how = {"pool_type": "replicated", "rule": rule, "size": policy.width}
    command(cluster, "osd pool create", pool=pool, pg_num=placement_groups, **how)
    if policy.width == 1:
        only = {"pool": pool, "var": "size", "val": "1", "yes_i_really_mean_it": True}
        command(cluster, "osd pool set", **only)


def _make_erasure(
    cluster: Any, pool: str, policy: Policy, domain: str, placement_groups: int
) -> None:
    profile = f"ocean-{policy.data}-{policy.coding}-{domain}"
    chunks = [f"k={policy.data}", f"m={policy.coding}", f"crush-failure-domain={domain}"]
    command(cluster, "osd erasure-code-profile set", name=profile, profile=chunks)
    how = {"pool_type": "erasure", "erasure_code_profile": profile}
    command(cluster, "osd pool create", pool=pool, pg_num=placement_groups, **how)
    command(cluster, "osd pool set", pool=pool, var="allow_ec_overwrites", val="true")


def policy_of(cluster: Any, pool: str) -> Policy:
    """The policy of a pool that is there."""
    found = command(cluster, "osd pool get", pool=pool, var="all")
    profile = found.get("erasure_code_profile")
    if not profile:
        return Policy(1, found["size"] - 1, erasure=False)
    if not found.get("allow_ec_overwrites"):
        raise Impossible(
            f"{pool} allows no overwrites: ceph osd pool set {pool} allow_ec_overwrites true"
        )
    chunks = command(cluster, "osd erasure-code-profile get", name=profile)
    return Policy(int(chunks["k"]), int(chunks["m"]), erasure=True)


def domain_of(cluster: Any, pool: str) -> str:
    """The failure domain over which a pool spreads."""
    rule = command(cluster, "osd pool get", pool=pool, var="crush_rule")["crush_rule"]
    steps = command(cluster, "osd crush rule dump", name=rule)["steps"]
    return next((str(step["type"]) for step in steps if step["op"].startswith("choose")), "")


def make_user(cluster: Any, user: str, pools: list[str]) -> str:
    """The key of a user who may use these pools and nothing else, made if it is not there."""
    entity = f"client.{user}"
    osd = ", ".join(f"allow rw pool={pool}" for pool in pools)
    caps = ["mon", "allow r", "osd", osd]
    there = key_of(cluster, user)
    if there is None:
        command(cluster, "auth add", entity=entity, caps=caps)
    else:
        command(cluster, "auth caps", entity=entity, caps=caps)
    return there or key_of(cluster, user) or ""


def key_of(cluster: Any, user: str) -> str | None:
    """The key of a user; None when there is none, or we may not see it."""
    try:
        found = command(cluster, "auth get", entity=f"client.{user}")
    except Impossible:
        return None
    return str(found[0]["key"])


def claim(cluster: Any, pool: str, mark: dict[str, Any]) -> None:
    """Mark a pool as ours; Impossible when it is another's."""
    data = json.dumps(mark, sort_keys=True).encode()
    context = cluster.open_ioctx(pool)
    try:
        there = _content(context)
        if there is None:
            context.write_full(MARK, data)
        elif there != data:
            raise Impossible(f"the pool {pool} belongs to another store: {there.decode()[:300]}")
    finally:
        context.close()


def release(cluster: Any, pool: str) -> None:
    """Take the mark away."""
    context = cluster.open_ioctx(pool)
    try:
        if _content(context) is not None:
            context.remove_object(MARK)
    finally:
        context.close()


def _content(context: Any) -> bytes | None:
    try:
        return bytes(context.read(MARK))
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOENT:  # of librados, which has its own OSError
            return None
        raise


def usage(cluster: Any, pools: list[str]) -> dict[str, Usage]:
    """Of each pool that is there, as the monitors last heard: some seconds old. One that was made
    since held nothing then."""
    found = {pool["name"]: pool["stats"] for pool in command(cluster, "df")["pools"]}
    made = dict.fromkeys(names(cluster), Usage(0, 0))
    counted = {pool: Usage(stats["objects"], stats["stored"]) for pool, stats in found.items()}
    there = made | counted
    return {pool: there[pool] for pool in pools if pool in there}


def space(cluster: Any) -> Space:
    stats = command(cluster, "df")["stats"]
    return Space(stats["total_bytes"], stats["total_used_raw_bytes"])
