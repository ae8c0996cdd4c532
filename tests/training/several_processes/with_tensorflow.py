"""Two workers of a `tf.distribute.MultiWorkerMirroredStrategy`."""

import json
import os
from typing import Any

import numpy as np
import tensorflow as tf

import augseq

from .work import (
    ADDRESSES,
    NUM_EPOCHS,
    NUMBER,
    held_out,
    mean_absolute_error,
    new_model,
    new_sequence,
    note,
    predictions,
    read_images,
    refusal,
    tell,
    train_alone,
)


def part_with(cluster: dict[str, list[str]], job: str, index: int) -> str:
    """Return the shard of a sequence in a cluster."""
    task = {"type": job, "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    return repr(new_sequence().shard())


def note_roles() -> None:
    """Take the parts of processes of other clusters."""
    one, two = ADDRESSES
    note(
        chief=part_with({"chief": [one], "worker": [two]}, "chief", 0),
        worker_of_chief=part_with({"chief": [one], "worker": [two]}, "worker", 0),
        evaluator=part_with({"worker": [one, two]}, "evaluator", 0),
        with_parameter_server=part_with({"worker": [one], "ps": [two]}, "worker", 0),
        one_worker=part_with({"worker": [one]}, "worker", 0),
        worker=part_with({"worker": [one, two]}, "worker", NUMBER),
        unsharded_outside_the_scope=refusal(lambda: new_sequence().set_epoch(0)),
    )
    del os.environ["TF_CONFIG"]


def new_strategy() -> Any:
    """Return a strategy that does not know its cluster from `TF_CONFIG`."""
    spec = tf.train.ClusterSpec({"worker": ADDRESSES})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type="worker", task_id=NUMBER, rpc_layer="grpc"
    )
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)


def train(model: Any, strategy: Any, batches: augseq.ImageSequence) -> list[Any]:
    """Train in a loop; return what the steps of this process got."""
    trained: list[Any] = []

    def watched_step(batch: Any) -> Any:
        tf.py_function(lambda images: trained[-1].append(read_images(images)), [batch[0]], [])
        return model.train_step(batch)

    @tf.function
    def step(batch: Any) -> None:
        strategy.run(watched_step, args=(batch,))

    for epoch in range(NUM_EPOCHS):
        batches.set_epoch(epoch)
        trained.append([])
        for index in range(len(batches)):
            step(batches[index])
    return trained


def evaluate(model: Any, strategy: Any, batches: augseq.ImageSequence) -> float:
    @tf.function
    def step(batch: Any) -> None:
        strategy.run(model.test_step, args=(batch,))

    model.reset_metrics()
    for index in range(len(batches)):
        step(batches[index])
    return float(model.get_metrics_result()["mae"])


def wait_for_others(strategy: Any) -> None:
    """Add something up over all workers, which none can do alone."""

    @tf.function
    def count() -> Any:
        return strategy.reduce("SUM", strategy.run(lambda: tf.ones(())), axis=None)

    count()


def main() -> Any:
    """Take all notes; return the strategy."""
    too_early = new_sequence().shard()
    note_roles()
    strategy = new_strategy()
    with strategy.scope():
        model = new_model()
        note(unsharded=refusal(lambda: new_sequence().set_epoch(0)))
        note(too_early=refusal(lambda: too_early.set_epoch(0)))
        batches = new_sequence().shard()
        note(in_scope=repr(batches))
        note(part_in_fit=refusal(lambda: model.fit(batches, verbose=0)))
        note(part_in_predict=refusal(lambda: model.predict(batches, verbose=0)))
        note(whole_in_fit=refusal(lambda: model.fit(new_sequence(), verbose=0)))
        trained = train(model, strategy, batches)
        weights = model.get_weights()
        mae = evaluate(model, strategy, held_out().shard(padding="zero_weight"))
        found = model.predict(held_out(), verbose=0)
    alone, weights_alone = train_alone()
    note(trained=trained, weights=[w.tolist() for w in weights], mae=mae)
    note(alone=alone, weights_alone=[w.tolist() for w in weights_alone])
    note(mae_by_numpy=mean_absolute_error(weights))
    note(predicts_all=bool(np.allclose(found, predictions(weights), rtol=1e-4)))
    return strategy


strategy = main()
tell(lambda: wait_for_others(strategy))
