"""Datasets for other libraries: their types, their epochs, and what is refused."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import augseq

X = np.arange(10 * 6 * 4 * 3, dtype=np.uint8).reshape(10, 6, 4, 3)
Y = np.arange(10, dtype=np.int64)


def sequence(**options: Any) -> augseq.ImageSequence:
    return augseq.ImageSequence.from_arrays(X, Y, **{"batch_size": 4, "workers": 0, **options})


def test_an_item_is_a_batch_of_the_whole_run() -> None:
    batches = sequence(shuffle=True, seed=3)
    data = batches.to_torch(epochs=3)
    assert len(data) == 9
    batches.set_epoch(2)
    for number in (7, np.int64(7), -2):
        assert [one.tolist() for one in data[number]] == [one.tolist() for one in batches[1]]
    with pytest.raises(IndexError, match=r"9 batches, in 3 epochs\. Received: 9"):
        data[9]


def test_epochs_are_complete_after_a_resume() -> None:
    batches = sequence(shuffle=True)
    expected = [labels.tolist() for _, labels in batches.to_torch(epochs=2)]
    batches.load_state_dict(batches.state_dict(num_batches=2))
    assert [labels.tolist() for _, labels in batches.to_torch(epochs=2)] == expected


def test_tensors_have_types_and_shapes() -> None:
    (pixels, labels) = sequence().to_tf().element_spec
    assert pixels == tf.TensorSpec((None, 6, 4, 3), tf.float32)
    assert labels == tf.TensorSpec((None,), tf.int64)
    pixels, _ = sequence(drop_remainder=True).to_tf(epochs=2).element_spec
    assert pixels.shape == (4, 6, 4, 3)
    assert sequence().to_tf(epochs=2).cardinality() == 6


def test_tensors_of_images_of_any_size_have_no_fixed_size(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(1, 4):
        Image.new("RGB", (number, 5)).save(tmp_path / f"{number}.png")
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    data = augseq.ImageSequence(
        images, image_size=None, batch_size=1, label_mode=None, workers=0
    ).to_tf()
    assert data.element_spec == tf.TensorSpec((1, None, None, 3), tf.float32)
    assert [tuple(pixels.shape) for pixels in data] == [(1, 5, n, 3) for n in (1, 2, 3)]


def test_tensors_of_boxes_are_named() -> None:
    corners = np.tile(np.float32([0, 0, 2, 2]), (10, 2, 1))
    boxes = augseq.Boxes(arrays={"boxes": corners, "labels": np.zeros((10, 2), np.int32)})
    batches = augseq.ImageSequence.from_arrays(X, boxes, batch_size=5, workers=0)
    _, targets = batches.to_tf().element_spec
    assert targets == {
        "boxes": tf.TensorSpec((5, 2, 4), tf.float32),
        "labels": tf.TensorSpec((5, 2), tf.int32),
    }


def test_a_damaged_file_is_named_through_tensorflow(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(2):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{number}.png")
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    data = augseq.ImageSequence(
        images, image_size=(4, 4), batch_size=1, label_mode=None, workers=0
    ).to_tf()
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(tf.errors.OpError, match=r"1\.png"):
        list(data)


CHILD = """
import pickle, sys
for name in ("keras", "tensorflow", "torch"):
    sys.modules[name] = None
data = pickle.load(sys.stdin.buffer)
assert data[4][0].flags.writeable and data.plan.pipeline.source.images.flags.writeable
sys.stdout.buffer.write(pickle.dumps(data[4]))
"""


def test_a_spawned_process_gets_functions_of_a_notebook_and_no_keras() -> None:
    amount = 7
    large = np.random.default_rng(0).integers(0, 255, (30, 40, 40, 3), np.uint8)
    batches = augseq.ImageSequence.from_arrays(
        large, shuffle=True, batch_size=8, augment=[lambda image, _: image + amount], workers=0
    )
    data = batches.to_torch(epochs=2)
    child = subprocess.run(
        [sys.executable, "-c", CHILD], input=pickle.dumps(data), capture_output=True, env=os.environ
    )
    assert child.returncode == 0, child.stderr.decode()
    assert (pickle.loads(child.stdout) == data[4]).all()


def test_what_cannot_be_pickled_is_an_error_of_ours() -> None:
    lock = threading.Lock()
    batches = sequence(augment=[lambda image, _: image + lock.locked()])
    with pytest.raises(augseq.errors.ArgumentError, match="can be pickled"):
        pickle.dumps(batches.to_torch())


def test_a_subclass_that_changes_batches_is_refused() -> None:
    class Mixed(augseq.ImageSequence):
        def __getitem__(self, index: int) -> Any:
            return super().__getitem__(index)

    with pytest.raises(augseq.errors.ArgumentError, match="Mixed, which overrides __getitem__"):
        Mixed.from_arrays(X, Y).to_torch()


def test_grain_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(augseq.errors.MissingExtraError, match=r'pip install "grain'):
        sequence().to_grain()


def test_less_than_one_epoch_is_refused() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="`epochs`"):
        sequence().to_tf(epochs=0)
