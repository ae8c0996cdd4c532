"""Cache of decoded pixels, in files that all workers memory-map."""
