"""Try augmentations on images in a notebook: the choices, their pixels, their code, the panel."""
