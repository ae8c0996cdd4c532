"""Tests of what Keras trains, on each backend."""
