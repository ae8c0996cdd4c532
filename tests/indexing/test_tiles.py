"""Tiles of large images: which there are, what is loaded of them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, ChangedFileError

SIZE = (24, 32)


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> Any:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return pixels if channels > 1 else pixels[:, :, 0]


def save(path: Path, pixels: Any, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def photos(tmp_path: Path) -> augseq.Manifest:
    """A PNG and a JPEG of 50 x 70 pixels, the latter stored on its side."""
    save(tmp_path / "photos/a.png", noise(50, 70))
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "photos/b.jpg", noise(70, 50, seed=1), exif=exif, quality=90)
    return augseq.index_folder(tmp_path / "photos", labels=None, progress=False)


def plain(manifest: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    shown = {"image_size": None, "label_mode": None, "dtype": "uint8", "workers": 0, **options}
    return augseq.ImageSequence(manifest, batch_size=5, **shown)


def test_each_image_is_covered_row_by_row(photos: augseq.Manifest) -> None:
    tiles = augseq.tile_manifest(photos, SIZE, overlap=8)
    places = [(tile.path, tile.window.top, tile.window.left) for tile in tiles if tile.window]
    grid = [(top, left) for top in (0, 16, 26) for left in (0, 24, 38)]
    assert places == [(name, *place) for name in ("a.png", "b.jpg") for place in grid]
    assert [tile.index for tile in tiles] == list(range(18))
    assert tiles.column("image_index").tolist() == [0] * 9 + [1] * 9
    assert {tile.window.image_size for tile in tiles if tile.window} == {(50, 70)}
    assert "18 tiles" in repr(tiles)
    probed = augseq.probe_manifest(photos, progress=False)
    assert augseq.tile_manifest(probed, SIZE, overlap=8).column("path").tolist() == [
        path for path, *_ in places
    ]


@pytest.mark.parametrize("cache", [None, "memory"])
@pytest.mark.parametrize("image_size", [None, (8, 8)])
def test_a_tile_has_the_pixels_of_its_window(
    cache: Any, image_size: Any, photos: augseq.Manifest
) -> None:
    tiles = augseq.tile_manifest(photos, SIZE, overlap=8)
    # Enlarged or shrunk only after the window has been cut.
    options = {"image_size": image_size, "interpolation": "nearest"} if image_size else {}
    batches = plain(tiles, cache=cache, **options)
    for _ in range(2):
        found = np.concatenate(list(batches))
        for tile, pixels in zip(tiles, found, strict=True):
            assert tile.window is not None
            top, left, height, width = tile.window.top, tile.window.left, *SIZE
            whole = augseq.read_image(Path(photos.root, tile.path))
            expected = Image.fromarray(whole[top : top + height, left : left + width])
            if image_size:
                expected = expected.resize(image_size, Image.Resampling.NEAREST)
            np.testing.assert_array_equal(pixels, expected)


def test_a_tile_is_augmented_without_harm_to_its_neighbours(photos: augseq.Manifest) -> None:
    def blacken(image: Any, rng: np.random.Generator) -> Any:
        image[:] = 0
        return image

    tiles = augseq.tile_manifest(photos.select([0]), (24, 24), overlap=8)
    assert not plain(tiles, augment=[blacken])[0].any()
    # All tiles are parts of one decoded image.
    plain(tiles).sample(1, epoch=0).image[:] = 0
    np.testing.assert_array_equal(plain(tiles)[0][1], noise(50, 70)[:24, 16:40])


@pytest.fixture
def scenes(tmp_path: Path, photos: augseq.Manifest) -> augseq.Manifest:
    """The photos with masks, depth, a second view, boxes and key points."""
    boxes = [[3, 4, 20, 10], [30, 20, 35, 25], [60, 40, 9, 9]]
    points = [[5, 6, 2, 20, 12, 2], [31, 22, 1, 64, 44, 2], [60, 41, 2, 68, 48, 2]]
    for number, name in enumerate(("a", "b")):
        save(tmp_path / f"masks/{name}.png", noise(50, 70, 1, seed=2 + number) % 3)
        save(tmp_path / f"later/{name}.png", noise(50, 70, seed=4 + number))
        (tmp_path / "depth").mkdir(exist_ok=True)
        depth = noise(50, 70, 1, seed=6 + number).astype(np.float32)
        np.save(tmp_path / f"depth/{name}.npy", depth)
    categories = [{"id": 1, "name": "cell", "keypoints": ["left", "right"], "skeleton": []}]
    coco = {
        "images": [
            {"id": k, "file_name": name, "height": 50, "width": 70}
            for k, name in enumerate(("a.png", "b.jpg"))
        ],
        "categories": categories,
        "annotations": [
            {
                "id": 10 * image + number,
                "image_id": image,
                "category_id": 1,
                "bbox": box,
                "iscrowd": 0,
                "keypoints": flat,
            }
            for image in (0, 1)
            for number, (box, flat) in enumerate(zip(boxes, points, strict=True))
        ],
    }
    path = tmp_path / "scenes.json"
    path.write_text(json.dumps(coco))
    found = augseq.index_coco(path, photos.root, progress=False)
    for name, ending in (("masks", ".png"), ("later", ".png"), ("depth", ".npy")):
        found = found.with_column(name, pattern=f"../{name}/{{stem}}{ending}")
    return found


TARGETS = {
    "mask": augseq.Mask("masks", classes=["x", "y", "z"]),
    "depth": augseq.ValueMap("depth"),
    "later": augseq.PairedImage("later", augment="geometry"),
    "own": augseq.PairedImage("later", augment="own"),
    "boxes": augseq.Boxes("xyxy", min_visibility=0.3, key_points=augseq.KeyPoints()),
}


def test_masks_maps_images_boxes_and_points_are_cut_as_a_crop_cuts_them(
    scenes: augseq.Manifest,
) -> None:
    tiles = augseq.tile_manifest(scenes, SIZE, overlap=8)
    batches = plain(tiles, targets=TARGETS)
    for tile in tiles:
        window = tile.window
        assert window is not None
        box = (window.left, window.top, window.left + SIZE[1], window.top + SIZE[0])
        whole = plain(scenes, targets=TARGETS, augment=[A.Crop(*box)])
        expected = whole.sample(tile.columns["image_index"], epoch=0)
        found = batches.sample(tile.index, epoch=0)
        np.testing.assert_array_equal(found.image, expected.image)
        for name, value in expected.targets.items():
            values = value if isinstance(value, dict) else {"": value}
            others = found.targets[name] if isinstance(value, dict) else {"": found.targets[name]}
            for part, array in values.items():
                np.testing.assert_array_equal(others[part], array, err_msg=f"{name} {part}")
    assert any((batches.sample(k, epoch=0).targets["boxes"]["labels"] >= 0).any() for k in range(9))


def test_displays_of_tiles_do_not_count_the_boxes_of_their_images(
    scenes: augseq.Manifest,
) -> None:
    tiles = augseq.tile_manifest(scenes, SIZE, overlap=8)
    text = f"boxes of {len(scenes.box_class_names)} class"
    assert f"({len(tiles)} tiles, {text}" in repr(tiles)
    assert f"{len(tiles)} tiles · {text}" in tiles._repr_html_()
    assert "failed" not in tiles._repr_html_()


def test_tiles_beyond_a_small_image_are_black_and_ignored(scenes: augseq.Manifest) -> None:
    with pytest.raises(ArgumentError, match=r"Smaller: 'photos/a.png' \(50 x 70\).*pad=True"):
        augseq.tile_manifest(scenes, (64, 40), overlap=10)
    tiles = augseq.tile_manifest(scenes, (64, 40), overlap=10, pad=True)
    assert len(tiles) == 4
    targets = {name: TARGETS[name] for name in ("mask", "depth", "later")}
    for augment in ([], [A.Crop(5, 40, 30, 64)]):
        rows = slice(40, 64) if augment else slice(0, 64)
        inside = 50 - rows.start
        pixels, found = plain(tiles, targets=targets, augment=augment)[0]
        columns = slice(5, 30) if augment else slice(0, 40)
        np.testing.assert_array_equal(
            pixels[0][:inside], noise(50, 70)[rows.start : 50, columns], err_msg=str(augment)
        )
        assert not pixels[:, inside:].any()
        np.testing.assert_array_equal(found["mask"][:, inside:], 255)
        assert found["mask"][:, :inside].max() < 3
        assert not found["depth"][:, inside:].any()
        assert not found["later"][:, inside:].any()


def test_a_manifest_of_tiles_is_saved_and_exported(photos: augseq.Manifest, tmp_path: Path) -> None:
    tiles = augseq.tile_manifest(photos, SIZE, overlap=8)
    augseq.write_manifest(tiles, tmp_path / "tiles.parquet")
    again = augseq.read_manifest(tmp_path / "tiles.parquet")
    assert again == tiles
    assert again[3].window == tiles[3].window
    others = augseq.tile_manifest(photos, SIZE, overlap=0)
    assert len({m.select([0, 1]).fingerprint() for m in (photos, tiles, others)}) == 3
    augseq.write_table(tiles, tmp_path / "tiles.csv")
    head, first, *_ = (tmp_path / "tiles.csv").read_text().splitlines()
    assert head.replace('"', "").startswith("path,index,window_top,window_left,window_height")
    assert first.replace('"', "").startswith("a.png,0,0,0,24,32,50,70")


def test_tiles_of_an_image_stay_in_one_part(sample_images: Path) -> None:
    images = augseq.index_folder(sample_images, progress=False).select(range(0, 200, 10))
    tiles = augseq.tile_manifest(images, (96, 96), overlap=8)
    for stable in (False, True):
        train, val = tiles.split(val=0.3, seed=1, stable=stable)
        assert not set(train.column("path")) & set(val.column("path"))
        assert len(train) + len(val) == len(tiles)


def test_tiles_are_written_as_files(scenes: augseq.Manifest, tmp_path: Path) -> None:
    tiles = augseq.tile_manifest(scenes, SIZE, overlap=8)
    batches = plain(tiles, targets={"mask": TARGETS["mask"]})
    written = batches.write_augmented(tmp_path / "written", progress=False)
    assert len(set(written.column("path"))) == len(tiles)
    assert written[1].path == "images/a.png_0_24_0.png"
    assert written[1].window is None
    found = augseq.read_image(Path(written.root, written[1].path))
    np.testing.assert_array_equal(found, noise(50, 70)[:24, 24:56])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 512}, r"Write size=\(512, 512\)"),
        ({"size": (0, 4)}, r"both > 0\. Received: size=\(0, 4\)"),
        ({"size": SIZE, "overlap": 24}, "overlap"),
        ({"size": SIZE, "overlap": -1}, "overlap"),
        ({"size": SIZE, "overlap": 8, "pad": "yes"}, "`pad`"),
    ],
)
def test_wrong_tiles_are_refused(
    options: dict[str, Any], message: str, photos: augseq.Manifest
) -> None:
    with pytest.raises(ArgumentError, match=message):
        augseq.tile_manifest(photos, **options)


def test_what_needs_whole_images_refuses_tiles(scenes: augseq.Manifest, tmp_path: Path) -> None:
    tiles = augseq.tile_manifest(scenes, SIZE, overlap=8)
    for function, call in {
        "tile_manifest": lambda: augseq.tile_manifest(tiles),
        "write_coco": lambda: augseq.write_coco(tiles, tmp_path / "a.json"),
        "write_voc": lambda: augseq.write_voc(tiles, tmp_path),
        "write_yolo": lambda: augseq.write_yolo(tiles, tmp_path / "yolo"),
        "write_huggingface": lambda: augseq.write_huggingface(tiles),
        "concat_manifests": lambda: augseq.concat_manifests([tiles]),
        "check_images": lambda: augseq.check_images(tiles, progress=False),
        "box_statistics": tiles.box_statistics,
        "class_counts": tiles.class_counts,
        "index_folder": lambda: augseq.index_folder(scenes.root, update=tiles, progress=False),
    }.items():
        with pytest.raises(ArgumentError, match=rf"`{function}.*whole images. Received: 18 tiles"):
            call()


def test_images_that_tiles_do_not_fit_are_refused(photos: augseq.Manifest, tmp_path: Path) -> None:
    tiles = augseq.tile_manifest(photos, SIZE, overlap=8)
    with pytest.raises(ArgumentError, match="exif_orientation=True"):
        plain(tiles, exif_orientation=False)
    cache = augseq.ImageCache(folder=tmp_path / "cache", shorter_side_px=32)
    with pytest.raises(ArgumentError, match="shorter_side_px=32"):
        plain(tiles, cache=cache)
    save(tmp_path / "photos/a.png", noise(70, 50))
    with pytest.raises(ChangedFileError, match=r"'a.png' \(index 0, .*50 x 70.*Received: 70 x 50"):
        plain(tiles)[0]


def test_an_error_says_which_tile_of_the_image_was_loaded(photos: augseq.Manifest) -> None:
    def fail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        raise ValueError("too dark")

    tiles = augseq.tile_manifest(photos, SIZE, overlap=8)
    with pytest.raises(ValueError, match="too dark") as caught:
        plain(tiles, augment=[fail]).sample(4, epoch=0)
    notes = " ".join(caught.value.__notes__)
    assert "'a.png' (index 4, tile of 24 x 32 px at top 16, left 24), epoch 0" in notes
