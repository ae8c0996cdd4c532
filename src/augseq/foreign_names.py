"""Names of Keras, tf.data, torch and pandas, and what to write instead."""

_TRANSFORM = (
    "Use a transform in `augment`, such as albumentations.HorizontalFlip(); or "
    "augseq.image_data_generator, which converts the arguments of the old class."
)
_GENERATOR = "Use augment=augseq.image_data_generator(...), which takes it."
_NORMALIZATION = "Use keras.layers.Normalization in the model, with manifest.statistics()."
_SAVE = "Use batches.write_augmented(folder), or batches.show() to look at images."
_SPLIT = "Use train, val = manifest.split(val=0.2)."
_WEIGHTS = "Use `weights` of ImageSequence: the name of a column of the manifest."
_OF_SEQUENCE = "It is an option of ImageSequence."
_OF_TABLE = "It is an option of index_table."
_OF_INDEX = "It is an option of index_folder."

# Arguments of other libraries; and augseq's own, on the wrong function.
ARGUMENTS = {
    "augmentations": "Use `augment`: a list.",
    "class_mode": (
        'Use `label_mode`: "int" (for "sparse"), "categorical", "binary" or None; for "input", '
        'targets=augseq.InputImage(); for "raw" and "multi_output", targets=augseq.Number(column), '
        "or a dict of several."
    ),
    "classes": "Use `class_names` of index_folder.",
    "collate_fn": "Use `targets` and `inputs`, which say what is in a batch.",
    "crop_to_aspect_ratio": 'Use resize_mode="crop".',
    "data_format": (
        "Remove it: images are (height, width, channels). For a model that expects the channels "
        "first, make keras.layers.Permute((3, 1, 2)) its first layer."
    ),
    "directory": "Use the first argument of index_folder.",
    "drop_last": "Use `drop_remainder`.",
    "is_valid_file": "Use `extensions` of index_folder.",
    "keep_aspect_ratio": 'Use resize_mode="crop".',
    "num_workers": "Use `workers`.",
    "pad_to_aspect_ratio": 'Use resize_mode="pad".',
    "persistent_workers": "Remove it: worker processes are kept.",
    "pin_memory": "Remove it.",
    "prefetch_factor": "Use `max_queue_size`.",
    "preprocessing_function": (
        "Use a function f(image, rng) in `augment`, or augseq.image_data_generator, which takes "
        "the old one."
    ),
    "rescale": "Use keras.layers.Rescaling(1 / 255) as the first layer of the model.",
    "sampler": "Use `sampling`: augseq.Balanced() or augseq.Weighted(column).",
    "sample_weight": f"{_WEIGHTS} Add it with manifest.with_column.",
    "subset": _SPLIT,
    "target_size": "Use `image_size`: (height, width).",
    "target_transform": "Use `targets`.",
    "transform": "Use `augment`: a list.",
    "transforms": "Use `augment`: a list.",
    "use_multiprocessing": 'Use worker_kind="processes".',
    "validate_filenames": "Use `check_files` of index_table.",
    "validation_split": _SPLIT,
    "verbose": "Use progress=False of index_folder.",
    "weight_col": _WEIGHTS,
    "x_col": "Use `path_column` of index_table.",
    "y_col": "Use `label_column` of index_table; for several columns, `targets` of ImageSequence.",
    "zca_whitening": "Use a function f(image, rng) at the end of `augment`.",
    **dict.fromkeys(("featurewise_center", "featurewise_std_normalization"), _NORMALIZATION),
    **dict.fromkeys(("save_format", "save_prefix", "save_to_dir"), _SAVE),
    **dict.fromkeys(("cval", "interpolation_order", "channel_shift_range"), _GENERATOR),
    **dict.fromkeys(("samplewise_center", "samplewise_std_normalization"), _GENERATOR),
    **dict.fromkeys(("brightness_range", "fill_mode", "height_shift_range"), _TRANSFORM),
    **dict.fromkeys(("horizontal_flip", "rotation_range", "shear_range"), _TRANSFORM),
    **dict.fromkeys(("vertical_flip", "width_shift_range", "zoom_range"), _TRANSFORM),
    **dict.fromkeys(("class_names", "extensions", "follow_links", "labels"), _OF_INDEX),
    **dict.fromkeys(("augment", "batch_size", "color_mode", "image_size"), _OF_SEQUENCE),
    **dict.fromkeys(("label_column", "path_column"), _OF_TABLE),
    **dict.fromkeys(("interpolation", "label_mode", "seed", "shuffle"), _OF_SEQUENCE),
}

_TABLES = {
    "classes": "Use `class_names`.",
    "directory": "Use `root`: the folder of the images.",
    "folder": "Use `root`: the folder of the images.",
    "labels": "Use `label_column`.",
    "sep": "Use `delimiter`.",
    "validate_filenames": "Use `check_files`.",
    "y_col": "Use `label_column`; for several columns, None, and `targets` of ImageSequence.",
}

_OF_EACH = "Use `p` of each element of the list `mix`."
_MIXING = {
    "cutmix_alpha": "Use `alpha` of augseq.CutMix.",
    "mixup_alpha": "Use `alpha` of augseq.MixUp.",
    "prob": "Use `p`.",
    "probability": "Use `p`.",
    "switch_prob": _OF_EACH,
}
_PRESETS = {
    "magnitude": "Use `m`.",
    "num_ops": "Use `n`.",
    "p": (
        "Its transforms have their own probabilities. To augment half of the images: "
        "augment=[albumentations.Compose(augseq.preset(...), p=0.5)]."
    ),
}
_BACKUPS = {
    "backup_dir": "Use `folder`.",
    "delete_checkpoint": "Use `delete_at_end`.",
    "save_freq": "Use `every_batches`, or `every_s` for seconds.",
}
_LOADERS = {
    **dict.fromkeys(
        ("num_workers", "persistent_workers"), "Pass it to the other library's loader."
    ),
    **dict.fromkeys(("pin_memory", "prefetch_factor"), "Pass it to the other library's loader."),
    "num_epochs": "Use `epochs`.",
}
# Overrides for functions that have a certain argument: index_table, MixUp and CutMix, preset,
# BackupAndResume, to_torch and its like.
ARGUMENTS_BESIDE = {
    "label_column": _TABLES,
    "alpha": _MIXING,
    "m": _PRESETS,
    "every_batches": _BACKUPS,
    "epochs": _LOADERS,
}

_MIXED = (
    'With keras.mixed_precision.set_global_policy("mixed_float16"), the model casts float32 '
    'itself; "uint8" is smaller than float16.'
)
# Values of other libraries, by argument.
VALUES = {
    ("batch_size", None): "For single samples, use batches.sample(index, epoch=0).",
    ("color_mode", "L"): 'Use "grayscale".',
    ("dtype", "bfloat16"): _MIXED.replace("float16", "bfloat16"),
    ("dtype", "float16"): _MIXED,
    ("interpolation", "box"): 'Use "area".',
    ("interpolation", "gaussian"): 'Use "bilinear", which is antialiased and nearly as soft.',
    ("interpolation", "hamming"): 'Use "bilinear", which is a little softer.',
    ("interpolation", "lanczos"): 'Use "lanczos3".',
    ("interpolation", "lanczos5"): 'Use "lanczos3", which differs little.',
    ("interpolation", "mitchellcubic"): 'Use "bicubic", which is a little sharper.',
    ("label_mode", "input"): "Use targets=augseq.InputImage().",
    ("label_mode", "multi_output"): "Use targets={name of an output: augseq.Number(column), ...}.",
    ("label_mode", "other"): "Use targets=augseq.Number(column).",
    ("label_mode", "raw"): "Use targets=augseq.Number(column).",
    ("label_mode", "sparse"): 'Use "int".',
}

_LOADER = "Use augseq.index_folder, and augseq.ImageSequence with the manifest that it returns."
# Functions and classes of other libraries, looked for in `augseq`.
FUNCTIONS = {
    "DataLoader": (
        "Use augseq.ImageSequence. For a DataLoader of torch, pass it batches.to_torch(epochs=10)."
    ),
    "ImageDataGenerator": "Use augseq.image_data_generator, which converts its arguments.",
    "ImageFolder": _LOADER,
    "PyDataset": "Use augseq.ImageSequence.",
    "Sequence": "Use augseq.ImageSequence.",
    "flow_from_dataframe": _LOADER.replace("index_folder", "index_table"),
    "flow_from_directory": _LOADER,
    "image_dataset_from_directory": _LOADER,
    "load_img": "Use augseq.read_image.",
}

# Attributes of other data sets, for an `ImageSequence` called `batches`.
ATTRIBUTES = {
    "apply": "Use `augment` for images, and layers of the model for batches.",
    "cache": 'Use ImageSequence(..., cache="memory"), or a folder.',
    "cardinality": "Use len(batches).",
    "class_indices": (
        "Use batches.class_names: label k is class_names[k]. As a dict: "
        "{name: k for k, name in enumerate(batches.class_names)}."
    ),
    "class_to_idx": "Use batches.class_names: label k is class_names[k].",
    "classes": "Use batches.manifest.targets: the labels in order of the manifest.",
    "file_paths": 'Use batches.manifest.column("path"): paths below batches.manifest.root.',
    "filenames": 'Use batches.manifest.column("path").',
    "filepaths": 'Use batches.manifest.column("path"): paths below batches.manifest.root.',
    "fit": "Use batches.manifest.statistics(), and keras.layers.Normalization in the model.",
    "image_shape": "Use batches[0][0].shape[1:].",
    "imgs": 'Use batches.manifest.column("path") and batches.manifest.targets.',
    "labels": "Use batches.manifest.targets: the labels in order of the manifest.",
    "map": "Use `augment` for images, and layers of the model for batches.",
    "n": "Use len(batches.manifest).",
    "next": "Use next(iter(batches)).",
    "num_classes": "Use len(batches.class_names).",
    "prefetch": "Remove it: batches are loaded ahead.",
    "reset": "Remove it: `predict` and `evaluate` start at the first batch.",
    "samples": "Use len(batches.manifest).",
    "shuffle": "Use ImageSequence(..., shuffle=True).",
    "take": "Use itertools.islice(batches, 3), or a smaller manifest: images.select(range(100)).",
    "to_jax": "Use batches.to_grain(epochs=10), or loop over batches, whose arrays are numpy's.",
    "to_tf_dataset": "Use batches.to_tf(epochs=10).",
    "to_tfrecord": "Use augseq.write_tfrecord(batches.manifest, folder).",
    "to_webdataset": "Use augseq.write_webdataset(batches.manifest, folder).",
    "unbatch": "Use batches.sample(index, epoch=0).",
}
