"""Vary one image, with randomness that is handed in."""

import os

# albumentations asks a server for its newest version when it is imported; also where a
# transform unpickles in a process of its own, which loads this module first.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
