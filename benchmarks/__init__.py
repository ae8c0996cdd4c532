"""Peers of augseq on the same work, behind one runner: `python benchmarks/run.py`."""
