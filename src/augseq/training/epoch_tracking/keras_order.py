"""The order in which Keras will request batches."""

import random


def shuffled_order(num_batches: int) -> list[int]:
    """Predict the order of `fit(shuffle=True)`, at the beginning of a pass.

    Keras shuffles with Python's global generator, so this shuffles with a copy of it; the
    generator itself does not change. A wrong prediction only costs time. Without a prediction,
    `fit` would wait for each batch, since workers could not know which one comes next.

    Source:
        `PyDatasetAdapter._finite_generator` of Keras 3.15.
    """
    copy = random.Random()
    copy.setstate(random.getstate())
    order = list(range(num_batches))
    copy.shuffle(order)
    return order
