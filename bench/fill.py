"""Objects of 1 to 64 KiB, their sizes log-uniform: to see what they take in the pools below."""

import math
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from random import Random

from bench.target import Target

LEAST, MOST = 1 << 10, 64 << 10  # bytes of an object
THREADS = 16


def sizes(count: int, seed: int = 0) -> list[int]:
    """Bytes of each object; the same for the same `seed`."""
    random = Random(seed)
    return [int(math.exp(random.uniform(math.log(LEAST), math.log(MOST)))) for _ in range(count)]


def fill(target: Target, bucket: str, count: int) -> int:
    """Write `count` objects into `bucket`, made if it is not there; their bytes in all."""
    client = target.client()
    client.create_bucket(Bucket=bucket)
    every = sizes(count)

    def put(number: int, size: int) -> None:
        body = Random(number).randbytes(size)
        client.put_object(Bucket=bucket, Key=f"{number:08}", Body=body)

    with ThreadPoolExecutor(THREADS) as threads:
        deque(threads.map(put, range(count), every), maxlen=0)  # raises what one raised
    return sum(every)
