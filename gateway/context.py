"""What a handler knows of the request it answers."""

from typing import TYPE_CHECKING

from gateway.http import Request
from gateway.wire.target import Target
from metastore.records import Bucket
from ocean.errors import AccessDenied
from ocean.identity.records import Account
from ocean.ports import Body
from ocean.rules.access import Principal, allows
from ocean.store import Ocean

if TYPE_CHECKING:
    from gateway.operations import Operation


class Context:
    """One authenticated and authorized request. `account` is None when nobody signed.

    `bucket` and `key` are set as the operation's level has them; `body` is set for operations
    that take a stream.
    """

    __slots__ = (
        "account",
        "body",
        "bucket_record",
        "key_name",
        "ocean",
        "operation",
        "principal",
        "region",
        "request",
        "request_id",
        "target",
    )

    def __init__(
        self,
        ocean: Ocean,
        request: Request,
        request_id: str,
        target: Target,
        operation: "Operation",
        region: str,
    ) -> None:
        self.ocean = ocean
        self.request = request
        self.request_id = request_id
        self.target = target
        self.operation = operation
        self.region = region
        self.account: Account | None = None
        self.principal = Principal(None)
        self.bucket_record: Bucket | None = None
        self.key_name = target.key
        self.body: Body | None = None

    @property
    def bucket(self) -> Bucket:
        """The bucket of a request that names one."""
        assert self.bucket_record is not None
        return self.bucket_record

    @property
    def key(self) -> str:
        """The key of a request that names one."""
        assert self.key_name is not None
        return self.key_name

    @property
    def stream(self) -> Body:
        """The body of an operation that takes a stream."""
        assert self.body is not None
        return self.body

    @property
    def caller(self) -> Account:
        """The account that signed; AccessDenied when nobody did."""
        if self.account is None:
            raise AccessDenied
        return self.account

    @property
    def owner(self) -> str:
        """The canonical id of whose the bucket is or, as long as there is none, becomes."""
        return self.bucket_record.owner if self.bucket_record else self.principal.account or ""

    @property
    def owner_name(self) -> str:
        """The display name of the bucket's owner, as far as the caller may know it."""
        owner = self.bucket.owner
        return self.caller.display_name if self.caller.id == owner else owner

    def authorize(self, action: str, bucket: Bucket | None) -> None:
        """AccessDenied unless the caller may do `action` in `bucket`."""
        if not allows(self.principal, action, bucket.owner if bucket else None):
            raise AccessDenied
