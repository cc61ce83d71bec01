"""The metadata store: the verbs of buckets, objects, uploads and lives over any engine."""

import time
from collections.abc import Callable

from metastore.buckets import Buckets
from metastore.edits import Edits
from metastore.engine import Engine
from metastore.lease import Lease
from metastore.listing import Listing
from metastore.lives import Lives
from metastore.manifests import Manifests
from metastore.objects import Objects
from metastore.records import Life
from metastore.uploads import Uploads


class MetaStore:
    """One process's view of the metadata; `life` is this process's own.

    `clock` gives monotonic seconds, for durations only; `recent` is what Buckets says.
    """

    def __init__(
        self,
        engine: Engine,
        life: Life,
        clock: Callable[[], float] = time.monotonic,
        recent: float = 0.0,
    ) -> None:
        self.engine = engine
        self.life = life
        self.edits = Edits(life.epoch)
        self.lives = Lives(engine)
        self.lease = Lease(self.lives, life, clock)
        self.buckets = Buckets(engine, self.edits, clock, recent)
        self.objects = Objects(engine, self.edits, self.buckets, self.lease)
        self.listing = Listing(engine, self.objects)
        self.uploads = Uploads(engine, self.edits, self.objects, self.lease)
        self.manifests = Manifests(engine)

    @classmethod
    async def begin(cls, engine: Engine, recent: float = 0.0) -> "MetaStore":
        """Begin a life on `engine`. After a fork: a life belongs to one process."""
        return cls(engine, await Lives(engine).begin(), recent=recent)
