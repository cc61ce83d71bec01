"""What is persisted, as immutable records. Pure; codec.py turns them into bytes and back.

Those that come by the ten thousand are no concern of the garbage collector: nothing they refer to
refers to them. SINCE_2 of a record names the fields that came with format 2 (codec.py).
"""

from enum import IntEnum
from typing import ClassVar

import msgspec

from metastore.lifecycle_records import LifecycleRule
from metastore.retention_records import BucketLock, Retention

NO_OP = b"\0" * 12


class Kind(IntEnum):
    """What a Head or a row of `versions` stands for."""

    NONE = 0  # nothing: deleted, or a fence before the first commit
    OBJECT = 1
    MARKER = 2  # a delete marker
    REFERENCE = 3  # of Heads only: the current version is the newest live row of `versions`


class Versioning(IntEnum):
    OFF = 0
    ENABLED = 1
    SUSPENDED = 2


class Algorithm(IntEnum):
    """Checksum algorithms of S3; the numbers are persisted."""

    NONE = 0
    CRC32 = 1
    CRC32C = 2
    CRC64NVME = 3
    SHA1 = 4
    SHA256 = 5


class Checksum(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An object's checksum: base64 text, with `-N` behind it when composite."""

    algorithm: Algorithm
    value: str
    composite: bool = False


class Permission(IntEnum):
    """What a grant of an access control list lets its grantee do."""

    READ = 1
    WRITE = 2
    READ_ACP = 3
    WRITE_ACP = 4
    FULL_CONTROL = 5


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One grant. `grantee` is an account's canonical id, or the URI of a group."""

    grantee: str
    permission: Permission


Grants = tuple[Grant, ...]


class EncryptionMode(IntEnum):
    """Whose key a data key is wrapped with."""

    S3 = 1  # SSE-S3: the store's own
    KMS = 2  # SSE-KMS: a named one
    C = 3  # SSE-C: the client's, which is not kept


class Encryption(msgspec.Struct, frozen=True, array_like=True):
    """How the bytes of a version are encrypted: its data key, wrapped (ocean/body/cipher.py).

    Of SSE-KMS the key's id and the encryption context (base64 of JSON), as given.
    """

    mode: EncryptionMode
    wrapped: bytes
    key_id: str = ""
    context: str = ""
    bucket_key: bool = False


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object, whole. `manifest` says where the bytes lie; opaque here.

    `etag` is 16 bytes, `parts` the N of a multipart ETag (0: none), `modified_ms` Unix time.
    `headers` are the stored response headers by lower-case name. `upload` is the id of the
    multipart upload that it was completed from. `acl` None: its owner's full control. `legal_hold`
    None: it never had any.
    """

    SINCE_2: ClassVar = ("acl", "encryption", "retention", "legal_hold")

    kind: Kind = Kind.OBJECT
    seq: int = 0
    op: bytes = NO_OP
    null: bool = True
    size: int = 0
    modified_ms: int = 0
    etag: bytes = b"\0" * 16
    parts: int = 0
    owner: str = "0" * 64
    storage_class: int = 0
    checksum: Checksum | None = None
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    tags: tuple[tuple[str, str], ...] = ()
    manifest: bytes = b""
    upload: bytes = b""
    acl: Grants | None = None
    encryption: Encryption | None = None
    retention: Retention | None = None
    legal_hold: bool | None = None

    @property
    def etag_text(self) -> str:
        """The ETag without quotes."""
        return f"{self.etag.hex()}-{self.parts}" if self.parts else self.etag.hex()


class Trash(msgspec.Struct, frozen=True, array_like=True):
    """Blobs that nothing refers to any more: named by `manifest`, or by the replaced row `seq`.

    `op` is the operation id of the version they belonged to.
    """

    op: bytes
    manifest: bytes = b""
    seq: int = 0


Ranges = tuple[tuple[int, int], ...]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides about a key, in one row: the row that commits swap.

    `last` is the seq of the newest commit; `live` the seqs (ranges, ends included) whose rows in
    `versions` exist; `null_seq` the live one whose version id is "null" (0: none); `trail` the
    last edit ids, newest last; `trash` what commits made unreachable.
    """

    kind: Kind = Kind.NONE
    last: int = 0
    current: Version | None = None
    live: Ranges = ()
    null_seq: int = 0
    trail: tuple[bytes, ...] = ()
    trash: tuple[Trash, ...] = ()


class CorsRule(msgspec.Struct, frozen=True, array_like=True):
    """One rule of a CORS configuration, as given."""

    allowed_origins: tuple[str, ...]
    allowed_methods: tuple[str, ...]
    allowed_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    id: str | None = None


class BucketState(IntEnum):
    OPEN = 0
    DELETING = 1


class Ownership(IntEnum):
    """Object ownership: whose the objects of a bucket are, and whether ACLs count."""

    UNSET = 0  # no ownership controls: as OBJECT_WRITER
    OBJECT_WRITER = 1
    BUCKET_OWNER_PREFERRED = 2
    BUCKET_OWNER_ENFORCED = 3


class PublicAccessBlock(msgspec.Struct, frozen=True, array_like=True):
    """The four switches of a public access block."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


class BucketPolicy(msgspec.Struct, frozen=True, array_like=True):
    """A bucket policy: the document as given, and the canonical ids of the users it names.

    `sealed`: not even the bucket's owner may change it against its own words.
    """

    text: str
    resolved: tuple[tuple[str, str], ...] = ()
    sealed: bool = False


class DefaultEncryption(msgspec.Struct, frozen=True, array_like=True):
    """How a bucket's new objects are encrypted when the request does not say it (None: not).

    With `blocks_sse_c` no object is written with a client's key.
    """

    mode: EncryptionMode | None
    key_id: str = ""
    bucket_key: bool = False
    blocks_sse_c: bool = False


class Quota(msgspec.Struct, frozen=True, array_like=True):
    """What may be stored: bytes and objects, versions included; None: any number."""

    size: int | None = None
    objects: int | None = None


class Bucket(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A bucket with its whole configuration. `owner` is an account's canonical id, `owner_quota`
    the quota of all that account's buckets together.

    `acl` None: its owner's full control.
    """

    SINCE_2: ClassVar = (
        "acl",
        "ownership",
        "public_access_block",
        "policy",
        "encryption",
        "lock",
        "lifecycle",
        "quota",
        "owner_quota",
    )

    name: str
    id: bytes
    owner: str
    created_ms: int
    region: str = ""
    state: BucketState = BucketState.OPEN
    versioning: Versioning = Versioning.OFF
    tags: tuple[tuple[str, str], ...] = ()
    cors: tuple[CorsRule, ...] = ()
    edit: bytes = NO_OP
    acl: Grants | None = None
    ownership: Ownership = Ownership.UNSET
    public_access_block: PublicAccessBlock | None = None
    policy: BucketPolicy | None = None
    encryption: DefaultEncryption | None = None
    lock: BucketLock | None = None
    lifecycle: tuple[LifecycleRule, ...] = ()
    quota: Quota | None = None
    owner_quota: Quota | None = None


class UploadState(IntEnum):
    OPEN = 0
    COMPLETING = 1
    REOPENING = 2
    DONE = 3
    ABORTED = 4


class Upload(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A multipart upload. `draft` is the version it is to become, without bytes.

    While completing, `op` is the operation id of the version, `digest` names the parts that the
    client asked for and `exact` the bytes that they then were; when done, `result` is the
    committed version without its manifest.
    """

    id: bytes
    key: str
    initiated_ms: int
    initiator: str
    draft: Version
    algorithm: Algorithm = Algorithm.NONE
    composite: bool = False
    state: UploadState = UploadState.OPEN
    op: bytes = b""
    digest: bytes = b""
    result: Version | None = None
    edit: bytes = NO_OP
    exact: bytes = b""


class Part(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A part, with every manifest ever written for its number (`replaced`).

    `checksum` is what its upload was answered; `crc`, if any, what the object's is made of. `salt`
    is of the key that its bytes are encrypted with.
    """

    SINCE_2: ClassVar = ("salt",)

    number: int
    size: int
    etag: bytes
    modified_ms: int
    manifest: bytes
    checksum: Checksum | None = None
    replaced: tuple[bytes, ...] = ()
    edit: bytes = NO_OP
    crc: Checksum | None = None
    salt: bytes = b""


class LifeState(IntEnum):
    LIVE = 0
    ENDED = 1  # judged dead by another process, or ended with blobs it could not resolve
    CLEAN = 2


class Life(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The life of one process: its epoch is in the names of all blobs it makes.

    A life whose `beats` stand still for the grace period is swapped to ENDED by an observer.
    """

    epoch: int
    beats: int = 0
    state: LifeState = LifeState.LIVE
