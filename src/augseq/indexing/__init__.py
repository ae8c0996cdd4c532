"""Build a manifest: scan, label, probe, and exclude unusable files."""
