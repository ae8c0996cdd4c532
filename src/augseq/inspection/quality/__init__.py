"""Find what is wrong or strange in the images of a manifest, and report it."""
