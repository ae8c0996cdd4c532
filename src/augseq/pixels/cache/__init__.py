"""Decoded pixels, kept in files that all workers map into their memory."""
