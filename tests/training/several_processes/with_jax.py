"""Two processes of `jax.distributed`, with a `keras.distribution.DataParallel`."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import jax
import keras

import augseq

from ..crash import CrashAfter, CrashError
from .work import (
    ADDRESSES,
    NUM_EPOCHS,
    NUMBER,
    held_out,
    mean_absolute_error,
    new_model,
    new_sequence,
    note,
    read_images,
    refusal,
    tell,
    train_alone,
)

trained: list[Any] = []


class Watched(keras.Model):
    """Records the input of a compiled step: the shards of all processes, sent to the first."""

    def train_step(self, state: Any, data: Any) -> Any:
        jax.debug.callback(lambda images: trained[-1].append(read_images(images)), data[0])
        return super().train_step(state, data)


class Steps(keras.callbacks.Callback):
    """Waits for what each step noted."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        trained.append([])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        jax.effects_barrier()


def fit(model: keras.Model, batches: augseq.ImageSequence) -> None:
    callbacks = [Steps(), augseq.EpochSync(batches)]
    model.fit(batches, epochs=NUM_EPOCHS, shuffle=False, verbose=0, callbacks=callbacks)


def note_resume() -> None:
    """Train, crash, and resume with new objects; each process has a separate folder."""
    crash = CrashAfter(4)
    with tempfile.TemporaryDirectory() as folder:
        backups = Path(folder, "backups")
        for _ in range(2):
            model, batches = new_model(), new_sequence().shard()
            audit = augseq.Audit(batches, Path(folder, "audit.jsonl"))
            callbacks = [augseq.BackupAndResume(batches, backups, every_batches=1), audit, crash]
            with contextlib.suppress(CrashError):
                model.fit(batches, epochs=NUM_EPOCHS, shuffle=False, verbose=0, callbacks=callbacks)
        note(audit=Path(folder, "audit.jsonl").read_text())
    note(weights_after_a_crash=[w.tolist() for w in model.get_weights()])
    note(batches_after_a_crash=-crash.left)


def part_with(num_copies: int) -> str:
    """Return the shard of a sequence for this number of model replicas."""
    mesh = keras.distribution.DeviceMesh((num_copies, 4 // num_copies), ["batch", "model"])
    layout = keras.distribution.LayoutMap(mesh)
    with keras.distribution.ModelParallel(layout_map=layout).scope():
        return repr(new_sequence().shard())


def main() -> None:
    jax.config.update("jax_num_cpu_devices", 2)
    too_early = new_sequence().shard()
    keras.distribution.initialize(",".join(ADDRESSES), len(ADDRESSES), NUMBER)
    note(
        one_copy=part_with(1), two_copies=part_with(2), no_distribution=repr(new_sequence().shard())
    )
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    model = new_model(Watched)
    note(keras_own_sharding=refusal(lambda: fit(model, new_sequence().shard())))
    keras.distribution.distribution().auto_shard_dataset = False
    note(unsharded=refusal(lambda: fit(model, new_sequence())))
    note(too_early=refusal(lambda: fit(model, too_early)))
    fit(model, new_sequence().shard())
    weights = model.get_weights()
    part = held_out().shard(padding="zero_weight")
    mae = model.evaluate(part, verbose=0, return_dict=True)["mae"]
    note_resume()
    keras.distribution.set_distribution(None)
    alone, weights_alone = train_alone()
    note(trained=trained, weights=[w.tolist() for w in weights], mae=mae)
    note(alone=alone, weights_alone=[w.tolist() for w in weights_alone])
    note(mae_by_numpy=mean_absolute_error(weights))


main()
tell(jax.distributed.shutdown)
