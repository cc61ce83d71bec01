"""Row keys of named encryption keys in the keyspace `identities`, beside accounts. Pure.

A name holds no NUL, and no row of an account, pair or root begins with the letter of these.
"""


def named_key(name: str) -> bytes:
    """Row of a named key."""
    return b"e\0" + name.encode()


def named_keys() -> tuple[bytes, bytes]:
    """First row, and the row behind the last, of all named keys."""
    return b"e\0", b"e\1"
