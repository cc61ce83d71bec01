"""The object store: its services, built once for each process over metadata and blobs."""

import os
import time
from collections.abc import Callable

from blobstore.blobs import Blobs
from metastore.store import MetaStore
from metastore.usage import Ledger
from ocean.keys.provider import KeyProvider, NoKeys
from ocean.objects import multipart
from ocean.objects.delete import Delete
from ocean.objects.discard import Discard
from ocean.objects.encryption import Ciphers
from ocean.objects.get import Get
from ocean.objects.put import Ingest, Place, Put, anywhere
from ocean.objects.quotas import Quotas
from ocean.partitions.records import Topology
from ocean.ports import Clock
from ocean.rules.newbuckets import NewBucket


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000


class Ocean:
    """What the gateway calls."""

    def __init__(
        self,
        meta: MetaStore,
        blobs: Blobs,
        clock: Clock | None = None,
        place: Place = anywhere,
        topology: Callable[[], Topology] = Topology,
        keys: KeyProvider | None = None,
    ) -> None:
        self.topology = topology
        self.new_bucket = NewBucket()
        self.place = place
        self.clock = clock or SystemClock()
        self.meta = meta
        self.blobs = blobs
        self.discard = Discard(meta, blobs)
        ingest = Ingest(blobs)
        self.inflight = ingest.inflight
        self.get = Get(meta, blobs)
        self.ciphers = Ciphers(keys or NoKeys())
        self.quotas = Quotas(Ledger(meta.engine, meta.edits))
        meta.objects.gone = self.quotas.gone
        self.put = Put(meta, ingest, self.discard, self.clock, place, self.ciphers, self.quotas)
        self.delete = Delete(meta, self.clock)
        self.multipart = multipart.Multipart(
            meta,
            ingest,
            self.discard,
            self.clock,
            place,
            self.ciphers,
            self.quotas,
            min_part=_min_part(),
        )

    async def close(self) -> None:
        """Finish what is queued and close the stores."""
        await self.blobs.close()
        await self.meta.engine.close()


def _min_part() -> int:
    """Bytes of each part but the last: a benchmark of 10,000 parts shall not need 50 GB."""
    return int(os.environ.get("OCEAN_TEST_MIN_PART", multipart.MIN_PART))
