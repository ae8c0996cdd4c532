"""Stands in for TensorFlow in programs of other backends, and cannot be imported.

Keras imports TensorFlow, where it is installed, to save the config of a model: that takes seconds.
"""

raise ModuleNotFoundError("hidden from this program", name="tensorflow")
