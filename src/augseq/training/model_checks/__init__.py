"""Checks of the model and the images before the first batch of a `fit`."""
