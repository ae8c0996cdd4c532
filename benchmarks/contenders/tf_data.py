"""tf.data, tuned: decodes only the crop, fast DCT, AUTOTUNE, one endless iterator.

With `cache`, whole decoded images stay in memory, and each epoch crops from them. As it comes, it
has neither parallel calls nor prefetching.
"""

from itertools import islice, repeat
from typing import Any

import tensorflow as tf

from benchmarks import work
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = False


def make_dataset(
    job: Job, *, cache: bool = False, as_it_comes: bool = False
) -> tuple[tf.data.Dataset, int]:
    """Return an endless data set and the number of batches in an epoch."""
    paths, labels = work.list_files(job.folder)
    dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
    calls = None if as_it_comes else tf.data.AUTOTUNE
    if cache:
        dataset = dataset.map(_load_whole, num_parallel_calls=tf.data.AUTOTUNE).cache()
        load_crop = _crop
    else:
        load_crop = _load_png_crop if paths[0].endswith(".png") else _load_jpeg_crop

    def load(source: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _finish(tf.image.resize(load_crop(source), job.image_size), job), label

    batches = (
        dataset.shuffle(len(paths))
        .repeat()
        .map(load, num_parallel_calls=calls)
        .batch(job.batch_size)
    )
    if not as_it_comes:
        options = tf.data.Options()
        options.deterministic = False
        batches = batches.prefetch(tf.data.AUTOTUNE).with_options(options)
    return batches, work.num_batches(len(paths), job)


def epochs(job: Job, *, cache: bool = False, as_it_comes: bool = False) -> Epochs:
    dataset, num_batches = make_dataset(job, cache=cache, as_it_comes=as_it_comes)
    for batches in repeat(iter(dataset)):
        yield islice(batches, num_batches)


def fit_arguments(job: Job, *, cache: bool = False) -> dict[str, Any]:
    dataset, num_batches = make_dataset(job, cache=cache)
    return {"x": dataset, "steps_per_epoch": num_batches}


def _load_whole(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False), label


def _load_jpeg_crop(path: tf.Tensor) -> tf.Tensor:
    contents = tf.io.read_file(path)
    begin, size = _sample_crop(tf.image.extract_jpeg_shape(contents))
    window = tf.stack([begin[0], begin[1], size[0], size[1]])
    return tf.image.decode_and_crop_jpeg(contents, window, channels=3, dct_method="INTEGER_FAST")


def _load_png_crop(path: tf.Tensor) -> tf.Tensor:
    return _crop(tf.image.decode_png(tf.io.read_file(path), channels=3))


def _crop(image: tf.Tensor) -> tf.Tensor:
    return tf.slice(image, *_sample_crop(tf.shape(image)))


def _sample_crop(shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        shape,
        tf.zeros([0, 0, 4]),
        area_range=work.CROP_AREA,
        aspect_ratio_range=work.CROP_ASPECT,
        use_image_if_no_bounding_boxes=True,
    )
    return begin, size


def _finish(image: tf.Tensor, job: Job) -> tf.Tensor:
    """Flip, vary brightness and contrast, and normalise if required."""
    factor = 1 + tf.random.uniform([], -work.CONTRAST, work.CONTRAST)
    offset = 255 * tf.random.uniform([], -work.BRIGHTNESS, work.BRIGHTNESS)
    image = tf.image.random_flip_left_right(image)
    image = tf.clip_by_value(image * factor + offset, 0, 255)
    if job.dtype == "uint8":
        return tf.cast(image, tf.uint8)
    return (image / 255 - tf.constant(work.MEAN)) / tf.constant(work.STD)
