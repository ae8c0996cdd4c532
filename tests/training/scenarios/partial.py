"""Keras' epochs that are shorter or longer than a pass over the data."""

import time
from typing import Any

import keras

from .watch import (
    array_sequence,
    fit,
    joined,
    new_model,
    noted,
    plan_of,
    require_equal,
    require_passes,
    scenario,
)


@scenario
def fewer_steps_than_batches_go_on_with_the_pass_and_it_is_named_after_its_first_epoch() -> None:
    # Of 6 batches: 4 and 2 steps make a pass, then 3 and 3.
    for steps, lengths in ((4, [4, 2] * 2), (3, [3] * 4), (1, [1] * 12)):
        for shuffle in (True, False):
            trained = fit(
                array_sequence(workers=2),
                steps_per_epoch=steps,
                epochs=len(lengths),
                shuffle=shuffle,
            )
            where = f"steps_per_epoch={steps}, shuffle={shuffle}"
            require_equal([len(batches) for batches in trained.values()], lengths, where)
            epochs = require_passes(joined(trained))
            epochs_of_a_pass = 6 if steps == 1 else 2
            require_equal(epochs, list(range(0, len(lengths), epochs_of_a_pass)), where)
            first = joined(trained)[:6]
            require_equal(sorted(first), sorted(plan_of(array_sequence, 0)), where)


@scenario
def fewer_steps_than_batches_two_per_execution_keep_passes_whole() -> None:
    for steps in (4, 3, 2):
        model = new_model(steps_per_execution=2)
        trained = fit(array_sequence(workers=2), model=model, steps_per_epoch=steps, epochs=6)
        require_passes(joined(trained))


@scenario
def more_steps_than_batches_train_one_pass_in_each_epoch() -> None:
    for sync in (True, False):
        trained = fit(array_sequence(workers=2), sync=sync, steps_per_epoch=8, epochs=3)
        require_equal([len(batches) for batches in trained.values()], [6] * 3)
        require_equal(require_passes(joined(trained)), [0, 1, 2], f"sync={sync}")


@scenario
def without_epoch_sync_fewer_steps_than_batches_keep_passes_whole_in_order() -> None:
    for steps in (4, 3, 1):
        sequence = array_sequence(workers=2)
        trained = fit(sequence, sync=False, steps_per_epoch=steps, epochs=12, shuffle=False)
        epochs = require_passes(joined(trained))
        require_equal(epochs, list(range(len(epochs))), f"steps_per_epoch={steps}")


@scenario
def without_epoch_sync_fewer_steps_than_batches_keep_passes_whole_when_keras_shuffles() -> None:
    for steps, num_epochs in ((4, 4), (3, 4), (1, 12)):
        for attempt in range(2):
            sequence = array_sequence(workers=0)
            trained = fit(sequence, sync=False, steps_per_epoch=steps, epochs=num_epochs)
            epochs = require_passes(joined(trained))
            where = f"steps_per_epoch={steps}, attempt {attempt}"
            require_equal(epochs, list(range(len(epochs))), where)


class Pause(keras.callbacks.Callback):
    """Leaves a prefetching thread the time to read on between epochs."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        time.sleep(0.05)


@scenario
def batches_read_between_two_epochs_belong_to_the_pass() -> None:
    for attempt in range(3):
        trained = fit(
            array_sequence(),
            sync=False,
            callbacks=[Pause()],
            steps_per_epoch=3,
            epochs=6,
        )
        epochs = require_passes(joined(trained))
        require_equal(epochs, list(range(3)), f"attempt {attempt}")


@scenario
def without_epoch_sync_a_fit_after_one_of_fewer_steps_repeats_no_augmentation() -> None:
    for attempt in range(3):
        sequence, model = array_sequence(), new_model(built=True)
        first = fit(sequence, sync=False, model=model, steps_per_epoch=4)
        second = fit(sequence, sync=False, model=model)
        before = {image for batch in joined(first) for image in batch}
        after = {image for batch in joined(second) for image in batch}
        require_equal(sorted(before & after), [], f"attempt {attempt}")


@scenario
def the_warning_also_appears_if_passes_span_several_epochs() -> None:
    with noted() as texts:
        fit(array_sequence(), sync=False, steps_per_epoch=3, epochs=6, callbacks=[Pause()])
    require_equal(len(texts), 1)
