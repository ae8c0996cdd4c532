"""The stages of a training run: one, or two with pretrained weights."""

import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras

from augseq.errors import MissingExtraError
from augseq.training.backup.backup import BackupAndResume
from augseq.training.networks.networks import freeze_network
from augseq.training.own_failure import own_failure
from augseq.training.run_files import BACKUPS
from augseq.training.run_options import GIVEN, RunOptions
from augseq.training.runs.build_model import compile_model
from augseq.training.runs.epoch_log import EpochLog, Epochs, epochs_of
from augseq.training.runs.run_data import RunData

# Large steps would destroy pretrained weights.
_GENTLE = 0.05
_BACKUP_EVERY_S = 300
_FOR_TENSORBOARD = ("tensorflow", "tensorboard")
# The value of `verbose` for one line per epoch.
_LINES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A call of `fit`.

    Attributes:
        name: Of its backups.
        first: Number of its first epoch, from 0.
        end: Number of the epoch after its last one.
        learning_rate: Peak learning rate.
        with_head_only: Whether it trains only the head of a pretrained model, or all layers.
            None: not a pretrained model.
    """

    name: str
    first: int
    end: int
    learning_rate: float
    with_head_only: bool | None


def stages_of(options: RunOptions) -> list[Stage]:
    """Return the stages of a run: with pretrained weights, first the head, then all layers."""
    assert options.epochs is not None
    rate = options.peak_learning_rate
    if not options.is_fine_tuning:
        return [_stage("all", 0, options.epochs, rate, None)]
    head = options.head_epochs or 0
    stages = [
        _stage("head", 0, head, rate, True),
        _stage("all", head, options.epochs, _GENTLE * rate, False),
    ]
    return [stage for stage in stages if stage.end > stage.first]


def _stage(name: str, first: int, end: int, rate: float, with_head_only: bool | None) -> Stage:
    return Stage(name=name, first=first, end=end, learning_rate=rate, with_head_only=with_head_only)


def train_stages(
    model: keras.Model, data: RunData, options: RunOptions, folder: Path, *, verbose: int
) -> Epochs:
    """Train a model, or resume its training from the backups in a run folder.

    Args:
        model: As it was at the beginning of the run. One that is compiled is trained as it is.
        data: What to train on.
        options: How to train.
        folder: The run folder.
        verbose: 0 silent, 1 progress bars, 2 one line per epoch.

    Returns:
        Loss and metrics of each epoch, including those before the run was interrupted.
    """
    epochs: Epochs = []
    stages = stages_of(options)
    if verbose:
        print(_start(options), flush=True)
    is_compiled = model.compiled
    for stage in stages:
        if stage.with_head_only is not None:
            freeze_network(model, with_head_only=stage.with_head_only)
        if not is_compiled:
            num_steps = (stage.end - stage.first) * len(data.train)
            compile_model(model, data.kind, num_steps=num_steps, learning_rate=stage.learning_rate)
        log = EpochLog(
            folder,
            num_epochs=stages[-1].end,
            score=data.kind.score,
            earlier=epochs,
            early_stopping=options.early_stopping if stage is stages[-1] else None,
            verbose=verbose == _LINES,
        )
        backups = BackupAndResume(
            data.train, folder / BACKUPS, name=stage.name, every_s=_BACKUP_EVERY_S
        )
        with own_failure(data.train, data.held_out), warnings.catch_warnings():
            # Keras' MeanIoU requests 64 bits, where 32 bits, which JAX has, are enough.
            warnings.filterwarnings("ignore", "Explicitly requested dtype int64")
            history = model.fit(
                data.train,
                validation_data=data.held_out,
                initial_epoch=stage.first,
                epochs=stage.end,
                shuffle=False,
                class_weight=data.class_weight,
                callbacks=[backups, log, *_tensorboard(options, folder)],
                verbose=0 if verbose == _LINES else verbose,
            )
        epochs += epochs_of(history.history)
    return epochs


def _start(options: RunOptions) -> str:
    """Return which network is trained, and from which weights."""
    start = "random weights; for pretrained ones, pass weights (at the shell: --weights)"
    if options.is_fine_tuning:
        start = f"weights: {options.weights}; {_stages_text(options)}"
    elif options.weights == GIVEN:
        start = "with the weights that it has"
    return f"network {options.architecture}, {start}"


def _stages_text(options: RunOptions) -> str:
    if not options.head_epochs:
        return "all layers are trained in all epochs"
    if options.head_epochs == options.epochs:
        return "only the last layer is trained"
    first = "trains" if options.head_epochs == 1 else f"{options.head_epochs} train"
    return f"of {options.epochs} epochs, the first {first} only the last layer"


def check_tensorboard(options: RunOptions) -> None:
    """Raise `MissingExtraError` if logs for TensorBoard are wanted, but cannot be written."""
    absent = [name for name in _FOR_TENSORBOARD if importlib.util.find_spec(name) is None]
    if options.tensorboard and absent:
        raise MissingExtraError(
            "Keras writes logs for TensorBoard (`tensorboard`; at the shell: --tensorboard) with "
            f"TensorFlow and TensorBoard. Install {' and '.join(absent)}."
        )


def _tensorboard(options: RunOptions, folder: Path) -> list[keras.callbacks.Callback]:
    if not options.tensorboard:
        return []
    return [keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False)]
