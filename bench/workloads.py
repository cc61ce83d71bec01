"""The workloads: what is prepared, and what each connection then does.

A timed workload gives endless sources and runs for a duration; a counted one gives sources of
`count` operations in all, since each needs a preparation of its own that must not be measured.
"""

import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from typing import Literal

from bench.client import Source
from bench.requests import Payload, Request, RequestBuilder, Signing

PUT_RATE = 8000  # distinct names made for each second of a PUT run; then they come again
STORED_LIMIT = 4 << 30  # bytes a PUT run may leave before its names come again
GET_OBJECTS = 1000
GET_LIMIT = 1 << 30


@dataclass(frozen=True)
class Parameters:
    """What a run is told. `count` is the operations of a counted workload, `keys` how many
    objects a LIST or DeleteObjects is about, `parts` and `part_size` are multipart's. `encrypted`:
    the bucket has SSE-S3 as its default."""

    workload: str
    size: int = 4096
    concurrency: int = 16
    duration: float = 10.0
    warm_up: float = 2.0
    processes: int = 1
    signing: Signing = "presigned"
    count: int = 8
    keys: int = 1000
    bucket_keys: int = 0
    parts: int = 8
    part_size: int = 8 << 20
    encrypted: bool = False
    seed: int = 1

    @property
    def seconds(self) -> float:
        """How long connections are busy, warm-up included."""
        return self.duration + self.warm_up


@dataclass
class Plan:
    """`prepare` is run to its end first; then each source on a connection of its own.

    `warm_up` sources (of counted workloads only) are run to their end before the clock starts.
    """

    prepare: list[Source] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    warm_up: list[Source] = field(default_factory=list)


# The requests of one operation, each fed with the body of the last answer.
UploadSteps = Generator[Request, bytes, None]

# Makes an upload and returns its id: set-up, not part of what is measured.
CreateUpload = Callable[[str], str]


@dataclass
class Bench:
    """What a workload plans with."""

    build: RequestBuilder
    parameters: Parameters
    create_upload: CreateUpload

    def payload(self, size: int | None = None) -> Payload:
        """Random content: nothing a server could compress."""
        wanted = self.parameters.size if size is None else size
        return Payload(random.Random(self.parameters.seed).randbytes(wanted))

    def deal(self, requests: Iterator[Request]) -> list[Source]:
        """One common supply that all connections take from."""
        return [requests] * self.parameters.concurrency


def key_name(number: int) -> str:
    """The name of an object, spread over folders and of one length."""
    return f"data/{number // 1000:05d}/object-{number:09d}.bin"


def fill(bench: Bench, count: int, payload: Payload, offset: int = 0) -> list[Source]:
    """Sources that PUT objects `offset` to `offset + count`."""
    numbers = range(offset, offset + count)
    return bench.deal(bench.build.put(key_name(number), payload) for number in numbers)


def put(bench: Bench) -> Plan:
    """PutObject: new names until the pool of them is used up."""
    parameters, payload = bench.parameters, bench.payload()
    by_bytes = STORED_LIMIT // max(1, parameters.size)
    pool = min(int(PUT_RATE * parameters.seconds), max(by_bytes, parameters.concurrency))
    share = max(1, pool // parameters.concurrency)
    sources = [
        cycle([bench.build.put(key_name(first + i), payload) for i in range(share)])
        for first in range(0, share * parameters.concurrency, share)
    ]
    return Plan(sources=list(sources))


def read(bench: Bench, method: Literal["GET", "HEAD"]) -> Plan:
    """GetObject or HeadObject of stored objects in random order."""
    parameters, payload = bench.parameters, bench.payload()
    stored = max(parameters.concurrency, min(GET_OBJECTS, GET_LIMIT // max(1, parameters.size)))
    one = bench.build.get if method == "GET" else bench.build.head_object
    requests = [one(key_name(number), payload) for number in range(stored)]
    chooser = random.Random(parameters.seed)
    sources: list[Source] = []
    for _ in range(parameters.concurrency):
        chooser.shuffle(requests)
        sources.append(cycle(requests.copy()))
    return Plan(fill(bench, stored, payload), sources)


def list_keys(bench: Bench) -> Plan:
    """ListObjectsV2 pages of `keys` entries, spread over a bucket of `bucket_keys`."""
    parameters = bench.parameters
    stored = max(parameters.keys, parameters.bucket_keys)
    pages = min(100, stored // parameters.keys)
    requests = []
    for page in range(pages):
        query = {"list-type": "2", "max-keys": str(parameters.keys)}
        if page:
            query["start-after"] = key_name(page * parameters.keys - 1)
        verify = partial(verify_count, b"<Key>", parameters.keys)
        head = bench.build.head("GET", "", query)
        requests.append(Request("LIST", head, verify=verify))
    return Plan(fill(bench, stored, bench.payload(16)), bench.deal(cycle(requests)))


def verify_count(mark: bytes, wanted: int, body: bytes) -> str | None:
    """Complain when `mark` is not in the body as often as wanted."""
    found = body.count(mark)
    return None if found == wanted else f"{found} {mark.decode()}, not {wanted}"


def delete_objects(bench: Bench) -> Plan:
    """DeleteObjects of `keys` keys each, `count` times, all of them stored before."""
    parameters = bench.parameters
    warm = 2 if parameters.warm_up else 0
    batches = parameters.count + warm
    content = bench.payload()
    requests = [delete_batch(bench, number) for number in range(batches)]
    supply = iter(requests)
    return Plan(
        fill(bench, batches * parameters.keys, content),
        bench.deal(islice(supply, parameters.count)),
        [islice(supply, warm)] if warm else [],
    )


def remove(bench: Bench) -> Plan:
    """DeleteObject of `count` stored objects, each once."""
    count = bench.parameters.count
    supply = iter([bench.build.delete(key_name(number)) for number in range(count)])
    return Plan(fill(bench, count, bench.payload()), bench.deal(supply))


def delete_batch(bench: Bench, number: int) -> Request:
    """One DeleteObjects request."""
    keys = bench.parameters.keys
    names = (key_name(n) for n in range(number * keys, (number + 1) * keys))
    entries = "".join(f"<Object><Key>{name}</Key></Object>" for name in names)
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    xml = f'<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="{space}">{entries}</Delete>'
    request = bench.build.post("DeleteObjects", "", {"delete": ""}, Payload(xml.encode()))
    request.verify = partial(verify_count, b"<Deleted>", keys)
    return request


def complete(bench: Bench) -> Plan:
    """CompleteMultipartUpload of uploads that have `parts` parts of `part_size` bytes.

    Those below 5 MiB an Ocean takes when it runs with OCEAN_TEST_MIN_PART=1.
    """
    parameters = bench.parameters
    warm = 1 if parameters.warm_up else 0
    payload = bench.payload(parameters.part_size)
    keys = [key_name(number) for number in range(parameters.count + warm)]
    uploads = [(key, bench.create_upload(key)) for key in keys]
    parts = (
        bench.build.put(key, payload, {"partNumber": str(number), "uploadId": upload})
        for key, upload in uploads
        for number in range(1, parameters.parts + 1)
    )
    body = Payload(complete_xml([payload.etag] * parameters.parts).encode())
    supply = iter([complete_request(bench, key, upload, body) for key, upload in uploads])
    return Plan(
        bench.deal(parts),
        bench.deal(islice(supply, parameters.count)),
        [islice(supply, warm)] if warm else [],
    )


def complete_xml(etags: list[str]) -> str:
    """The body of CompleteMultipartUpload for parts 1 to len(etags)."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<CompleteMultipartUpload xmlns="{space}">{parts}</CompleteMultipartUpload>'


def complete_request(bench: Bench, key: str, upload: str, body: Payload) -> Request:
    """One CompleteMultipartUpload; an error after the 200 (S3 allows that) is one as well."""
    request = bench.build.post("Complete", key, {"uploadId": upload}, body)
    request.verify = partial(verify_count, b"<CompleteMultipartUploadResult", 1)
    return request


def multipart(bench: Bench) -> Plan:
    """Whole uploads: create, `parts` parts one after another, complete."""
    payload = bench.payload(bench.parameters.part_size)
    return Plan(
        sources=[upload_source(bench, payload, n) for n in range(bench.parameters.concurrency)]
    )


def upload_source(bench: Bench, payload: Payload, connection: int) -> Source:
    """Endless uploads; names come again so that the bucket stays within bounds."""
    size = bench.parameters.parts * bench.parameters.part_size
    names = max(1, STORED_LIMIT // size // bench.parameters.concurrency)
    for number in cycle(range(names)):
        yield upload_operation(bench, payload, f"upload/{connection}/{number}")


def upload_operation(bench: Bench, payload: Payload, key: str) -> Request:
    """The first request of one upload, which leads to the others."""
    steps = upload_steps(bench, payload, key)
    first = next(steps)
    first.then = partial(advance, steps)
    return first


def advance(steps: UploadSteps, body: bytes) -> Request | None:
    """The next request of an operation, given the body of the last answer."""
    try:
        request = steps.send(body)
    except StopIteration:
        return None
    request.then = partial(advance, steps)
    return request


def upload_steps(bench: Bench, payload: Payload, key: str) -> UploadSteps:
    """Create, parts, complete; all of the last kind, which names the operation."""
    body = yield bench.build.post("multipart", key, {"uploads": ""}, Payload(b""))
    upload = body.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
    parts = bench.parameters.parts
    for number in range(1, parts + 1):
        query = {"partNumber": str(number), "uploadId": upload}
        yield bench.build.put(key, payload, query)
    xml = complete_xml([payload.etag] * parts)
    request = complete_request(bench, key, upload, Payload(xml.encode()))
    request.kind = "multipart"
    yield request


# Shares of a mixed run, in percent: those of the common S3 benchmark mix.
MIX = {"GET": 45, "HEAD": 30, "PUT": 15, "DELETE": 10}
MIXED_OBJECTS = 20  # each connection begins with


def mixed(bench: Bench) -> Plan:
    """GET, HEAD, PUT and DELETE in the proportions of MIX, each connection on its own keys."""
    payload, concurrency = bench.payload(), bench.parameters.concurrency
    stored = concurrency * MIXED_OBJECTS
    names = [key_name(number) for number in range(stored)]
    sources = [mixed_source(bench, payload, n, names[n::concurrency]) for n in range(concurrency)]
    return Plan(fill(bench, stored, payload), sources)


def mixed_source(bench: Bench, payload: Payload, connection: int, alive: list[str]) -> Source:
    """Endless operations that keep `alive` true to what is stored."""
    chooser = random.Random(f"{bench.parameters.seed}/{connection}")
    kinds, weights = list(MIX), list(MIX.values())
    made = 0
    while True:
        [kind] = chooser.choices(kinds, weights)
        if kind == "PUT" or len(alive) < MIXED_OBJECTS // 2:
            made += 1
            alive.append(f"mixed/{connection}/{made:09d}")
            yield bench.build.put(alive[-1], payload)
            continue
        at = chooser.randrange(len(alive))
        if kind == "DELETE":
            alive[at], alive[-1] = alive[-1], alive[at]
            yield bench.build.delete(alive.pop())
        elif kind == "HEAD":
            yield bench.build.head_object(alive[at], payload)
        else:
            yield bench.build.get(alive[at], payload)


@dataclass(frozen=True)
class Workload:
    """How a workload is planned, and whether it ends by count."""

    plan: Callable[[Bench], Plan]
    counted: bool = False


WORKLOADS = {
    "put": Workload(put),
    "get": Workload(partial(read, method="GET")),
    "head": Workload(partial(read, method="HEAD")),
    "list": Workload(list_keys),
    "delete": Workload(delete_objects, counted=True),
    "remove": Workload(remove, counted=True),
    "complete": Workload(complete, counted=True),
    "multipart": Workload(multipart),
    "mixed": Workload(mixed),
}
