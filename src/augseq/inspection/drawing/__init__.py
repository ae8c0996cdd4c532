"""Draw images and their targets: as figures, in pixels, and with a key to their colours."""
