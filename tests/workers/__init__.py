"""Batches that are computed ahead are the right ones, and not too many."""
