"""Train a model in one call, write its run folder, and load it again."""
