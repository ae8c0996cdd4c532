"""All that training changes in a Keras model, as plain arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import BackupError

_GENERATOR = "torch generator "
# Apple's GPU, beside the numbers of the processor, 0, and of the GPUs of CUDA.
_MPS = "mps"

Arrays = Mapping[str, npt.NDArray[Any]]


def read_state(model: keras.Model) -> dict[str, npt.NDArray[Any]]:
    """Copy weights, seeds of layers, optimizer and metrics of a compiled model.

    Returns:
        Values by place of the variable. dtypes that numpy lacks, such as bfloat16, come
        as float32, which holds each of their values.
    """
    return {
        **{name: variable_values(variable) for name, variable in _variables(model).items()},
        **read_generators(),
    }


def build_state(model: keras.Model, data: tuple[Any, ...]) -> None:
    """Make the variables of a compiled model that TensorFlow would make with its first step.

    Args:
        model: Compiled.
        data: A batch, as `fit` gets it.
    """
    # Keras has no public way to build metrics; on JAX and torch `fit` does just this.
    model._symbolic_build(data_batch=data)


def write_state(model: keras.Model, arrays: Arrays, *, metrics: bool) -> None:
    """Give a model the values that `read_state` read from one of the same making.

    Args:
        model: Built and compiled.
        arrays: What `read_state` returned.
        metrics: Whether to write the metrics too, or leave them as they are.

    Raises:
        BackupError: Names or shapes differ; the model is as it was.
    """
    variables = _variables(model)
    arrays = dict(arrays)
    generators = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_GENERATOR)}
    here = {name: tuple(variable.shape) for name, variable in variables.items()}
    there = {name: array.shape for name, array in arrays.items()}
    if here != there:
        raise BackupError(
            "The model is not the one of the backup. Build and compile it as then, or choose "
            f"another folder. {_difference(here, there)}"
        )
    for name, variable in variables.items():
        if metrics or not name.startswith("metric"):
            variable.assign(arrays[name])
    write_generators(generators)


def write_seeds(model: keras.Model, arrays: Arrays) -> None:
    """Give the seeds of a model's layers, but no weights, the values that `read_state` read."""
    others = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    for name, variable in _numbered("model", model.variables).items():
        if id(variable) not in others:
            variable.assign(arrays[name])
    write_generators(arrays)


def has_finite_weights(model: keras.Model, arrays: Arrays) -> bool:
    """Tell whether what `read_state` read has no NaN, and no infinite value among what is trained.

    Other variables may be infinite by intent, such as a mask.
    """
    trained = {id(variable) for variable in model.trainable_variables}
    groups = {
        **_numbered("model", model.variables),
        **_numbered("optimizer", model.optimizer.variables),
    }
    for name, variable in groups.items():
        values = arrays[name]
        if values.dtype.kind != "f":
            continue
        if not (np.isfinite(values) if id(variable) in trained else ~np.isnan(values)).all():
            return False
    return True


def read_generators() -> dict[str, npt.NDArray[Any]]:
    """Return the states of torch's own generators, from which an unseeded `Dropout` draws there.

    On other backends each layer has its own, and this is empty.
    """
    if keras.backend.backend() != "torch":
        return {}
    import torch

    numbered = enumerate([torch.get_rng_state(), *torch.cuda.get_rng_state_all()])
    states = {str(number): state for number, state in numbered}
    if torch.backends.mps.is_available():
        states[_MPS] = torch.mps.get_rng_state()
    return {f"{_GENERATOR}{name}": state.numpy() for name, state in states.items()}


def write_generators(arrays: Arrays) -> None:
    """Give torch's own generators the states that `read_generators` read."""
    arrays = {name: array for name, array in arrays.items() if name.startswith(_GENERATOR)}
    if not arrays:
        return
    import torch

    cpu, *gpus = (torch.from_numpy(state.copy()) for state in device_states(arrays))
    torch.set_rng_state(cpu)
    torch.cuda.set_rng_state_all(gpus[: torch.cuda.device_count()])
    mps = arrays.get(f"{_GENERATOR}{_MPS}")
    if mps is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(torch.from_numpy(mps.copy()))


def device_states(arrays: Arrays) -> list[npt.NDArray[Any]]:
    """Return the states of the processor and of the GPUs, in the order of their numbers."""
    names = (f"{_GENERATOR}{number}" for number in range(len(arrays)))
    return [arrays[name] for name in names if name in arrays]


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    groups = {
        "model": model.variables,
        "optimizer": optimizer.variables,
        "metric": model.metrics_variables,
    }
    # Not by name: Keras numbers models and layers, so names depend on what was made before.
    return {
        name: variable
        for group, variables in groups.items()
        for name, variable in _numbered(group, variables).items()
    }


def _numbered(group: str, variables: Sequence[keras.Variable]) -> dict[str, keras.Variable]:
    return {f"{group} {number}": variable for number, variable in enumerate(variables)}


def variable_values(variable: keras.Variable) -> npt.NDArray[Any]:
    """Copy the values of a variable; what numpy lacks, such as bfloat16, comes as float32."""
    values: npt.NDArray[Any] = np.array(keras.ops.convert_to_numpy(variable.value))
    return values if values.dtype.kind in "biuf" else values.astype(np.float32)


def _difference(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    only_here, only_there = here.keys() - there.keys(), there.keys() - here.keys()
    if only_here or only_there:
        return (
            f"{len(only_here)} variables are only in the model {sorted(only_here)[:3]}, "
            f"{len(only_there)} only in the backup {sorted(only_there)[:3]}."
        )
    name = next(name for name in here if here[name] != there[name])
    return f"{name!r} has the shape {here[name]} in the model, {there[name]} in the backup."
