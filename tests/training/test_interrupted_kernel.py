"""A notebook can train again after an interrupt, and its kernel shuts down on request."""

import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from tests.backends import BACKENDS, environment_of, is_installed
from tests.workers.plans import wait_until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals"),
]
ROOT = Path(__file__).parents[2]
TRAIN = """
import os
from pathlib import Path
from tests.training.interrupted import Trial, train

folder = Path({folder!r})
(folder / "last").touch()
moment = os.open(folder / "moment", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
trial = Trial(data={data!r}, moment={moment!r}, ending="none", sample_s={sample_s})
train(trial, folder, moment)
"""


class Kernel:
    """A kernel in which cells train."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, folder: Path) -> None:
        self.manager, self.client, self.folder = manager, client, folder

    @property
    def process(self) -> psutil.Process:
        provisioner = self.manager.provisioner
        assert provisioner is not None
        return psutil.Process(provisioner.pid)

    def train(self, data: str, moment: str, then: Callable[[], object] | None = None) -> str:
        """Run a cell that trains, and return its error, "" for none.

        Args:
            data: See `Trial`.
            moment: See `Trial`.
            then: Called when the moment has come, and again if the cell goes on for long.
        """
        happened = self.folder / "moment"
        happened.unlink(missing_ok=True)
        # Slow where it is interrupted, so that it does not end before that on a busy machine.
        sample_s = 0.2 if then else 0.0
        code = TRAIN.format(folder=str(self.folder), data=data, moment=moment, sample_s=sample_s)
        # Else the kernel drops what comes shortly after a cell that failed.
        number = self.client.execute(code, stop_on_error=False)
        if then is not None:
            assert wait_until(lambda: happened.exists() and happened.stat().st_size, 120)
            then()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                reply = self.client.get_shell_msg(timeout=10)
            except queue.Empty:
                # Python ignores an exception that comes in a finalizer, so a person presses again.
                if then is not None:
                    then()
                continue
            if reply["parent_header"]["msg_id"] == number:
                return str(reply["content"].get("ename", ""))
        raise TimeoutError("the cell did not end")


def param(backend: str) -> Any:
    # Only TensorFlow reads batches in its own threads.
    is_long = backend != "tensorflow"
    return pytest.param(backend, marks=[pytest.mark.long] if is_long else [])


@pytest.fixture(params=[param(backend) for backend in BACKENDS])
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kernel]:
    if not is_installed(request.param):
        pytest.skip(f"needs keras and {request.param}")
    env = environment_of(request.param)
    manager, client = start_new_kernel(startup_timeout=120, env=env, cwd=str(ROOT))
    yield Kernel(manager, client, tmp_path)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    children = process.children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_a_kernel_trains_on_after_interrupts_and_ends_without_a_trace(kernel: Kernel) -> None:
    interrupt = kernel.manager.interrupt_kernel
    # Not earlier, while TensorFlow traces the model: an interrupt can then damage its own state,
    # with whatever data.
    assert kernel.train("auto", "batch", interrupt) == "KeyboardInterrupt"
    assert kernel.train("processes", "never") == ""
    assert len(workers_of(kernel.process)) <= 2

    assert kernel.train("processes", "validation", interrupt) == "KeyboardInterrupt"
    processes = [kernel.process, *workers_of(kernel.process)]
    assert len(processes) == 3
    kernel.manager.request_shutdown(restart=True)
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []
