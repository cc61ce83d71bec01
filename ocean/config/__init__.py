"""The server's configuration: flags over environment over file over defaults."""

from ocean.config.load import Loaded, load
from ocean.config.schema import Config
from ocean.config.sources import ConfigError, Origin
from ocean.config.values import Address, Size

__all__ = ["Address", "Config", "ConfigError", "Loaded", "Origin", "Size", "load"]
