"""Load samples and batches from records."""
