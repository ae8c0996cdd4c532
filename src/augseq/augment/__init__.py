"""Vary one image, with randomness that is handed in."""
