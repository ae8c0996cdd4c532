"""Atomic writes, locks, quotas, hashes and path encodings."""
