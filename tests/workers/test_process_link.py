"""While a process starts, `__main__` has no file for the starting thread, and only for it."""

import multiprocessing.spawn
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from augseq.workers.process_link import _without_main_file

MODULE, SCRIPT = "init_main_from_name", "init_main_from_path"


@contextmanager
def starting_elsewhere() -> Iterator[None]:
    """Hold another thread in the middle of starting a process."""
    begun, end = threading.Event(), threading.Event()

    def start() -> None:
        with _without_main_file():
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=start)
    thread.start()
    begun.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.fixture(params=["script", "python -m"])
def main(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A program that was started in one of two ways."""
    module = ModuleType("__main__")
    module.__file__ = "/programs/train.py"
    if request.param == "python -m":
        module.__spec__ = ModuleSpec("programs.train", None)
    monkeypatch.setitem(sys.modules, "__main__", module)
    return module


def prepared() -> set[str]:
    """Return whether a process that is started now would run the program."""
    return {MODULE, SCRIPT} & multiprocessing.spawn.get_preparation_data("child").keys()


def test_a_worker_process_does_not_run_the_program(main: ModuleType) -> None:
    assert prepared()
    with _without_main_file():
        assert not prepared()
    assert sys.modules["__main__"] is main


def test_processes_that_the_program_starts_meanwhile_run_it(main: ModuleType) -> None:
    expected = prepared()
    with starting_elsewhere():
        assert sys.modules["__main__"] is not main
        assert prepared() == expected


USES: dict[str, Callable[[Any], Any]] = {
    "its file": lambda module: module.__file__,
    "its spec": lambda module: module.__spec__,
    "its name": lambda module: module.__name__,
    "a global": lambda module: module.answer,
    "all globals": lambda module: vars(module),
    "the names": lambda module: dir(module),
    "a missing global": lambda module: getattr(module, "missing", None),
    "its type": lambda module: isinstance(module, ModuleType),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_other_threads_see_main_unchanged(main: ModuleType, use: Callable[[Any], Any]) -> None:
    main.answer = 42  # type: ignore[attr-defined]
    expected = use(main)
    with starting_elsewhere():
        assert use(sys.modules["__main__"]) == expected


def test_a_global_that_is_set_meanwhile_stays(main: ModuleType) -> None:
    with starting_elsewhere():
        sys.modules["__main__"].answer = 42  # type: ignore[attr-defined]
    assert main.answer == 42
