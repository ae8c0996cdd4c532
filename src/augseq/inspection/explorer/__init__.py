"""Try augmentations on images in a notebook panel."""
