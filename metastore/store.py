"""The metadata store: the verbs of buckets, objects, uploads and lives over any engine."""

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
    """One process's view of the metadata; `life` is this process's own."""

    def __init__(self, engine: Engine, life: Life) -> None:
        self.engine = engine
        self.life = life
        self.edits = Edits(life.epoch)
        self.lives = Lives(engine)
        self.lease = Lease(self.lives, life)
        self.buckets = Buckets(engine, self.edits)
        self.objects = Objects(engine, self.edits, self.buckets, self.lease)
        self.listing = Listing(engine, self.objects)
        self.uploads = Uploads(engine, self.edits, self.objects)
        self.manifests = Manifests(engine)

    @classmethod
    async def begin(cls, engine: Engine) -> "MetaStore":
        """Begin a life on `engine`. After a fork: a life belongs to one process."""
        return cls(engine, await Lives(engine).begin())
