"""The JSON of the admin API. Pure."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

import msgspec

from ocean.identity.records import AccessKey, Account, PolicyBook
from ocean.partitions.records import Rule
from ocean.partitions.verbs import STRIPE


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
    policies: tuple[str, ...]
    groups: tuple[str, ...]

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
            account.policies,
            account.groups,
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


class PolicyShown(msgspec.Struct, frozen=True):
    """An identity policy without its document, and the groups that it is attached to."""

    name: str
    groups: list[str]

    @classmethod
    def all(cls, book: PolicyBook) -> list[Self]:
        """All policies in the order of their names."""
        groups = sorted(book.groups.items())
        return [
            cls(name, [group for group, attached in groups if name in attached])
            for name in sorted(book.policies)
        ]


class GroupShown(msgspec.Struct, frozen=True):
    """A group with the names of its policies."""

    name: str
    policies: tuple[str, ...]


class GroupDetails(GroupShown, frozen=True):
    """A group with its policies and members."""

    members: list[str]


class NewPartition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A partition whose pools are there."""

    name: str
    conf: str
    user: str = "admin"
    keyring: str = ""
    weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    stripe: Annotated[int, msgspec.Meta(ge=1 << 16, le=64 << 20)] = STRIPE


class Initialized(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What pools a partition shall have, and how its cluster is reached."""

    conf: str
    user: str = "admin"
    keyring: str = ""
    large: str = "replica:3"
    small: str = "replica:3"
    settled: str = ""
    failure_domain: str = "host"
    placement_groups: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 32


class StateSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partition may be used for from now on."""

    state: Literal["active", "read-only", "draining", "offline"]
    weight: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Drained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a partition is drained; a rate of 0: as fast as can be, none: as before."""

    paused: bool = False
    rate: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Rebalanced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How partitions are evened out."""

    rate: Annotated[int, msgspec.Meta(ge=0)] = 0


class RuleGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A placement rule; `name` is only shown, `first` only taken."""

    partitions: tuple[str, ...]
    name: str = ""
    bucket: str = ""
    prefix: str = ""
    storage_class: str = ""
    minimum: int = 0
    maximum: int = -1
    pool: str = ""
    first: bool = False

    @classmethod
    def of(cls, rule: Rule) -> Self:
        given = {name: getattr(rule, name) for name in rule.__struct_fields__}
        return cls(**given)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
