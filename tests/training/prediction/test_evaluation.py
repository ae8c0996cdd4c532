"""`evaluate` counts what a classifier of one's own gets right, and draws it."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError
from augseq.manifest.manifest import make_manifest

NAMES = ("dark", "middle", "light", "absent")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Grey images; a third of them has the label of another brightness."""
    root = tmp_path_factory.mktemp("grey")
    rng = np.random.default_rng(8)
    paths, targets = [], []
    for number in range(21):
        level = number % 3
        Image.fromarray(np.full((6, 6, 3), 40 + 80 * level, np.uint8)).save(root / f"{number}.png")
        paths.append(f"{number}.png")
        targets.append(int(rng.integers(3)) if number % 3 == 0 else level)
    return make_manifest(str(root), NAMES, paths=paths, targets=targets)


def by_brightness() -> keras.Model:
    """Return a model whose classes are levels of brightness; it never predicts the last."""
    pixels = keras.Input((6, 6, 3))
    level = keras.ops.mean(pixels, axis=(1, 2, 3))[:, None]
    distance = keras.ops.abs(level - np.array([[40.0, 120.0, 200.0, 9999.0]], np.float32))
    return keras.Model(pixels, keras.ops.softmax(-distance / 40))


@pytest.fixture(scope="module")
def found(images: augseq.Manifest) -> augseq.ClassEvaluation:
    batches = augseq.ImageSequence(images, image_size=(6, 6), batch_size=4, workers=0)
    found = augseq.evaluate(
        by_brightness(), batches, history={"loss": [3, 2], "val_loss": [3.0, 2.5]}
    )
    assert isinstance(found, augseq.ClassEvaluation)
    return found


def test_figures_equal_those_of_a_loop(
    images: augseq.Manifest, found: augseq.ClassEvaluation
) -> None:
    labels = [record.target for record in images]
    predicted = [number % 3 for number in range(len(images))]
    right = [label == guess for label, guess in zip(labels, predicted, strict=True)]
    assert (found.num_right, found.num_images) == (sum(right), 21)
    assert found.accuracy == pytest.approx(sum(right) / 21)
    for number, result in enumerate(found.classes):
        hits = sum(label == guess == number for label, guess in zip(labels, predicted, strict=True))
        assert result.name == NAMES[number]
        assert (result.num_images, result.num_right) == (labels.count(number), hits)
        assert result.num_predicted == predicted.count(number)
        if number < 3:
            assert result.recall == pytest.approx(hits / labels.count(number))
            assert result.precision == pytest.approx(hits / predicted.count(number))
    assert math.isnan(found.classes[3].recall)
    assert math.isnan(found.classes[3].precision)
    assert found.confusion.sum() == 21


def test_the_text_has_a_line_for_each_class(found: augseq.ClassEvaluation) -> None:
    first, _, *lines = repr(found).splitlines()
    assert first == f"Evaluation: {found.accuracy:.1%} of 21 images correct"
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert lines[3].split()[1:] == ["0", "-", "-"]


def test_pictures_show_the_wrong_images_and_the_curves(found: augseq.ClassEvaluation) -> None:
    num_wrong = found.num_images - found.num_right
    picture = found.draw_wrong()
    assert len(picture.axes) == num_wrong
    assert picture._suptitle.get_text() == f"predicted wrongly: {num_wrong} of 21 images"
    assert len(found.draw_wrong(num_images=2).axes) == 2
    assert found.draw_confusion().axes[0].get_title().startswith(f"{found.accuracy:.1%} of 21")
    assert len(found.draw_history().axes) == 1


def test_without_mistakes_the_picture_says_so(images: augseq.Manifest) -> None:
    places = [number for number in range(21) if images[number].target == number % 3]
    batches = augseq.ImageSequence(images.select(places), image_size=(6, 6), workers=0)
    found = augseq.evaluate(by_brightness(), batches)
    assert isinstance(found, augseq.ClassEvaluation)
    assert found.accuracy == 1
    texts = [text.get_text() for text in found.draw_wrong().axes[0].texts]
    assert f"All {len(places)} images" in " ".join(texts).replace("\n", " ")
    with pytest.raises(ArgumentError, match=r"history=model\.fit"):
        found.draw_history()


@pytest.mark.parametrize("label_mode", ["int", "categorical", "binary", None])
def test_one_probability_is_that_of_the_second_class(
    images: augseq.Manifest, label_mode: Any
) -> None:
    two = images.select(class_names=["dark", "light"])
    batches = augseq.ImageSequence(two, image_size=(6, 6), workers=0, label_mode=label_mode)
    pixels = keras.Input((6, 6, 3))
    model = keras.Model(pixels, keras.ops.mean(pixels, axis=(1, 2, 3))[:, None] / 255)
    found = augseq.evaluate(model, batches)
    assert isinstance(found, augseq.ClassEvaluation)
    np.testing.assert_allclose(found.predictions.probabilities.sum(axis=1), 1, rtol=1e-5)
    levels = [int(Path(record.path).stem) % 3 for record in two]
    assert found.predictions.numbers.tolist() == [int(level == 2) for level in levels]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"shuffle": True}, "with shuffle=True. Evaluate"),
        ({"drop_remainder": True}, "with drop_remainder=True. Evaluate"),
        (
            {"shuffle": True, "sampling": augseq.Balanced()},
            "with shuffle=True, sampling or repeats. Evaluate",
        ),
    ],
)
def test_batches_without_each_image_in_order_are_refused(
    images: augseq.Manifest, options: dict[str, Any], named: str
) -> None:
    batches = augseq.ImageSequence(images, image_size=(6, 6), batch_size=4, workers=0, **options)
    with pytest.raises(ArgumentError, match=f"each image once, in the order.*{named}"):
        augseq.evaluate(by_brightness(), batches)


def test_other_data_is_refused(images: augseq.Manifest) -> None:
    unlabelled = make_manifest(images.root, (), paths=["0.png"], targets=None)
    batches = augseq.ImageSequence(unlabelled, image_size=(6, 6), label_mode=None)
    for data, text in [
        (batches, "Received: images without a target"),
        (np.zeros((1, 6, 6, 3)), "Received: ndarray"),
        (augseq.ImageSequence(images, image_size=(6, 6)).repeat(), r"repeat\(\)"),
    ]:
        with pytest.raises(ArgumentError, match=text):
            augseq.evaluate(by_brightness(), data)  # type: ignore[arg-type]
