"""Everything besides the samples that determines the final weights of a `fit`."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np

from augseq.storage.array_content import array_digest
from augseq.training.content_text import describe_content, is_same_content
from augseq.training.content_walk import is_library, without_names
from augseq.training.epoch_tracking.keras_calls import FitCall
from augseq.training.model_state import variable_values

Tree: TypeAlias = Mapping[str, Any]
"""Nested mappings and lists of values that can be stored as JSON."""

_MOST_SHOWN = 6
_LONGEST_VALUE = 200


def fit_conditions(model: keras.Model, call: FitCall | None) -> Tree:
    """Describe model, optimizer and loss as they are when `fit` begins.

    Args:
        model: Built and compiled.
        call: The arguments of `fit`; None if they cannot be read.
    """
    compiled = getattr(getattr(model, "_compile_config", None), "config", {})
    found = {
        "model": _model(model),
        "loss": _value(getattr(model, "loss", None)),
        "loss_weights": _value(compiled.get("loss_weights")),
        "metrics": _value(compiled.get("metrics")),
        "weighted_metrics": _value(compiled.get("weighted_metrics")),
        "optimizer": _configuration(model.optimizer),
    }
    if call is not None:
        found["initial_epoch"] = int(call.initial_epoch)
        found["class_weight"] = _value(call.class_weight)
    return found


def weights_digest(model: keras.Model) -> str:
    """Return a hash of all weights of a model, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for variable in model.weights:
        digest.update(array_digest(variable_values(variable)))
    return digest.hexdigest()


def tree_digest(tree: Tree) -> str:
    """Return a hash of conditions, 32 hexadecimal digits."""
    text = json.dumps(tree, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def differences(then: Tree, now: Tree) -> list[str]:
    """List the first differences, with both values, and the number of further ones."""
    found = list(_differences(then, now, ""))
    more = len(found) - _MOST_SHOWN
    return found[:_MOST_SHOWN] + [f"{more} more"] * (more > 0)


def _differences(then: Any, now: Any, way: str) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*then, *now]):
            inner = f"{way}.{name}" if way else str(name)
            yield from _differences(then.get(name), now.get(name), inner)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _differences(one, other, f"{way}[{number}]")
    elif isinstance(then, list) and isinstance(now, list):
        yield f"number of {way}: {len(then)} then, {len(now)} now"
    elif not is_same_content(then, now):
        yield f"{way}: {_shown(then)} then, {_shown(now)} now"


def _shown(value: Any) -> str:
    if isinstance(value, float) and float(np.float32(value)) == value:
        # A learning rate of 0.1 is stored as 0.10000000149.
        return str(np.float32(value))
    text = "none" if value is None else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _model(model: keras.Model) -> Tree:
    trainable = {id(variable) for variable in model.trainable_variables}
    return {
        "class": _class(model),
        # Without names, which contain counters of the process.
        "variables": [
            f"{variable.dtype} {tuple(variable.shape)}, "
            f"{'trainable' if id(variable) in trainable else 'not trainable'}"
            for variable in model.weights
        ],
        "layers": [_configuration(layer) for layer in model._flatten_layers(include_self=False)],
        "connections": _connections(model),
    }


def _configuration(thing: Any) -> Tree:
    """Return the class and the options of a layer or an optimizer."""
    found: dict[str, Any] = {"class": _class(thing)}
    # The layers inside a model are listed separately.
    if isinstance(thing, keras.Model):
        return found
    try:
        config = thing.get_config()
    except Exception:
        # If a user's class has no config, use its plain attributes.
        config = {name: item for name, item in vars(thing).items() if not name.startswith("_")}
        config = {name: item for name, item in config.items() if _is_plain(item)}
    found |= _plain(without_names(config))
    return found


def _class(thing: Any) -> str:
    kind = type(thing)
    return kind.__name__ if is_library(kind.__module__) else describe_content(kind).text


def _connections(model: keras.Model) -> str | None:
    """Return a hash of the connections between layers; None for a sequential model."""
    if not hasattr(model, "operations") or isinstance(model, keras.Sequential):
        return None
    try:
        config = model.get_config()
    except Exception:
        return None
    names = {item.name: f"layer {number}" for number, item in enumerate(model.operations)}
    nodes = [layer.get("inbound_nodes") for layer in config.get("layers", [])]
    ends = [config.get("input_layers"), config.get("output_layers")]
    return describe_content(_renamed([nodes, ends], names)).text.rpartition(" ")[2]


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _value(value: Any) -> Any:
    """Return a loss, metrics or weights as values that can be stored as JSON."""
    if isinstance(value, Mapping):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return _plain(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, type(None) | bool | int | float | str)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if _is_plain(value) else describe_content(value).text
