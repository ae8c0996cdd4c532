"""The model of a run: a network with the head of its kind of target, and how it is compiled."""

import keras

from augseq.manifest.pixel_statistics import PixelStatistics
from augseq.training.kinds.kind import Kind
from augseq.training.networks.networks import build_network
from augseq.training.run_options import RunOptions

_WEIGHT_DECAY = 5e-3
_WARM_UP = 0.1


def build_model(
    kind: Kind, options: RunOptions, bands: PixelStatistics | None = None
) -> keras.Model:
    """Build the model of a run, uncompiled.

    Args:
        kind: What it predicts.
        options: The options of the run. Their weights are those of the network; those of the head
            are always random.
        bands: Mean and variance of each band of the images to train on; None for colours.

    Raises:
        ArgumentError: There is no such architecture, it does not support this image size, or the
            weights do not fit it or cannot be downloaded.
        MissingFileError: There is no such file of weights.
    """
    num_channels = 1 if options.color_mode == "grayscale" else 3
    if bands is not None:
        num_channels = len(bands.mean)
    policy = keras.config.dtype_policy()
    if options.mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        network = build_network(
            options.architecture,
            image_shape=(*options.image_size, num_channels),
            seed=options.seed,
            weights=str(options.weights),
            white=1.0 if options.full_depth else 255.0,
            is_per_pixel=kind.is_per_pixel,
            bands=bands,
        )
        return keras.Model(network.pixels, kind.add_head(network), name=network.name)
    finally:
        keras.config.set_dtype_policy(policy)


def compile_model(model: keras.Model, kind: Kind, *, num_steps: int, learning_rate: float) -> None:
    """Compile a model for a training run of known length.

    Uses AdamW, a learning rate with warm-up over the first tenth of the steps and then cosine
    decay to zero, and the loss and metrics of the kind of target.

    Args:
        model: A model that returns what `kind` predicts.
        kind: What it predicts.
        num_steps: Steps of the whole run: batches per epoch times epochs.
        learning_rate: Peak learning rate.
    """
    warm_up = max(1, round(_WARM_UP * num_steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=learning_rate,
        warmup_steps=warm_up,
        decay_steps=max(1, num_steps - warm_up),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if model.dtype_policy.name == "mixed_float16":
        # Keras would do the same in `compile`, but not after loading: a loaded model has the
        # global policy. Its optimizer would then lack variables, and start without its state.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer, loss=kind.loss(), metrics=kind.metrics(), jit_compile=_jit_compile())


def _jit_compile() -> bool | str:
    # On a CPU, XLA makes TensorFlow slower: an epoch of 416 images took 1.7 s with it and
    # 1.0 s without, and compiling 7 s instead of 2 s. JAX is slow without it.
    return False if keras.backend.backend() == "tensorflow" else "auto"
