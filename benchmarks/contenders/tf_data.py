"""tf.data, tuned: only the crop is decoded, fast DCT, AUTOTUNE, one endless iterator."""

from itertools import islice, repeat
from typing import Any

import tensorflow as tf

from benchmarks import work
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = False


def make_dataset(job: Job) -> tuple[tf.data.Dataset, int]:
    """Return an endless data set and the number of batches in an epoch."""
    paths, labels = work.list_files(job.folder)
    decode = _decode_png_crop if paths[0].endswith(".png") else _decode_jpeg_crop

    def load(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.image.resize(decode(tf.io.read_file(path)), job.image_size)
        image = _vary_light(tf.image.random_flip_left_right(image))
        return tf.cast(image, job.dtype), label

    options = tf.data.Options()
    options.deterministic = False
    dataset = (
        tf.data.Dataset.from_tensor_slices((paths, labels))
        .shuffle(len(paths))
        .repeat()
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(job.batch_size)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(options)
    )
    return dataset, work.num_batches(len(paths), job)


def epochs(job: Job) -> Epochs:
    dataset, num_batches = make_dataset(job)
    for batches in repeat(iter(dataset)):
        yield islice(batches, num_batches)


def fit_arguments(job: Job) -> dict[str, Any]:
    dataset, num_batches = make_dataset(job)
    return {"x": dataset, "steps_per_epoch": num_batches}


def _sample_crop(shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        shape,
        tf.zeros([0, 0, 4]),
        area_range=work.CROP_AREA,
        aspect_ratio_range=work.CROP_ASPECT,
        use_image_if_no_bounding_boxes=True,
    )
    return begin, size


def _decode_jpeg_crop(contents: tf.Tensor) -> tf.Tensor:
    begin, size = _sample_crop(tf.image.extract_jpeg_shape(contents))
    window = tf.stack([begin[0], begin[1], size[0], size[1]])
    return tf.image.decode_and_crop_jpeg(contents, window, channels=3, dct_method="INTEGER_FAST")


def _decode_png_crop(contents: tf.Tensor) -> tf.Tensor:
    image = tf.image.decode_png(contents, channels=3)
    return tf.slice(image, *_sample_crop(tf.shape(image)))


def _vary_light(image: tf.Tensor) -> tf.Tensor:
    factor = 1 + tf.random.uniform([], -work.CONTRAST, work.CONTRAST)
    offset = 255 * tf.random.uniform([], -work.BRIGHTNESS, work.BRIGHTNESS)
    return tf.clip_by_value(image * factor + offset, 0, 255)
