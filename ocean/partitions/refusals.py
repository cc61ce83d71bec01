"""What is not done with partitions and rules, and why. Pure."""

import re

from ocean.partitions.records import LARGE, SMALL, Rule, Topology

_NAME = re.compile("[a-z0-9][a-z0-9-]{0,30}")
_CLASS = re.compile("[A-Z0-9][A-Z0-9_-]{0,30}")
CLASSES = 250  # named storage classes: a version keeps the number of its own in a byte


class Refused(Exception):
    """Not done; the message is one line for the operator."""


def check_name(name: str) -> None:
    """Refused unless it can be a partition's, and part of a pool's."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r}: a name is up to 31 of a-z, 0-9 and -, and begins with no -")


def check_rule(rule: Rule, now: Topology) -> None:
    """Refused when a rule names what is not there, or contradicts itself."""
    check_name(rule.name)
    if not rule.partitions:
        raise Refused("a rule names one partition at least")
    for name in rule.partitions:
        if now.member(name) is None:
            raise Refused(f"there is no partition {name}")
    if rule.storage_class and not _CLASS.fullmatch(rule.storage_class):
        raise Refused(f"{rule.storage_class!r}: a storage class is up to 31 of A-Z, 0-9, _ and -")
    if rule.pool not in ("", SMALL, LARGE):
        raise Refused(f"{rule.pool!r}: a rule's pool is {SMALL} or {LARGE}")
    if 0 <= rule.maximum < rule.minimum or rule.minimum < 0:
        raise Refused(f"no object has {rule.minimum} to {rule.maximum} bytes")
    if len(now.classes) >= CLASSES and rule.storage_class not in ("", "STANDARD", *now.classes):
        raise Refused(f"there are {CLASSES} storage classes, no more can be made")
