"""What one worker serves: the S3 pipeline and the admin API over one opened store."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from blobstore.blobs import Blobs
from gateway.admin.api import AdminApi
from gateway.admin.explain import ExplainApi
from gateway.admin.partitions import PartitionsApi
from gateway.admin.policies import PoliciesApi
from gateway.admin.quotas import QuotasApi
from gateway.http import Handler
from gateway.metrics import Metrics
from gateway.ops import s3
from gateway.pipeline import Pipeline
from metastore.buckets import RECENT
from metastore.cache.engine import CachedEngine
from metastore.store import MetaStore
from ocean.config import Config
from ocean.engines import open_blobs, open_engine, settings
from ocean.identity.accounts import Accounts
from ocean.identity.attached import AttachedPolicies
from ocean.identity.credentials import Credentials
from ocean.identity.identities import Identities
from ocean.identity.policies import Policies
from ocean.identity.root import open_root
from ocean.jobs.runner import Jobs
from ocean.keys import local
from ocean.keys.local import MasterKey
from ocean.keys.named import LocalKeys, NamedKeys
from ocean.lifecycle.passes import Timing
from ocean.partitions.members import Members
from ocean.partitions.verbs import Partitions
from ocean.rules.newbuckets import configured
from ocean.starting import STORE_FAILED
from ocean.store import Ocean

log = logging.getLogger(__name__)


class Services(NamedTuple):
    """Handlers of the two ports, and how to close what they use."""

    s3: Handler
    admin: Handler
    close: Callable[[], Awaitable[None]]


async def open_services(config: Config) -> Services:
    """Open the store and build both handlers; StartError."""
    key = local.read(config.master_key_file)
    engine = open_engine(config, _stop_for_good)
    credentials = Credentials(engine, key, await open_root(engine, key, config.root))
    metrics = Metrics()
    recent = 0.0  # where a row costs no round trip
    if isinstance(engine, CachedEngine):
        metrics.cache = engine.cache.by_outcome
        recent = RECENT
    meta = await MetaStore.begin(engine, recent)
    blobs = open_blobs(config, meta.life.epoch, _stop_for_good)
    members = Members(engine, blobs, lambda: key, settings(config))
    meta.lease.beside = members.refresh
    await members.refresh()
    attached = AttachedPolicies(engine)
    await attached.refresh()
    following = [asyncio.create_task(one.run()) for one in (members, attached)]
    ocean = _store(config, meta, blobs, members, key)
    partitions = Partitions(engine, lambda: key, config.data / "blobs")
    identities = Identities(engine, key)
    more = [
        *PartitionsApi(partitions).routes,
        *PoliciesApi(Policies(engine, identities), identities).routes,
        *ExplainApi(ocean, identities, attached).routes,
        *QuotasApi(meta.buckets, identities, ocean.quotas.ledger).routes,
    ]
    admin = AdminApi(identities, credentials, meta.buckets, metrics, config, more)
    pipeline = Pipeline(
        ocean,
        credentials,
        attached,
        Accounts(identities),
        s3,
        region=config.region,
        domains=config.domains,
        metrics=metrics,
    )
    jobs = _jobs(config, ocean)
    jobs.expiring.tell = metrics.lifecycle
    await jobs.start()

    async def close() -> None:
        await jobs.stop()
        for task in following:
            task.cancel()
        await ocean.close()
        await members.close()

    return Services(pipeline.handle, admin.handle, close)


def _jobs(config: Config, ocean: Ocean) -> Jobs:
    return Jobs(
        ocean,
        _stop_for_good,
        grace=config.blobs.grace_seconds,
        interval=config.blobs.sweep_seconds,
        ratio=config.blobs.live_ratio,
        settle=config.ceph.settle_seconds,
        scrub=(config.scrub.days, config.scrub.rate),
        lifecycle=Timing(
            config.lifecycle.hours, config.lifecycle.rate, config.lifecycle.day_seconds * 1000
        ),
    )


def _store(
    config: Config, meta: MetaStore, blobs: Blobs, members: Members, key: MasterKey
) -> Ocean:
    """The object store, with encryption keys under the master key."""
    keys = LocalKeys(NamedKeys(meta.engine, key))
    ocean = Ocean(meta, blobs, place=members.place, topology=lambda: members.topology, keys=keys)
    ocean.new_bucket = configured(config.defaults, config.new_buckets)
    return ocean


def _stop_for_good(failure: Exception) -> None:
    """After a failed write or fsync this process must not acknowledge anything."""
    log.critical("the store has failed and the server stops: %s", failure)
    os._exit(STORE_FAILED)
