"""Lifecycle rules at work: passes over the buckets that have some, and what these do."""
