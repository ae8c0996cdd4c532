"""The command `augseq` in forks of one process, which get a signal at a batch.

python -m tests.cli.killable

Arguments of a fork: a signal and the number of the training batch after which it is sent, such as
SIGKILL@7, or "-"; then those of `augseq`, or "digest" and the paths of models.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import keras

from augseq.cli.main import main
from augseq.training.backup.fit_conditions import weights_digest
from tests.training.forks import serve_forks


class SignalAfter(keras.callbacks.Callback):
    """Sends this process a signal after a number of batches, or of epochs."""

    left = 0
    name = ""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        SignalAfter.left -= 1
        if SignalAfter.left == 0:
            os.kill(os.getpid(), getattr(signal, SignalAfter.name))


def run(arguments: Sequence[str]) -> None:
    moment, command, *rest = arguments
    if keras.backend.backend() == "torch":
        import torch

        # Threads that wait for each other on a busy machine take most of the time.
        torch.set_num_threads(1)
    if command == "digest":
        print(
            *[weights_digest(keras.models.load_model(path, compile=False)) for path in rest],
            sep="\n",
        )
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    if moment != "-":
        SignalAfter.name, _, number = moment.partition("@")
        SignalAfter.left = int(number)
        fit = keras.Model.fit

        def fit_with_signal(model: Any, *data: Any, callbacks: list[Any], **options: Any) -> Any:
            return fit(model, *data, callbacks=[*callbacks, SignalAfter()], **options)

        keras.Model.fit = fit_with_signal
    sys.argv = ["augseq", command, *rest]
    main()


if __name__ == "__main__":
    serve_forks(run)
