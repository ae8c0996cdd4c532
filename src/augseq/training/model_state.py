"""Everything that training changes in a Keras model, as plain arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import BackupError

_GENERATOR = "torch generator "
# Apple's GPU; numbers stand for the CPU, 0, and the CUDA GPUs, from 1.
_MPS = "mps"

Arrays = Mapping[str, npt.NDArray[Any]]


def read_state(model: keras.Model) -> dict[str, npt.NDArray[Any]]:
    """Copy weights, seeds of layers, optimizer and metrics of a compiled model.

    Returns:
        Values by group and number of the variable. dtypes that numpy lacks, such as bfloat16,
        are converted to float32 without loss.
    """
    return {
        **{name: variable_values(variable) for name, variable in _variables(model).items()},
        **read_generators(),
    }


def build_state(model: keras.Model, data: tuple[Any, ...]) -> None:
    """Create the variables that TensorFlow would create in the first step.

    Args:
        model: A compiled model.
        data: A batch, as `fit` receives it.
    """
    # Keras has no public way to build metrics; `fit` does the same on JAX and torch.
    model._symbolic_build(data_batch=data)


def write_state(model: keras.Model, arrays: Arrays, *, metrics: bool) -> None:
    """Restore the values that `read_state` read from a model built the same way.

    Args:
        model: A built and compiled model.
        arrays: The result of `read_state`.
        metrics: Whether to restore the metrics too.

    Raises:
        BackupError: Names or shapes differ; the model is unchanged.
    """
    variables = _variables(model)
    arrays = dict(arrays)
    generators = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_GENERATOR)}
    here = {name: tuple(variable.shape) for name, variable in variables.items()}
    there = {name: array.shape for name, array in arrays.items()}
    if here != there:
        raise BackupError(
            "The model does not match the backup. Build and compile it as in the earlier run, or "
            f"choose another folder. {_difference(here, there)}"
        )
    for name, variable in variables.items():
        if metrics or not name.startswith("metric"):
            variable.assign(arrays[name])
    write_generators(generators)


def write_seeds(model: keras.Model, arrays: Arrays) -> None:
    """Restore the seeds of a model's layers, without the weights."""
    others = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    for name, variable in _numbered("model", model.variables).items():
        if id(variable) not in others:
            variable.assign(arrays[name])
    write_generators(arrays)


def has_finite_weights(model: keras.Model, arrays: Arrays) -> bool:
    """Return whether a state has no NaN, and no infinite values in trainable variables.

    Other variables, such as masks, may be infinite on purpose.
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
    """Return the states of torch's global generators, used by unseeded layers.

    Empty on other backends, where each layer has its own generator.
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
    """Restore the states of torch's global generators that `read_generators` read."""
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
    """Return the states of the CPU and of the CUDA GPUs, in the order of their numbers."""
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
    # Not by name: Keras numbers models and layers, so names depend on earlier models.
    return {
        name: variable
        for group, variables in groups.items()
        for name, variable in _numbered(group, variables).items()
    }


def _numbered(group: str, variables: Sequence[keras.Variable]) -> dict[str, keras.Variable]:
    return {f"{group} {number}": variable for number, variable in enumerate(variables)}


def variable_values(variable: keras.Variable) -> npt.NDArray[Any]:
    """Copy the values of a variable; dtypes that numpy lacks become float32."""
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
