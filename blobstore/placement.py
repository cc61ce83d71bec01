"""Which partition gets new bytes: weighted rendezvous hashing. Pure.

Thaler and Ravishankar, 1998; with weights as by Schindelhauer and Schomaker, SPAA 2005.

Invariant: the order of two partitions depends on the key and on these two alone, so what a
partition loses, by a lower weight or by going, is spread over the others and nothing else moves.
"""

from collections.abc import Iterable
from hashlib import blake2b
from math import log

FILLING = 0.7  # of a partition's room taken, from where on it gets less
FILLED = 0.9  # from where on it gets none: Ceph itself stops at 0.95

_SCALE = 2.0**-64


def ordered(key: bytes, weights: Iterable[tuple[str, float]]) -> list[str]:
    """The names with a weight above 0, the one to prefer for `key` first."""
    scores = [(_score(key, name, weight), name) for name, weight in weights if weight > 0]
    return [name for _, name in sorted(scores)]


def share(weight: float, fullness: float) -> float:
    """The weight of a partition of which `fullness` (0 to 1) is taken."""
    return weight * min(max((FILLED - fullness) / (FILLED - FILLING), 0.0), 1.0)


def _score(key: bytes, name: str, weight: float) -> float:
    """Exponentially distributed with rate `weight`: the least of several is each in its share."""
    number = int.from_bytes(blake2b(key, digest_size=8, key=name.encode()[:64]).digest(), "big")
    return -log((number + 0.5) * _SCALE) / weight
