"""A video recorder: real ffmpeg, many cameras at once, segments uploaded as they are finished."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.files import digest, fetched
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow

CAMERAS = 8
SECONDS = 15  # of video, one segment each
RATE = 6  # times real time
MOST_FAILURES = 300  # 0.1 s after each: the server was away for long
BUCKET = "recordings"
PIECE = 50_000  # bytes that a viewer reads at once


class Camera:
    """ffmpeg cuts a stream into files; each is uploaded, again and again until it is acknowledged.

    Even cameras use an SDK, odd ones nothing but presigned URLs, half of them of SigV2.
    """

    def __init__(self, server: Server, folder: Path, number: int) -> None:
        self.name = f"camera-{number:02}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self.acknowledged: list[str] = []
        self.failures = 0
        self._number = number
        signature = "s3v4" if number % 4 == 1 else None
        self._client = server.client(signature_version=signature if number % 2 else None)
        self._pool = urllib3.PoolManager(retries=False)

    def key(self, segment: str) -> str:
        return f"{self.name}/2026/{segment}"

    def record(self) -> None:
        """Until the end of the stream, every segment acknowledged."""
        for segment in self._segments():
            while not self._upload(segment):
                self.failures += 1
                assert self.failures < MOST_FAILURES, f"{segment} is never acknowledged"
                time.sleep(0.1)
            self.acknowledged.append(segment)

    def _segments(self) -> Iterator[str]:
        """The names of the files as ffmpeg finishes them."""
        source = f"testsrc2=size=480x270:rate=12:duration={SECONDS}"
        ffmpeg = Program(["ffmpeg", "-nostdin", "-v", "error"], self.folder).begin(
            *("-readrate", str(RATE), "-f", "lavfi", "-i", source),
            *(
                "-vf",
                f"hue=h={self._number * 40}",
                "-c:v",
                "mpeg2video",
                "-b:v",
                "1500k",
                "-g",
                "12",
            ),
            *("-f", "segment", "-segment_time", "1", "-segment_list", "pipe:1"),
            *("-segment_list_type", "flat", "%05d.ts"),
        )
        assert ffmpeg.process.stdout is not None
        for line in ffmpeg.process.stdout:
            yield line.strip()
        assert ffmpeg.finish() == 0

    def _upload(self, segment: str) -> bool:
        body = (self.folder / segment).read_bytes()
        at = {"Bucket": BUCKET, "Key": self.key(segment)}
        try:
            if self._number % 2 == 0:
                self._client.put_object(**at, Body=body)
                return True
            url = self._client.generate_presigned_url("put_object", Params=at, ExpiresIn=60)
            return self._pool.request("PUT", url, body=body).status == 200
        except (BotoCoreError, ClientError, urllib3.exceptions.HTTPError):
            return False


def read_by_ranges(client: Any, key: str) -> bytes:
    """As a player does: the end first, then piece by piece."""

    def ranged(spec: str) -> bytes:
        answer = client.get_object(Bucket=BUCKET, Key=key, Range=f"bytes={spec}")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        return bytes(answer["Body"].read())

    size = client.head_object(Bucket=BUCKET, Key=key)["ContentLength"]
    pieces = [ranged(f"{at}-{at + PIECE - 1}") for at in range(0, size, PIECE)]
    whole = b"".join(pieces)
    assert ranged("-1000") == whole[-1000:]
    return whole


def check_kept(client: Any, cameras: list[Camera]) -> None:
    """Whatever was acknowledged by now is what the camera wrote."""
    for camera in cameras:
        for segment in list(camera.acknowledged):
            expected = digest((camera.folder / segment).read_bytes())
            assert fetched(client, BUCKET, camera.key(segment)) == expected


def playable(program: Program, footage: bytes, folder: Path) -> str:
    """The frames that ffmpeg finds in it."""
    (folder / "footage.ts").write_bytes(footage)
    return program("-i", folder / "footage.ts", "-map", "0:v", "-f", "framecrc", "-")


def kill_a_worker(server: Server) -> None:
    os.kill(server.pids[-1], signal.SIGKILL)


def stop_and_start(server: Server) -> None:
    """What an update does; requests in flight are answered."""
    assert server.stop() == 0
    server.start()


@pytest.mark.parametrize(
    "events",
    [(), (Server.restart, Server.restart), (kill_a_worker, stop_and_start)],
    ids=["undisturbed", "killed twice", "worker killed, then updated"],
)
def test_recording(tmp_path: Path, events: tuple[Callable[[Server], object], ...]) -> None:
    with Server(tmp_path / "server") as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        cameras = [Camera(server, tmp_path, number) for number in range(CAMERAS)]
        with ThreadPoolExecutor(CAMERAS) as pool:
            streams = [pool.submit(camera.record) for camera in cameras]
            for number, happen in enumerate(events, start=1):
                while sum(len(camera.acknowledged) for camera in cameras) < 40 * number:
                    time.sleep(0.002)
                happen(server)
                check_kept(server.client(), cameras)  # on connections of its own
            for stream in streams:
                stream.result()
        assert any(camera.failures for camera in cameras) == bool(events)
        for camera in cameras:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=BUCKET, Prefix=f"{camera.name}/", PaginationConfig={"PageSize": 7}
            )
            keys = [item["Key"] for page in pages for item in page["Contents"]]
            assert keys == [camera.key(f"{second:05}.ts") for second in range(SECONDS)]
            segments = [(camera.folder / key.rpartition("/")[2]).read_bytes() for key in keys]
            assert [read_by_ranges(client, key) for key in keys] == segments
            frames = playable(
                Program(["ffmpeg", "-v", "error"], tmp_path), b"".join(segments), tmp_path
            )
            assert len([line for line in frames.splitlines() if line[0] != "#"]) == 12 * SECONDS
