"""Features that are not built: a request that asks for one is refused by the header's name. Pure.

No header of a feature that is not there is ever ignored: what begins as a header of S3 does is
known to be harmless or handled, has a harmless value, or is refused. Others mean nothing to S3
either, and pass. Presigned URLs carry the same names in their query.
"""

from collections.abc import Collection, Mapping

from gateway.wire.hoisting import PRESIGNED
from ocean import errors
from ocean.errors import S3Error

# Read by signatures, bodies and the inputs of operations.
HANDLED = frozenset(
    {
        "x-amz-acl",
        "x-amz-algorithm",
        "x-amz-bucket-object-lock-enabled",
        "x-amz-bucket-object-lock-token",
        "x-amz-bypass-governance-retention",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-mode",
        "x-amz-checksum-sha1",
        "x-amz-checksum-sha256",
        "x-amz-checksum-type",
        "x-amz-confirm-remove-self-bucket-access",
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-if-modified-since",
        "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-unmodified-since",
        "x-amz-copy-source-range",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-expected-bucket-owner",
        "x-amz-expires",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
        "x-amz-max-parts",
        "x-amz-metadata-directive",
        "x-amz-mp-object-size",
        "x-amz-object-attributes",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-object-ownership",
        "x-amz-optional-object-attributes",
        "x-amz-part-number-marker",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
        "x-amz-source-expected-bucket-owner",
        "x-amz-tagging",
        "x-amz-tagging-directive",
        "x-amz-te",
        "x-amz-trailer",
        # Nobody pays here; S3 takes the header too for buckets that never asked for it.
        "x-amz-request-payer",
        # Said by clients about themselves.
        "x-amz-user-agent",
        "x-amz-cf-id",
        "x-amz-id-2",
        "x-amz-request-id",
    }
)
METADATA = "x-amz-meta-"

_SSE = "x-amz-server-side-encryption"
_OF_CUSTOMERS = ("customer-algorithm", "customer-key", "customer-key-md5")
# Handled by the operations that have them. Others refuse them: who sends one counts on it.
ENCRYPTION = frozenset(
    {
        _SSE,
        f"{_SSE}-aws-kms-key-id",
        f"{_SSE}-bucket-key-enabled",
        f"{_SSE}-context",
        *(f"{_SSE}-{name}" for name in _OF_CUSTOMERS),
        *(f"x-amz-copy-source-server-side-encryption-{name}" for name in _OF_CUSTOMERS),
    }
)

# How the headers of S3's model begin, and those that its own servers send each other.
_FAMILIES = (
    "x-amz-bucket-",
    "x-amz-bypass-",
    "x-amz-checksum-",
    "x-amz-client-",
    "x-amz-copy-source-",
    "x-amz-create-session-",
    "x-amz-fwd-",
    "x-amz-grant-",
    "x-amz-if-",
    "x-amz-mfa",
    "x-amz-object-",
    "x-amz-rename-",
    "x-amz-replication-",
    "x-amz-request-",
    "x-amz-server-side-",
    "x-amz-skip-",
    "x-amz-storage-",
    "x-amz-transition-",
    "x-amz-website-",
    "x-amz-write-",
)

# What most requests carry, so that one look into one set settles most headers.
_COMMON = HANDLED | {
    "accept",
    "accept-encoding",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "expect",
    "host",
    "range",
    "transfer-encoding",
    "user-agent",
}

# What a form's fields may say beside metadata.
_FIELDS = frozenset(
    {
        "x-amz-acl",
        "x-amz-algorithm",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-sha1",
        "x-amz-checksum-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-security-token",
        "x-amz-signature",
        *(name for name in ENCRYPTION if name.startswith(_SSE)),
    }
)

# Refused but for the values that ask for what is there anyway (in lower case).
ALLOWED_VALUES = {
    "x-amz-bucket-namespace": frozenset({"global"}),
    "x-amz-storage-class": frozenset({"standard"}),
    # Nothing moves between storage classes.
    "x-amz-transition-default-minimum-object-size": frozenset({"all_storage_classes_128k"}),
}
STORAGE_CLASSES = frozenset(
    {
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
        "FSX_OPENZFS",
        "GLACIER",
        "GLACIER_IR",
        "INTELLIGENT_TIERING",
        "ONEZONE_IA",
        "OUTPOSTS",
        "REDUCED_REDUNDANCY",
        "SNOW",
        "STANDARD_IA",
    }
)


def refuse(
    headers: Mapping[str, str],
    query: Mapping[str, str],
    classes: Collection[str] = (),
    taken: Collection[str] = (),
) -> None:
    """Raise NotImplemented for the first header of a feature that is not built.

    `headers` have names in lower case; a query has any case and is looked at as if it were headers,
    because a presigned URL may carry them there. `classes` are the storage classes that placement
    rules name, `taken` the headers that the operation has: InvalidArgument for one of ENCRYPTION
    that is not among them.
    """
    for name in headers:
        if name not in _COMMON and name.startswith(_FAMILIES):
            _check(name, name, headers[name], classes, taken)
    if PRESIGNED.issuperset(query):
        return  # all of them are HANDLED
    for name in query:
        if (lower := name.lower()) not in HANDLED and lower.startswith(_FAMILIES):
            _check(lower, name, query[name], classes, taken)


def refuse_fields(fields: Mapping[str, str], classes: Collection[str] = ()) -> None:
    """The same for the fields of a form, by name in lower case, of which fewer have a meaning."""
    for name, value in fields.items():
        if name.startswith("x-amz-") and not name.startswith(METADATA) and name not in _FIELDS:
            _check(name, name, value, classes, _FIELDS)


def _check(
    name: str, given: str, value: str, classes: Collection[str], taken: Collection[str]
) -> None:
    if name in ENCRYPTION:
        if name in taken:
            return
        raise errors.InvalidArgument(
            f"{name} header is not supported for this operation.", ArgumentName=given
        )
    if name == "x-amz-storage-class" and value in classes:
        return
    if value.lower() not in ALLOWED_VALUES.get(name, ()):
        raise _refusal(name, given, value)


def _refusal(name: str, given: str, value: str) -> S3Error:
    if name == "x-amz-storage-class" and value not in STORAGE_CLASSES:
        return errors.InvalidStorageClass(StorageClassRequested=value)
    return errors.NotImplemented(Header=given)
