"""Find and report problems and oddities in the images of a manifest."""
