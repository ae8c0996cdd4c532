"""What callbacks write down about a run names the records that the model was trained on."""

import contextlib
import itertools
import json
import os
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

from ..crash import CrashAfter, CrashError
from .watch import (
    NEEDS_JIT,
    Trained,
    array_sequence,
    fit,
    joined,
    new_model,
    require_equal,
    require_passes,
    scenario,
    temporary_folder,
)


def audited(
    sequence: augseq.ImageSequence, folder: str, *, audit_first: bool = True, **options: Any
) -> tuple[list[Trained], list[Trained]]:
    """Fit with an audit; return what was written, and what was trained."""
    path = Path(folder, "audit.jsonl")
    callbacks = [augseq.Audit(sequence, path), augseq.EpochSync(sequence)]
    callbacks = callbacks if audit_first else callbacks[::-1]
    trained = fit(sequence, sync=False, shuffle=False, callbacks=callbacks, **options)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    written = [[(i, line["epoch"]) for i in line["indices"]] for line in lines if "indices" in line]
    return written, joined(trained)


@scenario
def an_audit_follows_a_pass_through_several_of_keras_epochs() -> None:
    for number, (steps, repeated) in enumerate(itertools.product((1, 4, 7), (False, True))):
        first = number % 3 == 0
        with temporary_folder() as folder:
            sequence = array_sequence(10, workers=2 * first)
            sequence = sequence.repeat() if repeated else sequence
            written, trained = audited(
                sequence, folder, audit_first=first, steps_per_epoch=steps, epochs=6
            )
            where = f"steps_per_epoch={steps}, repeated={repeated}, first={first}"
            require_equal(written, trained, where)
            report = augseq.verify_audit(Path(folder, "audit.jsonl"), sequence.manifest)
            require_equal(report.num_epochs, len(trained) // 5, f"{where}: {report}")
            require_equal(report.holds, True, f"{where}: {report}")
            require_equal(report.unfinished, len(trained) % 5 * 2, f"{where}: {report}")


@scenario
def an_audit_follows_two_steps_per_execution() -> None:
    # An odd and an even number of batches, in passes of one, more and fewer steps than that.
    cases = ((10, None, False), (12, 2, False), (10, 3, False), (10, 2, True), (12, 4, True))
    for num_images, steps, repeated in cases:
        with temporary_folder() as folder:
            sequence = array_sequence(num_images, workers=2)
            sequence = sequence.repeat() if repeated else sequence
            model = new_model(steps_per_execution=2)
            written, trained = audited(
                sequence, folder, model=model, steps_per_epoch=steps, epochs=5
            )
            where = f"{num_images} images, steps_per_epoch={steps}, repeated={repeated}"
            require_equal(written, trained, where)


@scenario
def an_audit_follows_the_initial_epoch_and_a_second_fit() -> None:
    for repeated in (False, True):
        with temporary_folder() as folder:
            sequence, model = array_sequence(10, workers=2), new_model()
            sequence = sequence.repeat() if repeated else sequence
            path = Path(folder, "audit.jsonl")
            callbacks = [augseq.EpochSync(sequence), augseq.Audit(sequence, path)]
            wanted = []
            # The first one ends in the middle of a pass.
            for first, last in ((0, 2), (2, 5)):
                trained = fit(
                    sequence,
                    sync=False,
                    model=model,
                    callbacks=callbacks,
                    shuffle=False,
                    steps_per_epoch=2,
                    initial_epoch=first,
                    epochs=last,
                    validation_data=array_sequence(8, augment=None),
                )
                wanted += joined(trained)
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            written = [[(i, x["epoch"]) for i in x["indices"]] for x in lines if "indices" in x]
            require_equal(written, wanted, f"repeated={repeated}")


@scenario
def evaluation_of_the_training_data_inside_a_pass_disturbs_neither_pass_nor_audit() -> None:
    # TensorFlow reads on in an evaluation that ends early, so that its order cannot be known.
    is_tensorflow = keras.backend.backend() == "tensorflow"
    for steps, validation_steps in itertools.product((None, 2), (None, 1)[: 2 - is_tensorflow]):
        with temporary_folder() as folder:
            sequence = array_sequence(10, workers=2)
            written, trained = audited(
                sequence,
                folder,
                steps_per_epoch=steps,
                epochs=6,
                validation_data=sequence,
                validation_steps=validation_steps,
            )
            where = f"steps_per_epoch={steps}, validation_steps={validation_steps}"
            require_equal(written, trained, where)
            epochs = require_passes(trained, length=5)
            require_equal(epochs, list(range(0, 6, 1 if steps is None else 3)), where)


@scenario
def an_audit_records_the_end_of_an_epoch_and_leaves_no_file_open_if_fit_fails() -> None:
    with temporary_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        sequence, path = array_sequence(10), Path(folder, "audit.jsonl")
        audit = augseq.Audit(sequence, path)
        with contextlib.suppress(CrashError):
            callbacks = [augseq.EpochSync(sequence), audit, CrashAfter(7)]
            fit(sequence, sync=False, shuffle=False, callbacks=callbacks, epochs=3)
        open_files = [os.path.realpath(entry) for entry in Path("/proc/self/fd").glob("*")]
        require_equal([name for name in open_files if name.startswith(folder)], [])
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        kinds = ["end" if "ended" in line else line["epoch"] for line in lines]
        require_equal(kinds, [0, 0, 0, 0, 0, "end", 1, 1])
        report = augseq.verify_audit(path, sequence.manifest)
        require_equal((report.holds, report.num_epochs, report.unfinished), (True, 1, 4))


def target_model() -> keras.Model:
    """Return a model whose loss is the mean target of a batch, and which never changes."""
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)

    def mean_target(targets: Any, found: Any) -> Any:
        return keras.ops.mean(keras.ops.cast(targets, "float32")) + 0.0 * keras.ops.mean(found)

    model.compile(keras.optimizers.SGD(0.0), mean_target, jit_compile=NEEDS_JIT)
    return model


@scenario
def loss_spikes_follow_a_pass_through_several_of_keras_epochs() -> None:
    for steps, repeated in ((1, False), (4, False), (7, False), (4, True)):
        sequence = array_sequence(10, augment=None, workers=2)
        sequence = sequence.repeat() if repeated else sequence
        spikes = augseq.LossSpikes(sequence, keep=99, skip_epochs=0)
        target_model().fit(
            sequence,
            shuffle=False,
            verbose=0,
            callbacks=[spikes, augseq.EpochSync(sequence)],
            steps_per_epoch=steps,
            epochs=6,
        )
        where = f"steps_per_epoch={steps}, repeated={repeated}"
        by_epoch: dict[int, list[int]] = {}
        for spike in spikes.spikes:
            wanted = sum(spike.indices) / len(spike.indices)
            require_equal(abs(spike.loss - wanted) < 1e-3, True, f"{where}: {spike}")
            by_epoch.setdefault(spike.epoch, []).extend(spike.indices)
        num_whole = sum(sorted(indices) == list(range(10)) for indices in by_epoch.values())
        require_equal(len(by_epoch) - num_whole <= 1, True, f"{where}: {by_epoch}")
        require_equal(num_whole > 0, True, f"{where}: {by_epoch}")


@scenario
def loss_spikes_of_two_steps_per_execution_never_mix_two_epochs() -> None:
    new_model(steps_per_execution=2)
    sequence = array_sequence(10, augment=None).repeat()
    model = target_model()
    options = {"steps_per_execution": 2, "jit_compile": NEEDS_JIT}
    model.compile(keras.optimizers.SGD(0.0), model.loss, **options)
    spikes = augseq.LossSpikes(sequence, keep=99, skip_epochs=0)
    callbacks = [augseq.EpochSync(sequence), spikes]
    model.fit(sequence, verbose=0, callbacks=callbacks, steps_per_epoch=4, epochs=5)
    by_epoch: dict[int, list[int]] = {}
    for spike in spikes.spikes:
        by_epoch.setdefault(spike.epoch, []).extend(spike.indices)
    require_equal(sorted(by_epoch), [0, 1, 2, 3])
    for indices in by_epoch.values():
        require_equal(sorted(indices), list(range(10)))


@scenario
def a_nan_loss_ranks_highest_at_its_first_batch() -> None:
    x = np.zeros((24, 8, 8, 3), np.float32)
    y = np.arange(24, dtype=np.float32)
    y[17] = np.nan
    sequence = augseq.ImageSequence.from_arrays(x, y, batch_size=4, shuffle=True, seed=3)
    spikes = augseq.LossSpikes(sequence, keep=4, skip_epochs=2)
    callbacks = [augseq.EpochSync(sequence), spikes]
    target_model().fit(sequence, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
    found = spikes.spikes
    # The first of each epoch, those of the epochs that are skipped too; the earliest first.
    require_equal([spike.epoch for spike in found[:3]], [0, 1, 2])
    require_equal(
        [np.isnan(spike.loss) for spike in found], [True] * 3 + [False] * (len(found) - 3)
    )
    for spike in found[:3]:
        require_equal(17 in spike.indices, True, str(spike))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = spikes.draw(0, num_images=3)
        figure.canvas.draw()
    require_equal(figure.get_suptitle(), "loss nan, epoch 0")
    require_equal(len(figure.axes), 3)
    for wrong in ({"num_images": 0}, {"number": 4}, {"number": -1}, {"number": 1.0}):
        try:
            spikes.draw(**wrong)
        except augseq.errors.ArgumentError as error:
            require_equal(str(next(iter(wrong.values()))) in str(error), True, str(error))
        else:
            raise AssertionError(f"{wrong} was not refused")
