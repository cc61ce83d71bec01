"""The whole gateway over stores in memory, and a record of everything that a request touched."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Self

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from gateway.admin.api import AdminApi
from gateway.admin.explain import ExplainApi
from gateway.admin.partitions import PartitionsApi
from gateway.admin.policies import PoliciesApi
from gateway.admin.quotas import QuotasApi
from gateway.fronts.bare import Front
from gateway.http import Handler, Request, Response
from gateway.metrics import Metrics
from gateway.ops import s3
from gateway.pipeline import Pipeline
from gateway.sockets import bind
from metastore.engine import Row, Swap, Table
from metastore.memory import MemoryEngine
from metastore.store import MetaStore
from ocean.config.schema import Config, Limits, Root
from ocean.identity.accounts import Accounts
from ocean.identity.attached import AttachedPolicies
from ocean.identity.credentials import Credentials
from ocean.identity.identities import Identities
from ocean.identity.policies import Policies
from ocean.identity.root import open_root
from ocean.keys.local import MasterKey
from ocean.keys.named import LocalKeys, NamedKeys
from ocean.partitions.verbs import Partitions
from ocean.store import Ocean

REGION = "us-east-1"
HOST = "s3.test"


class Pair(NamedTuple):
    """What a client signs with."""

    access_key: str
    secret: str


ROOT = Pair("ROOTKEY0000000000000", "root-secret-0123456789-0123456789")
OWNER = Pair("OWNERKEY000000000000", "owner-secret-0123456789-0123456789")
OTHER = Pair("OTHERKEY000000000000", "other-secret-0123456789-0123456789")
OPERATOR = Pair("OPERATORKEY000000000", "operator-secret-0123456789-012345")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error's document, empty without one."""
        text = self.body.decode()
        return text.partition("<Code>")[2].partition("</Code>")[0]


class Touched:
    """What requests did to the stores: tables read, rows swapped or written, calls of blobs.

    `taken` counts the bytes of bodies that were asked for.
    """

    def __init__(self) -> None:
        self.read: list[Table] = []
        self.written: list[Table] = []
        self.blobs: list[str] = []
        self.taken = 0

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


class SpiedEngine(MemoryEngine):
    """A memory engine that notes each call."""

    def __init__(self, touched: Touched) -> None:
        super().__init__()
        self._touched = touched

    async def get(self, table: Table, key: bytes) -> bytes | None:
        self._touched.read.append(table)
        return await super().get(table, key)

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        self._touched.read.append(table)
        return await super().get_many(table, keys)

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        self._touched.read.append(table)
        async for row in super().scan(table, start, stop, limit=limit):
            yield row

    async def swap(self, swap: Swap) -> bool:
        self._touched.written.append(swap.table)
        return await super().swap(swap)

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        self._touched.written.append(table)
        await super().write(table, rows)


class InProcess:
    """A gateway with the users OWNER, OTHER and OPERATOR; `touched` notes what requests do."""

    def __init__(
        self,
        pipeline: Pipeline,
        admin: AdminApi,
        ocean: Ocean,
        identities: Identities,
        touched: Touched,
    ) -> None:
        self.pipeline = pipeline
        self.admin = admin
        self.ocean = ocean
        self.identities = identities
        self.touched = touched

    @classmethod
    async def begin(cls, *, domains: tuple[str, ...] = ("localhost",)) -> Self:
        """An empty store with its users."""
        touched = Touched()
        engine = SpiedEngine(touched)
        key = MasterKey(bytes(32))
        root = await open_root(engine, key, Root(access_key=ROOT[0], secret_key=ROOT[1]))
        identities = Identities(engine, key)
        for name, pair in (("owner", OWNER), ("other", OTHER), ("operator", OPERATOR)):
            await identities.create_account(name, operator=pair is OPERATOR)
            await identities.create_access_key(name, access_key=pair[0], secret=pair[1])
        meta = await MetaStore.begin(engine)
        store = Memory(before=lambda call, _blob: touched.blobs.append(call))
        blobs = Blobs.of(store, store, BlobNames(meta.life.epoch))
        ocean = Ocean(meta, blobs, keys=LocalKeys(NamedKeys(engine, key)))
        credentials = Credentials(engine, key, root)
        attached = AttachedPolicies(engine)
        pipeline = Pipeline(
            ocean,
            credentials,
            attached,
            Accounts(identities),
            s3,
            region=REGION,
            domains=domains,
        )
        partitions = Partitions(engine, lambda: key, Path("nowhere"))
        more = [
            *PartitionsApi(partitions).routes,
            *PoliciesApi(Policies(engine, identities, wait=_proceed), identities).routes,
            *ExplainApi(ocean, identities, attached).routes,
            *QuotasApi(meta.buckets, identities, ocean.quotas.ledger, _proceed).routes,
        ]
        admin = AdminApi(identities, credentials, meta.buckets, Metrics(), Config(), more)
        return cls(pipeline, admin, ocean, identities, touched)

    async def ask(
        self,
        method: str,
        target: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        *,
        length: int | None = None,
        handler: Handler | None = None,
    ) -> Answer:
        """Answer one request; header names in lower case, `body` whole or in pieces.

        With a stated `length` the pieces may be endless. `handler` is the S3 pipeline's by default.
        """
        pieces = [body] if isinstance(body, bytes) else body
        if length is None:
            pieces = list(pieces)
        size = sum(map(len, pieces)) if length is None else length
        request = Request(
            method=method,
            target=target,
            headers={"host": HOST, "content-length": str(size)} | (headers or {}),
            length=size,
            body=self._sent(pieces),
            peer="127.0.0.1",
            secure=False,
            proceed=_proceed,
        )
        return await _read(await (handler or self.pipeline.handle)(request))

    @asynccontextmanager
    async def listening(self, limits: Limits | None = None) -> AsyncIterator[int]:
        """The gateway behind the real front, on a free port."""
        front = Front(self.pipeline.handle, limits or Limits())
        with bind("127.0.0.1", 0) as sock:
            await front.listen(sock)
            try:
                yield sock.getsockname()[1]
            finally:
                await front.drain(0)

    async def _sent(self, pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            if piece:
                self.touched.taken += len(piece)
                yield piece


async def _proceed() -> None:
    """The client does not wait."""


async def _read(response: Response) -> Answer:
    body = response.body
    if response.stream is not None:
        body = b"".join([bytes(piece) async for piece in response.stream])
    return Answer(response.status, response.headers, body)
