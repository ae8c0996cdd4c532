"""What Python's processes, pickles and shared memory do when something goes wrong."""

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from .conftest import RunPython

needs_shared_folder = pytest.mark.skipif(
    not Path("/dev/shm").is_dir(), reason="needs Linux' folder of shared memory"
)


class KeywordError(Exception):
    """Has an argument that does not reach `Exception.__init__`."""

    def __init__(self, message: str, *, path: str):
        super().__init__(message)
        self.path = path


class PositionalError(Exception):
    """Hands all its arguments on."""

    def __init__(self, message: str, path: str):
        super().__init__(message, path)
        self.path = path


def test_an_exception_with_a_keyword_only_argument_does_not_unpickle() -> None:
    pickled = pickle.dumps(KeywordError("broken", path="cats/0017.jpg"))
    with pytest.raises(TypeError, match="path"):
        pickle.loads(pickled)


def test_an_exception_that_hands_on_all_arguments_unpickles_with_attributes_and_notes() -> None:
    error = PositionalError("broken", "cats/0017.jpg")
    error.add_note("replay")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.args, copy.path) == (("broken", "cats/0017.jpg"), "cats/0017.jpg")
    assert copy.__notes__ == ["replay"]


POOL = """
import multiprocessing, os
pool = multiprocessing.get_context("fork").Pool(1)
dead = pool.apply_async(os._exit, (1,))
try:
    dead.get(timeout=2)
except multiprocessing.TimeoutError:
    print("still waiting", flush=True)
print(pool.apply_async(abs, (-7,)).get(timeout=10), flush=True)
print("ready" if dead.ready() else "never ready", flush=True)
os._exit(0)
"""

EXECUTOR = """
import concurrent.futures as futures, multiprocessing, os
executor = futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork"))
print(executor.submit(abs, -7).result(timeout=10))
print(type(executor.submit(os._exit, 1).exception(timeout=10)).__name__)
try:
    executor.submit(abs, -7)
except futures.process.BrokenProcessPool:
    print("broken as a whole")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_multiprocessing_pool_waits_for_ever_for_the_task_of_a_dead_worker(
    run_python: RunPython,
) -> None:
    """It replaces the worker, whose successor does the next task, and forgets the lost one."""
    done = run_python(POOL)
    lines = done.stdout.split("\n")[:3]
    assert lines == ["still waiting", "7", "never ready"], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_pool_executor_notices_a_dead_worker_and_breaks_as_a_whole(
    run_python: RunPython,
) -> None:
    lines = run_python(EXECUTOR).stdout.split("\n")[:3]
    assert lines == ["7", "BrokenProcessPool", "broken as a whole"]


def size_of_shared_folder() -> int:
    """Return how many bytes the folder of shared memory can hold in all."""
    folder = os.statvfs("/dev/shm")
    return folder.f_frsize * folder.f_blocks


@needs_shared_folder
def test_shared_memory_is_created_larger_than_the_folder_can_hold() -> None:
    """`ftruncate` promises the size and reserves nothing, so the failure comes at a write."""
    memory = SharedMemory(create=True, size=size_of_shared_folder() + 4096)
    try:
        assert (Path("/dev/shm") / memory.name.lstrip("/")).stat().st_blocks == 0
    finally:
        memory.close()
        memory.unlink()


@needs_shared_folder
def test_posix_fallocate_refuses_a_size_that_the_folder_cannot_hold() -> None:
    path = Path("/dev/shm") / f"host_facts_{os.getpid()}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    try:
        path.unlink()
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            os.posix_fallocate(descriptor, 0, size_of_shared_folder() + 4096)
    finally:
        os.close(descriptor)


WRITE_TOO_MUCH = """
import mmap, os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
file = os.open(sys.argv[1] + "/file", os.O_CREAT | os.O_RDWR)
os.ftruncate(file, 1 << 20)
memory = mmap.mmap(file, 1 << 20)
print("mapped", flush=True)
memory[:] = bytes(1 << 20)
"""

# In a mount namespace of its own, so that the mount is seen by nobody and ends with it.
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o size=64k none "$0"'


def test_a_write_to_a_full_shared_memory_mount_kills_the_process(tmp_path: Path) -> None:
    """It is a SIGBUS, which no `except` catches."""
    mount = [*NAMESPACE, MOUNT, str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs user namespaces")
    command = [*NAMESPACE, f'{MOUNT} && exec "$@"', str(tmp_path)]
    command += [sys.executable, "-c", WRITE_TOO_MUCH, str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert process.stdout == "mapped\n"
    assert process.returncode == -signal.SIGBUS
