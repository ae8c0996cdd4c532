"""A hash of the content of an object that is the same in later runs of the program."""

import contextlib
import copyreg
import dis
import enum
import functools
import hashlib
import random
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from augseq.storage.array_content import array_digest

_ATOMS = (type(None), bool, int, float, complex, str, bytes, bytearray, type(...))
# Types that hold transient state, not configuration.
_MOVING = (
    np.random.Generator,
    np.random.BitGenerator,
    np.random.RandomState,
    random.Random,
    threading.local,
    threading.Event,
    threading.Condition,
    threading.Semaphore,
    type(threading.Lock()),
    type(threading.RLock()),
)
# Attributes of albumentations objects that are drawn or derived, not options.
_DRAWN = frozenset(
    {"random_generator", "py_random", "seed", "params", "applied_params", "_key2func"}
    | {"_available_keys", "_images_was_list", "_masks_was_list", "invalid_args"}
)
# Attributes that Python creates for each class.
_OF_A_CLASS = frozenset({"_abc_impl"})
_TENSORS = frozenset({"jax", "jaxlib", "tensorflow", "torch"})


class ContentWalk:
    """Hashes objects by content: options, code, closures, and globals that code refers to.

    Two objects with the same content have the same hash, even in another process, with another
    hash seed, or at another address. Classes and functions are hashed by name if they belong to
    an installed library, and by code if they belong to the user. Random generators and locks are
    hashed by type.

    Attributes:
        unknown: Types of the parts whose content cannot be read, each with the path to it.
    """

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._found: dict[int, bytes] = {}
        # An id is valid only as long as its object lives.
        self._alive: list[Any] = []
        self._open: list[int] = []
        self._way: list[str] = []

    def digest(self, value: Any, step: str = "") -> bytes:
        """Return the hash of an object, 16 bytes long.

        Args:
            value: Any object.
            step: How the object is reached from its parent, for `unknown`.
        """
        if type(value) in _ATOMS:
            return _hash(type(value).__name__, _atom_bytes(value))
        key = id(value)
        if key in self._found:
            return self._found[key]
        if key in self._open:
            return _hash("again", str(len(self._open) - self._open.index(key)))
        self._open.append(key)
        self._alive.append(value)
        self._way.append(step)
        try:
            found = _hash(*self._parts(value))
        # Runs the `__reduce__` or `__getstate__` of arbitrary objects.
        except Exception:
            self.unknown.append(f"{''.join(self._way)} ({_name(type(value))})")
            found = _hash("unknown", _name(type(value)))
        finally:
            self._open.pop()
            self._way.pop()
        self._found[key] = found
        return found

    def _parts(self, value: Any) -> Iterator[bytes | str]:
        kind = type(value)
        for kinds, parts in self._readers():
            if isinstance(value, kinds):
                yield from parts(value)
                return
        if kind in (list, tuple):
            yield from self._sequence(value)
        elif kind in (set, frozenset):
            yield kind.__name__
            yield from sorted(self.digest(item, "{}") for item in value)
        elif kind is dict:
            yield from self._mapping(value)
        elif _package_of(kind, {"albumentations"}):
            yield from self._options(value, leaving=_DRAWN)
        elif _package_of(kind, {"keras"}) and hasattr(value, "get_config"):
            yield from self._keras(value)
        elif _package_of(kind, _TENSORS) and hasattr(value, "__array__"):
            yield "tensor"
            yield array_digest(np.array(value.detach() if hasattr(value, "detach") else value))
        elif callable(inner := getattr(value, "__wrapped__", getattr(value, "py_func", None))):
            # Wrappers, such as those of `functools.lru_cache` and compilers.
            yield from (_name(kind), self.digest(inner, ".__wrapped__"))
        else:
            yield from self._reduced(value)

    def _readers(self) -> Iterator[tuple[Any, Callable[[Any], Iterator[bytes | str]]]]:
        yield _MOVING, lambda value: iter(["moving", _name(type(value))])
        yield enum.Enum, lambda value: iter(["enum", _name(type(value)), value.name])
        yield np.ndarray, self._array
        yield np.generic, lambda value: iter(["number", str(value.dtype), value.tobytes()])
        yield np.dtype, lambda value: iter(["dtype", str(value)])
        yield types.ModuleType, lambda value: iter(["module", value.__name__])
        yield type, self._class
        yield types.FunctionType, self._function
        yield types.CodeType, self._code
        yield types.MethodType, self._method
        yield types.BuiltinFunctionType, self._builtin
        yield (staticmethod, classmethod), lambda value: iter([self.digest(value.__func__)])
        yield property, lambda value: iter(map(self.digest, (value.fget, value.fset, value.fdel)))

    def _sequence(self, value: list[Any] | tuple[Any, ...]) -> Iterator[bytes | str]:
        yield type(value).__name__
        if all(type(item) in _ATOMS for item in value):
            # A million numbers one by one would take seconds.
            yield repr(value).encode("utf-8", "surrogatepass")
            return
        for number, item in enumerate(value):
            yield self.digest(item, f"[{number}]")

    def _mapping(self, value: dict[Any, Any]) -> Iterator[bytes | str]:
        yield "dict"
        for key, item in value.items():
            yield self.digest(key, ".keys()")
            yield self.digest(item, f"[{key!r:.40}]")

    def _array(self, value: Any) -> Iterator[bytes | str]:
        yield "array"
        if value.dtype.hasobject:
            yield str(value.shape)
            yield self.digest(value.ravel().tolist(), "[...]")
        else:
            yield array_digest(value)

    def _options(self, value: Any, leaving: frozenset[str]) -> Iterator[bytes | str]:
        yield self.digest(type(value), ".__class__")
        for name, item in sorted(vars(value).items()):
            if name not in leaving:
                yield from (name, self.digest(item, f".{name}"))

    def _keras(self, value: Any) -> Iterator[bytes | str]:
        yield self.digest(type(value), ".__class__")
        yield self.digest(without_names(value.get_config()), ".get_config()")
        if hasattr(value, "get_weights"):
            yield self.digest(value.get_weights(), ".get_weights()")
        elif is_library(type(value).__module__):
            yield self.digest(getattr(value, "fn", None), ".fn")
        else:
            # A user's class may lack `get_config`.
            for name, item in sorted(vars(value).items()):
                if not name.startswith("_") and name not in ("name", "seed"):
                    yield from (name, self.digest(item, f".{name}"))

    def _class(self, value: type) -> Iterator[bytes | str]:
        yield "class"
        if is_library(value.__module__):
            yield _name(value)
            return
        for base in value.__bases__:
            yield self.digest(base, ".__bases__")
        for name, item in sorted(vars(value).items()):
            is_special = name.startswith("__") and name.endswith("__")
            is_slot = isinstance(item, types.MemberDescriptorType | types.GetSetDescriptorType)
            is_code = isinstance(item, types.FunctionType | classmethod | staticmethod)
            if name not in _OF_A_CLASS and not is_slot and (is_code or not is_special):
                yield from (name, self.digest(item, f".{name}"))

    def _function(self, value: types.FunctionType) -> Iterator[bytes | str]:
        yield "function"
        if is_library(value.__module__):
            yield _name(value)
            return
        yield self.digest(value.__code__)
        for name, item in captured(value).items():
            yield from (name, self.digest(item, f".{name}"))
        for name, item in sorted(vars(value).items()):
            yield from (name, self.digest(item, f".{name}"))

    def _code(self, code: types.CodeType) -> Iterator[bytes | str]:
        yield from ("code", code.co_code, str(code.co_flags), str(code.co_argcount))
        yield from (str(code.co_kwonlyargcount), repr(code.co_names))
        yield code.co_exceptiontable
        for constant in code.co_consts:
            yield self.digest(constant)

    def _method(self, value: types.MethodType) -> Iterator[bytes | str]:
        yield "method"
        yield self.digest(value.__func__, ".__func__")
        yield self.digest(value.__self__, ".__self__")

    def _builtin(self, value: types.BuiltinFunctionType) -> Iterator[bytes | str]:
        yield from ("builtin", _name(value))
        if not isinstance(value.__self__, types.ModuleType):
            yield self.digest(value.__self__, ".__self__")

    def _reduced(self, value: Any) -> Iterator[bytes | str]:
        """Read any other object as pickle does."""
        reducer = copyreg.dispatch_table.get(type(value))
        reduced = reducer(value) if reducer else value.__reduce_ex__(4)
        yield "object"
        if isinstance(reduced, str):
            yield from (str(getattr(value, "__module__", "")), reduced)
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        yield self.digest(make)
        yield self.digest(arguments)
        yield self.digest(state)
        yield self.digest(None if items is None else list(items))
        yield self.digest(None if pairs is None else list(pairs))


def captured(function: types.FunctionType) -> dict[str, Any]:
    """Return the values that a function captures, by name: defaults, closure and globals."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    found = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    found |= function.__kwdefaults__ or {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        # An empty cell, whose variable is not set yet, raises ValueError.
        with contextlib.suppress(ValueError):
            found[name] = cell.cell_contents
    for name in sorted(_global_names(code)):
        if name in function.__globals__:
            found[name] = function.__globals__[name]
            if isinstance(found[name], types.ModuleType):
                found |= _of_a_module(found[name], code)
    return found


def is_library(module: str | None) -> bool:
    """Return whether a module is installed, not the user's own."""
    if module is None or module.split(".")[0] in {"augseq", *sys.stdlib_module_names}:
        return True
    return _is_installed(module)


def without_names(config: Any) -> Any:
    """Return a Keras config without names, which contain counters of the process."""
    if isinstance(config, dict) and "DTypePolicy" not in str(config.get("class_name")):
        leaving = ("name", "build_config", "registered_name")
        return {key: without_names(item) for key, item in config.items() if key not in leaving}
    return [without_names(item) for item in config] if isinstance(config, list) else config


@functools.cache
def _is_installed(module: str) -> bool:
    if module.split(".")[0] in ("__main__", "__mp_main__"):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def _of_a_module(module: types.ModuleType, code: types.CodeType) -> dict[str, Any]:
    """Return what code can use from a user's module, such as `settings.STRENGTH`."""
    if is_library(module.__name__):
        return {}
    names = sorted({name for part in _all_code(code) for name in part.co_names})
    there = vars(module)
    return {f"{module.__name__}.{name}": there[name] for name in names if name in there}


def _global_names(code: types.CodeType) -> set[str]:
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    return {
        instruction.argval
        for part in _all_code(code)
        for instruction in dis.get_instructions(part)
        if instruction.opname in loads
    }


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_code(constant)


def _package_of(kind: type, packages: frozenset[str] | set[str]) -> bool:
    return any(base.__module__.split(".")[0] in packages for base in kind.__mro__)


def _name(value: Any) -> str:
    return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__name__)}"


def _atom_bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    return (value if isinstance(value, str) else repr(value)).encode("utf-8", "surrogatepass")


def _hash(*parts: bytes | str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        # Prefixed with its length, so that different lists of parts give different bytes.
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()
