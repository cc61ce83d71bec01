"""Where an HBase is, and what its tables are called. Pure."""

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from metastore.engine import Table

EXPECTED = "hbase://HOST:PORT/PREFIX"
_PORT = 9090
_PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(:[A-Za-z0-9_][A-Za-z0-9_-]*)?")


class Address(NamedTuple):
    """The Thrift servers of a cluster, and the prefix of our tables there.

    The prefix may begin with a namespace of HBase, which must be there: `namespace:prefix`.
    """

    host: str
    first: int  # port of Thrift 1
    second: int  # port of Thrift 2
    prefix: str

    def table(self, table: Table) -> bytes:
        """The name of a keyspace's table."""
        return f"{self.prefix}.{table.value}".encode()

    def __str__(self) -> str:
        second = "" if self.second == self.first + 1 else f"?thrift2={self.second}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"hbase://{host}:{self.first}/{self.prefix}{second}"


def parse(url: str) -> Address:
    """The address in `hbase://HOST:PORT/PREFIX[?thrift2=PORT]`; ValueError.

    PORT is that of Thrift 1; Thrift 2 is at the next one unless another is named.
    """
    try:
        parts = urlsplit(url)
        first = parts.port or _PORT
        query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        second = int(query.pop("thrift2", [str(first + 1)])[-1])
    except ValueError:
        raise ValueError(f"{url!r}: expected {EXPECTED}") from None
    prefix = parts.path.removeprefix("/")
    told = parts.username is not None or parts.fragment or query
    if parts.scheme != "hbase" or not parts.hostname or told or not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{url!r}: expected {EXPECTED}")
    if not 0 < second < 1 << 16:
        raise ValueError(f"{url!r}: thrift2 is no port")
    return Address(parts.hostname, first, second, prefix)
