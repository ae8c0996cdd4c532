"""Unknown arguments are answered with the name of the right one."""

import inspect
from functools import partial
from typing import Any

import numpy as np
import pytest

import augseq

BATCHES = augseq.ImageSequence.from_arrays(np.zeros((2, 4, 4, 3), np.uint8))
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


@pytest.mark.parametrize(
    ("make", "name", "answer"),
    [
        (augseq.MixUp, "prob", r"MixUp has no argument `prob`. Use `p`\.$"),
        (augseq.CutMix, "switch_prob", "CutMix.*`p` of each element"),
        (augseq.CutMix, "aplha", "Did you mean `alpha`"),
        (partial(augseq.Sources, {"own": 1}), "public", "has `ratios`, `column`, `num_images`"),
        (augseq.Balanced, "class_names", "Balanced.*option of index_folder"),
        (augseq.Weighted, "colum", "Did you mean `column`"),
        (augseq.Buckets, "size", "Did you mean `sizes`"),
        (BATCHES.to_torch, "num_workers", "to_torch.*Pass it to the other library's loader"),
        (BATCHES.to_tf, "shuffle", "to_tf.*option of ImageSequence"),
        (BATCHES.to_grain, "num_epochs", "Use `epochs`"),
        (partial(augseq.preset, "randaugment"), "p", r"preset.*Compose\(augseq\.preset"),
        (partial(augseq.preset, "randaugment"), "magnitude", "Use `m`"),
        (partial(augseq.BackupAndResume, None, "backups"), "save_freq", "Use `every_batches`"),
        (partial(augseq.BackupAndResume, None), "backup_dir", "Use `folder`"),
    ],
)
def test_some_names_have_an_answer_of_their_own(make: Any, name: str, answer: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=answer):
        make(**{name: 0.5})


def test_the_nearest_name_of_a_preset_is_suggested() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="Did you mean 'randaugment'"):
        augseq.preset("rand_augment")


@pytest.mark.parametrize("function", [augseq.index_folder, augseq.index_table])
def test_the_signature_of_a_function_is_kept(function: Any) -> None:
    ours = inspect.signature(function).parameters
    assert {"folder", "source"} & set(ours)
    assert not any(p.kind is p.VAR_KEYWORD for p in ours.values())


MORE = {
    "weight_col": "`weights` of ImageSequence",
    "keep_aspect_ratio": 'resize_mode="crop"',
    "save_to_dir": r"batches\.",
    "featurewise_center": r"manifest\.statistics\(\)",
    "samplewise_center": "image_data_generator",
    "interpolation_order": "image_data_generator",
    "zca_whitening": r"f\(image, rng\)",
    "data_format": r"Permute\(\(3, 1, 2\)\)",
    "class_mode": r"augseq\.InputImage\(\)",
    "drop_last": "`drop_remainder`",
    "target_transform": "`targets`",
    "is_valid_file": "`extensions`",
}


@pytest.mark.parametrize("name", MORE)
def test_an_argument_without_a_similar_name_is_answered_too(name: str) -> None:
    x = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(augseq.errors.ArgumentError, match=f"no argument `{name}`") as caught:
        augseq.ImageSequence.from_arrays(x, **{name: 1})
    assert caught.match(MORE[name])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 224}, r"Received: image_size=224\. Write image_size=\(224, 224\)\."),
        ({"image_size": 0}, "Received: image_size=0$"),
        ({"image_size": "224"}, "Received: image_size='224'$"),
        ({"batch_size": None}, r"batches\.sample"),
        ({"dtype": "float16"}, "mixed_float16"),
        ({"dtype": "bfloat16"}, "mixed_bfloat16"),
        ({"label_mode": "sparse"}, 'Use "int"'),
        ({"label_mode": "input"}, r"InputImage\(\)"),
        ({"label_mode": "raw"}, r"augseq\.Number"),
        ({"label_mode": "multi_output"}, "name of an output"),
        ({"label_mode": ["int"]}, r"Received: label_mode=\['int'\]$"),
        ({"interpolation": "lanczos5"}, '"lanczos3"'),
        ({"interpolation": "gaussian"}, '"bilinear"'),
        ({"interpolation": "mitchellcubic"}, '"bicubic"'),
        ({"interpolation": "box"}, '"area"'),
        ({"interpolation": "lanczos"}, '"lanczos3"'),
        ({"color_mode": "L"}, '"grayscale"'),
    ],
)
def test_a_value_of_another_library_is_answered(
    options: dict[str, Any], words: str, sample_images: Any
) -> None:
    images = augseq.index_folder(sample_images, progress=False)
    with pytest.raises(augseq.errors.ArgumentError, match=words):
        augseq.ImageSequence(images, **options)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("class_indices", "{name: k for k, name in enumerate(batches.class_names)}"),
        ("classes", "batches.manifest.targets"),
        ("filenames", 'batches.manifest.column("path")'),
        ("file_paths", "batches.manifest.root"),
        ("samples", "len(batches.manifest)"),
        ("num_classes", "len(batches.class_names)"),
        ("image_shape", "batches[0][0].shape[1:]"),
        ("next", "next(iter(batches))"),
        ("cardinality", "len(batches)"),
        ("fit", "batches.manifest.statistics()"),
        ("to_tf_dataset", "batches.to_tf(epochs=10)"),
        ("unbatch", "batches.sample(index, epoch=0)"),
    ],
)
def test_an_attribute_of_another_data_set_is_answered_with_code_that_runs(
    name: str, code: str, sample_images: Any
) -> None:
    images = augseq.index_folder(sample_images, progress=False).select(range(4))
    batches = augseq.ImageSequence(images, image_size=(8, 8), workers=0)
    assert not hasattr(batches, name)
    with pytest.raises(AttributeError, match=f"no attribute `{name}`") as caught:
        getattr(batches, name)
    assert code in str(caught.value)
    assert eval(code, {"batches": batches, "index": 0}) is not None


def test_other_attributes_fail_as_usual() -> None:
    class Broken(augseq.ImageSequence):
        @property
        def total(self) -> int:
            return self.nothing

    batches = Broken.from_arrays(np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'nothing'"):
        batches.total  # noqa: B018
    with pytest.raises(AttributeError, match="object has no attribute 'classnames'"):
        batches.classnames  # noqa: B018


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ImageDataGenerator", "augseq.image_data_generator"),
        ("image_dataset_from_directory", "augseq.index_folder"),
        ("flow_from_directory", "augseq.index_folder"),
        ("flow_from_dataframe", "augseq.index_table"),
        ("ImageFolder", "augseq.ImageSequence"),
        ("DataLoader", "augseq.ImageSequence"),
        ("PyDataset", "augseq.ImageSequence"),
        ("load_img", "augseq.read_image"),
    ],
)
def test_a_function_of_another_library_is_answered(name: str, ours: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}'. Use .*{ours}"):
        getattr(augseq, name)
