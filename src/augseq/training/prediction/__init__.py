"""Predict and evaluate with a model: batches, augmented views and tiles."""
