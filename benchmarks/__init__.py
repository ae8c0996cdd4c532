"""Compares augseq with other data loaders on the same work: `python benchmarks/run.py`."""
