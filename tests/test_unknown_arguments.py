"""Unknown arguments are answered with the name of the right one."""

import inspect
from typing import Any

import numpy as np
import pytest

import augseq

FOREIGN = {
    "target_size": "`image_size`: \\(height, width\\)",
    "class_mode": "`label_mode`",
    "classes": "`class_names` of index_folder",
    "rescale": "Rescaling",
    "rotation_range": "transform in `augment`",
    "horizontal_flip": "HorizontalFlip",
    "preprocessing_function": r"f\(image, rng\)",
    "validation_split": r"manifest\.split\(val=0\.2\)",
    "subset": r"manifest\.split",
    "crop_to_aspect_ratio": 'resize_mode="crop"',
    "num_workers": "`workers`",
    "transforms": "`augment`: a list",
    "follow_links": "option of index_folder",
    "label_column": "option of index_table",
    "data_format": "Remove it",
    "batchsize": r"Did you mean `batch_size`\?",
    "augmentation": r"Did you mean `augment`\?",
    "verbosity": r"no argument `verbosity`\.$",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_sequence_names_its_own_option_for_one_of_another_library(name: str) -> None:
    x = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"ImageSequence has no.*`{name}`.*"
    ) as caught:
        augseq.ImageSequence.from_arrays(x, **{name: 1})
    assert caught.match(FOREIGN[name])


@pytest.mark.parametrize("name", ["image_size", "batch_size", "shuffle", "seed", "label_mode"])
def test_index_folder_points_to_options_of_a_sequence(name: str, sample_images: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"`{name}`. It is an option of ImageSequence"
    ):
        augseq.index_folder(sample_images, **{name: 1})


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("x_col", "path_column"),
        ("y_col", "label_column"),
        ("directory", "`root`"),
        ("classes", r"`class_names`\.$"),
        ("labels", "`label_column`"),
        ("sep", "`delimiter`"),
    ],
)
def test_index_table_names_its_columns(name: str, ours: str) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"index_table has no argument `{name}`.*{ours}"
    ):
        augseq.index_table("photos.csv", **{name: "file"})


@pytest.mark.parametrize("function", [augseq.index_folder, augseq.index_table])
def test_the_signature_of_a_function_is_kept(function: Any) -> None:
    ours = inspect.signature(function).parameters
    assert {"folder", "source"} & set(ours)
    assert not any(p.kind is p.VAR_KEYWORD for p in ours.values())
