"""Keras' own folder reader, followed by Keras' augmentation layers.

Keras has no random resized crop. Its guides instead resize all images to one size and take a random
crop of the target size.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import work
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True


def make_dataset(job: Job) -> tf.data.Dataset:
    height, width = job.image_size
    images = keras.utils.image_dataset_from_directory(
        job.folder,
        image_size=(height * 8 // 7, width * 8 // 7),
        batch_size=job.batch_size,
        verbose=False,
    )
    layers = [
        keras.layers.RandomCrop(height, width),
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomBrightness(work.BRIGHTNESS),
        keras.layers.RandomContrast(work.CONTRAST, value_range=(0, 255)),
    ]
    if job.dtype == "float32":
        mean, std = np.array(work.MEAN), np.array(work.STD)
        layers.append(keras.layers.Normalization(mean=255 * mean, variance=(255 * std) ** 2))
    augment = keras.Sequential(layers)
    return images.map(
        lambda x, y: (tf.cast(augment(x, training=True), job.dtype), y),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


def epochs(job: Job) -> Epochs:
    dataset = make_dataset(job)
    while True:
        yield iter(dataset)


def fit_arguments(job: Job) -> dict[str, Any]:
    return {"x": make_dataset(job)}
