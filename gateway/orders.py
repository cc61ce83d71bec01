"""What supervisor and worker say to each other over the control socket. Pure."""

import msgspec

from ocean.config import Config
from ocean.config.values import revive

READY = b"R"  # the worker serves


class Orders(msgspec.Struct, frozen=True):
    """What the supervisor sends first: who it is, and what to serve."""

    supervisor: int
    slot: int
    config: Config


def encode_orders(orders: Orders) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(orders, enc_hook=str) + b"\n"


def decode_orders(line: bytes) -> Orders:
    """What `encode_orders` made."""
    return msgspec.json.decode(line, type=Orders, dec_hook=revive)
