"""The images of a run: those to train on, those to hold out, and what each counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, LabelError
from augseq.training.runs.run_data import make_run_data


def folder_of(root: Path, **counts: int) -> augseq.Manifest:
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(root / name / f"{number}.png")
    return augseq.index_folder(root, progress=False)


def test_other_images_can_be_held_out_with_the_labels_of_the_training_images(
    tmp_path: Path,
) -> None:
    train = folder_of(tmp_path / "train", cat=3, dog=2, fox=1)
    val = folder_of(tmp_path / "val", dog=2, fox=2, cat=1).select(class_names=["fox", "cat"])
    options = augseq.RunOptions(image_size=(4, 4), workers=0, cache="none")
    with pytest.warns(augseq.AugseqWarning, match="1 of 3 classes have no held-out image: 'dog'"):
        data = make_run_data(train, options, target=augseq.Label(), val=val)
    assert len(data.train.manifest) == 6
    held_out = data.held_out.manifest
    assert held_out.class_names == ("cat", "dog", "fox")
    assert held_out.targets.tolist() == [
        ("cat", "dog", "fox").index(record.path.split("/")[0]) for record in val
    ]


def test_held_out_images_of_unknown_classes_are_refused(tmp_path: Path) -> None:
    train = folder_of(tmp_path / "train", cat=1, dog=1)
    val = folder_of(tmp_path / "val", cat=1, fox=1)
    options = augseq.RunOptions(image_size=(4, 4), workers=0, epochs=1)
    with pytest.raises(LabelError, match="fox"):
        make_run_data(train, options, target=augseq.Label(), val=val)
    with pytest.raises(ArgumentError, match="Only one of `val` and `split_column`"):
        make_run_data(
            train, augseq.RunOptions(split_column="part"), target=augseq.Label(), val=train
        )


def test_each_image_is_held_out_in_one_fold(tmp_path: Path) -> None:
    images = folder_of(tmp_path / "x", cat=5, dog=4)
    seen: list[str] = []
    for fold in ("1/3", "2/3", "3/3"):
        options = augseq.RunOptions(image_size=(4, 4), workers=0, cache="none", fold=fold)
        data = make_run_data(images, options, target=augseq.Label())
        held_out = [record.path for record in data.held_out.manifest]
        assert {record.path for record in data.train.manifest}.isdisjoint(held_out)
        assert len(data.train.manifest) + len(held_out) == 9
        assert len({path.split("/")[0] for path in held_out}) == 2
        seen += held_out
    assert sorted(seen) == sorted(record.path for record in images)


@pytest.mark.parametrize(
    "options",
    [{"fold": "0/3"}, {"fold": "4/3"}, {"fold": "1/1"}, {"fold": "2"}, {"fold": (1, 3)},
     {"fold": "1/3", "split_column": "part"}],
)  # fmt: skip
def test_what_is_no_fold_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="--fold"):
        augseq.RunOptions(**options)


@pytest.mark.parametrize(
    "counts",
    [(4, 4), (8, 2), (2, 8), (6, 2, 2), (2, 30), (10, 4, 4, 2)],
)
def test_class_weights_give_each_class_the_same_weight_in_total(
    tmp_path: Path, counts: tuple[int, ...]
) -> None:
    names = "abcd"[: len(counts)]
    manifest = folder_of(tmp_path / "x", **dict(zip(names, counts, strict=True)))
    options = augseq.RunOptions(
        image_size=(4, 4), workers=0, cache="none", class_weight=True, val=0.5
    )
    data = make_run_data(manifest, options, target=augseq.Label())
    trained = data.train.manifest.class_counts()
    weights = data.class_weight
    assert weights is not None
    totals = [weights[number] * trained[name] for number, name in enumerate(names)]
    np.testing.assert_allclose(totals, totals[0])
    assert sum(totals) == pytest.approx(len(data.train.manifest))


def test_balanced_batches_have_each_class_equally_often(tmp_path: Path) -> None:
    manifest = folder_of(tmp_path / "x", a=12, b=4)
    options = augseq.RunOptions(
        image_size=(4, 4), workers=0, cache="none", sampling="balanced", val=0.25, batch_size=12
    )
    data = make_run_data(manifest, options, target=augseq.Label())
    assert np.bincount(data.train[0][1]).tolist() == [6, 6]
    assert np.bincount(data.held_out[0][1]).tolist() == [3, 1]
    with pytest.raises(ArgumentError, match="Only one of `class_weight` and `sampling`"):
        augseq.RunOptions(class_weight=True, sampling="balanced")
    with pytest.raises(ArgumentError, match="'balanced'"):
        augseq.RunOptions(sampling="balance")  # type: ignore[arg-type]


@pytest.mark.parametrize("cache", ["none", "memory", "folder"])
def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, cache: str) -> None:
    manifest = folder_of(tmp_path / "x", a=4, b=4)
    place = str(tmp_path / "cache") if cache == "folder" else cache
    data = make_run_data(
        manifest,
        augseq.RunOptions(image_size=(4, 4), workers=0, cache=place, val=0.5),
        target=augseq.Label(),
    )
    data.train[0]
    assert data.cache_gain is None
    has_cache = data.train.pipeline.source.cache is not None
    assert has_cache == (cache != "none")
    assert (tmp_path / "cache").exists() == (cache == "folder")


def test_full_depth_and_greyscale_reach_the_pixels(tmp_path: Path) -> None:
    manifest = folder_of(tmp_path / "x", a=4, b=4)
    options = augseq.RunOptions(
        image_size=(4, 4), workers=0, full_depth=True, color_mode="grayscale", val=0.5
    )
    pixels, _ = make_run_data(manifest, options, target=augseq.Label()).train[0]
    assert pixels.shape == (4, 4, 4, 1)
    assert pixels.max() <= 1
