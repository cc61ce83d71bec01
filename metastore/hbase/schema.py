"""The tables: made with every attribute that matters, and looked at before they are used."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from metastore.engine import Table, Unavailable
from metastore.hbase.address import Address
from metastore.hbase.calls import FAMILY
from metastore.hbase.connection import Connection, Lost, thrift2

ADMIN_TIMEOUT = 120.0  # seconds: a table with many regions takes its time
REGIONS = 8  # of a table whose rows begin with a bucket's id
DURABILITIES = {4: "FSYNC_WAL", 3: "SYNC_WAL", 2: "ASYNC_WAL", 1: "SKIP_WAL", 0: "USE_DEFAULT"}
_SPREAD = frozenset(
    {Table.OBJECTS, Table.VERSIONS, Table.UPLOADS, Table.PARTS, Table.MANIFESTS, Table.TRASH}
)
_COMPRESSIONS = ("LZ4", "SNAPPY", "NONE")  # the first that the cluster can do
_FOREVER = 0x7FFFFFFF


class Difference(NamedTuple):
    """An attribute of a table that is not as it must be."""

    table: str
    attribute: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.table}: {self.attribute} is {self.found}, expected {self.expected}"


class TableStatus(NamedTuple):
    """One table: in how many regions, on which servers."""

    table: str
    regions: int
    servers: list[str]
    durability: str
    compression: str


class Schema:
    """The tables at an address. Blocking; close it. Every method: Unavailable."""

    def __init__(self, address: Address, timeout: float = ADMIN_TIMEOUT) -> None:
        self._address = address
        self._connection = Connection(address, timeout)

    def missing(self) -> list[Table]:
        """The tables that are not there."""
        namespace, _, prefix = self._address.prefix.rpartition(":")
        pattern = f"{namespace or 'default'}:{prefix}[.].*|{prefix}[.].*"
        found = self._ask(
            lambda to: to.second.getTableNamesByPattern(regex=pattern, includeSysTables=False)
        )
        names = {_full(name.ns, name.qualifier) for name in found}
        return [table for table in Table if _named(self._address, table) not in names]

    def make_all(self, tables: Sequence[Table], regions: int = REGIONS) -> None:
        """Make tables that are not there, compressed by the first way that the cluster has."""
        compressions: Sequence[str] = _COMPRESSIONS
        for table in tables:
            compressions = [self.make(table, regions, compressions)]

    def make(
        self, table: Table, regions: int = REGIONS, compressions: Sequence[str] = _COMPRESSIONS
    ) -> str:
        """Make a table that is not there; which of the compressions it got."""
        split = splits(regions) if table in _SPREAD else []
        for compression in compressions:
            wanted = self._descriptor(table, compression)
            try:
                self._ask(lambda to, wanted=wanted: to.second.createTable(wanted, split))
            except Unavailable:
                if compression == compressions[-1] or table not in self.missing():
                    raise
            else:
                return compression
        raise AssertionError("the last one is not caught")

    def differences(self, *, relaxed: bool = False) -> list[Difference]:
        """What is wrong with the tables that are there; `relaxed`: less durable ones will do."""
        absent = self.missing()
        return [
            difference
            for table in Table
            if table not in absent
            for difference in _differences(self._described(table), relaxed=relaxed)
        ]

    def status(self) -> list[TableStatus]:
        """All tables that are there."""
        absent = self.missing()
        return [self._status(table) for table in Table if table not in absent]

    def close(self) -> None:
        self._connection.close()

    def _status(self, table: Table) -> TableStatus:
        name = self._address.table(table)
        found = self._described(table)
        places = self._ask(lambda to: to.second.getAllRegionLocations(name))
        servers = {f"{place.serverName.hostName}:{place.serverName.port}" for place in places}
        family = _family(found)
        return TableStatus(
            name.decode(),
            len(places),
            sorted(servers),
            DURABILITIES.get(found.durability, str(found.durability)),
            "" if family is None else _attribute(family, "COMPRESSION"),
        )

    def _described(self, table: Table) -> Any:
        return self._ask(lambda to: to.second.getTableDescriptor(self._name(table)))

    def _descriptor(self, table: Table, compression: str) -> Any:
        family = thrift2.TColumnFamilyDescriptor(
            name=FAMILY,
            attributes={b"NEW_VERSION_BEHAVIOR": b"true"},
            bloomnFilterType=thrift2.TBloomFilterType.ROW,
            compressionType=getattr(thrift2.TCompressionAlgorithm, compression),
            dataBlockEncoding=thrift2.TDataBlockEncoding.FAST_DIFF,
            maxVersions=1,
            blockCacheEnabled=True,
        )
        return thrift2.TTableDescriptor(
            tableName=self._name(table),
            columns=[family],
            durability=thrift2.TDurability.FSYNC_WAL,
        )

    def _name(self, table: Table) -> Any:
        namespace, _, qualifier = self._address.table(table).rpartition(b":")
        return thrift2.TTableName(ns=namespace or b"default", qualifier=qualifier)

    def _ask(self, ask: Any) -> Any:
        try:
            return self._connection.call(ask, again=True)
        except Lost as error:
            raise Unavailable(str(error)) from error


def splits(regions: int) -> list[bytes]:
    """Where `regions` equal shares of all bucket ids begin, but for the first."""
    return [(n * 65536 // regions).to_bytes(2, "big") for n in range(1, regions)]


def _full(namespace: bytes | None, qualifier: bytes) -> bytes:
    return qualifier if namespace in {None, b"", b"default"} else b"%b:%b" % (namespace, qualifier)


def _named(address: Address, table: Table) -> bytes:
    return address.table(table).removeprefix(b"default:")


def _family(descriptor: Any) -> Any:
    return next((family for family in descriptor.columns or [] if family.name == FAMILY), None)


def _attribute(family: Any, name: str) -> str:
    return str((family.attributes or {}).get(name.encode(), b"").decode())


def _differences(found: Any, *, relaxed: bool) -> Iterator[Difference]:
    """NEW_VERSION_BEHAVIOR: without it a put can vanish under a delete of the same millisecond."""
    name = found.tableName.qualifier.decode()
    family = _family(found)
    if family is None:
        yield Difference(name, "family", "absent", FAMILY.decode())
        return
    for attribute, expected in (
        ("NEW_VERSION_BEHAVIOR", "true"),
        ("VERSIONS", "1"),
        ("MIN_VERSIONS", "0"),
        ("TTL", str(_FOREVER)),
        ("KEEP_DELETED_CELLS", "FALSE"),
        ("BLOOMFILTER", "ROW"),
        ("BLOCKCACHE", "true"),
    ):
        value = _attribute(family, attribute)
        if value.lower() not in {expected.lower(), "forever" if attribute == "TTL" else expected}:
            yield Difference(name, attribute, value or "absent", expected)
    durability = DURABILITIES.get(found.durability, str(found.durability))
    if durability != "FSYNC_WAL" and not relaxed:
        yield Difference(name, "DURABILITY", durability, "FSYNC_WAL (or durability = relaxed)")
