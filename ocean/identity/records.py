"""Accounts, access keys and policies, as immutable records. Pure."""

from typing import ClassVar, Literal

import msgspec

from metastore.records import Quota


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns buckets and objects. `id` is the canonical id: 64 hex digits, for ever.

    `name` is unique among accounts; `display_name` and `email` are what S3 shows. `root` may do
    everything. An account that is being deleted signs nothing any more. `policies` and `groups` are
    names of identity policies that are attached to it and of groups that it is a member of.
    """

    SINCE_2: ClassVar = ("policies", "groups", "quota")

    id: str
    name: str
    display_name: str
    created_ms: int
    email: str = ""
    root: bool = False
    operator: bool = False
    state: Literal["active", "suspended", "deleting"] = "active"
    edit: bytes = b""
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    quota: Quota | None = None


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """A pair to sign with. `secret` is sealed with the master key; `user` names the account."""

    access_key: str
    user: str
    account: str
    secret: bytes
    created_ms: int
    status: Literal["active", "inactive"] = "active"
    edit: bytes = b""


class RootPair(msgspec.Struct, frozen=True, kw_only=True):
    """The pair made for root at the first start, its secret sealed."""

    access_key: str
    secret: bytes
    created_ms: int
    edit: bytes = b""


class PolicyBook(msgspec.Struct, frozen=True, kw_only=True):
    """The identity policies and groups of a store, in one row.

    `policies` are documents by name, as they were given; `groups` are the names of the policies
    attached to each group. Whom they count for is in each Account.
    """

    policies: dict[str, str] = {}
    groups: dict[str, tuple[str, ...]] = {}
    edit: bytes = b""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature is verified against, and who made it then."""

    access_key: str
    secret: str
    account: Account

    def __repr__(self) -> str:
        return f"Credential({self.access_key!r}, secret masked, {self.account.name!r})"
