"""In which order Keras will ask for batches."""

import random


def shuffled_order(num_batches: int) -> list[int]:
    """Foresee the order in which `fit(shuffle=True)` asks, at the beginning of a pass.

    Keras shuffles with Python's global generator, so a copy of that one is asked; nothing of
    it changes. A wrong guess costs time only. Without it `fit` would wait for each batch in
    turn, since no worker could know which one comes next.

    Source:
        `PyDatasetAdapter._finite_generator` of Keras 3.15.
    """
    copy = random.Random()
    copy.setstate(random.getstate())
    order = list(range(num_batches))
    copy.shuffle(order)
    return order
