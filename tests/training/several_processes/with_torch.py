"""Two processes of `torch.distributed`, and a model in `DistributedDataParallel`."""

import sys
from typing import Any

import jax
import torch

import augseq

from .work import (
    ADDRESSES,
    NUM_EPOCHS,
    NUMBER,
    PART_SIZE,
    balanced_sequence,
    held_out,
    mean_absolute_error,
    new_model,
    new_sequence,
    note,
    pixels_of,
    read_images,
    refusal,
    tell,
    train_alone,
)


def train(model: Any, batches: augseq.ImageSequence) -> list[Any]:
    """Train in a loop; return what the steps of this process got."""
    trained: list[Any] = []
    parallel = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.001)
    for epoch in range(NUM_EPOCHS):
        batches.set_epoch(epoch)
        trained.append([])
        for index in range(len(batches)):
            images, targets = batches[index]
            trained[-1].append(read_images(images))
            optimizer.zero_grad()
            targets = torch.from_numpy(targets).float()
            predicted = parallel(torch.from_numpy(images))[:, 0]
            torch.nn.functional.mse_loss(predicted, targets).backward()
            optimizer.step()
    return trained


def evaluate(model: Any, batches: augseq.ImageSequence) -> float:
    """Return the mean absolute error over the parts of all processes."""
    mae = model.evaluate(batches, verbose=0, return_dict=True)["mae"]
    weight = sum(float(batches[index][2].sum()) for index in range(len(batches)))
    sums = torch.tensor([mae * weight, weight])
    torch.distributed.all_reduce(sums)
    return float(sums[0] / sums[1])


def main() -> None:
    too_early = new_sequence().shard()
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://{ADDRESSES[0]}", rank=NUMBER, world_size=len(ADDRESSES)
    )
    model = new_model()
    note(unsharded=refusal(lambda: model.fit(new_sequence(), verbose=0)))
    note(unsharded_in_a_loop=refusal(lambda: new_sequence().set_epoch(0)))
    note(too_early=refusal(lambda: model.fit(too_early, verbose=0)))
    # With JAX loaded too, but not connected to other processes.
    loaded = set(sys.modules)
    batches = new_sequence().shard()
    note(loaded_by_asking=sorted(set(sys.modules) - loaded))
    note(balanced=pixels_of(balanced_sequence().shard(), 1))
    note(balanced_alone=pixels_of(balanced_sequence(batch_size=2 * PART_SIZE).shard(0, 1), 1))
    trained = train(model, batches)
    weights = model.get_weights()
    mae = evaluate(model, held_out().shard(padding="zero_weight"))
    alone, weights_alone = train_alone()
    note(trained=trained, weights=[w.tolist() for w in weights], mae=mae)
    note(alone=alone, weights_alone=[w.tolist() for w in weights_alone])
    note(mae_by_numpy=mean_absolute_error(weights))
    jax.distributed.initialize(ADDRESSES[1], len(ADDRESSES), 1 - NUMBER)
    note(contradicted=refusal(lambda: new_sequence().shard()))


main()
tell(jax.distributed.shutdown)
