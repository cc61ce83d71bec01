"""The admin API of partitions, placement rules and rebalancing."""

import asyncio
import re
from pathlib import Path

from blobstore.partition import State
from gateway.admin.answers import Route, decoded, json_answer
from gateway.admin.shapes import Drained, Initialized, NewPartition, Rebalanced, RuleGiven, StateSet
from gateway.http import Response
from ocean import errors
from ocean.identity.records import Account
from ocean.partitions import verbs
from ocean.partitions.records import Rule
from ocean.partitions.verbs import Partitions, Reach


class PartitionsApi:
    """Handlers by route. Files that `conf` and `keyring` name are of the server's machine, so only
    root names any."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        one = "/v1/partitions/(?P<name>[^/]+)"
        rule = "/v1/placement/(?P<name>[^/]+)"
        self.routes: list[Route] = [
            ("GET", re.compile("/v1/partitions"), self._list),
            ("POST", re.compile("/v1/partitions"), self._add),
            ("GET", re.compile(one), self._show),
            ("PUT", re.compile(one), self._set_state),
            ("DELETE", re.compile(one), self._remove),
            ("POST", re.compile(f"{one}/init"), self._init),
            ("POST", re.compile(f"{one}/drain"), self._drain),
            ("GET", re.compile("/v1/placement"), self._rules),
            ("PUT", re.compile(rule), self._set_rule),
            ("DELETE", re.compile(rule), self._remove_rule),
            ("GET", re.compile("/v1/rebalance"), self._rebalanced),
            ("POST", re.compile("/v1/rebalance"), self._rebalance),
            ("DELETE", re.compile("/v1/rebalance"), self._stop),
        ]

    async def _list(self, _by: Account, _body: bytes, _query: dict[str, str]) -> Response:
        return json_answer({"partitions": await self._partitions.all()})

    async def _show(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        return json_answer(await self._partitions.show(name))

    async def _add(self, by: Account, body: bytes, _query: dict[str, str]) -> Response:
        new = decoded(body, NewPartition)
        reach = _reach(by, new.conf, new.user, new.keyring)
        await self._partitions.add(new.name, reach, weight=new.weight, stripe=new.stripe)
        return json_answer(await self._partitions.show(new.name), 201)

    async def _init(self, by: Account, body: bytes, _query: dict[str, str], name: str) -> Response:
        new = decoded(body, Initialized)
        wanted = verbs.policies(new.large, new.small, new.settled or new.large)
        reach = _reach(by, new.conf, new.user, new.keyring)
        await asyncio.to_thread(
            verbs.init,
            name,
            reach,
            wanted,
            domain=new.failure_domain,
            placement_groups=new.placement_groups,
        )
        return json_answer(
            {"name": name, "pools": {role: str(one) for role, one in wanted.items()}}, 201
        )

    async def _set_state(
        self, _by: Account, body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        wanted = decoded(body, StateSet)
        await self._partitions.set_state(name, State(wanted.state), weight=wanted.weight)
        return json_answer(await self._partitions.show(name))

    async def _drain(
        self, _by: Account, body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        wanted = decoded(body or b"{}", Drained)
        member = await self._partitions.drain(name, paused=wanted.paused, rate=wanted.rate)
        moved = await self._partitions.moved(name)
        left = await self._partitions.left(member)
        return json_answer({"name": name, "left": left, "moved": moved._asdict()})

    async def _remove(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        await self._partitions.remove(name)
        return json_answer({"name": name})

    async def _rules(self, _by: Account, _body: bytes, _query: dict[str, str]) -> Response:
        rules = (await self._partitions.topology()).rules
        return json_answer({"rules": [RuleGiven.of(rule) for rule in rules]})

    async def _set_rule(
        self, _by: Account, body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        given = decoded(body, RuleGiven)
        rule = Rule(
            name,
            given.partitions,
            bucket=given.bucket,
            prefix=given.prefix,
            storage_class=given.storage_class,
            minimum=given.minimum,
            maximum=given.maximum,
            pool=given.pool,
        )
        await self._partitions.set_rule(rule, first=given.first)
        return json_answer(RuleGiven.of(rule))

    async def _remove_rule(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        await self._partitions.remove_rule(name)
        return json_answer({"name": name})

    async def _rebalance(self, _by: Account, body: bytes, query: dict[str, str]) -> Response:
        await self._partitions.rebalance(rate=decoded(body or b"{}", Rebalanced).rate)
        return await self._rebalanced(_by, b"", query)

    async def _stop(self, _by: Account, _body: bytes, query: dict[str, str]) -> Response:
        await self._partitions.rebalance(stop=True)
        return await self._rebalanced(_by, b"", query)

    async def _rebalanced(self, _by: Account, _body: bytes, _query: dict[str, str]) -> Response:
        asked = (await self._partitions.topology()).rebalance
        noted = [one for one in await self._partitions.rebalanced() if one.number == asked.number]
        done = {one.epoch for one in noted if one.done}
        return json_answer(
            {
                "number": asked.number,
                "stopped": asked.stopped,
                "blobs": sum(one.blobs for one in noted),
                "bytes": sum(one.bytes for one in noted),
                "at_work": len(await self._partitions.living() - done),
            }
        )


def _reach(by: Account, conf: str, user: str, keyring: str) -> Reach:
    if not by.root:
        raise errors.AccessDenied("only root names files of the server's machine")
    return Reach(Path(conf), user, Path(keyring) if keyring else None)
