"""Runs one workload against a target: prepares, warms up, measures, cleans up."""

import gc
import multiprocessing
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection

from bench.client import LoadLoop, Source, Tally, Window
from bench.figures import MEGABYTE, Figures, Result, latency, per, server_figures
from bench.proc import Memory, ProcessTree, machine_busy, pids_of_port
from bench.requests import RequestBuilder
from bench.target import Target, own_bucket
from bench.workloads import WORKLOADS, Bench, Parameters

SAMPLE_SECONDS = 0.2
START_DELAY_NS = 200_000_000  # for the processes to come up and connect
SETTLE_SECONDS = 1.0  # behind counted operations: what a server puts off is its work, too
DRAIN_SECONDS = 300.0

Progress = Callable[[str], None]


class RunError(Exception):
    """A run that could not be made; the text says why."""


class Sampler:
    """Follows the server's processes and the machine between `begin` and `figures`."""

    def __init__(self, tree: ProcessTree | None) -> None:
        self._tree = tree

    def begin(self) -> None:
        """The measured window starts."""
        self._busy = machine_busy()
        self._began = time.monotonic_ns()
        if self._tree is not None:
            self._cpu_began = self._cpu = self._tree.cpu()
            self._memory_began = self._peak = self._tree.memory()
            self._processes = len(self._tree)

    def tick(self) -> None:
        """Look at the processes, so that those that die soon are not missed."""
        self._ended = time.monotonic_ns()
        self._look()

    def settle(self) -> None:
        """After `end`: count what the processes did since for the operations, but not the time."""
        self._look()

    def _look(self) -> None:
        if self._tree is not None:
            self._cpu = self._tree.cpu()
            now, peak = self._tree.memory(), self._peak
            self._peak = Memory(max(now.rss, peak.rss), max(now.anonymous, peak.anonymous))
            self._processes = max(self._processes, len(self._tree))

    def end(self) -> None:
        """The measured window ends."""
        self.tick()
        busy, total = machine_busy()
        self._share = (busy - self._busy[0]) / max(1, total - self._busy[1])

    def figures(self, tally: Tally, processes: int) -> Figures:
        """Put together what the loops and the sampler saw."""
        values = [value for each in tally.latencies.values() for value in each]
        seconds = (self._ended - self._began) / 1e9
        server = None
        if self._tree is not None:
            memory = {
                "rss_peak": self._peak.rss,
                "rss_growth": self._peak.rss - self._memory_began.rss,
                "anonymous_peak": self._peak.anonymous,
                "anonymous_growth": self._peak.anonymous - self._memory_began.anonymous,
            }
            cpu = self._cpu - self._cpu_began
            server = server_figures(cpu, len(values), tally.moved, self._processes, memory)
        return Figures(
            seconds=round(seconds, 3),
            operations=len(values),
            ops_per_second=round(len(values) / seconds, 1),
            mb_per_second=round(tally.moved / MEGABYTE / seconds, 1),
            latency=latency(values),
            by_kind={kind: latency(each) for kind, each in sorted(tally.latencies.items())},
            errors=dict(tally.errors),
            client_share=round(tally.client_cpu / 1e9 / seconds / processes, 3),
            client_cpu_us_per_op=per(tally.client_cpu / 1e3, len(values)),
            machine_busy=round(self._share, 3),
            server=server,
        )


def followed(pids: Sequence[int], ports: Sequence[int]) -> list[int]:
    """The processes whose work is measured, without their descendants; RunError."""
    found = [*pids]
    for port in ports:
        listeners = pids_of_port(port)
        if not listeners:
            raise RunError(f"no process of ours to see listens on port {port}")
        found += listeners
    return found


def run(
    target: Target,
    name: str,
    parameters: Parameters,
    pids: Sequence[int],
    repeat: int,
    progress: Progress,
) -> Result:
    """Measure a workload `repeat` times; the run of the median server CPU is the result."""
    runs = [run_once(target, parameters, pids, progress) for _ in range(repeat)]
    broken = [figures for figures in runs if figures.errors or not figures.operations]
    costs = [figures.server.cpu_us_per_op if figures.server else None for figures in runs]
    if broken:
        chosen = broken[0]
    elif None in costs:
        chosen = sorted(runs, key=lambda figures: figures.ops_per_second)[repeat // 2]
    else:
        middle = statistics.median_low([cost for cost in costs if cost is not None])
        chosen = runs[costs.index(middle)]
    described = asdict(parameters)
    workload = described.pop("workload")
    return Result(name, workload, described, chosen, costs if repeat > 1 else [])


def run_once(
    target: Target, parameters: Parameters, pids: Sequence[int], progress: Progress
) -> Figures:
    """Measure a workload in a bucket of its own."""
    client = target.client()
    with own_bucket(target, encrypted=parameters.encrypted) as bucket:

        def create_upload(key: str) -> str:
            return str(client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])

        builder = RequestBuilder(target.signer(), bucket, parameters.signing)
        progress("prepare")
        workload = WORKLOADS[parameters.workload]
        plan = workload.plan(Bench(builder, parameters, create_upload))
        for stage in (plan.prepare, plan.warm_up):
            run_stage(target, stage)
        sampler = Sampler(ProcessTree(pids) if pids else None)
        progress("measure")
        if workload.counted:
            tally = measure_counted(target, plan.sources, sampler)
            figures = sampler.figures(tally, 1)
        else:
            tally = measure_timed(target, plan.sources, parameters, sampler)
            figures = sampler.figures(tally, parameters.processes)
        progress("clean up")
        deletions = (builder.delete(key) for key in target.keys(bucket))
        run_stage(target, [deletions] * parameters.concurrency)
        return figures


def run_stage(target: Target, sources: list[Source]) -> None:
    """Run a stage that is not measured; raises RunError when anything in it fails."""
    if not sources:
        return
    tally = LoadLoop(target.address, sources, Window.unlimited()).run()
    if tally.errors:
        failures = ", ".join(f"{text} ({count})" for text, count in tally.errors.items())
        raise RunError(f"preparation failed: {failures}")


def drive(target: Target, sources: list[Source], window: Window, results: Connection) -> None:
    """The body of a load process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent cleans up, this one just ends
    gc.freeze()
    gc.disable()
    results.send(LoadLoop(target.address, sources, window).run())


def start(target: Target, sources: list[Source], window: Window) -> Connection:
    """Start a load process; its Tally comes over the returned connection."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=drive, args=(target, sources, window, sender), daemon=True)
    process.start()
    sender.close()
    return receiver


def collect(receivers: list[Connection]) -> Tally:
    """Wait for the load processes and add up what they saw."""
    total = Tally()
    for receiver in receivers:
        try:
            if not receiver.poll(DRAIN_SECONDS):
                raise RunError("a load process did not end")
            total.add(receiver.recv())
        except EOFError:
            raise RunError("a load process died") from None
    return total


def measure_timed(
    target: Target, sources: list[Source], parameters: Parameters, sampler: Sampler
) -> Tally:
    """Drive endless sources for the duration, after the warm-up."""
    begin = time.monotonic_ns() + START_DELAY_NS + int(parameters.warm_up * 1e9)
    window = Window(begin, begin + int(parameters.duration * 1e9))
    count = parameters.processes
    receivers = [start(target, sources[n::count], window) for n in range(count)]
    sleep_until(window.start)
    sampler.begin()
    step = int(SAMPLE_SECONDS * 1e9)
    for at in range(window.start + step, window.end - step // 2, step):
        sleep_until(at)
        sampler.tick()
    sleep_until(window.end)
    sampler.end()
    return collect(receivers)


def sleep_until(instant: int) -> None:
    """Sleep until an instant of CLOCK_MONOTONIC, in ns."""
    time.sleep(max(0, instant - time.monotonic_ns()) / 1e9)


def measure_counted(target: Target, sources: list[Source], sampler: Sampler) -> Tally:
    """Drive sources to their end."""
    sampler.begin()
    receiver = start(target, sources, Window.unlimited())
    while not receiver.poll(SAMPLE_SECONDS):
        sampler.tick()
    sampler.end()
    time.sleep(SETTLE_SECONDS)
    sampler.settle()
    return collect([receiver])
