"""Blobs in the pools of Ceph clusters, over python3-rados. Only session.py imports it."""
