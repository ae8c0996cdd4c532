"""Which cache is best for a pipeline is measured, and named with what it gains and takes."""

import re
import threading
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.reports import cache_advice
from augseq.inspection.reports.cache_advice import (
    CacheGain,
    advise_cache,
    choose_memory_cache,
    measure_caches,
)
from augseq.pixels.cache.image_cache import ImageCache

NUM_IMAGES = 8
WHOLE_BYTES = 64 + 200 * 260 * 3


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Images that are expensive to decode."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    for number in range(NUM_IMAGES):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        picture = rng.integers(0, 256, (200, 260, 3), np.uint8)
        Image.fromarray(picture).save(folder / "ab"[number % 2] / f"{number}.jpg", quality=98)
    return augseq.index_folder(folder, progress=False)


def plan_of(images: augseq.Manifest, **options: Any) -> Any:
    return augseq.ImageSequence(images, batch_size=4, workers=0, **options)._plan


def gain_in(advice: str | None) -> float:
    found = re.search(r"gives ([0-9.]+) times the speed", str(advice))
    assert found is not None, advice
    return float(found[1])


CROP = [A.RandomCrop(24, 24)]


@pytest.mark.parametrize(
    ("options", "expected_bytes"),
    [
        ({"image_size": (24, 32)}, [64 + 24 * 32 * 3]),
        ({"image_size": (24, 32), "color_mode": "grayscale"}, [64 + 24 * 32]),
        ({"image_size": (24, 32), "color_mode": "rgba"}, [64 + 24 * 32 * 4]),
        ({"image_size": (24, 32), "resize_mode": "pad"}, [64 + 24 * 32 * 3]),
        ({"image_size": (24, 32), "dtype": "uint8"}, [64 + 24 * 32 * 3]),
        ({"image_size": (24, 32), "augment": [A.HorizontalFlip()]}, [64 + 24 * 32 * 3]),
        ({"image_size": (24, 32), "shuffle": True, "seed": 3}, [64 + 24 * 32 * 3]),
        ({"image_size": (300, 400)}, [64 + 300 * 400 * 3]),
        ({"image_size": None}, [WHOLE_BYTES]),
        ({"image_size": (24, 24), "augment": CROP}, [WHOLE_BYTES, 64 + 27 * 35 * 3]),
        ({"image_size": (190, 190), "augment": [A.CenterCrop(190, 190)]}, [WHOLE_BYTES]),
    ],
)
def test_the_size_of_each_cache_is_that_of_its_files(
    noise: augseq.Manifest, tmp_path: Path, options: dict[str, Any], expected_bytes: list[float]
) -> None:
    found = measure_caches(plan_of(noise, **options))
    assert [one.num_bytes for one in found] == [
        pytest.approx(NUM_IMAGES * each, abs=1) for each in expected_bytes
    ]
    assert [one.changes_pixels for one in found] == [False, True][: len(found)]
    # A cache of all images, filled, takes just that.
    batches = augseq.ImageSequence(noise, cache=tmp_path, workers=0, **options)
    batches.fill_cache(progress=False)
    assert batches.pipeline.source.folder.usage.num_bytes == found[0].num_bytes


@pytest.mark.parametrize("augment", [[], CROP], ids=["resized", "whole"])
def test_the_size_of_a_cache_includes_masks_and_all_else_that_belongs_to_an_image(
    noise: augseq.Manifest, tmp_path: Path, augment: list[Any]
) -> None:
    root = Path(noise.root)
    for name in ("mask", "depth"):
        (root / name).mkdir(exist_ok=True)
        for number in range(NUM_IMAGES):
            empty = Image.new("L", (260, 200))
            empty.save(root / name / f"{number}.png")
    images = noise.with_column("mask", pattern="mask/{stem}.png")
    images = images.with_column("depth", pattern="depth/{stem}.png")
    images = images.with_column("pair", images.column("path")[::-1])
    targets = {"mask": augseq.Mask("mask", classes=["a"]), "depth": augseq.ValueMap("depth")}
    pairs = {"pair": augseq.PairedImage("pair", augment="own")}
    options = {"image_size": (24, 24), "augment": augment, "targets": targets, "inputs": pairs}
    (found,) = measure_caches(plan_of(images, **options))
    cached = augseq.ImageSequence(images, cache=tmp_path / "cache", workers=0, **options)
    cached.fill_cache(progress=False)
    usage = cached.pipeline.source.folder.usage
    # The pairs are the same files as the images, and are cached once.
    assert usage.num_files == 3 * NUM_IMAGES
    image_bytes = NUM_IMAGES * (64 + 24 * 24 * 3) if not augment else NUM_IMAGES * WHOLE_BYTES
    assert found.num_bytes == usage.num_bytes + image_bytes


def test_a_cache_after_the_resize_is_advised_with_its_gain(noise: augseq.Manifest) -> None:
    advice = advise_cache(plan_of(noise, image_size=(16, 16)))
    assert str(advice).startswith('cache="memory", or a folder, gives ')
    assert str(advice).endswith("takes 0.0 MB for 8 images")
    # Decoding and resizing takes a millisecond and more, reading 16 x 16 pixels a twentieth.
    assert gain_in(advice) > 3


def test_smaller_images_are_advised_for_crops_if_they_are_clearly_faster() -> None:
    same = CacheGain(choice=ImageCache(), gain=2.0, num_bytes=9, free_bytes=100)
    plan = augseq.ImageSequence.from_arrays(np.zeros((4, 8, 8, 3), np.uint8))._plan
    for gain, is_named in ((2.1, False), (2.4, False), (2.6, True), (9.0, True)):
        choice = ImageCache(shorter_side_px=73)
        shrunk = CacheGain(choice=choice, gain=gain, num_bytes=1, free_bytes=100)
        advice = list(cache_advice._advice(plan, [same, shrunk]))
        assert ("ImageCache(shorter_side_px=73) gives" in " ".join(advice)) == is_named
        assert 'cache="memory"' in advice[0]


def test_a_folder_is_advised_if_memory_is_too_small(
    noise: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_advice, "free_memory_bytes", lambda: 5 * WHOLE_BYTES)
    advice = str(advise_cache(plan_of(noise, image_size=(24, 24), augment=CROP)))
    assert "cache=FOLDER gives " in advice
    assert "more than half of the free memory, 0.8 MB" in advice
    # It is always worth mentioning then.
    assert "cache=ImageCache(shorter_side_px=27) gives" in advice
    monkeypatch.setattr(cache_advice, "free_memory_bytes", lambda: WHOLE_BYTES)
    assert advise_cache(plan_of(noise, image_size=(24, 24), augment=CROP)) is None


def test_advice_does_not_change_while_other_threads_are_busy(noise: augseq.Manifest) -> None:
    plan, end = plan_of(noise, image_size=(16, 16)), threading.Event()
    quiet = gain_in(advise_cache(plan))

    def spin() -> None:
        while not end.is_set():
            sum(range(1000))

    # Each holds the interpreter lock for 5 ms at a time, which a wall clock would measure.
    threads = [threading.Thread(target=spin) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        busy = gain_in(advise_cache(plan))
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert quiet / 3 < busy < quiet * 3
    assert busy > 2


def test_nothing_is_advised_without_files_or_gain(
    samples: augseq.Manifest, noise: augseq.Manifest
) -> None:
    assert measure_caches(augseq.ImageSequence.from_arrays(np.zeros((4, 8, 8, 3)))._plan) == []

    def slow(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for _ in range(20_000):
            rng.random()
        return image

    assert advise_cache(plan_of(noise[:2], image_size=(16, 16), augment=[slow])) is None


def test_a_cache_that_holds_only_a_part_needs_more_room(noise: augseq.Manifest) -> None:
    full = augseq.ImageSequence(noise, image_size=(16, 16), cache="memory", workers=0)
    full.fill_cache(progress=False)
    assert advise_cache(full._plan) is None
    for augment, hint in (([], False), (CROP, True)):
        cache = augseq.ImageCache(max_bytes=1)
        options = {"image_size": (24, 24), "augment": augment, "workers": 0}
        beyond = augseq.ImageSequence(noise, cache=cache, **options)
        with pytest.warns(augseq.AugseqWarning, match="is full"):
            beyond.batch(0)
        advice = str(advise_cache(beyond._plan))
        assert "give it more room" in advice
        assert ("shorter_side_px" in advice) == hint


def test_a_profile_names_the_cache(noise: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(noise, image_size=(16, 16), batch_size=4)
    assert 'cache="memory", or a folder, gives ' in batches.profile(num_images=4).verdict


def test_training_uses_a_quarter_of_the_free_memory(
    noise: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = [plan_of(noise, image_size=(16, 16)), plan_of(noise[:4], image_size=(16, 16))]
    needed = 12 * (64 + 16 * 16 * 3)
    for free, is_used in ((4 * needed, True), (4 * needed - 4, False)):
        # The images that are measured need more room than the cache.
        monkeypatch.setattr(cache_advice, "_MOST_SAMPLED_BYTES", 1 << 28)
        monkeypatch.setattr(cache_advice, "SHARE_OF_FREE", 10**6)
        monkeypatch.setattr(cache_advice, "free_memory_bytes", lambda free=free: free)
        found = choose_memory_cache(plans)
        assert (found is not None) == is_used
        if found is not None:
            assert found.num_bytes == needed
            assert found.choice == ImageCache(max_bytes=needed)


def test_training_is_not_stopped_by_the_measurement(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bad.jpg").write_bytes(b"\xff\xd8\xff no more")
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    plan = augseq.ImageSequence(images, label_mode=None)._plan
    assert choose_memory_cache([plan]) is None
