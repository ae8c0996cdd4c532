"""The way of a sample, from record to batch."""
