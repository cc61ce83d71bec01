"""How many calls of HBase an operation costs, counted where they are made."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from blobstore.layout import open_files
from metastore.buckets import SETTLE
from metastore.cache.engine import CachedEngine
from metastore.cache.view import LOOK, SETTLED, View
from metastore.engine import Counters
from metastore.hbase.address import parse
from metastore.hbase.engine import HBaseEngine
from metastore.records import Bucket, Versioning
from metastore.store import MetaStore
from ocean.store import Ocean
from tests.support import hbase, memcached
from tests.support.embedded import content, make_bucket, put


class Counting(View):
    """A view that looks only when it has to, so that its calls are not counted."""

    async def run(self) -> None:
        return

    @property
    def fresh(self) -> bool:
        return self._read_at > float("-inf")
