"""Train Keras models: the data set, its callbacks, and a ready-made classifier."""
