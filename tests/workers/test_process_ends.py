"""How programs with worker processes start and end: nothing runs twice, nothing is left behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.backends import WITHOUT_KERAS, Script, run_warm, running_warm

from .plans import wait_until

pytestmark = [
    pytest.mark.timeout(90),
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals"),
]
_PROJECT = Path(__file__).parents[2]

SETUP = """
import os, sys, warnings
from augseq.workers.make_workers import WorkerOptions, make_workers
from augseq.workers.process_pool import ProcessWorkers
from tests.workers import transforms
from tests.workers.plans import array_plan, at, bits, loaded

def workers_for(plan):
    return make_workers(WorkerOptions(kind="processes", number=2, max_queue_size=3), plan)

def is_right(workers, plan):
    futures = [workers.submit(at(step)) for step in range(10)]
    return [bits(f.result(30)) for f in futures] == [bits(loaded(plan, k)) for k in range(10)]
"""


VARIABLES = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PROJECT), *sys.path])}


def start(
    *arguments: str, command: tuple[str, ...] = (), **variables: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, sys.executable, *arguments],
        env={**VARIABLES, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def run(code: str, *, by: Callable[[str], list[str]] | None = None) -> tuple[list[str], str]:
    """Run code to its end; return its lines of output, and its errors.

    Args:
        code: What comes after the set-up.
        by: Makes the arguments of a new interpreter out of the code, which it gets on its standard
            input too; None if it need not be new.
    """
    code = SETUP + textwrap.dedent(code)
    if by is None:
        done = run_warm(WITHOUT_KERAS, "-c", code, timeout=40, env=VARIABLES, is_new_session=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), done.stderr
    process = start(*by(code))
    try:
        output, errors = process.communicate(code, timeout=40)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    return output.splitlines(), errors


def members(group: int) -> list[psutil.Process]:
    """Return the processes that a program left in its session, itself among them."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
    return found


# What `__main__` holds

MAIN_FUNCTION = """
import functools

class Fault(ValueError):
    pass

class Brighten:
    by = 3

    def __call__(self, image, rng):
        return image + self.by

def invert(image, rng):
    if image[0, 0, 0] == TOP:
        raise Fault("seen", image.shape)
    return TOP - image

def shift(image, rng, by):
    return np.roll(image, by, axis=0)

import numpy as np
TOP = 255
halve = lambda image, rng: image // 2
plan = array_plan([invert, Brighten(), halve, functools.partial(shift, by=2)])
with warnings.catch_warnings():
    warnings.simplefilter("error")
    workers = workers_for(plan)
print(type(workers).__name__, is_right(workers, plan))
TOP = 7  # As by another run of a cell.
print(bits(workers.submit(at(0), urgent=True).result()) == bits(loaded(plan, 0)))
try:
    workers.submit(at(1), urgent=True).result()
except Fault as error:
    print(error.args)
"""


def as_script(folder: Path) -> Callable[[str], list[str]]:
    def write(code: str) -> list[str]:
        (folder / "train.py").write_text(code)
        return [str(folder / "train.py")]

    return write


@pytest.mark.parametrize("way", ["standard input", "-c", "script"])
def test_what_main_defines_is_sent_by_value_and_sent_again_when_it_changes(
    way: str, tmp_path: Path
) -> None:
    ways = {
        "standard input": lambda _: ["-"],
        "-c": lambda code: ["-c", code],
        "script": as_script(tmp_path),
    }
    output, errors = run(MAIN_FUNCTION, by=ways[way])
    assert output == ["ProcessWorkers True", "True", "('seen', (8, 8, 3))"]
    assert errors == ""


MODULE_FUNCTION = """
print("runs")
plan = array_plan([transforms.add_noise])
workers = workers_for(plan)
print(type(workers).__name__, is_right(workers, plan))
for method in {methods}:
    print(method, is_right(ProcessWorkers(plan, 2, start_method=method), plan))
print(sys.modules["__main__"].plan is plan)
"""


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    methods = ["spawn", "fork", "forkserver"]
    output, errors = run(MODULE_FUNCTION.format(methods=methods), by=as_script(tmp_path))
    assert output == ["runs", "ProcessWorkers True", *[f"{m} True" for m in methods], "True"]
    assert errors == ""


def test_a_forked_child_has_its_own_workers_and_kills_none_of_its_parents() -> None:
    output, errors = run(
        """
        plan = array_plan([transforms.add_noise])
        workers = workers_for(plan)
        assert is_right(workers, plan)
        before = workers.process_ids
        child = os.fork()
        if not child:
            workers = workers_for(plan)
            good = is_right(workers, plan) and set(workers.process_ids).isdisjoint(before)
            os._exit(0 if good else 1)
        status = os.waitpid(child, 0)[1]
        print(status, is_right(workers, plan), workers.process_ids == before)
        """
    )
    assert output == ["0 True True"], errors


# Ends

WORKING = """
import time
plan = array_plan([transforms.{transform}])
workers = ProcessWorkers(plan, 2)
futures = [workers.submit(at(step)) for step in range(10)]
while len(workers.process_ids) < 2:
    time.sleep(0.01)
print("ready", flush=True)
"""


@contextmanager
def working(transform: str, then: str, folder: Path) -> Iterator[Script]:
    """Run a program whose workers are busy, and which then does something else.

    After the block, in which the program must end, nothing of it may be left.
    """
    code = SETUP + WORKING.format(transform=transform) + then
    variables = {**VARIABLES, "TMPDIR": str(folder)}
    with running_warm(WITHOUT_KERAS, "-c", code, env=variables, is_new_session=True) as script:
        assert script.output.readline() == "ready\n", script.errors.read()
        group = script.process.pid
        # Only of this program: other tests' programs, when killed, leave files there too.
        paths = {path for process in members(group) for path in shared_files(process)}
        yield script
        assert wait_until(lambda: not members(group), 5), members(group)
        assert list(folder.iterdir()) == []
        assert not any(map(os.path.exists, paths)), paths


def shared_files(process: psutil.Process) -> set[str]:
    """Return the files in shared memory that a process has open or mapped."""
    links = []
    for number in Path(f"/proc/{process.pid}/fd").glob("*"):
        # A process or a file can end meanwhile.
        with contextlib.suppress(OSError):
            links.append(os.readlink(number))
    with contextlib.suppress(OSError):
        maps = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
        links += [fields[5] for line in maps if len(fields := line.split(maxsplit=5)) > 5]
    return {link for link in links if link.startswith("/dev/shm/")}


@pytest.mark.parametrize(
    ("transform", "then"),
    [
        ("add_noise", ""),
        ("hang", ""),
        ("hang", "workers = None"),
        ("hang", "raise ValueError('stop')"),
    ],
)
def test_a_program_exits_immediately_even_if_its_workers_are_busy(
    transform: str, then: str, tmp_path: Path
) -> None:
    with working(transform, then, tmp_path) as script:
        code, errors = script.process.wait(10), script.errors.read()
        assert code == (1 if "raise" in then else 0), errors
        assert errors.count("Traceback") == ("raise" in then)


@pytest.mark.parametrize("transform", ["add_noise", "hang"])
def test_no_worker_outlives_a_program_that_is_killed(transform: str, tmp_path: Path) -> None:
    with working(transform, "time.sleep(60)", tmp_path) as script:
        assert len(members(script.process.pid)) >= 3
        script.process.kill()
        script.process.wait(10)


def test_ctrl_c_ends_the_wait_for_a_hanging_worker_without_worker_output(tmp_path: Path) -> None:
    with working("hang", "futures[0].result()", tmp_path) as script:
        group = script.process.pid
        assert wait_until(lambda: sum(is_ignoring_ctrl_c(p) for p in members(group)) >= 2)
        os.killpg(group, signal.SIGINT)
        script.process.wait(3)
        errors = script.errors.read()
        assert errors.count("Traceback") == 1
        assert errors.endswith("KeyboardInterrupt\n")


def is_ignoring_ctrl_c(process: psutil.Process) -> bool:
    """Tell whether a process that loaded numpy ignores it: a worker, past its start."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    except OSError:
        return False
    ignored = int(status.split("SigIgn:")[1].split()[0], 16)
    return bool(ignored >> (signal.SIGINT - 1) & 1) and "numpy" in maps


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_ctrl_c_while_workers_start_reaches_only_the_main_process(method: str) -> None:
    output, errors = run(
        f"""
        import signal, threading
        pressed, has_ended = [], threading.Event()
        signal.signal(signal.SIGINT, lambda *_: pressed.append(1))

        def press():
            while not has_ended.wait(0.005):
                os.killpg(0, signal.SIGINT)

        threading.Thread(target=press).start()
        plan = array_plan([transforms.add_noise])
        workers = ProcessWorkers(plan, 2, start_method={method!r})
        workers.start()
        print(is_right(workers, plan), len(pressed) > 3)
        has_ended.set()
        """
    )
    assert (output, errors) == (["True True"], "")


def test_ctrl_c_still_reaches_processes_that_a_worker_starts() -> None:
    output, errors = run(
        """
        import signal
        workers = ProcessWorkers(array_plan([transforms.blocked_signals]), 1)
        workers.start()
        images = workers.submit(at(0), urgent=True).result().images
        print(images.max(), signal.pthread_sigmask(signal.SIG_BLOCK, []))
        """
    )
    assert (output, errors) == (["0 set()"], "")


# By workers alone, without Keras, which takes seconds to import; `test_sequence_cache` has the same
# with a sequence.
FILL = """
from tests.workers.plans import cached_plan
plan = cached_plan({folder!r})
workers = ProcessWorkers(plan, 2)
for future in [workers.submit(at(step)) for step in range(5)]:
    future.result(30)
"""
THEN_END = """
import signal
from augseq.pixels.cache.memory_folder import own_memory_folder
print(own_memory_folder().path, len(os.listdir(own_memory_folder().path)), flush=True)
if {ending!r}:
    os.kill(os.getpid(), getattr(signal, {ending!r}))
"""


@pytest.mark.parametrize("ending", ["", "SIGINT", "SIGTERM", "SIGKILL"])
def test_a_cache_in_memory_is_deleted_when_the_program_exits(
    ending: str, sample_images: Path
) -> None:
    code = SETUP + FILL.format(folder=str(sample_images)) + THEN_END.format(ending=ending)
    done = run_warm(WITHOUT_KERAS, "-c", code, env=VARIABLES, is_new_session=True)
    path, num_entries = done.stdout.split()
    assert int(num_entries) > 1
    assert wait_until(lambda: not Path(path).exists(), 30)


def test_a_batch_requested_while_the_program_exits_raises_an_error_immediately() -> None:
    code = """
        from functools import partial
        from augseq.loading.batch import load_batch
        from augseq.workers.lookahead import Lookahead
        from augseq.workers.threads import ThreadWorkers
        from augseq.workers.time_limit import TimeLimit

        plan = array_plan([transforms.add_noise])
        workers = ThreadWorkers(partial(load_batch, plan), 2, TimeLimit(plan=plan, seconds=60))
        lookahead = Lookahead(workers, plan.schedule, depth=2, endless=False)
        lookahead.get(at(0))

        def ask_late():
            print(workers.submit(at(5)).cancelled())
            lookahead.get(at(7))
        """
    # What was registered first is called last.
    first = "import atexit; atexit.register(lambda: ask_late())"
    output, errors = run(code, by=lambda code: ["-c", f"{first}\n{code}"])
    assert output == ["True"]
    assert errors.endswith(
        "CancelledError: The program is exiting, so no more batches are loaded.\n"
    )


def test_workers_still_work_after_ctrl_c_during_a_batch() -> None:
    output, errors = run(
        """
        import signal, threading
        hung, plan = array_plan([transforms.hang]), array_plan([transforms.add_noise])
        slow, workers = ProcessWorkers(hung, 1), ProcessWorkers(plan, 1)
        slow.start()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            slow.submit(at(0), urgent=True).result()
        except KeyboardInterrupt:
            print("interrupted", is_right(workers, plan))
        """
    )
    assert output == ["interrupted True"], errors


def test_a_hanging_thread_does_not_hold_up_other_batches_after_ctrl_c() -> None:
    output, errors = run(
        """
        import signal, threading
        from functools import partial
        from augseq.loading.batch import load_batch
        from augseq.workers.threads import ThreadWorkers
        from augseq.workers.time_limit import TimeLimit

        plan = array_plan([transforms.Hang()])
        limit = TimeLimit(plan=plan, seconds=600)
        workers = ThreadWorkers(partial(load_batch, plan), 1, limit)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            workers.submit(at(1), urgent=True).result()
        except KeyboardInterrupt:
            print(workers.submit(at(2)).result().images.shape)
        """
    )
    assert output == ["(4, 8, 8, 3)"], errors


# A full mount


def test_a_full_mount_raises_an_error_that_names_it_and_the_remedy(tmp_path: Path) -> None:
    # In a separate mount namespace, so that the mount is invisible elsewhere and ends with it.
    command = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    mount = 'mount -t tmpfs -o size=1m none "$0"'
    if shutil.which("unshare") is None or subprocess.run([*command, mount, tmp_path]).returncode:
        pytest.skip("needs user namespaces")
    code = SETUP + textwrap.dedent(
        """
        import numpy as np
        from augseq.errors import SharedMemoryError

        images = np.zeros((40, 300, 300, 3), np.uint8)
        try:
            ProcessWorkers(array_plan(images=images), 1)
        except SharedMemoryError as error:
            print(error)
        plan = array_plan(images=np.broadcast_to(np.zeros(3, np.uint8), (2, 300, 300, 3)).copy())
        workers = ProcessWorkers(plan, 1)
        held = []
        try:
            held = [workers.submit(at(0), urgent=True).result()]
        except SharedMemoryError as error:
            print(error)
        small = array_plan()
        print(is_right(ProcessWorkers(small, 1), small))
        """
    )
    process = start(
        "-c",
        code,
        command=(*command, f'{mount} && exec "$@"', str(tmp_path)),
        AUGSEQ_SHARED_DIR=str(tmp_path),
    )
    output, errors = process.communicate(timeout=40)
    assert process.returncode == 0, errors
    first, second, third = output.splitlines()
    assert first.startswith(
        f"Worker processes need 10,800,000 more bytes of shared memory in '{tmp_path}'"
    )
    # Of images and labels, each at a whole cache line.
    assert second.startswith("Worker processes need 540,096 more bytes")
    for line in (first, second):
        assert os.strerror(28) in line
        assert "AUGSEQ_SHARED_DIR" in line
    assert third == "True"
