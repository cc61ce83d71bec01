"""What the verbs of the metadata store raise beside the engine's own errors."""


class StoreError(Exception):
    """A verb could not be carried out; nothing was acknowledged."""


class NoBucket(StoreError):
    """The bucket is not there, or is being deleted."""


class BucketTaken(StoreError):
    """A bucket of that name exists; `owner` is its owner's canonical id."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


class BucketNotEmpty(StoreError):
    """The bucket holds versions."""


class NoVersion(StoreError):
    """No such version."""


class NoUpload(StoreError):
    """No such multipart upload, or it has ended."""


class TakenIn(NoUpload):
    """The upload was completed meanwhile, maybe with the very part that was to be refused."""


class Conflict(StoreError):
    """Others kept changing the row until the attempts were used up."""


class OverQuota(StoreError):
    """It would be more than the quota allows."""
