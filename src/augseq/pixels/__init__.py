"""Decode image files into arrays."""
