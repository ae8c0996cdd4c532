"""The page's way to mix images of a batch trains, and can be repeated."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def mixup_of_the_page(batches: augseq.ImageSequence) -> Any:
    block = PAGE.read_text("utf-8").split("## MixUp and CutMix")[1].split("```")[1]
    names: dict[str, Any] = {"keras": keras, "np": np}
    exec(block.removeprefix("python").split("model.fit")[0], names)
    return names["MixUp"](batches)


def make() -> augseq.ImageSequence:
    x = np.arange(10 * 12, dtype=np.uint8).reshape(10, 2, 2, 3)
    y = np.eye(10, dtype=np.float32)
    return augseq.ImageSequence.from_arrays(x, y, batch_size=4, shuffle=True, seed=3)


def test_images_and_labels_are_mixed_in_the_same_proportion_and_reproducibly() -> None:
    batches = make()
    plain, labels = batches[0]
    images, mixed = mixup_of_the_page(batches)[0]
    np.testing.assert_allclose(mixed.sum(1), 1, rtol=1e-6)
    assert images.dtype == np.float32
    # Labels show which images each is mixed from.
    of_labels = mixed @ labels.T
    np.testing.assert_allclose(images, np.tensordot(of_labels, plain, 1), atol=1e-3)
    np.testing.assert_array_equal(mixup_of_the_page(make())[0][0], images)
    batches.set_epoch(1)
    assert not np.array_equal(mixup_of_the_page(batches)[0][1], mixed)


def test_a_model_trains_on_mixed_batches_of_the_right_epochs() -> None:
    batches, epochs = make(), []

    class Look(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            epochs.append(batches.epoch)

    layers = [keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(loss="categorical_crossentropy", jit_compile=False)
    callbacks = [augseq.EpochSync(batches), Look()]
    model.fit(mixup_of_the_page(batches), epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
    assert epochs == [0, 1, 2]
