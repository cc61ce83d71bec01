"""Rows in memcached, in front of an engine: faster answers, never other ones."""
