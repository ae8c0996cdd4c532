"""A batch: the right images in the right rows, and targets encoded as Keras encodes them."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

import augseq
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.loading.batch import Batch, load_batch
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.array_row import ArrayRowTarget
from augseq.loading.targets.label import LabelTarget, label_target
from augseq.manifest.manifest import make_manifest
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.source import FileSource
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule, Step


def plan_of(
    manifest: augseq.Manifest,
    *,
    augment: list[Any] | None = None,
    size: tuple[int, int] | None = (16, 16),
    dtype: Any = "float32",
    shuffle: bool = True,
    target: Any = None,
) -> BatchPlan:
    return BatchPlan(
        manifest=manifest,
        schedule=Schedule(
            order=EachOnce(len(manifest), shuffle=shuffle),
            batch_size=32,
            drop_remainder=False,
            seed=5,
        ),
        pipeline=Pipeline(
            source=FileSource(root=manifest.root, options=DecodeOptions()),
            augment=make_augmentation_list(augment),
            resize=size and ResizeOptions(image_size=size),
            dtype=dtype,
            scaled_decode=False,
            targets={} if target is None else {"label": target},
        ),
    )


def first_batch(plan: BatchPlan) -> Batch:
    return load_batch(plan, Step(0, 0))


def keras_labels(folder: Path, label_mode: str) -> tuple[dict[str, np.ndarray], Any]:
    """Return Keras' label of each file below a folder, and one batch of labels."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, label_mode=label_mode, shuffle=False, image_size=(4, 4), verbose=False
    )
    batches = [labels.numpy() for _, labels in dataset]
    names = [Path(path).relative_to(folder).as_posix() for path in dataset.file_paths]
    return dict(zip(names, np.concatenate(batches), strict=True)), batches[0]


@pytest.fixture(scope="module")
def two_classes(sample_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two classes of six images."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("fish", "leaf"):
        (folder / name).mkdir()
        for path in sorted((sample_images / name).iterdir())[:6]:
            shutil.copy(path, folder / name)
    return folder


@pytest.mark.parametrize("label_mode", ["int", "categorical", "binary"])
def test_labels_are_those_of_keras_in_value_shape_and_dtype(
    sample_images: Path, two_classes: Path, label_mode: Any
) -> None:
    folder = two_classes if label_mode == "binary" else sample_images
    manifest = augseq.index_folder(folder, progress=False)
    expected, batch_of_keras = keras_labels(folder, label_mode)
    sequence = augseq.ImageSequence(
        manifest, image_size=(4, 4), batch_size=32, label_mode=label_mode, shuffle=True
    )
    assert {record.path for record in manifest} == set(expected)
    for k in range(len(sequence)):
        batch = sequence.batch(k)
        assert batch.y.dtype == batch_of_keras.dtype
        assert batch.y.shape == (len(batch.records), *batch_of_keras.shape[1:])
        for record, target in zip(batch.records, batch.y, strict=True):
            assert np.array_equal(target, expected[record.path])


def test_without_a_label_mode_there_are_only_images(samples: augseq.Manifest) -> None:
    sequence = augseq.ImageSequence(samples, image_size=(4, 4), label_mode=None)
    assert sequence.batch(0).y is None
    assert sequence[0].shape == (32, 4, 4, 3)


def test_each_row_is_the_image_of_its_record(samples: augseq.Manifest) -> None:
    plan = plan_of(samples)
    for step in (Step(0, 0), Step(0, 6), Step(1, 2)):
        batch = load_batch(plan, step)
        assert batch.images.shape == (len(batch.records), 16, 16, 3)
        for image, record in zip(batch.images, batch.records, strict=True):
            with Image.open(Path(samples.root) / record.path) as picture:
                upright = ImageOps.exif_transpose(picture).convert("RGB")
                expected = np.asarray(upright.resize((16, 16), Image.Resampling.BILINEAR))
            assert np.array_equal(image, expected)


def test_records_are_available_without_loading_pixels(samples: augseq.Manifest) -> None:
    plan = plan_of(samples)
    assert plan.records(Step(1, 2)) == load_batch(plan, Step(1, 2)).records


def test_the_steps_of_each_epoch_give_each_record_once(samples: augseq.Manifest) -> None:
    plan = plan_of(samples)
    assert plan.schedule.num_batches == 7
    for epoch in range(3):
        steps = [Step(epoch, batch) for batch in range(7)]
        indices = [record.index for step in steps for record in plan.records(step)]
        assert sorted(indices) == list(range(200))
    assert plan.records(Step(0, 0)) != plan.records(Step(1, 0))


def test_the_two_dtypes_hold_the_same_values(samples: augseq.Manifest) -> None:
    floats, bytes_ = (
        first_batch(plan_of(samples, dtype=dtype)).images for dtype in ("float32", "uint8")
    )
    assert (floats.dtype, bytes_.dtype) == (np.float32, np.uint8)
    assert np.array_equal(floats, bytes_)
    assert floats.max() > 200


def test_floats_of_an_augmentation_are_kept(samples: augseq.Manifest) -> None:
    def scale(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image.astype(np.float32) / 127.5 - 1

    plain, scaled = (first_batch(plan_of(samples, augment=one)) for one in ([], [scale]))
    assert np.array_equal(scaled.images, plain.images / np.float32(127.5) - 1)
    with pytest.raises(augseq.errors.AugmentationError, match='dtype="uint8" requires uint8'):
        first_batch(plan_of(samples, augment=[scale], dtype="uint8"))


def test_images_of_different_sizes_require_image_size(samples: augseq.Manifest) -> None:
    plan = plan_of(samples, size=None)
    with pytest.raises(augseq.errors.ArgumentError, match="set `image_size`") as caught:
        first_batch(plan)
    assert str(plan.records(Step(0, 0))[0]) in str(caught.value)


def test_images_of_the_same_size_do_not_require_image_size(samples: augseq.Manifest) -> None:
    def corner(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image[:100, :90]

    batch = first_batch(plan_of(samples, size=None, augment=[corner]))
    assert batch.images.shape == (32, 100, 90, 3)


def test_every_record_must_have_a_label(sample_images: Path) -> None:
    without = augseq.index_folder(sample_images, labels=None, progress=False)
    for label_mode in ("int", "categorical"):
        with pytest.raises(augseq.errors.LabelError, match="needs a label for every record"):
            label_target(without, label_mode)
    with pytest.raises(augseq.errors.LabelError, match="needs a label for every record"):
        augseq.ImageSequence(without)


def test_binary_labels_require_two_classes(samples: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"needs 2 classes\. Received: 5 classes"):
        label_target(samples, "binary")


@pytest.mark.parametrize("label_mode", ["ints", "sparse", True, ""])
def test_an_unknown_label_mode_raises_an_error_that_lists_the_known_ones(
    samples: augseq.Manifest, label_mode: Any
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="'int', 'categorical', 'binary', None"):
        label_target(samples, label_mode)


def test_a_class_without_images_keeps_its_column() -> None:
    target = LabelTarget(label_mode="categorical", num_classes=4)
    records = [Record(index=9, path="a", target=2), Record(index=1, path="b", target=0)]
    encoded = [target.load(record).tolist() for record in records]
    assert encoded == [[0, 0, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_rows_of_an_array_follow_their_records(shape: tuple[int, ...]) -> None:
    rows = np.random.default_rng(0).normal(size=(10, *shape))
    records = make_manifest("", (), paths=list("abcdefghij"), targets=None).records([7, 0, 3])
    encoded = [ArrayRowTarget(rows).load(record) for record in records]
    assert {row.dtype for row in encoded} == {rows.dtype}
    assert np.array_equal(encoded, np.stack([rows[7], rows[0], rows[3]]))


def test_a_batch_has_copies_of_the_rows_of_an_array(samples: augseq.Manifest) -> None:
    rows = np.ones((200, 3))
    first_batch(plan_of(samples, target=ArrayRowTarget(rows))).y[...] = 0
    assert rows.all()


def test_a_batch_can_be_pickled(samples: augseq.Manifest) -> None:
    batch = load_batch(plan_of(samples, target=label_target(samples, "int")), Step(0, 1))
    twin = pickle.loads(pickle.dumps(batch))
    assert np.array_equal(twin.images, batch.images)
    assert np.array_equal(twin.y, batch.y)
    assert twin.records == batch.records


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("label_mode", ["int", "categorical"])
def test_arrays_are_where_tensorflow_takes_them_without_a_copy(
    samples: augseq.Manifest, dtype: Any, label_mode: Any
) -> None:
    batches = augseq.ImageSequence(
        samples.select(range(40)),
        image_size=(9, 7),
        batch_size=3,
        dtype=dtype,
        label_mode=label_mode,
        workers=0,
    )
    for images, labels in batches:
        assert images.ctypes.data % 64 == 0
        assert labels.ctypes.data % 64 == 0
        assert images.flags.c_contiguous
        assert images.flags.writeable
