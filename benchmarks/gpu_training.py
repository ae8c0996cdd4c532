"""The training that `gpu_feed.py` measures; importing this starts Keras and its backend."""

import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmarks import data

if TYPE_CHECKING:
    from benchmarks.gpu_feed import Sizes


class Constant(keras.utils.PyDataset):
    """One batch, repeated without end: uint8 noise, copied to the device like any other batch."""

    def __init__(self, sizes: "Sizes") -> None:
        super().__init__()
        rng = np.random.Generator(np.random.Philox(0))
        shape = (sizes.batch_size, sizes.image_side, sizes.image_side, 3)
        self._batch = (
            rng.integers(256, size=shape, dtype=np.uint8),
            rng.integers(data.NUM_CLASSES, size=sizes.batch_size, dtype=np.int32),
        )

    @property
    def num_batches(self) -> None:
        """None: the data set never ends."""

    def __getitem__(self, index: int) -> Any:
        return self._batch


class EpochClock(keras.callbacks.Callback):
    """Records when each epoch ends, and stops training when its time is over.

    At the end of an epoch Keras has fetched its metrics from the device.

    Args:
        timed_s: How long to train after the first epoch, in seconds.
        end: Deadline, by `time.perf_counter`; at least two epochs are trained.
    """

    def __init__(self, timed_s: float, end: float) -> None:
        super().__init__()
        self.ends: list[float] = []
        self._timed_s = timed_s
        self._end = end

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the time."""
        self.ends.append(time.perf_counter())
        is_over = self.ends[-1] > min(self.ends[0] + self._timed_s, self._end)
        self.model.stop_training = is_over and len(self.ends) > 1


def find_accelerator() -> str | None:
    """Return the backend's name for the accelerator; None for a CPU."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return None if device.platform == "cpu" else str(device.device_kind)
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    # Not every driver reports a name.
    names = [tf.config.experimental.get_device_details(one).get("device_name") for one in found]
    return names[0] or found[0].name if found else None


def make_model(sizes: "Sizes") -> keras.Model:
    """Return a compiled ResNet-50 that scales uint8 images on the device."""
    keras.mixed_precision.set_dtype_policy(sizes.precision)
    inputs = keras.Input((sizes.image_side, sizes.image_side, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    network = keras.applications.ResNet50(
        weights=None, classes=data.NUM_CLASSES, classifier_activation=None, input_tensor=scaled
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    # The first steps compile the model for the device; all feeds have batches of the same shape.
    network.fit(Constant(sizes), steps_per_epoch=2, shuffle=False, verbose=0)
    return network


def measure_training(model: keras.Model, sizes: "Sizes", feed: Any, end: float) -> float:
    """Train on a feed; return images per second after the first epoch.

    Args:
        model: A compiled model.
        sizes: Length of the epochs and of the training.
        feed: Endless batches.
        end: Deadline, by `time.perf_counter`.
    """
    clock = EpochClock(sizes.timed_s, end)
    model.fit(
        feed,
        steps_per_epoch=sizes.epoch_steps,
        epochs=1_000_000,
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    num_images = (len(clock.ends) - 1) * sizes.epoch_steps * sizes.batch_size
    return num_images / (clock.ends[-1] - clock.ends[0])
