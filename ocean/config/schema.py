"""Every setting there is, with its default and what it means: the one place to add one."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ocean.config.values import Address, Size

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the tables of the file have in common."""


class Root(Section, frozen=True):
    """The pair that may do everything; generated at the first start when not given."""

    access_key: Annotated[str, Meta(description="access key of root")] = ""
    secret_key: Annotated[str, Meta(description="secret key of root")] = ""

    def __repr__(self) -> str:
        return f"Root({self.access_key!r}, secret masked)"


class Admin(Section, frozen=True):
    """What `ocean admin` signs with; root's pair when not given."""

    access_key: Annotated[str, Meta(description="access key of an operator")] = ""
    secret_key: Annotated[str, Meta(description="secret key of an operator")] = ""

    def __repr__(self) -> str:
        return f"Admin({self.access_key!r}, secret masked)"


class Tls(Section, frozen=True):
    """Certificate and key of both ports, in PEM; plain HTTP when not given."""

    certificate: Annotated[Path | None, Meta(description="file with the certificate chain")] = None
    key: Annotated[Path | None, Meta(description="file with the private key")] = None


class Limits(Section, frozen=True):
    """What a client may take of the server's patience and memory."""

    header_seconds: Annotated[Seconds, Meta(description="to send a request's head")] = 30
    body_seconds: Annotated[Seconds, Meta(description="without a byte of a request's body")] = 60
    body_rate: Annotated[
        int, Meta(ge=1, le=1 << 30, description="bytes a second at least of a request's body")
    ] = 512
    write_seconds: Annotated[
        Seconds, Meta(description="for the client to take more of an answer")
    ] = 60
    idle_seconds: Annotated[Seconds, Meta(description="between requests of a connection")] = 120
    drain_seconds: Annotated[Seconds, Meta(description="for requests in flight at SIGTERM")] = 30
    connections: Annotated[Count, Meta(description="at once in each worker")] = 10_000
    connections_per_address: Annotated[
        Count, Meta(description="of these from one client address")
    ] = 10_000


class Blobs(Section, frozen=True):
    """How bytes lie on disk."""

    small_threshold: Annotated[Size, Meta(description="objects up to this share volumes")] = Size(
        128 << 10
    )
    volume_size: Annotated[Size, Meta(description="at which a volume is full")] = Size(64 << 20)
    grace_seconds: Annotated[
        Seconds, Meta(description="until what was replaced or deleted is given back")
    ] = 60
    sweep_seconds: Annotated[Seconds, Meta(description="between passes over the rows")] = 30
    live_ratio: Annotated[
        float, Meta(ge=0, le=1, description="below which a volume is compacted")
    ] = 0.5
    reserve: Annotated[Size, Meta(description="disk space kept free for deletes")] = Size(64 << 20)


class Ceph(Section, frozen=True):
    """Each partition on a Ceph cluster, in each worker."""

    seconds: Annotated[Seconds, Meta(description="for Ceph to answer an operation")] = 5
    in_flight: Annotated[Count, Meta(description="operations under way at once")] = 256
    settle_seconds: Annotated[
        Seconds, Meta(description="without a write until small objects move to the pool settled")
    ] = 600


class Scrub(Section, frozen=True):
    """Reading everything that is stored, to find what went bad."""

    days: Annotated[
        float, Meta(gt=0, le=3650, description="between the ends of passes over everything")
    ] = 14
    rate: Annotated[Size, Meta(description="bytes a second that are read at most; 0: any")] = Size(
        16 << 20
    )


class Lifecycle(Section, frozen=True):
    """Passes over the buckets with lifecycle rules."""

    hours: Annotated[
        float,
        Meta(
            gt=0,
            le=24,
            description="between the beginnings of passes at most; one follows each midnight UTC",
        ),
    ] = 24
    rate: Annotated[
        int, Meta(ge=0, le=10_000_000, description="rows a second of each process; 0: any")
    ] = 2000
    day_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="of a day of the rules; less is for tests")
    ] = 86_400


class NewBuckets(Section, frozen=True):
    """What a bucket has from its creation on when the request does not say it.

    `default` is what `defaults` says: nothing of all this, or what AWS gives new buckets.
    """

    ownership: Annotated[
        Literal["default", "ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"],
        Meta(description="object ownership of new buckets"),
    ] = "default"
    public_access: Annotated[
        Literal["default", "allowed", "blocked"],
        Meta(description="whether a new bucket has all four switches of a public access block"),
    ] = "default"
    encryption: Annotated[
        Literal["default", "none", "AES256"],
        Meta(description="default encryption of new buckets"),
    ] = "default"
    sse_c: Annotated[
        Literal["default", "allowed", "blocked"],
        Meta(description="keys of clients (SSE-C) in new buckets"),
    ] = "default"


class Metrics(Section, frozen=True):
    """Who may read `/metrics` on the admin port."""

    public: Annotated[bool, Meta(description="whether without a signature")] = False


class Log(Section, frozen=True):
    """What is said on stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least severity shown")
    ] = "info"
    format: Annotated[Literal["text", "json"], Meta(description="of a line")] = "text"


class Config(Section, frozen=True):
    """All of it. Nothing here says where a value came from: see Loaded."""

    data: Annotated[Path, Meta(description="folder of everything the store keeps")] = Path("data")
    listen: Annotated[Address, Meta(description="address of the S3 port")] = Address(
        "127.0.0.1:9000"
    )
    admin_listen: Annotated[Address, Meta(description="address of the admin port")] = Address(
        "127.0.0.1:9001"
    )
    workers: Annotated[int, Meta(ge=0, le=1024, description="processes; 0: one per core")] = 0
    region: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$", description="name of the region")] = (
        "us-east-1"
    )
    domains: Annotated[tuple[str, ...], Meta(description="of virtual hosts: bucket.DOMAIN")] = (
        "localhost",
    )
    metastore: Annotated[str, Meta(description="embedded, or hbase://HOST:PORT/PREFIX")] = (
        "embedded"
    )
    cache: Annotated[str, Meta(description="none, or memcached://HOST:PORT[,HOST:PORT...]")] = (
        "none"
    )
    durability: Annotated[
        Literal["commit", "relaxed"],
        Meta(description="commit: acknowledged means on disk; relaxed: within seconds"),
    ] = "commit"
    master_key_file: Annotated[Path, Meta(description="key that seals every secret at rest")] = (
        Path("~/.config/ocean/master.key")
    )
    root: Root = field(default_factory=Root)
    admin: Admin = field(default_factory=Admin)
    tls: Tls = field(default_factory=Tls)
    limits: Limits = field(default_factory=Limits)
    blobs: Blobs = field(default_factory=Blobs)
    ceph: Ceph = field(default_factory=Ceph)
    scrub: Scrub = field(default_factory=Scrub)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    defaults: Annotated[
        Literal["open", "aws"],
        Meta(description="of new_buckets: open as S3 was for long, or as AWS has them today"),
    ] = "open"
    new_buckets: NewBuckets = field(default_factory=NewBuckets)
    metrics: Metrics = field(default_factory=Metrics)
    log: Log = field(default_factory=Log)
