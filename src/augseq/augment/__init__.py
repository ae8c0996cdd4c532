"""Augment one image, with randomness that is passed in."""

import os

# On import, albumentations asks a server for its newest version. Unpickling a transform in another
# process imports it too, but loads this module first.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
