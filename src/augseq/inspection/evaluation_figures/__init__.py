"""Draw how good predictions are."""
