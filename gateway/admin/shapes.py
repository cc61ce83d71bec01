"""The JSON of the admin API. Pure."""

from datetime import UTC, datetime
from typing import Self

import msgspec

from ocean.identity.records import AccessKey, Account


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user to make; with a pair when one of its halves is given."""

    name: str
    display_name: str = ""
    email: str = ""
    operator: bool = False
    access_key: str = ""
    secret_key: str = ""


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pair to make; what is not given is generated."""

    access_key: str = ""
    secret_key: str = ""


class UserShown(msgspec.Struct, frozen=True):
    """A user and its account."""

    name: str
    canonical_id: str
    display_name: str
    email: str
    created: str
    operator: bool
    root: bool

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            account.name,
            account.id,
            account.display_name,
            account.email,
            _moment(account.created_ms),
            account.operator,
            account.root,
        )


class UserMade(UserShown, frozen=True, omit_defaults=True):
    """A user just made, and its pair if it got one: the secret may have been generated."""

    access_key: str = ""
    secret_key: str = ""


class KeyShown(msgspec.Struct, frozen=True):
    """A pair without its secret."""

    access_key: str
    status: str
    created: str

    @classmethod
    def of(cls, pair: AccessKey) -> Self:
        return cls(pair.access_key, pair.status, _moment(pair.created_ms))


class KeyMade(msgspec.Struct, frozen=True):
    """A pair at the only moment at which its secret is shown."""

    access_key: str
    secret_key: str
    user: str


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
