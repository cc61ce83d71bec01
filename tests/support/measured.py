"""Results of the benchmark, made up."""

from dataclasses import asdict
from typing import Any

import msgspec

from bench.figures import Figures, Result, latency, server_figures
from bench.suite import MIB, suite
from bench.workloads import Parameters

GOOD = {"cpu_us_per_op": 1.0, "mb_per_cpu_second": 10_000.0}


def result(name: str, **changes: Any) -> Result:
    """A valid result; `changes` alter its figures or its server's."""
    memory = dict.fromkeys(("rss_peak", "rss_growth", "anonymous_peak", "anonymous_growth"), MIB)
    server = server_figures(1_000_000_000, 1000, 10**9, 1, memory)
    ours = {key: changes.pop(key) for key in list(changes) if key in server.__struct_fields__}
    figures = Figures(
        seconds=10.0,
        operations=1000,
        ops_per_second=100.0,
        mb_per_second=100.0,
        latency=latency([1_000_000, 2_000_000]),
        by_kind={},
        errors={},
        client_share=0.2,
        client_cpu_us_per_op=20.0,
        machine_busy=0.5,
        server=msgspec.structs.replace(server, **(GOOD | ours)),
    )
    figures = msgspec.structs.replace(figures, **changes)
    parameters = asdict(suite(Parameters("put"))[name])
    return Result(name, parameters.pop("workload"), parameters, figures)
