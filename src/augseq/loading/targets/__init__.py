"""What a model is to predict: one file for each kind of target."""
