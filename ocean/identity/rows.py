r"""Row keys of accounts, access keys and policies in the keyspace `identities`. Pure.

Invariant: every record has one row that makes it exist (an account's is under its name, so that
names are unique; a pair's under its access key); the rows under ids and owners only lead there,
are written before it and removed after it, and mean nothing without it.

A separator NUL cannot occur in what stands before it: see naming.py.
"""


def account(name: str) -> bytes:
    """Row of an account."""
    return b"u\0" + name.encode()


def accounts() -> tuple[bytes, bytes]:
    """First row, and the row behind the last, of all accounts."""
    return b"u\0", b"u\1"


def id_pointer(account_id: str) -> bytes:
    """Row that holds the name of the account with a canonical id."""
    return b"i\0" + account_id.encode()


def access_key(key: str) -> bytes:
    """Row of a pair."""
    return b"k\0" + key.encode()


def access_keys() -> tuple[bytes, bytes]:
    """First row, and the row behind the last, of all pairs."""
    return b"k\0", b"k\1"


def owned_pointer(account_id: str, key: str) -> bytes:
    """Row that says that an account has, or was about to have, a pair."""
    return b"o\0" + account_id.encode() + b"\0" + key.encode()


def owned_pointers(account_id: str) -> tuple[bytes, bytes]:
    """First row, and the row behind the last, of an account's pairs."""
    start = b"o\0" + account_id.encode()
    return start + b"\0", start + b"\1"


def owned_key(row: bytes) -> str:
    """The access key in an owned pointer's row key."""
    return row[2:].split(b"\0", 1)[1].decode()


ROOT_PAIR = b"r\0root"
POLICIES = b"p\0book"  # all identity policies and groups
