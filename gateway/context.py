"""What a handler knows of the request it answers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.authenticate import Claim, signing
from gateway.conditionkeys import NOTHING, Asked, ConditionKeys, Facts, Values
from gateway.http import Request
from gateway.wire.target import Target
from metastore.records import Bucket, Version
from ocean.errors import AccessDenied, NoSuchKey, NoSuchVersion, S3Error
from ocean.identity.accounts import Accounts
from ocean.identity.records import Account
from ocean.ports import Body
from ocean.rules import access
from ocean.rules.access import Principal, Ruling
from ocean.store import Ocean

if TYPE_CHECKING:
    from gateway.operations import Operation

_ANONYMOUS = Principal(None)


class Context:
    """One authenticated and authorized request. `account` is None when nobody signed, `claim` too.

    `bucket` and `key` are set as the operation's level has them; `body` is set for operations
    that take a stream; `found` is the object that it is about, or why there is none, once that was
    looked up to decide on it. `given` are its headers, or the fields of its form; `requested` what
    its document would set of the object, by the condition keys that ask for it.
    """

    __slots__ = (
        "account",
        "accounts",
        "body",
        "bucket_record",
        "claim",
        "found",
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
        self.principal = _ANONYMOUS
        self.bucket_record: Bucket | None = None
        self.key_name = target.key
        self.body: Body | None = None
        self.given = request.headers
        self.requested: Mapping[str, Values] | None = None
        self.claim: Claim | None = None
        self.found: Version | S3Error | None = None

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
        return access.action_on(self.operation.action, self.version_id)

    @property
    def version_id(self) -> str | None:
        """The version that the request names, if its operation takes any."""
        named = self.target.query.get("versionId")
        return named if named is None or "versionId" in self.operation.takes else None

    # -- authorization ----------------------------------------------------------------------

    def rule(
        self,
        action: str,
        target: access.Target,
        found: Version | None = None,
        version_id: str | None = None,
        also: Mapping[str, Values] = NOTHING,
    ) -> Ruling:
        """The ruling on an action of this request: see access.decide and ConditionKeys."""
        if not access.has_policies(self.principal, target.bucket):
            return access.without_policies(self.principal, action, target)
        facts = Facts(
            self.request,
            self.target,
            self.given,
            self.operation.name,
            self.region,
            self.account,
            signing(self.claim),
        )
        asked = Asked(target.bucket, version_id, found, self.requested, also)
        return access.decide(self.principal, action, target, ConditionKeys(facts, asked))

    def authorize(self, action: str, target: access.Target, version_id: str | None = None) -> None:
        """AccessDenied unless the caller may; of a bucket's policy perhaps MethodNotAllowed."""
        self.rule(action, target, version_id=version_id).check()

    def authorize_on(
        self, action: str, bucket: Bucket, key: str, found: Version | None, version_id: str | None
    ) -> None:
        """AccessDenied unless the caller may do that to an object as it is (None: not there)."""
        target = access.Target.of(bucket, key, found)
        self.rule(action, target, found, version_id).check()

    async def find(
        self, action: str, bucket: Bucket, key: str, version_id: str | None
    ) -> Version | S3Error:
        """The version, if the caller may do `action` to it, or why there is none.

        Only who may do it, or list the bucket, learns that there is none. AccessDenied. Nothing is
        read when the ruling cannot depend on the object.
        """
        action = access.action_on(action, version_id)
        if not access.needs_object(self.principal, action, bucket):
            self.authorize_on(action, bucket, key, None, version_id)
        try:
            version = await self.ocean.get.version(bucket, key, version_id)
        except S3Error as missing:
            ruling = self.rule(action, access.Target.of(bucket, key, None), version_id=version_id)
            listing = "s3:ListBucket" if version_id is None else "s3:ListBucketVersions"
            also = {"s3:prefix": (key,)}
            may_list = self.rule(listing, access.Target(bucket), also=also).allowed
            if ruling.explicit or not may_list:
                raise AccessDenied from None
            if ruling.allowed:
                return missing
            if version_id is None:
                raise NoSuchKey(Key=key) from None  # and nothing of a delete marker
            raise NoSuchVersion(Key=key, VersionId=version_id) from None
        self.authorize_on(action, bucket, key, version, version_id)
        return version

    async def version(self) -> Version:
        """The version that this request is about; its bytes may have been moved meanwhile.

        Asked again it is looked up again.
        """
        found, self.found = self.found, None
        if found is None:
            action, named = self.operation.action, self.version_id
            found = await self.find(action, self.bucket, self.key, named)
        if isinstance(found, S3Error):
            raise found
        return found
