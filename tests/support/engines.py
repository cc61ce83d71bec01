"""Where a server under test keeps its metadata: embedded, in hbase, or there behind memcached."""

from tests.support import hbase, memcached

ENGINES = ("embedded", "hbase", "cached")


def settings(engine: str) -> dict[str, str]:
    """Variables for servers that share one store of that kind, with new and empty tables."""
    if engine == "embedded":
        return {}
    cache = f"memcached://{memcached.running().address}" if engine == "cached" else "none"
    return {"OCEAN_METASTORE": hbase.fresh(2), "OCEAN_CACHE": cache}
