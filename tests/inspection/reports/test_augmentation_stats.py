"""How often transforms fire, and how what they draw spreads."""

from dataclasses import replace

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.inspection.drawing.positions import spread_positions
from augseq.inspection.reports.augmentation_stats import AugmentationStats, measure_augmentations
from augseq.inspection.reports.augmentation_stats_picture import Spread, draw_augmentation_stats
from augseq.inspection.reports.drawn_parameters import drawn_numbers
from augseq.inspection.reports.explanation import explain_sample

AUGMENT = [
    A.RandomCrop(40, 40),
    A.HorizontalFlip(p=0.3),
    A.RandomBrightnessContrast(brightness_limit=0, contrast_limit=(0.1, 0.3), p=0.5),
    A.OneOf([A.Rotate(limit=(10, 20), p=1), A.GaussNoise(p=1)], p=0.8),
]


def keep(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


@pytest.fixture(scope="module")
def sequence(samples: augseq.Manifest) -> augseq.ImageSequence:
    return augseq.ImageSequence(samples, image_size=(40, 40), seed=5, augment=[*AUGMENT, keep])


@pytest.fixture(scope="module")
def report(sequence: augseq.ImageSequence) -> AugmentationStats:
    return sequence.augmentation_stats(num_samples=400, progress=False)


def test_draws_are_those_of_the_run(sequence: augseq.ImageSequence) -> None:
    """A plain loop over what `explain` tells of the same images and epochs."""
    report = sequence.augmentation_stats(num_samples=24, progress=False)
    fired: dict[str, int] = {}
    contrasts = []
    for epoch in range(3):
        for record in sequence.manifest.records(spread_positions(sequence.manifest, 8)):
            explanation = explain_sample(record, sequence.pipeline, seed=5, epoch=epoch)
            for stage in explanation.stages:
                for name, drawn in stage.fired or ():
                    fired[name] = fired.get(name, 0) + 1
                    if name == "RandomBrightnessContrast":
                        contrasts.append(drawn["alpha"])
    counted = {one.name.split(": ")[-1]: one.num_fired for one in report.transforms[:-1]}
    assert counted == fired
    assert report.transforms[2].parameters["alpha"].tolist() == contrasts


def test_transforms_fire_as_often_as_their_probability_says(report: AugmentationStats) -> None:
    shares = {one.title: (one.num_fired or 0) / 400 for one in report.transforms}
    expected = {
        "1 RandomCrop": 1,
        "2 HorizontalFlip": 0.3,
        "3 RandomBrightnessContrast": 0.5,
        "4 OneOf: Rotate": 0.4,
        "4 OneOf: GaussNoise": 0.4,
        "5 keep": 0,
    }
    assert list(shares) == list(expected)
    # Four standard deviations of a binomial share of 400.
    assert all(abs(shares[key] - expected[key]) < 0.1 for key in expected)


def test_parameters_spread_over_their_whole_range(report: AugmentationStats) -> None:
    turns = report.transforms[3].parameters["turn"]
    contrasts = report.transforms[2].parameters["alpha"]
    assert 10 <= turns.min() < 11 < 19 < turns.max() <= 20
    assert 1.1 <= contrasts.min() < 1.12 < 1.28 < contrasts.max() <= 1.3
    assert set(report.transforms[0].parameters["crop width"]) == {40}


def test_a_function_of_ones_own_does_not_tell(report: AugmentationStats) -> None:
    assert report.transforms[-1].num_fired is None
    assert "5 keep: does not report whether it fires" in str(report)


def test_the_same_run_gives_the_same_report(
    sequence: augseq.ImageSequence, report: AugmentationStats
) -> None:
    assert str(sequence.augmentation_stats(num_samples=400, progress=False)) == str(report)


def test_text_tells_shares_ranges_and_units(report: AugmentationStats) -> None:
    text = str(report)
    assert text.startswith("400 samples of 8 images\n")
    assert "1 RandomCrop: fired in 400 (100.0%)" in text
    assert "      crop width (px): always 40\n" in text
    assert "      turn (degrees): 10" in text


def test_the_picture_has_labels_units_and_no_plot_of_a_constant(report: AugmentationStats) -> None:
    bars, *plots = report.draw().axes
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert names == [one.title for one in report.transforms]
    assert bars.patches[0].get_width() == 100
    assert "unknown" in [text.get_text() for text in bars.texts]
    labels = [plot.get_xlabel() for plot in plots]
    assert "turn (degrees)" in labels
    assert "crop width (px)" not in labels
    turns = plots[labels.index("turn (degrees)")]
    assert sum(patch.get_height() for patch in turns.patches) == report.transforms[3].num_fired
    assert turns.get_ylabel() == "samples"
    assert report._repr_png_().startswith(b"\x89PNG")


def test_no_text_of_the_picture_is_cut_off_or_covers_another() -> None:
    name = "Compose: RandomBrightnessContrast and a name that goes on"
    spreads = [
        Spread(transform=f"{k} {name}", parameter=name, unit="turns", values=np.arange(k + 2.0))
        for k in range(6)
    ]
    picture = draw_augmentation_stats(
        {f"{k} {name}": 1.0 for k in range(6)}, spreads, heading="heading"
    )
    picture.draw_without_rendering()
    texts = [axes.title for axes in picture.axes[1:]] + [axes.xaxis.label for axes in picture.axes]
    boxes = [text.get_window_extent() for text in [*texts, *picture.axes[0].get_yticklabels()]]
    width, height = picture.bbox.size
    for number, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_a_file_is_decoded_once_however_many_samples(samples: augseq.Manifest) -> None:
    opened = []

    class Counting:
        def open(self, record: augseq.Record) -> object:
            opened.append(record.index)
            return source.open(record)

    pipeline = augseq.ImageSequence(samples, image_size=(40, 40), augment=AUGMENT).pipeline
    source = pipeline.source
    watched = replace(pipeline, source=Counting())  # type: ignore[arg-type]
    measure_augmentations(samples, watched, seed=0, num_samples=40, progress=False)
    assert len(opened) == len(set(opened)) == 8


def test_no_augmentation_and_no_sample_are_told(samples: augseq.Manifest) -> None:
    sequence = augseq.ImageSequence(samples, image_size=(16, 16))
    report = sequence.augmentation_stats(num_samples=3, progress=False)
    assert str(report) == "3 samples of 3 images, and no augmentation"
    assert len(report.draw().axes) == 1
    with pytest.raises(augseq.errors.ArgumentError, match="num_samples"):
        sequence.augmentation_stats(num_samples=0)


@pytest.mark.parametrize(
    ("drawn", "numbers"),
    [
        ({"scale": {"x": 1.5, "y": 2}, "seed": 7}, [("scale x", 1.5), ("scale y", 2.0)]),
        ({"crop_coords": (1, 2, 11, 22)}, [("crop width", 10.0), ("crop height", 20.0)]),
        ({"holes": np.array([[0, 0, 3, 4]])}, [("hole width", 3.0), ("hole height", 4.0)]),
        ({"matrix": np.array([[0, 1, 5], [-1, 0, 5], [0, 0, 1]])}, [("turn", 90.0)]),
        ({"matrix": np.eye(3), "rotate": 3.0}, [("rotate", 3.0)]),
        ({"noise_map": np.zeros((9, 9)), "kind": "a", "fill": None}, []),
    ],
)
def test_numbers_are_taken_out_of_what_was_drawn(drawn: dict, numbers: list) -> None:
    assert list(drawn_numbers(drawn)) == numbers
