"""Scenarios of training, run as `python -m training.scenarios` with `KERAS_BACKEND` set."""
