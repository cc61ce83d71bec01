"""What a handler knows of the request it answers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.conditionkeys import NOTHING, ConditionKeys, Facts, Values
from gateway.http import Request
from gateway.wire.target import Target
from metastore.records import Bucket, Version
from ocean.errors import AccessDenied, S3Error
from ocean.identity.accounts import Accounts
from ocean.identity.records import Account
from ocean.ports import Body
from ocean.rules import access
from ocean.rules.access import Principal, Ruling
from ocean.store import Ocean

if TYPE_CHECKING:
    from gateway.operations import Operation


class Context:
    """One authenticated and authorized request. `account` is None when nobody signed.

    `bucket` and `key` are set as the operation's level has them; `body` is set for operations
    that take a stream. `given` are its headers, or the fields of its form; `requested` what its
    document would set of the object, by the condition keys that ask for it.
    """

    __slots__ = (
        "_found",
        "account",
        "accounts",
        "body",
        "bucket_record",
        "given",
        "key_name",
        "ocean",
        "operation",
        "principal",
        "region",
        "request",
        "request_id",
        "requested",
        "target",
    )

    def __init__(
        self,
        ocean: Ocean,
        accounts: Accounts,
        request: Request,
        request_id: str,
        target: Target,
        operation: "Operation",
        region: str,
    ) -> None:
        self.ocean = ocean
        self.accounts = accounts
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
        self.given = request.headers
        self.requested: Mapping[str, Values] | None = None
        self._found: Version | S3Error | None = None

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
    def action(self) -> str:
        """What the caller needs to be allowed, on a version if the request names one."""
        return access.action_on(self.operation.action, self.target.query.get("versionId"))

    # -- authorization ----------------------------------------------------------------------

    def rule(
        self,
        action: str,
        target: access.Target,
        found: Version | None = None,
        also: Mapping[str, Values] = NOTHING,
    ) -> Ruling:
        """The ruling on an action of this request: see access.decide and ConditionKeys."""
        facts = Facts(
            self.request,
            self.target,
            self.given,
            self.operation.name,
            self.region,
            self.account,
            self.bucket_record,
            self.requested,
        )
        return access.decide(self.principal, action, target, ConditionKeys(facts, found, also))

    def authorize(
        self, action: str, target: access.Target, also: Mapping[str, Values] = NOTHING
    ) -> None:
        """AccessDenied unless the caller may."""
        if not self.rule(action, target, also=also).allowed:
            raise AccessDenied

    def authorize_on(self, action: str, bucket: Bucket, key: str, found: Version) -> None:
        """AccessDenied unless the caller may do that to an object as it is."""
        if not self.rule(action, access.Target.of(bucket, key, found), found).allowed:
            raise AccessDenied

    async def find(
        self, action: str, bucket: Bucket, key: str, version_id: str | None
    ) -> Version | S3Error:
        """The version, if the caller may do `action` to it, or why there is none.

        Only who may do it, or list the bucket, learns that there is none. AccessDenied. Nothing is
        read when the ruling cannot depend on the object.
        """
        action = access.action_on(action, version_id)
        absent = access.Target.of(bucket, key, None)
        if not access.needs_object(self.principal, action, bucket):
            self.authorize(action, absent)
        try:
            version = await self.ocean.get.version(bucket, key, version_id)
        except S3Error as missing:
            ruling = self.rule(action, absent)
            listing = access.Target(bucket)
            if ruling.explicit:
                raise AccessDenied from None
            if not self.rule("s3:ListBucket", listing, also={"s3:prefix": (key,)}).allowed:
                raise AccessDenied from None
            if not ruling.allowed:
                raise
            return missing
        self.authorize_on(action, bucket, key, version)
        return version

    async def take_object(self) -> None:
        """Find the object that this request is about, for `version` to give; AccessDenied."""
        named = self.target.query.get("versionId")
        self._found = await self.find(self.operation.action, self.bucket, self.key, named)

    async def version(self) -> Version:
        """The version that this request is about; its bytes may have been moved meanwhile.

        Asked again it is looked up again.
        """
        if self._found is None:
            await self.take_object()
        found, self._found = self._found, None
        if isinstance(found, S3Error):
            raise found
        assert found is not None
        return found
