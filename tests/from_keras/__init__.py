"""Programs that move over from Keras."""
