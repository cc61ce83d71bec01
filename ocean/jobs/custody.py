"""Custody: which volumes a process may take apart, because nobody can still commit into them."""

import time

from blobstore.extents import Place
from metastore.records import LifeState
from metastore.store import MetaStore
from ocean.jobs.orphans import epoch_of
from ocean.jobs.watch import Watch
from ocean.objects.inflight import InFlight


class Custody:
    """Asked about volumes that this process does not append to."""

    def __init__(self, meta: MetaStore, watch: Watch, inflight: InFlight) -> None:
        self._meta = meta
        self._watch = watch
        self._inflight = inflight
        self._sealed: dict[Place, tuple[int, float]] = {}  # own: ticket and time when seen sealed
        self._states: dict[int, LifeState] = {}

    def begin_round(self) -> None:
        """Look at who lives."""
        self._states = {life.epoch: life.state for life in self._watch.lives}

    def state(self, volume: Place) -> LifeState:
        """Of the life that made it. One we have not heard of began since we looked: it may be
        writing there now."""
        return self._states.get(epoch_of(volume.blob), LifeState.LIVE)

    def ours(self, volume: Place) -> bool:
        """Whether this process may take it apart now."""
        epoch = epoch_of(volume.blob)
        if epoch == self._meta.life.epoch:
            ticket, _ = self._sealed.setdefault(volume, (self._inflight.now, time.monotonic()))
            return self._inflight.oldest >= ticket
        return self._watch.leads and self.state(volume) is not LifeState.LIVE

    def rested(self, volume: Place) -> float:
        """Seconds since it was first seen sealed; for ever, if its process is gone."""
        _, since = self._sealed.get(volume, (0, float("-inf")))
        return time.monotonic() - since

    def forget(self, volume: Place) -> None:
        """It is gone."""
        self._sealed.pop(volume, None)
