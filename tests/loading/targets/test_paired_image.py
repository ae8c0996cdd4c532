"""Paired images: the same changes, the same moves or draws of their own; sizes, files, arrays."""

from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, AugseqError, BackupError, DecodeError, MissingFileError
from augseq.inspection.explorer.preview import Preview

SIDE = 16
RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
OTHERS = RNG.integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
Paired = augseq.PairedImage


def sequence_of(x: np.ndarray, pairs: dict[str, Any], augment: list[Any], **options: Any) -> Any:
    chosen = {"workers": 0, "seed": 4, **options}
    return augseq.ImageSequence.from_arrays({"image": x, **pairs}, augment=augment, **chosen)


@augseq.photometric
def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image + rng.normal(0, 20, image.shape), 0, 255).astype(image.dtype)


@augseq.photometric
def shot(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # The number of draws depends on the pixels.
    return np.minimum(rng.poisson(image), 255).astype(image.dtype)


CHANGES: dict[str, list[Any]] = {
    "brightness": [A.RandomBrightnessContrast(p=1)],
    "jitter": [A.ColorJitter(p=0.7)],
    "blur": [A.GaussianBlur(p=1)],
    "noise": [A.GaussNoise(p=1)],
    "ISO noise": [A.ISONoise(p=1)],
    "shot noise": [A.ShotNoise(p=1)],
    "multiplied noise": [A.MultiplicativeNoise(elementwise=True, per_channel=True, p=1)],
    "PCA": [A.FancyPCA(p=1)],
    "holes": [A.CoarseDropout(fill="random", p=1)],
    "pixel dropout": [A.PixelDropout(per_channel=True, p=1)],
    "channels": [A.ChannelShuffle(p=1), A.ChannelDropout(p=1)],
    "compression": [A.ImageCompression(quality_range=(20, 40), p=1)],
    "salt": [A.SaltAndPepper(p=1)],
    "grey": [A.ToGray(p=0.5), A.Solarize(p=0.5)],
    "normalized": [A.HorizontalFlip(), A.Normalize()],
    "per image": [A.Normalize(normalization="image")],
    "functions": [noisy, shot, noisy],
    "before geometry": [shot, A.ShotNoise(p=1), A.Rotate(40, p=1), noisy],
    "nested": [A.Compose([A.OneOf([A.Blur(p=1), A.Rotate(30, p=1)]), A.RandomGamma(p=1)])],
    "some channels": [A.SelectiveChannelTransform([A.RandomGamma(p=1), A.Blur(p=1)], (2, 0))],
    "cropped": [A.RandomResizedCrop((8, 9)), A.RandomToneCurve(p=1)],
    "resized": [A.Resize(9, 7), A.RandomRotate90(), A.GaussNoise(p=1)],
}

ONLY_RGB = ("ISO noise", "PCA", "channels", "grey", "normalized", "some channels")


CASES = [
    (name, channels)
    for name in CHANGES
    for channels in (1, 3)
    if channels == 3 or name not in ONLY_RGB
]


@pytest.mark.parametrize(("name", "channels"), CASES)
def test_the_same_image_as_its_pair_stays_the_same(name: str, channels: int) -> None:
    augment = CHANGES[name]
    x = PIXELS[..., :channels]
    pairs = {"a": Paired(x.copy()), "b": Paired(OTHERS[..., :channels]), "c": Paired(x.copy())}
    sequence, alone = sequence_of(x, pairs, augment), sequence_of(x, {}, augment)
    for epoch in range(3):
        sample = sequence.sample(1, epoch=epoch)
        assert np.array_equal(sample.inputs["a"], sample.image)
        assert np.array_equal(sample.inputs["c"], sample.image)
        assert not np.array_equal(sample.inputs["b"], sample.image)
        # A pair does not change what the model saw without one.
        assert np.array_equal(alone.sample(1, epoch=epoch).image, sample.image)


def test_floats_are_the_same_too_and_checked() -> None:
    floats = (PIXELS / 255).astype(np.float32)
    augment = [A.HorizontalFlip(), A.RandomBrightnessContrast(p=1), noisy_floats]
    sample = sequence_of(floats, {"a": Paired(floats.copy())}, augment).sample(2, epoch=1)
    assert np.array_equal(sample.inputs["a"], sample.image)
    wrong = sequence_of(floats, {"a": Paired(floats * 9)}, [A.RandomGamma(p=1)])
    with pytest.raises(
        AugseqError, match=r"takes float images from 0 to 1.*to 9.*of the paired image"
    ):
        wrong.sample(0, epoch=0)


@augseq.photometric
def noisy_floats(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (image + rng.normal(0, 0.1, image.shape)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "moves",
    [
        [],
        [A.HorizontalFlip()],
        [A.Rotate(50, fill=9, p=1)],
        [A.RandomCrop(9, 11), A.Transpose()],
        [A.Affine(scale=(0.5, 1.5), translate_percent=(-0.2, 0.2), p=1)],
        [A.PadIfNeeded(20, 22, fill=7), A.RandomRotate90()],
        [A.ElasticTransform(p=1)],
        [A.Perspective(p=1), A.Resize(7, 9)],
    ],
)
def test_only_geometry_moves_an_image_of_another_kind(moves: list[Any], channels: int) -> None:
    others = RNG.integers(0, 256, (3, SIDE, SIDE, channels), dtype=np.uint8)
    still = [A.RandomBrightnessContrast(p=1), A.GaussNoise(p=1), A.CoarseDropout(p=1), noisy]
    pair = {"thermal": Paired(others, augment="geometry", dtype="uint8")}
    for epoch in range(3):
        moved = sequence_of(PIXELS, pair, [*moves, *still]).sample(0, epoch=epoch)
        # As if it were the image itself.
        alone = sequence_of(others, {}, moves).sample(0, epoch=epoch)
        assert moved.inputs["thermal"].dtype == np.uint8
        assert np.array_equal(moved.inputs["thermal"], alone.image)


@pytest.mark.parametrize(
    ("augment", "step", "text"),
    [
        ("geometry", A.Perspective(fill=(1, 2, 3)), "cannot fill one channel"),
        ("own", A.ISONoise(), "these have one channel"),
    ],
)
def test_what_is_not_for_the_channels_of_a_pair_is_refused(
    augment: Any, step: Any, text: str
) -> None:
    grey = Paired(OTHERS[..., :1], augment=augment)
    with pytest.raises(ArgumentError, match=rf"^Element 1 of `augment`.*{text}"):
        sequence_of(PIXELS, {"thermal": grey}, [step])
    # What only changes colours does not reach an image that only moves.
    sequence_of(PIXELS, {"thermal": Paired(OTHERS[..., :1], augment="geometry")}, [A.ISONoise()])


def test_draws_of_their_own_are_those_of_no_other_image() -> None:
    pairs = {name: Paired(PIXELS.copy(), augment="own") for name in ("left", "right")}
    augment = [A.RandomResizedCrop((12, 12)), A.HorizontalFlip(), A.GaussNoise(p=1)]
    sequence = sequence_of(PIXELS, pairs, augment)
    images = [
        image for epoch in range(4) for image in sequence.sample(0, epoch=epoch).inputs.values()
    ]
    assert len({image.tobytes() for image in images}) == 12
    # The same again in another order, and the image itself as without pairs.
    again = sequence_of(PIXELS, pairs, augment).sample(0, epoch=3)
    assert all(map(np.array_equal, again.inputs.values(), images[9:]))
    assert np.array_equal(again.image, sequence_of(PIXELS, {}, augment).sample(0, epoch=3).image)


def test_an_image_with_draws_of_its_own_can_have_another_size() -> None:
    small = RNG.integers(0, 256, (3, 9, 7, 1), dtype=np.uint8)
    sequence = sequence_of(PIXELS, {"query": Paired(small, augment="own")}, [A.VerticalFlip()])
    assert sequence[0]["query"].shape == (3, 9, 7, 1)
    # Flipped or not, in different epochs than the image.
    flips = {
        tuple(
            np.array_equal(sample.inputs[name], source[0])
            for name, source in (("image", PIXELS), ("query", small))
        )
        for sample in (sequence.sample(0, epoch=epoch) for epoch in range(30))
    }
    assert len(flips) == 4


def save(folder: Path, name: str, pixels: np.ndarray, **options: Any) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name, **options)


@pytest.fixture
def pairs(tmp_path: Path) -> augseq.Manifest:
    """Three images, with three others of the same size next to them."""
    for k in range(3):
        save(tmp_path, f"before/{k}.png", PIXELS[k])
        save(tmp_path, f"after/{k}.png", OTHERS[k])
    images = augseq.index_folder(tmp_path / "before", labels=None, progress=False)
    return images.with_column("after", pattern="../after/{stem}.png")


def loaded(images: augseq.Manifest, pair: Any, **options: Any) -> Any:
    chosen = {"image_size": None, "label_mode": None, "workers": 0, **options}
    return augseq.ImageSequence(images, inputs={"after": pair}, **chosen)


def test_each_record_gets_its_own_pair_with_its_own_options(pairs: augseq.Manifest) -> None:
    x = loaded(pairs, Paired("after"))[0]
    assert np.array_equal(x["image"], PIXELS.astype(np.float32))
    assert np.array_equal(x["after"], OTHERS.astype(np.float32))
    grey = Paired("after", augment="geometry", color_mode="grayscale", dtype="uint8")
    after = loaded(pairs, grey)[0]["after"]
    expected = [np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None] for pixels in OTHERS]
    assert after.dtype == np.uint8
    assert np.abs(after.astype(int) - np.array(expected, int)).max() <= 1
    y = augseq.ImageSequence(pairs, image_size=(8, 8), targets=Paired("after"))[0][1]
    assert y.shape == (3, 8, 8, 3)


@pytest.mark.parametrize("workers", [{"workers": 0}, {"workers": 1, "worker_kind": "processes"}])
def test_the_pair_can_be_a_second_view_of_the_same_file(
    pairs: augseq.Manifest, workers: dict[str, Any]
) -> None:
    sequence = augseq.ImageSequence(
        pairs, image_size=(12, 12), label_mode=None, augment=[A.RandomCrop(8, 8)], **workers,
        inputs={"same": Paired("path"), "view": Paired("path", augment="own")},
    )  # fmt: skip
    batch = sequence[0]
    assert np.array_equal(batch["same"], batch["image"])
    assert not np.array_equal(batch["view"], batch["image"])


def test_the_plan_says_how_pairs_are_loaded(pairs: augseq.Manifest) -> None:
    shown = repr(loaded(pairs, Paired("after", augment="geometry", dtype="uint8")))
    assert "after: images 'after', uint8 (height, width, 3), moved with the image" in shown
    assert "draws of their own" in repr(loaded(pairs, Paired("after", augment="own")))
    assert repr(Paired("after", augment="own")) == "PairedImage(images='after', augment='own')"


def test_pairs_are_cached_and_files_that_change_are_read_again(
    pairs: augseq.Manifest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # All caches in memory of this process share a folder, which would count other tests' images.
    folder = tmp_path_factory.mktemp("cached")
    after = {"after": Paired("after"), "own": Paired("after", augment="own")}
    sequence = augseq.ImageSequence(
        pairs, image_size=None, label_mode=None, workers=0, inputs=after, cache=folder
    )
    assert np.array_equal(sequence[0]["after"], OTHERS)
    cache = sequence.pipeline.source.cache
    assert cache is not None
    assert "6 files" in cache.describe_cache()
    save(tmp_path, "after/1.png", PIXELS[0])
    sequence.set_epoch(1)
    assert np.array_equal(sequence[0]["after"], [OTHERS[0], PIXELS[0], OTHERS[2]])


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        (lambda path: path.unlink(), MissingFileError, ["There is no file for the paired image"]),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\nshort"), DecodeError, ["Cannot"]),
        (lambda path: path.write_bytes(b""), DecodeError, ["Cannot"]),
        (
            lambda path: save(path.parent, path.name, OTHERS[0][:9]),
            DecodeError,
            ["it has 9 x 16 pixels, but its image has 16 x 16", 'augment="own"'],
        ),
    ],
    ids=["missing", "damaged", "empty", "of another size"],
)
def test_what_is_wrong_with_a_pair_names_both_files(
    pairs: augseq.Manifest, tmp_path: Path, changed: Any, kind: type[Exception], words: list[str]
) -> None:
    changed(tmp_path / "after" / "1.png")
    with pytest.raises(kind) as caught:
        loaded(pairs, Paired("after"))[0]
    for word in [*words, "'after/1.png'", "'before/1.png' (index 1)"]:
        assert word in str(caught.value)


def test_a_changed_option_or_column_ends_a_resume(pairs: augseq.Manifest) -> None:
    state = loaded(pairs, Paired("after")).state_dict()
    loaded(pairs, Paired("after")).load_state_dict(state)
    swapped = pairs.with_column("after", pairs.column("after")[::-1])
    for other in (
        loaded(pairs, Paired("after", augment="own")),
        loaded(pairs, Paired("after", dtype="uint8")),
        loaded(pairs, Paired("after", augment="geometry", color_mode="grayscale")),
        loaded(swapped, Paired("after")),
    ):
        with pytest.raises(BackupError):
            other.load_state_dict(state)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: Paired(3), ["name of the column", "Received: 3"]),
        (lambda _: Paired("after", augment="none"), ["`augment`", "geometry"]),
        (lambda _: Paired("after", color_mode="bgr"), ["`color_mode`", "'bgr'"]),
        (lambda _: Paired("after", dtype="float64"), ["`dtype`", "'float64'"]),
        (lambda images: loaded(images, Paired("later")), ["'later'", "'after'"]),
        (lambda images: loaded(images, Paired(OTHERS)), ["only ImageSequence.from_arrays"]),
        (lambda images: loaded(images, Paired), ["with parentheses"]),
        (lambda images: loaded(images, "after"), ["augseq.PairedImage('after')"]),
        (
            lambda images: loaded(images, Paired("after", color_mode="grayscale")),
            ['augment="geometry"', "color_mode='rgb' of the sequence"],
        ),
        (
            lambda images: loaded(images, Paired("after", dtype="uint8"), full_depth=True),
            ["`full_depth`", "'uint8'"],
        ),
        (
            lambda images: loaded(
                images, Paired("after"), augment=[lambda image, rng: image + rng.integers(1)]
            ),
            ["Element 1", "@augseq.photometric"],
        ),
        (lambda _: sequence_of(PIXELS, {"a": Paired("after")}, []), ["`x['a']`", "no files"]),
        (lambda _: sequence_of(PIXELS, {"a": Paired(OTHERS[:2])}, []), ["(2, 16, 16, 3)"]),
        (lambda _: sequence_of(PIXELS, {"a": Paired(OTHERS[:, :9])}, []), ["same size"]),
        (
            lambda _: sequence_of(PIXELS, {"a": Paired(OTHERS[..., :1])}, []),
            ["number of channels", "augment='same'"],
        ),
        (lambda _: sequence_of(PIXELS, {"a": Paired(OTHERS / 255)}, []), ["dtype"]),
        (lambda _: sequence_of(PIXELS, {"a": Paired(OTHERS[0])}, []), ["(16, 16, 3)"]),
    ],
)
def test_wrong_options_of_a_pair_are_named(
    pairs: augseq.Manifest, make: Any, words: list[str]
) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(pairs)
    for word in words:
        assert word in str(caught.value)


def test_float_pixels_do_not_become_bytes(pairs: augseq.Manifest) -> None:
    sequence = loaded(pairs, Paired("after", dtype="uint8"), augment=[A.Normalize()])
    with pytest.raises(AugseqError, match='dtype="uint8" requires uint8 pixels'):
        sequence.sample(0, epoch=0)


def test_masks_and_value_maps_can_be_inputs(pairs: augseq.Manifest, tmp_path: Path) -> None:
    for k in range(3):
        save(tmp_path, f"masks/{k}.png", (PIXELS[k][:, :, 0] > 99).astype(np.uint8))
    images = pairs.with_column("mask", pattern="../masks/{stem}.png")
    inputs = {
        "mask": augseq.Mask("mask", classes=["no", "yes"], one_hot=True),
        "depth": augseq.ValueMap("mask"),
    }
    targets = {"mask": augseq.Mask("mask", classes=["no", "yes"])}
    x, y = augseq.ImageSequence(
        images, image_size=None, inputs=inputs, targets=targets, augment=[A.HorizontalFlip(p=0.5)]
    )[0]
    # The input and the target have the same name.
    y = y["mask"] if isinstance(y, dict) else y
    assert np.array_equal(x["mask"].argmax(-1), y)
    assert np.array_equal(x["depth"][..., 0], y)
    assert np.array_equal(y, x["image"][..., 0] > 99)


@pytest.mark.parametrize(
    ("augment", "options"),
    [
        ([A.HorizontalFlip(), noisy], {"image_size": (8, 9)}),
        ([A.RandomCrop(9, 8), A.Rotate(30, p=1), noisy], {}),
        ([A.HorizontalFlip(), A.RandomResizedCrop((8, 8))], {"cache": "memory"}),
    ],
)
def test_displays_follow_pairs_through_all_steps(
    pairs: augseq.Manifest, augment: list[Any], options: dict[str, Any]
) -> None:
    targets = {
        "same": Paired("after"),
        "moved": Paired("after", augment="geometry"),
        "own": Paired("after", augment="own"),
    }
    sequence = augseq.ImageSequence(
        pairs,
        **{"image_size": None, "workers": 0, "seed": 2, **options},
        targets=targets,
        inputs={"input": Paired("after")},
        augment=augment,
    )
    sample = sequence.sample(1, epoch=3)
    explained = sequence.explain(1, epoch=3)
    assert np.array_equal(explained.image, sample.image)
    last = explained.stages[-1].targets
    assert np.array_equal(last["same"], sample.targets["same"])
    assert np.array_equal(last["moved"], sample.targets["moved"])
    assert np.array_equal(sample.inputs["input"], sample.targets["same"])
    preview = Preview(sequence.pipeline).sample(
        sequence.manifest[1], sequence.pipeline.augment, seed=2, epoch=3
    )
    assert np.array_equal(preview.image, sample.image)
    for name in ("same", "moved"):
        assert np.array_equal(preview.targets[name], sample.targets[name])
    for figure in (sequence.show(), sequence.show_steps(1, epoch=3)):
        assert figure.axes
    assert sequence.augmentation_stats(num_samples=4, progress=False).num_samples == 4
    assert sequence.check_purity(num_images=1).is_pure


@pytest.mark.parametrize(("image", "pair"), [("jpg", "png"), ("png", "jpg")])
def test_a_crop_shows_the_same_part_of_both_if_only_one_is_downscaled_while_decoding(
    tmp_path: Path, image: str, pair: str
) -> None:
    """A large JPEG file is downscaled, a PNG file is not."""
    # From dark to bright and back, 2 levels per pixel.
    x, y = np.meshgrid(np.arange(901), np.arange(703))
    shades = [np.abs((values * 2) % 510 - 255) for values in (x, y, x + y)]
    picture = Image.fromarray(np.stack(shades, 2).astype(np.uint8))
    for folder, ending in (("images", image), ("pairs", pair)):
        (tmp_path / folder).mkdir()
        picture.save(tmp_path / folder / f"a.{ending}", quality=100, subsampling=0)
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    batches = augseq.ImageSequence(
        images.with_column("pair", pattern=f"../pairs/{{stem}}.{pair}"),
        image_size=(48, 48),
        targets=augseq.PairedImage("pair"),
        augment=[A.RandomResizedCrop((48, 48), scale=(0.2, 0.6))],
    )
    for epoch in range(20):
        batches.set_epoch(epoch)
        shown, paired = batches[0]
        # They are shrunk in different ways, which rounds the turning points differently. Without
        # the same part, the mean was up to 5.8; with it, 1.0.
        assert np.abs(shown - paired).mean() < 1.5
