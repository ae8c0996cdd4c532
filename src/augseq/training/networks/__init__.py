"""The layers of a model before its head: a small network, or one with pretrained weights."""
