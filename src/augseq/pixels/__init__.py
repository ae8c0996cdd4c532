"""Bytes of a file become one uint8 array."""
