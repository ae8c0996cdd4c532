"""Build a manifest from a table with one row per image."""
