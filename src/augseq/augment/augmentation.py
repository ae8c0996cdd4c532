"""What an augmentation is: the one contract that every kind of it keeps."""

from typing import Protocol, runtime_checkable

import numpy as np

from augseq.types import Image


@runtime_checkable
class Augmentation(Protocol):
    """Varies one image, with randomness that is handed in.

    A plain function `f(image, rng)` is an augmentation. The contract:

    - All randomness comes from `rng`; no global generator is read or written.
    - The same image and the same state of `rng` give the same pixels, whatever ran before.
    - The input is not changed; the result is a new array, a view of it, or the input itself.
    - The result has the same number of channels, and the same dtype or float32.
    - Several threads may call it at the same time.
    - It pickles, so that other processes can run it.

    `augseq.check_augmentation` tests all of this on an augmentation of your own. One that
    chooses the size of its result, such as a random crop, says so with an attribute
    `sets_size = True`; it then gets the image before it is resized.
    """

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Return the varied image.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            rng: Generator for this record in this epoch.
        """
        ...
