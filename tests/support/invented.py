"""A blob store that invents its bytes: for objects larger than any disk of a test."""

from blobstore import frames
from blobstore.base import Buffer
from blobstore.memory import Memory


class Invented(Memory):
    """One blob of any size whose bytes are a function of their place; nothing is kept."""

    BLOCK = bytes(range(256)) * (frames.BLOCK // 256)
    SEGMENT = BLOCK * (frames.SEGMENT // frames.BLOCK)

    def __init__(self) -> None:
        super().__init__(name="large")
        self.most = 0

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        self.most = max(self.most, length)
        out, full = bytearray(), frames.SEGMENT + frames.TABLE
        while len(out) < length:
            segment, within = divmod(offset + len(out), full)
            checks = frames.table(blob, segment * (frames.SEGMENT // frames.BLOCK), self.SEGMENT)
            out += (self.SEGMENT + checks)[within : within + length - len(out)]
        return bytes(out)
