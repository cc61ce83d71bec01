"""Placement rules: which partitions new bytes may go to. Pure.

Invariant: the first rule that matches counts; an object that none matches may go anywhere.
"""

from typing import NamedTuple

from blobstore.partition import State
from ocean.partitions.records import LARGE, SMALL, Rule, Topology


class Explained(NamedTuple):
    """Where an object would go: the `rule` (empty: none), the pool, and the partitions that take
    new objects now."""

    rule: str
    pool: str
    partitions: tuple[str, ...]


def choose(
    rules: tuple[Rule, ...], bucket: str, key: str, size: int | None, storage_class: str
) -> Rule | None:
    """The rule for an object; None: it may go anywhere. `size` None: unknown."""
    for rule in rules:
        if (
            rule.bucket in ("", bucket)
            and key.startswith(rule.prefix)
            and rule.storage_class in ("", storage_class)
            and _fits(rule, size)
        ):
            return rule
    return None


def _fits(rule: Rule, size: int | None) -> bool:
    if rule.minimum == 0 and rule.maximum < 0:
        return True
    if size is None:
        return False
    return size >= rule.minimum and (rule.maximum < 0 or size <= rule.maximum)


def explain(
    topology: Topology, bucket: str, key: str, size: int, storage_class: str, *, threshold: int
) -> Explained:
    """What `choose` does, for people."""
    rule = choose(topology.rules, bucket, key, size, storage_class)
    active = [member.name for member in topology.all() if member.state is State.ACTIVE]
    among = active if rule is None else [name for name in rule.partitions if name in active]
    pool = (rule.pool if rule is not None else "") or (SMALL if size <= threshold else LARGE)
    return Explained(rule.name if rule is not None else "", pool, tuple(among))
