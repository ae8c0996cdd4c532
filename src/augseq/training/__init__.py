"""Hand batches to Keras."""
