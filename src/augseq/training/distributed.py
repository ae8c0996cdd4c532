"""The shard of this process, detected from the running backend.

Detection imports and starts nothing: it looks only at modules that are already loaded.
"""

import sys
from dataclasses import replace
from typing import Any, TypeAlias

import keras

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.sampling.schedule import Padding, Schedule, Shard

_Part: TypeAlias = tuple[int, int]
"""(index, count) of a shard."""

_WHOLE = (0, 1)


def shard_plan(
    plan: BatchPlan, index: int | None, count: int | None, padding: Padding | None
) -> BatchPlan:
    """Return a plan of one shard of every global batch; see `ImageSequence.shard`.

    Raises:
        ArgumentError: Only one of `index` and `count` was given, there is no such shard, or
            batches cannot be divided.
    """
    if padding == "zero_weight" and plan.target is None:
        raise ArgumentError('padding="zero_weight" requires targets, but there are none.')
    if plan.schedule.has_parts and plan.schedule.done.num_records:
        raise ArgumentError(
            "With Buckets, the order depends on the number of shards, so shards cannot change "
            "within an epoch. Call `shard` before `load_state_dict`, with as many shards as in "
            "the run that was saved."
        )
    shard = _make_shard(index, count, padding)
    return replace(plan, schedule=replace(plan.schedule, shard=shard))


def _make_shard(index: int | None, count: int | None, padding: Padding | None) -> Shard:
    if index is not None and count is not None:
        return Shard(index=index, count=count, padding=padding, is_given=True)
    if index is not None or count is not None:
        raise ArgumentError(
            "shard() takes both index and count, or neither to detect them. "
            f"Received: index={index}, count={count}"
        )
    index, count = _find_part()
    return Shard(index=index, count=count, padding=padding)


def require_own_part(shard: Shard) -> None:
    """Raise if the processes together would not train each record once."""
    part = _find_part()
    # A strategy with its own cluster resolver is visible only in its scope, so it may be missed.
    if not shard.is_given and part not in (_WHOLE, (shard.index, shard.count)):
        raise ArgumentError(
            "When several processes train together, each must use its own shard of every global "
            f"batch. Received: shard {shard.index} of {shard.count}, in a process that must use "
            f"shard {part[0]} of {part[1]}. Call batches.shard() after the processes have joined, "
            "or batches.shard(0, 1) if each process should get all images."
        )


def require_part_for_keras(shard: Shard) -> None:
    """Raise if Keras would not pass each process its own shard."""
    if _part_in_tensorflow() == _WHOLE:
        require_own_part(shard)
    elif shard.count > 1:
        raise ArgumentError(
            "In `fit`, `evaluate` and `predict`, tf.distribute divides batches among its workers "
            f"again, so most of a shard would be lost. Received: shard {shard.index} of "
            f"{shard.count}. To train and evaluate, write your own loop: "
            "batches.set_epoch(epoch), strategy.run(model.train_step, args=(batches[i],)). For "
            "predict, pass the sequence without shard()."
        )


def require_even_batches(schedule: Schedule, epoch: int) -> None:
    """Raise if a batch cannot be divided evenly among the devices of `keras.distribution`."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    num_devices = max(1, _num_copies(distribution) // schedule.shard.count)
    uneven = sorted(size for size in schedule.batch_sizes(epoch) if size % num_devices)
    if not uneven:
        return
    text = (
        f"Each batch is divided evenly among {num_devices} devices, but a batch holds {uneven[0]} "
        "images. "
    )
    if schedule.batch_size % num_devices:
        text += f"Use a `batch_size` that is a multiple of {num_devices}."
    else:
        text += (
            "The last batch is smaller than the others. To train, pass drop_remainder=True, or "
            'pad it with batches.shard(0, 1, padding="wrap"). To evaluate, use '
            'batches.shard(0, 1, padding="zero_weight") and `weighted_metrics`, which count each '
            'image once. To predict, use padding="wrap" and drop the extra rows at the end.'
        )
    raise ArgumentError(f"{text} Received: batch_size={schedule.batch_size}")


def _num_copies(distribution: Any) -> int:
    """Return among how many model replicas `keras.distribution` divides a batch."""
    mesh = distribution.device_mesh
    return int(mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)])


def _find_part() -> _Part:
    parts = {_part_in_jax(), _part_in_tensorflow(), _part_in_torch()} - {_WHOLE}
    if len(parts) > 1:
        raise ArgumentError(
            "The distributed libraries in this process must agree on (index, count). Received: "
            f"{sorted(parts)}. Pass them: batches.shard(index, count)."
        )
    return parts.pop() if parts else _WHOLE


def _part_in_jax() -> _Part:
    jax: Any = sys.modules.get("jax")
    # `process_count` initializes JAX, which then can no longer join other processes.
    if jax is None or not jax.distributed.is_initialized():
        return _WHOLE
    index, count = jax.process_index(), jax.process_count()
    distribution = keras.distribution.distribution()
    if distribution is None:
        return index, count
    # Processes that share one model replica need the same images. Keras numbers devices by
    # process, also when it shards a tf.data.Dataset.
    num_parts = min(_num_copies(distribution), count)
    return index * num_parts // count, num_parts


def _part_in_tensorflow() -> _Part:
    # TF_CONFIG may be set for other libraries.
    if keras.backend.backend() != "tensorflow":
        return _WHOLE
    distribute: Any = sys.modules["tensorflow"].distribute
    strategy = distribute.get_strategy()
    if isinstance(strategy, distribute.MultiWorkerMirroredStrategy):
        resolver = strategy.cluster_resolver
    else:
        resolver = distribute.cluster_resolver.TFConfigClusterResolver()
    spec = resolver.cluster_spec()
    num_chiefs, num_workers = (
        spec.num_tasks(job) if job in spec.jobs else 0 for job in ("chief", "worker")
    )
    # With parameter servers, one process distributes all batches.
    if "ps" in spec.jobs or resolver.task_type not in ("chief", "worker"):
        return _WHOLE
    index = resolver.task_id + num_chiefs * (resolver.task_type == "worker")
    return index, num_chiefs + num_workers


def _part_in_torch() -> _Part:
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return _WHOLE
    if not torch.distributed.is_initialized():
        return _WHOLE
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
