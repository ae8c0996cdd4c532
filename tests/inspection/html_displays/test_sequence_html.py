"""A sequence as a notebook shows it."""

from pathlib import Path

import albumentations as A
import numpy as np
import pytest

import augseq
from tests.inspection.page import Page

AUGMENT = [A.RandomCrop(48, 48), A.HorizontalFlip(p=0.25), A.OneOf([A.GaussNoise(), A.Rotate()])]


def halve(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image // 2


def fail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    raise ValueError("<my own mistake>")


def sequence_of(manifest: augseq.Manifest, **options: object) -> augseq.ImageSequence:
    settings = {"image_size": (48, 48), "batch_size": 6, "shuffle": True, "seed": 3, **options}
    return augseq.ImageSequence(manifest, **settings)  # type: ignore[arg-type]


def test_the_chain_has_every_step_in_its_order(samples: augseq.Manifest) -> None:
    page = Page(sequence_of(samples, augment=[*AUGMENT, halve])._repr_html_())
    bold = [text for text in page.texts if text in _HOPS]
    assert bold == _HOPS
    assert "p=0.25" in page.texts
    assert "p=1, height=48, width=48" in page.texts
    assert "GaussNoise, Rotate; p=0.5" in page.texts


_HOPS = ["order", "source", "RandomCrop", "HorizontalFlip", "OneOf", "halve", "resize", "output"]


def test_images_are_those_of_the_batch(samples: augseq.Manifest) -> None:
    sequence = sequence_of(samples, augment=AUGMENT[1:2], dtype="uint8")
    sequence.set_epoch(2)
    page, batch = Page(sequence._repr_html_()), sequence.batch(0)
    assert "Batch 0 of epoch 2, 6 of 6 images:" in page.texts
    names = [found["title"] for found in page.named("figcaption")]
    assert names == [samples.class_names[record.target or 0] for record in batch.records]
    for shown, image in zip(page.images(), batch.images, strict=True):
        difference = np.asarray(shown.convert("RGB")).astype(int) - image
        assert np.abs(difference).mean() < 12


def test_looking_starts_no_workers_and_moves_no_epoch(samples: augseq.Manifest) -> None:
    sequence = sequence_of(samples, workers=2)
    before = repr(sequence)
    sequence._repr_html_()
    assert repr(sequence) == before
    assert not sequence.position.was_asked


def test_a_failing_augmentation_is_a_box_with_the_reason(samples: augseq.Manifest) -> None:
    page = Page(sequence_of(samples, augment=[fail])._repr_html_())
    assert page.texts.count("ValueError: <my own mistake>") == 6


def test_arrays_and_endless_sequences_are_shown_too() -> None:
    x = np.zeros((5, 8, 8, 1), np.float32)
    batches = augseq.ImageSequence.from_arrays(x, np.arange(5), batch_size=4)
    assert [found["title"] for found in Page(batches._repr_html_()).named("figcaption")] == [
        "x[0]",
        "x[1]",
        "x[2]",
        "x[3]",
    ]
    endless = batches.repeat()
    endless.set_epoch(3)
    assert "Batch 0 of epoch 3, 4 of 4 images:" in Page(endless._repr_html_()).texts


def test_a_large_batch_stays_small(photos: Path) -> None:
    images = augseq.index_folder(photos, progress=False)
    html = augseq.ImageSequence(images, augment=augseq.preset("strong"))._repr_html_()
    assert len(html) < 90_000
    assert 1 <= len(Page(html).images()) <= 16


@pytest.mark.parametrize(
    ("kind", "told"), [("threads", "workers: threads: 2"), ("serial", "loaded when requested")]
)
def test_who_computes_the_batches_is_told(samples: augseq.Manifest, kind: str, told: str) -> None:
    page = Page(sequence_of(samples, workers=2, worker_kind=kind)._repr_html_())
    assert any(told in text for text in page.texts)
