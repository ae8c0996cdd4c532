"""Targets, further inputs and weights: the right values of each record, in every kind of worker."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError
from tests.workers.transforms import add_noise, count_backends

NUM = 12
RNG = np.random.default_rng(5)
CLASSES = ["boat", "day", "sea"]

AGES = RNG.normal(40, 9, NUM).tolist()
TAGS = [[CLASSES[k] for k in range(3) if (n >> k) & 1] for n in range(NUM)]
FLAGS = [[float(name in tags) for name in CLASSES] for tags in TAGS]
CAMERAS = ["phone", "scanner", "phone", "tablet"] * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of six images."""
    place = tmp_path_factory.mktemp("photos")
    for number in range(NUM):
        path = place / "xy"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((6, 5, 3), 20 * number, np.uint8)).save(path)
    return place


@pytest.fixture(scope="module")
def images(folder: Path) -> augseq.Manifest:
    """The images with columns; the order of the manifest is that of the folders."""
    manifest = augseq.index_folder(folder, progress=False)
    numbers = [int(record.path[2:4]) for record in manifest]
    columns: dict[str, list[Any]] = {
        "number": numbers,
        "age": [AGES[k] for k in numbers],
        "text age": [f" {AGES[k]!r}" for k in numbers],
        "is old": [AGES[k] > 40 for k in numbers],
        "pair": [[AGES[k], -1.0] for k in numbers],
        "tags": [TAGS[k] for k in numbers],
        "text tags": [" ; ".join(TAGS[k]) or None for k in numbers],
        "ids": [[CLASSES.index(tag) + 7 for tag in TAGS[k]] for k in numbers],
        "camera": [CAMERAS[k] for k in numbers],
        "weight": [k / 4 for k in numbers],
        **{name: [int(FLAGS[k][c]) for k in numbers] for c, name in enumerate(CLASSES)},
        **{f"{name}?": [name in TAGS[k] for k in numbers] for name in CLASSES},
        **{f"text {name}": [str(int(name in TAGS[k])) for k in numbers] for name in CLASSES},
    }
    for name, values in columns.items():
        manifest = manifest.with_column(name, values)
    return manifest


def number_of(record: augseq.Record) -> int:
    return int(record.path[2:4])


def sequence_of(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    chosen = {"image_size": (4, 4), "batch_size": 5, "shuffle": True, "seed": 3, **options}
    return augseq.ImageSequence(images, **chosen)


def check(sequence: augseq.ImageSequence, expected: Any, dtype: Any = np.float32) -> None:
    """Compare the targets of two epochs with a value for each image number."""
    for epoch in range(2):
        sequence.set_epoch(epoch)
        for k in range(len(sequence)):
            batch = sequence.batch(k)
            wanted = np.array([expected[number_of(record)] for record in batch.records], dtype)
            assert batch.y.dtype == dtype
            assert batch.y.shape == wanted.shape
            assert np.array_equal(batch.y, wanted)


KINDS: dict[str, tuple[Any, Any, Any]] = {
    "a column of floats": (augseq.Number("age"), [[age] for age in AGES], np.float32),
    "a column of text": (augseq.Number("text age"), [[age] for age in AGES], np.float32),
    "a column of booleans": (augseq.Number("is old"), [[a > 40] for a in AGES], np.float32),
    "a column of integers": (augseq.Number("number"), [[k] for k in range(NUM)], np.float32),
    "a column of lists": (augseq.Number("pair"), [[age, -1] for age in AGES], np.float32),
    "two columns": (
        augseq.Number(["age", "weight"]),
        [[age, k / 4] for k, age in enumerate(AGES)],
        np.float32,
    ),
    "lists of tags": (augseq.MultiLabel("tags", classes=CLASSES), FLAGS, np.float32),
    "tags in another order": (
        augseq.MultiLabel("tags", classes=CLASSES[::-1]),
        [flags[::-1] for flags in FLAGS],
        np.float32,
    ),
    "a class without images": (
        augseq.MultiLabel("tags", classes=[*CLASSES, "snow"]),
        [[*flags, 0] for flags in FLAGS],
        np.float32,
    ),
    "separated text": (
        augseq.MultiLabel("text tags", classes=CLASSES, separator=";", missing="empty"),
        FLAGS,
        np.float32,
    ),
    "lists of ids": (augseq.MultiLabel("ids", classes=[7, 8, 9]), FLAGS, np.float32),
    "columns of 0 and 1": (augseq.MultiLabel(CLASSES), FLAGS, np.float32),
    "columns of booleans": (augseq.MultiLabel([f"{c}?" for c in CLASSES]), FLAGS, np.float32),
    "columns of text": (augseq.MultiLabel([f"text {c}" for c in CLASSES]), FLAGS, np.float32),
    "labels": (augseq.Label(), [k % 2 for k in range(NUM)], np.int32),
    "one-hot labels": (
        augseq.Label(label_mode="categorical"),
        [np.eye(2)[k % 2] for k in range(NUM)],
        np.float32,
    ),
    "labels of a column": (
        augseq.Label("camera", classes=["tablet", "phone", "scanner"]),
        [["tablet", "phone", "scanner"].index(name) for name in CAMERAS],
        np.int32,
    ),
    "binary labels of a column": (
        augseq.Label("is old", classes=[False, True], label_mode="binary"),
        [[age > 40] for age in AGES],
        np.float32,
    ),
}


@pytest.mark.parametrize(("target", "expected", "dtype"), KINDS.values(), ids=KINDS)
def test_each_record_gets_its_own_value(
    images: augseq.Manifest, target: Any, expected: Any, dtype: Any
) -> None:
    check(sequence_of(images, targets=target), expected, dtype)
    # Values belong to records, not to places.
    check(sequence_of(images.select([7, 2, 9, 4, 0]), targets=target), expected, dtype)


@pytest.mark.parametrize(("target", "expected", "dtype"), KINDS.values(), ids=KINDS)
def test_the_plan_states_dtype_and_shape(
    images: augseq.Manifest, target: Any, expected: Any, dtype: Any
) -> None:
    sequence = sequence_of(images, targets=target)
    assert f"{np.dtype(dtype)} {np.array(expected).shape[1:]}" in repr(sequence)
    assert type(target).__name__ in repr(target)


def test_the_short_form_of_a_label_is_the_same(images: augseq.Manifest) -> None:
    for mode in ("int", "categorical", "binary"):
        short = sequence_of(images, label_mode=mode)
        long = sequence_of(images, targets=augseq.Label(label_mode=mode))
        assert np.array_equal(short[1][1], long[1][1])
        assert short.state_dict() == long.state_dict()


def every_kind(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    return sequence_of(
        images,
        targets={
            "kind": augseq.Label(),
            "age": augseq.Number("age"),
            "tags": augseq.MultiLabel("tags", classes=CLASSES),
            "same": augseq.InputImage(),
        },
        inputs={"facts": augseq.Number(["weight", "is old"]), "camera": augseq.MultiLabel(CLASSES)},
        weights="weight",
        augment=[add_noise],
        **options,
    )


def assert_weights(found: Any, targets: Any, expected: np.ndarray) -> None:
    """Check that each output has the weights of the records, for each pixel of an image."""
    assert list(found) == list(targets)
    for name, weights in found.items():
        assert weights.dtype == np.float32
        assert weights.shape == targets[name].shape[: 3 if targets[name].ndim == 4 else 1]
        assert (expected == weights.T).all()


def test_several_targets_inputs_and_weights_stay_together(images: augseq.Manifest) -> None:
    sequence = every_kind(images)
    for k in range(len(sequence)):
        x, y, weights = sequence[k]
        numbers = [number_of(record) for record in sequence.records(k)]
        assert list(x) == ["image", "facts", "camera"]
        assert list(y) == ["kind", "age", "tags", "same"]
        assert np.array_equal(y["kind"], [number % 2 for number in numbers])
        assert np.array_equal(y["age"], np.float32([[AGES[number]] for number in numbers]))
        assert np.array_equal(y["tags"], [FLAGS[number] for number in numbers])
        assert np.array_equal(y["same"], x["image"])
        assert y["same"].dtype == x["image"].dtype == np.float32
        facts = [[number / 4, AGES[number] > 40] for number in numbers]
        assert np.array_equal(x["facts"], np.float32(facts))
        assert np.array_equal(x["camera"], [FLAGS[number] for number in numbers])
        expected = np.float32([number / 4 for number in numbers])
        assert_weights(weights, y, expected)
        # The value of the pixels tells the image, whatever its augmentation.
        assert (x["image"][:, 0, 0, 0] // 20).tolist() == numbers


def test_all_kinds_of_workers_give_the_same_arrays(images: augseq.Manifest) -> None:
    plain = every_kind(images, workers=0)
    expected = [plain[k] for k in range(len(plain))]
    sequences = [
        every_kind(images, workers=2, worker_kind=kind) for kind in ("threads", "processes")
    ]
    for sequence in sequences:
        for k, arrays in enumerate(expected):
            for ours, theirs in zip(arrays, sequence[k], strict=True):
                if not isinstance(ours, dict):
                    ours, theirs = {"": ours}, {"": theirs}
                assert list(ours) == list(theirs)
                assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_worker_process_gets_only_the_columns_it_needs_and_no_pyarrow(
    images: augseq.Manifest,
) -> None:
    sequence = sequence_of(
        images,
        targets=augseq.Number("age"),
        augment=[count_backends],
        workers=1,
        worker_kind="processes",
    )
    assert sequence.records(0)[0].columns.keys() == {"age"}
    assert not sequence.batch(0).images.any()


def test_a_sample_and_its_batch_hold_the_same_values(images: augseq.Manifest) -> None:
    sequence = every_kind(images)
    batch = sequence.batch(1)
    for row, record in enumerate(batch.records):
        sample = sequence.sample(record.index, epoch=0)
        for name in batch.targets:
            assert np.array_equal(sample.targets[name], batch.targets[name][row])
        for name in batch.inputs:
            assert np.array_equal(sample.inputs[name], batch.inputs[name][row])


def test_weights_of_padding_are_zero(images: augseq.Manifest) -> None:
    sequence = sequence_of(images, targets=augseq.Number("age"), weights="weight", shuffle=False)
    parts = [sequence.shard(k, 2, padding="zero_weight") for k in range(2)]
    seen: list[tuple[int, float]] = []
    for part in parts:
        for k in range(len(part)):
            weights = part[k][2]
            assert weights.dtype == np.float32
            assert weights.shape == (5,)
            numbers = [number_of(record) for record in part.records(k)]
            seen += zip(numbers, weights.tolist(), strict=True)
    # Each record once with its own weight; the rest with none.
    assert sorted((n, w) for n, w in seen if w) == [(n, n / 4) for n in range(1, NUM)]
    assert len(seen) == 20


def test_one_named_target_is_an_array(images: augseq.Manifest) -> None:
    batch = sequence_of(images, targets={"age": augseq.Number("age")}).batch(0)
    assert batch.y.shape == (5, 1)
    assert list(batch.targets) == ["age"]


def test_displays_show_images_with_any_targets(images: augseq.Manifest) -> None:
    sequence = every_kind(images)
    for figure in (sequence.show(), sequence.show_augmentations(), sequence.show_steps()):
        assert figure.axes
    assert "tags" in repr(sequence.batch(0))
    assert sequence._repr_html_()
    assert sequence.check_purity(num_images=1).is_pure


X = RNG.integers(0, 256, (NUM, 4, 4, 3), np.uint8)


def test_arrays_can_have_several_targets_inputs_and_weights() -> None:
    age, tags, facts = np.array(AGES)[:, None], np.array(FLAGS), RNG.normal(size=(NUM, 2))
    sequence = augseq.ImageSequence.from_arrays(
        {"image": X, "facts": facts},
        {"age": age, "tags": tags, "same": augseq.InputImage()},
        sample_weight=np.arange(NUM),
        batch_size=5,
        shuffle=True,
    )
    for k in range(len(sequence)):
        x, y, weights = sequence[k]
        rows = [record.index for record in sequence.records(k)]
        assert np.array_equal(x["image"], X[rows])
        assert np.array_equal(x["facts"], facts[rows])
        assert np.array_equal(y["age"], age[rows])
        assert np.array_equal(y["tags"], tags[rows])
        assert np.array_equal(y["same"], X[rows])
        assert_weights(weights, y, np.float32(rows))


def test_an_array_can_be_its_own_target() -> None:
    sequence = augseq.ImageSequence.from_arrays(X, augseq.InputImage(), dtype="uint8", batch_size=4)
    x, y = sequence[2]
    assert x.dtype == y.dtype == np.uint8
    assert np.array_equal(x, y)


def test_a_resumed_sequence_must_have_the_same_columns(images: augseq.Manifest) -> None:
    state = every_kind(images).state_dict()
    every_kind(images).load_state_dict(state)
    for name, values in (("age", [0.0] * NUM), ("weight", [1.0] * NUM), ("tags", [["sea"]] * NUM)):
        with pytest.raises(augseq.errors.BackupError, match="columns: "):
            every_kind(images.with_column(name, values)).load_state_dict(state)
    # A column that no target reads does not matter.
    every_kind(images.with_column("camera", ["?"] * NUM)).load_state_dict(state)


@pytest.mark.parametrize(
    "options",
    [
        {"targets": augseq.Number("weight")},
        {"targets": {"a": augseq.Number("age"), "b": augseq.Number("weight")}},
        {"targets": augseq.Number("age"), "weights": "weight"},
        {"targets": augseq.Number("age"), "inputs": {"x": augseq.Number("weight")}},
        {"targets": augseq.MultiLabel("tags", classes=CLASSES[::-1])},
        {"targets": augseq.Label("camera", classes=["tablet", "phone", "scanner"])},
        {"targets": augseq.InputImage()},
        {},
    ],
)
def test_a_resumed_sequence_must_have_the_same_targets(
    images: augseq.Manifest, options: dict[str, Any]
) -> None:
    state = sequence_of(images, targets=augseq.Number("age")).state_dict()
    with pytest.raises(augseq.errors.BackupError, match="saved by a different run"):
        sequence_of(images, **options).load_state_dict(state)


def test_a_target_needs_no_labels(folder: Path) -> None:
    manifest = augseq.index_folder(folder, labels=None, progress=False).with_column("n", range(NUM))
    with pytest.raises(augseq.errors.LabelError, match=r"targets=.* such as augseq\.Number"):
        sequence_of(manifest)
    assert sequence_of(manifest, targets=augseq.Number("n"))[0][1].shape == (5, 1)
    with pytest.raises(augseq.errors.LabelError, match="needs a label for every record"):
        sequence_of(manifest, targets={"kind": augseq.Label(), "n": augseq.Number("n")})


def test_padding_with_zero_weight_requires_targets(images: augseq.Manifest) -> None:
    with pytest.raises(ArgumentError, match="requires targets"):
        sequence_of(images, label_mode=None).shard(0, 2, padding="zero_weight")


@pytest.mark.parametrize(
    ("numpys", "pythons"),
    [
        (
            augseq.Label("camera", classes=np.unique(CAMERAS)),
            augseq.Label("camera", classes=["phone", "scanner", "tablet"]),
        ),
        (augseq.Label("is old", classes=np.array([False, True])), augseq.Label("is old", [0, 1])),
        (
            augseq.MultiLabel("tags", classes=np.array(CLASSES)),
            augseq.MultiLabel("tags", classes=CLASSES),
        ),
        (augseq.MultiLabel(np.array(CLASSES)), augseq.MultiLabel(CLASSES)),
        (augseq.MultiLabel(dict.fromkeys(CLASSES).keys()), augseq.MultiLabel(CLASSES)),
        (augseq.Number(np.array(["age", "weight"])), augseq.Number(["age", "weight"])),
        (
            augseq.Mask(
                "m", classes=np.array(["a", "b"]), ignore=np.uint8(9), coding={np.uint8(7): "b"}
            ),
            augseq.Mask("m", classes=["a", "b"], ignore=9, coding={7: "b"}),
        ),
        (
            augseq.ValueMap("v", scale=np.float64(0.5), missing=np.int64(0)),
            augseq.ValueMap("v", scale=0.5, missing=0),
        ),
        (
            augseq.Boxes(
                classes=np.array(["a", "b"]), exclude=np.array(["crowd"]), max_boxes=np.int64(3)
            ),
            augseq.Boxes(classes=["a", "b"], exclude=["crowd"], max_boxes=3),
        ),
        (augseq.KeyPoints(mirror=np.array([1, 0])), augseq.KeyPoints(mirror=[1, 0])),
        (augseq.InputImage(clean=np.True_), augseq.InputImage(clean=True)),
    ],
    ids=lambda option: type(option).__name__,
)
def test_numpy_values_mean_the_same_as_those_of_python(
    images: augseq.Manifest, numpys: Any, pythons: Any
) -> None:
    assert repr(numpys).replace("(False, True)", "(0, 1)") == repr(pythons)
    assert repr(pickle.loads(pickle.dumps(numpys))) == repr(numpys)
    if {*getattr(numpys, "columns", ()), getattr(numpys, "column", "")} & {"camera", "sea", "tags"}:
        state = augseq.ImageSequence(images, targets=numpys, batch_size=4).state_dict()
        augseq.ImageSequence(images, targets=pythons, batch_size=4).load_state_dict(state)
