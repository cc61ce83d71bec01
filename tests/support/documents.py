"""Documents that many tests send."""


def versioning(status: str) -> bytes:
    """Of PutBucketVersioning: Enabled or Suspended."""
    text = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
    return text.encode()


ENABLED = versioning("Enabled")
