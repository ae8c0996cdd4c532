"""Which part of each global batch is this process's, as the backend that runs says.

Nothing is imported or started by asking: only modules that are loaded already are looked at.
"""

import sys
from typing import Any, TypeAlias

import keras

from augseq.errors import ArgumentError
from augseq.sampling.schedule import Padding, Schedule, Shard

_Part: TypeAlias = tuple[int, int]
"""(index, count) of a part."""

_WHOLE = (0, 1)


def make_shard(index: int | None, count: int | None, padding: Padding | None) -> Shard:
    """Make the shard that a person names, or find this process's.

    Raises:
        ArgumentError: Only one of both was given, or there is no such part.
    """
    if index is not None and count is not None:
        return Shard(index=index, count=count, padding=padding, is_given=True)
    if index is not None or count is not None:
        raise ArgumentError(
            "shard() takes both index and count, or neither to find them. "
            f"Received: index={index}, count={count}"
        )
    index, count = _find_part()
    return Shard(index=index, count=count, padding=padding)


def require_own_part(shard: Shard) -> None:
    """Raise where the processes together would not train each record once."""
    part = _find_part()
    # A strategy with a cluster of its own is seen in its scope only, so it may be out of sight.
    if not shard.is_given and part not in (_WHOLE, (shard.index, shard.count)):
        raise ArgumentError(
            "Of several processes that train together, each must have its own part of every "
            f"global batch. This one has part {part[0]} of {part[1]}; the sequence gives part "
            f"{shard.index} of {shard.count}. Take batches.shard() after the processes have "
            "joined; or batches.shard(0, 1), if each process is to have all images."
        )


def require_part_for_keras(shard: Shard) -> None:
    """Raise where what Keras does with batches would not give each process its own part."""
    if _part_in_tensorflow() == _WHOLE:
        require_own_part(shard)
    elif shard.count > 1:
        raise ArgumentError(
            "What Keras hands to tf.distribute, the workers divide among them, so that most of a "
            f"part would be lost. The sequence gives part {shard.index} of {shard.count}. Train "
            "and evaluate it in a loop of your own: batches.set_epoch(epoch), "
            "strategy.run(model.train_step, args=(batches[i],)). Give predict the sequence "
            "without shard()."
        )


def require_even_batches(schedule: Schedule, epoch: int) -> None:
    """Raise where a batch cannot be divided evenly among the devices of `keras.distribution`."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    num_devices = max(1, _num_copies(distribution) // schedule.shard.count)
    uneven = sorted(size for size in schedule.batch_sizes(epoch) if size % num_devices)
    if not uneven:
        return
    text = (
        f"{num_devices} devices divide each batch evenly among them, but a batch holds {uneven[0]} "
        "images. "
    )
    if schedule.batch_size % num_devices:
        text += f"Take a `batch_size` that is a multiple of {num_devices}."
    else:
        text += (
            "The last batch is smaller than the others: to train, pass drop_remainder=True, or "
            'fill it up with batches.shard(0, 1, padding="wrap"); to evaluate, use '
            'batches.shard(0, 1, padding="zero_weight") and `weighted_metrics`, which count each '
            'image once; to predict, use padding="wrap" and drop the surplus rows at the end.'
        )
    raise ArgumentError(f"{text} Received: batch_size={schedule.batch_size}")


def _num_copies(distribution: Any) -> int:
    """Return among how many copies of the model `keras.distribution` divides a global batch."""
    mesh = distribution.device_mesh
    return int(mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)])


def _find_part() -> _Part:
    parts = {_part_in_jax(), _part_in_tensorflow(), _part_in_torch()} - {_WHOLE}
    if len(parts) > 1:
        raise ArgumentError(
            f"The libraries that run here disagree on (index, count): {sorted(parts)}. Name "
            "them: batches.shard(index, count)."
        )
    return parts.pop() if parts else _WHOLE


def _part_in_jax() -> _Part:
    jax: Any = sys.modules.get("jax")
    # `process_count` starts JAX, which then could not join other processes any more.
    if jax is None or not jax.distributed.is_initialized():
        return _WHOLE
    index, count = jax.process_index(), jax.process_count()
    distribution = keras.distribution.distribution()
    if distribution is None:
        return index, count
    # Processes that hold parts of one copy of the model need the same images. Keras numbers
    # devices by process, and so do its own shards of a tf.data.Dataset.
    num_parts = min(_num_copies(distribution), count)
    return index * num_parts // count, num_parts


def _part_in_tensorflow() -> _Part:
    # TF_CONFIG may be there for other libraries too.
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
    # With parameter servers, one process hands out all batches.
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
