"""`mix`: what a model gets, next to numpy's mixture of the same images without it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, BackupError
from tests.loading.targets.detection_scenes import scene

NUM, SIZE = 9, (12, 16)
RNG = np.random.default_rng(11)
X = RNG.integers(0, 256, (NUM, *SIZE, 3)).astype(np.uint8)
KINDS = RNG.integers(0, 3, NUM)
ONE_HOT = np.eye(3, dtype=np.float32)[KINDS]
BOTH = [augseq.MixUp(alpha=1.0), augseq.CutMix()]
EVERY_TIME: dict[str, Any] = {"MixUp": augseq.MixUp(alpha=1.0), "CutMix": augseq.CutMix()}


def arrays(y: Any = ONE_HOT, *, x: Any = X, **options: Any) -> augseq.ImageSequence:
    settings = {"batch_size": NUM, "shuffle": True, "seed": 3, "workers": 0, "mix": BOTH, **options}
    return augseq.ImageSequence.from_arrays(x, y, **settings)


def blended(own: Any, other: Any, share: float) -> Any:
    """Both, weighted by share, without rounding."""
    return own.astype(np.float64) * share + other.astype(np.float64) * (1 - share)


def pasted(own: Any, other: Any, box: tuple[int, int, int, int]) -> Any:
    mixed, (top, left, height, width) = own.copy(), box
    part = slice(top, top + height), slice(left, left + width)
    mixed[part] = other[part]
    return mixed


def check_pixels(found: Any, mixed: Any, own: Any, other: Any, *, is_rounded: bool) -> None:
    if mixed.mix.box is not None:
        np.testing.assert_array_equal(found, pasted(own, other, mixed.mix.box))
        return
    exact = blended(own, other, mixed.mix.share)
    assert np.abs(found - exact).max() <= (0.5 if is_rounded else 0) + 1e-3


def neighbours(batch: augseq.Batch) -> list[int]:
    """The row of the neighbour of each row of a batch that is a whole epoch; the last is alone."""
    return [min(row ^ 1, NUM - 1) if row < NUM - 1 or NUM % 2 == 0 else row for row in range(NUM)]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_each_image_and_label_is_mixed_with_its_neighbour_in_the_order(dtype: str) -> None:
    mixing, plain = arrays(dtype=dtype), arrays(dtype=dtype, mix=None)
    names = set()
    for epoch in range(6):
        mixing.set_epoch(epoch)
        plain.set_epoch(epoch)
        batch, without = mixing.batch(0), plain.batch(0)
        assert batch.records == without.records
        assert (batch.images.dtype, batch.y.dtype) == (without.images.dtype, np.float32)
        for row, other in enumerate(neighbours(batch)):
            mixed = batch.mixed[row]
            if other == row:
                assert mixed is None
                np.testing.assert_array_equal(batch.images[row], without.images[row])
                np.testing.assert_array_equal(batch.y[row], without.y[row])
                continue
            assert mixed is not None
            names.add(mixed.mix.name)
            assert mixed.record == without.records[other]
            pair = without.images[row], without.images[other]
            check_pixels(batch.images[row], mixed, *pair, is_rounded=True)
            expected = blended(without.y[row], without.y[other], mixed.mix.share)
            np.testing.assert_allclose(batch.y[row], expected, atol=1e-6)
    assert names == {"MixUp", "CutMix"}


def test_the_share_of_a_label_is_that_of_the_pixels() -> None:
    x = np.zeros((2, *SIZE, 3), np.uint8)
    x[1] = 255
    batches = arrays(np.eye(2, dtype=np.float32), x=x, mix=augseq.CutMix(), batch_size=2)
    for epoch in range(8):
        batches.set_epoch(epoch)
        images, labels = batches[0]
        np.testing.assert_allclose(images.mean((1, 2, 3)) / 255, labels[:, 1], atol=1e-6)


def test_an_image_is_mixed_only_with_the_given_probability() -> None:
    batches = arrays(mix=augseq.CutMix(p=0.4))
    plain = arrays(mix=None)
    count = 0
    for epoch in range(60):
        batches.set_epoch(epoch)
        plain.set_epoch(epoch)
        batch, without = batches.batch(0), plain.batch(0)
        for row, mixed in enumerate(batch.mixed):
            count += mixed is not None
            if mixed is None:
                np.testing.assert_array_equal(batch.images[row], without.images[row])
    # 8 of 9 records have a partner.
    assert count / (60 * 8) == pytest.approx(0.4, abs=0.08)


def test_an_even_batch_loads_each_image_once_and_an_odd_one_a_partner_more() -> None:
    loaded = []

    def note(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        loaded.append(1)
        return image

    expected_of = {2: [2, 2, 2, 2, 1], 4: [4, 4, 1], 3: [4, 4, 3], 1: [2] * 8 + [1]}
    for size, expected in expected_of.items():
        batches = arrays(batch_size=size, augment=[note])
        counts = []
        for number in range(len(batches)):
            loaded.clear()
            batches.batch(number)
            counts.append(len(loaded))
        assert counts == expected


@pytest.mark.parametrize("options", [{}, {"repeats": 3}, {"sampling": augseq.Balanced()}])
def test_a_sample_and_its_explanation_replay_both_images(options: dict[str, Any]) -> None:
    def tint(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return (image // 2 + rng.integers(100)).astype(np.uint8)

    batches = arrays(augment=[tint], **options)
    plain = arrays(augment=[tint], mix=None, **options)
    batches.set_epoch(1)
    batch = batches.batch(0)
    for row, (record, repeat) in enumerate(zip(batch.records, batch.repeats, strict=True)):
        sample = batches.sample(record.index, epoch=1, repeat=repeat)
        np.testing.assert_array_equal(sample.image, batch.images[row])
        np.testing.assert_array_equal(sample.targets["target"], batch.y[row])
        assert sample.mixed == batch.mixed[row]
        told = batches.explain(record.index, epoch=1, repeat=repeat)
        np.testing.assert_array_equal(told.image, sample.image)
        mixed = sample.mixed
        if mixed is None:
            assert told.partner is None
            continue
        assert told.partner is not None
        other = plain.sample(mixed.record.index, epoch=1, repeat=mixed.repeat)
        np.testing.assert_array_equal(told.partner.image, other.image)
        assert f"{mixed.mix.name}(share={mixed.mix.share:.4g}" in str(told)
        assert f"mixed with {mixed.record}" in str(told)


def test_copies_of_a_record_are_mixed_with_another_record() -> None:
    batches = arrays(repeats=2, batch_size=4)
    for number in range(4):
        batch = batches.batch(number)
        for record, mixed in zip(batch.records, batch.mixed, strict=True):
            assert mixed is not None
            assert mixed.record != record
            assert mixed.record in batch.records


VALUES: dict[str, tuple[Any, np.ndarray]] = {
    "one-hot labels": (augseq.Label(label_mode="categorical"), np.eye(2)[np.arange(NUM) % 2]),
    "labels of two classes": (augseq.Label(label_mode="binary"), (np.arange(NUM) % 2)[:, None]),
    "labels of a column": (
        augseq.Label("kind", classes=["c", "a", "b"], label_mode="categorical"),
        np.eye(3)[(KINDS + 1) % 3],
    ),
    "several labels": (augseq.MultiLabel("tags", classes=["a", "b", "c"]), np.eye(3)[KINDS]),
    "numbers": (
        augseq.Number(["age", "height"]),
        np.stack([np.arange(NUM), -X.mean((1, 2, 3))], 1),
    ),
    "soft labels": (augseq.Number("shares"), np.eye(3)[KINDS] * 0.8 + 0.1),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """The same images as files of two classes, with columns."""
    folder = tmp_path_factory.mktemp("images")
    for number, pixels in enumerate(X):
        for name in ("x", "masks"):
            (folder / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / "x" / f"{number}.png")
        Image.fromarray(pixels[:, :, 0] % 3).save(folder / "masks" / f"{number}.png")
    manifest = augseq.index_folder(
        folder / "x", labels=lambda path: "ab"[int(path[-5]) % 2], progress=False
    )
    columns = {
        "kind": ["abc"[kind] for kind in KINDS],
        "tags": [["abc"[kind]] for kind in KINDS],
        "age": list(range(NUM)),
        "height": (-X.mean((1, 2, 3))).tolist(),
        "shares": VALUES["soft labels"][1],
        "weight": [k / 4 for k in range(NUM)],
        "after": [f"x/{(k + 1) % NUM}.png" for k in range(NUM)],
    }
    for name, values in columns.items():
        manifest = manifest.with_column(name, values)
    return manifest.with_column("mask", pattern="../masks/{name}")


def files(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    settings = {"image_size": None, "batch_size": NUM, "shuffle": True, "workers": 0, **options}
    return augseq.ImageSequence(images, **settings)


def rows_of(batch: augseq.Batch) -> list[tuple[int, Any, int, int]]:
    """Row, mixture, and the indices of both records, of each mixed row."""
    found = [
        (row, mixed, record.index, mixed.record.index)
        for row, (record, mixed) in enumerate(zip(batch.records, batch.mixed, strict=True))
        if mixed is not None
    ]
    assert len(found) == NUM - 1
    return found


@pytest.mark.parametrize("kind", VALUES)
def test_values_are_averaged_by_share_also_as_inputs_and_weights(
    images: augseq.Manifest, kind: str
) -> None:
    option, values = VALUES[kind]
    inputs = {"also": option}
    batch = files(images, targets=option, inputs=inputs, weights="weight", mix=BOTH).batch(0)
    for row, mixed, own, other in rows_of(batch):
        expected = blended(values[own], values[other], mixed.mix.share)
        np.testing.assert_allclose(batch.y[row], expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(batch.x["also"][row], batch.y[row])
        assert batch.weights is not None
        weight = blended(np.array(own / 4), np.array(other / 4), mixed.mix.share)
        assert batch.weights[row] == pytest.approx(weight, rel=1e-5)


@pytest.mark.parametrize("name", EVERY_TIME)
def test_masks_are_pasted_and_one_hot_ones_blended(images: augseq.Manifest, name: str) -> None:
    classes = ["p", "q"]
    coding = {0: "p", 1: "q", 2: None}
    one_hot = augseq.Mask("mask", classes, coding=coding, one_hot=True)
    targets = {"shares": one_hot}
    if name == "CutMix":
        targets["numbers"] = augseq.Mask("mask", classes, coding=coding)
    batch = files(images, targets=targets, mix=EVERY_TIME[name]).batch(0)
    numbers = np.where(X[..., 0] % 3 == 2, 255, X[..., 0] % 3)
    shares = np.eye(3, 2)[X[..., 0] % 3]
    for row, mixed, own, other in rows_of(batch):
        if name == "CutMix":
            pair = numbers[own], numbers[other]
            expected = pasted(*pair, mixed.mix.box)
            np.testing.assert_array_equal(batch.targets["numbers"][row], expected)
        pair = shares[own], shares[other]
        check_pixels(batch.targets["shares"][row], mixed, *pair, is_rounded=False)


def test_value_maps_are_pasted() -> None:
    depth = RNG.normal(size=(NUM, *SIZE)).astype(np.float32)
    batch = arrays(augseq.ValueMap(depth), mix=augseq.CutMix()).batch(0)
    for row, mixed, own, other in rows_of(batch):
        expected = pasted(depth[own], depth[other], mixed.mix.box)
        np.testing.assert_array_equal(batch.y[row][..., 0], expected)


@pytest.mark.parametrize("augment", ["same", "geometry", "own"])
def test_paired_images_are_mixed_like_their_images(images: augseq.Manifest, augment: Any) -> None:
    after = augseq.PairedImage("after", augment=augment)
    batch = files(images, targets=after, inputs={"after": after}, mix=BOTH).batch(0)
    for row, mixed, own, other in rows_of(batch):
        pair = X[(own + 1) % NUM], X[(other + 1) % NUM]
        check_pixels(batch.y[row], mixed, *pair, is_rounded=False)
        np.testing.assert_array_equal(batch.x["after"][row], batch.y[row])


def test_paired_images_of_another_size_are_refused_when_they_are_mixed() -> None:
    small = augseq.PairedImage(X[:, ::2, ::2], augment="own")
    with pytest.raises(ArgumentError, match="they must have the size of their images"):
        arrays(x={"image": X, "small": small}).batch(0)


def test_images_of_different_sizes_are_refused_when_they_are_mixed(tmp_path: Path) -> None:
    for number in range(2):
        Image.fromarray(X[0][number:]).save(tmp_path / f"{number}.png")
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    images = images.with_column("age", [1, 2])
    with pytest.raises(ArgumentError, match="must have the same size; set `image_size`"):
        files(images, targets=augseq.Number("age"), mix=BOTH).batch(0)


def test_the_input_as_the_target_stays_equal_to_it() -> None:
    for clean in (False, True):
        batch = arrays(augseq.InputImage(clean=clean), mix=BOTH).batch(0)
        np.testing.assert_allclose(batch.y, batch.images, atol=0.5 if clean else 0)


def test_further_views_are_mixed_with_the_same_share() -> None:
    def tint(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return (image // 2 + rng.integers(100)).astype(np.uint8)

    options = {"augment": [tint], "views": 2}
    batch, plain = arrays(**options).batch(0), arrays(**options, mix=None).batch(0)
    for row, other in enumerate(neighbours(batch)[:-1]):
        for name in ("image", "image_2"):
            pair = plain.inputs[name][row], plain.inputs[name][other]
            check_pixels(batch.inputs[name][row], batch.mixed[row], *pair, is_rounded=True)


OBSTACLES = [
    (
        {"label_mode": "int"},
        r'the target \'label\', int labels.*Pass label_mode="categorical", and c',
    ),
    ({"targets": augseq.Label("kind", classes=["a", "b", "c"])}, r'Pass label_mode="categorical"'),
    (
        {"label_mode": "categorical", "inputs": {"kind": augseq.Label()}},
        r"the input 'kind', int lab",
    ),
    ({"targets": augseq.Mask("mask", ["p", "q", "r"])}, r"pass one_hot=True to augseq.Mask"),
    ({"targets": augseq.ValueMap("mask")}, r"shows two values.*Use only augseq.CutMix"),
]


@pytest.mark.parametrize(("options", "text"), OBSTACLES)
def test_what_cannot_be_mixed_is_refused_at_once(
    images: augseq.Manifest, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ArgumentError, match=text):
        files(images, mix=BOTH, **options)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (KINDS, r"keras.utils.to_categorical\(y\)"),
        (ONE_HOT.astype(bool), r'y.astype\("float32"\)'),
        (np.zeros((NUM, *SIZE), np.float32), r"Wrap the array: augseq.Mask\(...\)"),
    ],
)
def test_arrays_that_cannot_be_mixed_are_refused_at_once(y: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        arrays(y)


def test_mixing_requires_another_order_in_each_epoch() -> None:
    with pytest.raises(ArgumentError, match="`mix` requires shuffle=True, since an image is mixed"):
        arrays(shuffle=False)


def test_mixed_images_are_not_written_into_the_folder_of_one_class(
    images: augseq.Manifest, tmp_path: Path
) -> None:
    batches = files(images, label_mode="categorical", mix=BOTH)
    with pytest.raises(ArgumentError, match="Write the images of a sequence without `mix`"):
        batches.write_augmented(tmp_path / "written", progress=False)


@pytest.mark.parametrize("mix", [None, augseq.CutMix(), [augseq.MixUp(0.5), augseq.CutMix()]])
def test_a_run_with_another_mix_is_not_resumed(mix: Any) -> None:
    state = arrays().state_dict()
    arrays().load_state_dict(state)
    with pytest.raises(
        BackupError, match=r"mix: 'MixUp\(alpha=1.0, p=0.5\) or CutMix\(alpha=1.0, "
    ):
        arrays(mix=mix).load_state_dict(state)


def test_displays_tell_the_other_image_and_the_shares(images: augseq.Manifest) -> None:
    batches = files(images, label_mode="categorical", mix=augseq.MixUp(p=0.9))
    assert "  mix      MixUp(alpha=0.2, p=0.9), with the neighbour, seed 0" in repr(batches)
    batch = batches.batch(0)
    row, mixed = next((row, mixed) for row, mixed in enumerate(batch.mixed) if mixed)
    share, name = mixed.mix.share, "ab"[mixed.record.index % 2]
    text = f"MixUp: {share:.2f}, and {1 - share:.2f} of {name}, {mixed.record}"
    figure = batches.show(num_images=NUM)
    captions = [" ".join(t.get_text().split()) for axes in figure.axes for t in axes.texts]
    assert text in captions
    assert text in batch._repr_html_().replace("&#x27;", "'").replace("&#39;", "'")
    index = batch.records[row].index
    assert f"MixUp: {share:.2f}" in batches.sample(index, epoch=0)._repr_html_()
    assert "MixUp: " in batches._repr_html_()
    titles = [axes.get_title() for axes in batches.show_steps(index).axes]
    assert titles == ["decoded", "MixUp", "decoded"]


BOXES = [[(0, 0, 20, 10), (30, 20, 50, 38)], [(5, 5, 15, 25)], [], [(10, 10, 60, 40)]]
BOX_LABELS = [[0, 1], [2], [], [1]]
POINTS = [
    [[(3, 3, 2), (18, 8, 1)], [(31, 21, 2), (0, 0, 0)]],
    [[(6, 6, 2), (14, 24, 2)]],
    [],
    [[(11, 11, 2), (59, 39, 2)]],
]


def visible(box: Any, box_of: tuple[int, int, int, int] | None, *, is_inside: bool) -> Any:
    """The bounds of the visible pixels of a box, and their share; painted."""
    left, top, right, bottom = box
    whole = np.zeros((40, 60), bool)
    whole[top:bottom, left:right] = True
    if box_of is None:
        return box, 1.0
    at, start, height, width = box_of
    rectangle = np.zeros_like(whole)
    rectangle[at : at + height, start : start + width] = True
    part = whole & (rectangle if is_inside else ~rectangle)
    if not part.any():
        return None, 0.0
    rows, columns = np.nonzero(part)
    ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return ends, part.sum() / whole.sum()


@pytest.mark.parametrize("least", [0.0, 0.6])
def test_boxes_of_both_images_are_kept_as_far_as_they_are_visible(
    tmp_path: Path, least: float
) -> None:
    images = scene(tmp_path, BOXES, BOX_LABELS, points=POINTS)
    points = augseq.KeyPoints(mirror=[0, 1])
    target = augseq.Boxes(max_boxes=4, min_visibility=least, key_points=points)
    batches = augseq.ImageSequence(
        images, targets=target, image_size=None, shuffle=True, mix=BOTH, workers=0
    )
    num_cut = 0
    for epoch in range(12):
        batches.set_epoch(epoch)
        batch = batches.batch(0)
        for row, (record, mixed) in enumerate(zip(batch.records, batch.mixed, strict=True)):
            assert mixed is not None
            expected = []
            for index, is_inside in ((record.index, False), (mixed.record.index, True)):
                for k, box in enumerate(BOXES[index]):
                    found, share = visible(box, mixed.mix.box, is_inside=is_inside)
                    num_cut += share < 1
                    if share and share >= least:
                        seen = [
                            point
                            if visible_point(point, mixed.mix.box, is_inside=is_inside)
                            else (0, 0, 0)
                            for point in POINTS[index][k]
                        ]
                        expected.append((found, BOX_LABELS[index][k], seen))
            y = {name: array[row] for name, array in batch.y.items()}
            count = len(expected)
            assert y["boxes"][:count].tolist() == [list(found) for found, _, _ in expected]
            assert y["labels"][:count].tolist() == [label for _, label, _ in expected]
            seen_points = [[list(point) for point in seen] for _, _, seen in expected]
            assert y["keypoints"][:count].tolist() == seen_points
            assert (y["boxes"][count:] == -1).all()
            assert (y["labels"][count:] == -1).all()
            assert not y["keypoints"][count:].any()
    assert num_cut > 5


def visible_point(point: Any, box: tuple[int, int, int, int] | None, *, is_inside: bool) -> bool:
    if box is None:
        return True
    top, left, height, width = box
    x, y, _ = point
    return (left <= x < left + width and top <= y < top + height) == is_inside


@pytest.mark.parametrize("name", ["rel_yxyx", "center_xywh", "corners"])
def test_boxes_of_another_format_are_the_same_boxes(tmp_path: Path, name: Any) -> None:
    corners = [
        [[[(x, y), (end, y), (end, low), (x, low)]] for x, y, end, low in found] for found in BOXES
    ]
    images = scene(tmp_path, BOXES, BOX_LABELS, polygons=corners)

    def batch_of(box_format: Any) -> Any:
        target = augseq.Boxes(box_format, max_boxes=4, min_visibility=0.3)
        options = {"image_size": None, "shuffle": True, "mix": augseq.CutMix(), "workers": 0}
        return augseq.ImageSequence(images, targets=target, **options)

    for epoch in range(6):
        plain, other = batch_of("xyxy"), batch_of(name)
        plain.set_epoch(epoch)
        other.set_epoch(epoch)
        expected, found = plain.batch(0).y, other.batch(0).y
        np.testing.assert_array_equal(found["labels"], expected["labels"])
        boxes, values = expected["boxes"], found["boxes"]
        is_box = expected["labels"] >= 0
        left, top, right, bottom = boxes[is_box].T
        if name == "rel_yxyx":
            converted = np.stack([top / 40, left / 60, bottom / 40, right / 60], 1)
        elif name == "center_xywh":
            converted = np.stack(
                [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], 1
            )
        else:
            # Corners stay as annotated.
            whole = {tuple(box) for image in BOXES for box in image}
            ends = [(*c.min(0), *c.max(0)) for c in values[is_box]]
            assert {tuple(map(int, end)) for end in ends} <= whole
            continue
        np.testing.assert_allclose(values[is_box], converted, rtol=1e-5)


def test_boxes_without_room_for_two_images_are_refused(tmp_path: Path) -> None:
    images = scene(tmp_path, BOXES, BOX_LABELS, points=POINTS)
    options = {"image_size": None, "shuffle": True, "mix": BOTH}
    with pytest.raises(ArgumentError, match=r"Pass max_boxes=4 to augseq\.Boxes"):
        augseq.ImageSequence(images, targets=augseq.Boxes(), **options)
    with pytest.raises(ArgumentError, match="Remove `mix`, or predict boxes with key points"):
        augseq.ImageSequence(images, targets=augseq.KeyPoints(max_objects=4), **options)
