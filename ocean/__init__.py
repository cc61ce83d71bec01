"""The object store itself: no HTTP, no driver."""

__version__ = "0.1.0"
