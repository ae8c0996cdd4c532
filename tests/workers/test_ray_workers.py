"""Actors on the nodes of a Ray cluster: two nodes on this machine, of which both are killed.

They load batches, and go over the files of a manifest. The first node keeps its objects in files.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import psutil
import pytest

import augseq
from augseq.cli.main import main
from augseq.errors import (
    ArgumentError,
    AugseqWarning,
    BatchTimeoutError,
    DecodeError,
    MissingExtraError,
    WorkerError,
    install_command,
)
from augseq.loading.plan import BatchPlan
from augseq.parallel_map import map_items as mapping
from augseq.parallel_map.map_options import MapOptions
from augseq.workers import ray_cluster, ray_pool, ray_store
from augseq.workers.make_workers import WorkerOptions, make_workers
from augseq.workers.protocol import Workers

from ..laws.epoch_recipes import RECIPES, epoch_of, make_images
from . import transforms
from .plans import (
    NUM_BATCHES,
    array_plan,
    at,
    bits,
    cached_plan,
    loaded,
    numbered_images,
    wait_until,
)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:Ray keeps the object store of"),
]
ROOT = Path(__file__).parents[2]
STORE_BYTES = 100 * 2**20
RAY: Any = {"workers": 2, "worker_kind": "ray"}
# Found dead within a second instead of ten.
SOON = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_failure_threshold": 3,
}
# Ends with its standard input, while batches are being loaded.
PROGRAM = """
from augseq.workers.make_workers import WorkerOptions, make_workers
from tests.workers import transforms
from tests.workers.plans import array_plan, at
plan = array_plan([transforms.slow])
workers = make_workers(WorkerOptions(kind="ray", number=2, max_queue_size=3), plan)
workers.submit(at(0)).result()
later = [workers.submit(at(number)) for number in range(1, 999)]
print("it works", flush=True)
input()
"""


def ray_workers(plan: BatchPlan, number: int = 2, limit_s: float | None = None) -> Workers:
    options = WorkerOptions(kind="ray", number=number, max_queue_size=3, batch_timeout_s=limit_s)
    return make_workers(options, plan)


def batch(workers: Workers, number: int) -> Any:
    return bits(workers.submit(at(number), urgent=True).result(200))


class Nodes:
    """A cluster of a head without workers and two nodes of one CPU each.

    Args:
        store: Folder for the objects of the first node.
    """

    def __init__(self, store: Path) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": SOON}
        sizes = {"object_store_memory": STORE_BYTES}
        self.cluster = Cluster(initialize_head=True, head_node_args={**head, **sizes})
        self.nodes: list[Any] = []
        try:
            self.add_one(plasma_directory=str(store))
            self.add_one()
        except BaseException:
            self.cluster.shutdown()
            raise

    def add_one(self, **options: Any) -> None:
        node = self.cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES, **options)
        self.nodes.append(node)

    def kill_one(self) -> None:
        """Kill the first node that lives."""
        node = self.nodes.pop(0)
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        # Its actors end by themselves, but perhaps after their last request.
        for process in (raylet, *raylet.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        # Its processes inherit them.
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)]))
        nodes = Nodes(tmp_path_factory.mktemp("objects"))
        patch.setenv("RAY_ADDRESS", nodes.cluster.address)
        ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
        yield nodes
        ray.shutdown()
        nodes.cluster.shutdown()


@pytest.fixture(scope="module")
def pool(nodes: Nodes) -> Workers:
    """Two actors, which sequences share as long as one of them is in use."""
    in_files = r"object store of .* in '.*objects.*a larger --shm-size"
    with pytest.warns(AugseqWarning, match=in_files):
        return ray_workers(array_plan())


def start_program() -> "subprocess.Popen[str]":
    """Start a program with two actors, and wait until they work."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert "it works" in program.stdout.read(9)
    return program


def test_the_actors_of_a_program_that_is_killed_end_on_a_cluster_that_stays(nodes: Nodes) -> None:
    import ray

    assert ray.available_resources().get("CPU") == 2
    with start_program() as program:
        assert wait_until(lambda: not ray.available_resources().get("CPU"), 60)
        program.kill()
    assert wait_until(lambda: ray.available_resources().get("CPU") == 2, 120)


@pytest.mark.parametrize("is_killed", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_local_cluster_ends_with_the_program(
    is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    # Not the cluster of another test.
    monkeypatch.setenv("RAY_ADDRESS", "local")
    with start_program() as program:
        family = psutil.Process(program.pid).children(recursive=True)
        assert len(family) > 3
        if is_killed:
            program.kill()
        else:
            program.communicate("end")
    _, left = psutil.wait_procs(family, timeout=120)
    assert left == []


def test_the_reason_why_ray_does_not_start_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    # Longer than the address of a socket can be.
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 110)))
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, input="end"
    )
    assert "WorkerError: Ray could not be started: " in program.stderr
    assert "path length cannot exceed" in program.stderr


def test_another_version_on_a_node_is_named_before_the_first_batch(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_PACKAGES", ("augseq", "no-such-package"))
    monkeypatch.setattr(ray_cluster, "_version", "0.0.7 of {}".format)
    with pytest.raises(
        WorkerError, match=r"Ray node.* has .*augseq .* instead of 0\.0\.7 of augseq"
    ):
        ray_pool.ActorPool().start(1)


def test_more_actors_than_cpus_are_refused(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_pool, "_START_S", 3)
    with pytest.raises(WorkerError, match=r"of 5 workers in 3 s.*2 CPUs on 3 nodes"):
        ray_pool.ActorPool().start(5)


def test_workers_that_start_too_slowly_are_not_blamed_on_too_few_cpus(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "_START_S", 0.001)
    with pytest.raises(WorkerError, match=r"of 2 workers.*too busy.*RAY_worker_niceness=0"):
        ray_pool.ActorPool().start(2)


def test_every_node_gives_the_bits_of_no_workers(nodes: Nodes, pool: Workers) -> None:
    plan = array_plan([transforms.add_noise], numbered_images(size=96), shuffle=True)
    workers = ray_workers(plan)
    assert workers.text == "ray: 2 on 2 nodes"
    for number in range(2 * NUM_BATCHES):
        assert batch(workers, number) == bits(loaded(plan, number))


@pytest.mark.parametrize("cache", [None, "folder"])
def test_every_way_to_make_an_epoch_gives_the_bits_of_no_workers(
    nodes: Nodes, pool: Workers, tmp_path: Path, cache: str | None
) -> None:
    images = make_images(tmp_path)
    for name, recipe in RECIPES.items():
        folder = None if cache is None else tmp_path.with_name(f"cache of {name}")
        batches = recipe.sequence(images, cache=folder, **RAY)
        expected = epoch_of(recipe.sequence(images), 2)
        # The second time, from the cache.
        assert epoch_of(batches, 2) == epoch_of(batches, 2) == expected, name


def test_arrays_can_be_written_to_like_those_of_other_workers(nodes: Nodes, pool: Workers) -> None:
    workers = ray_workers(array_plan(images=numbered_images(size=96)))
    images = workers.submit(at(0)).result(200).images
    assert images.flags.writeable
    assert images.ctypes.data % 64 == 0


def test_fit_trains_as_without_workers(
    nodes: Nodes, pool: Workers, samples: augseq.Manifest
) -> None:
    def losses(**workers: Any) -> list[float]:
        batches = augseq.ImageSequence(
            samples,
            image_size=(16, 16),
            batch_size=8,
            shuffle=True,
            augment=[transforms.add_noise],
            **workers,
        )
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(len(samples))])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        told = [augseq.EpochSync(batches)]
        done = model.fit(batches, epochs=2, shuffle=False, verbose=0, callbacks=told)
        return list(done.history["loss"])

    assert losses(worker_kind="ray", workers=2) == losses(workers=0)


def test_an_error_keeps_its_type_and_names_the_node(nodes: Nodes, pool: Workers) -> None:
    workers = ray_workers(array_plan([transforms.Raise(transforms.TextError("broken"))]))
    with pytest.raises(transforms.TextError, match="broken") as caught:
        batch(workers, 1)
    where, traceback = caught.value.__notes__[-2:]
    assert "To replay" in where
    assert re.match(r"In Ray worker \d+ on .* \(Ray node", traceback)
    assert batch(workers, 2)


@pytest.mark.parametrize("in_native_code", [False, True])
def test_a_time_limit_names_the_record_and_the_actor_is_replaced(
    in_native_code: bool, nodes: Nodes, pool: Workers
) -> None:
    plan = array_plan([transforms.Hang(at=5, in_native_code=in_native_code)])
    workers = ray_workers(plan, limit_s=4)
    where = "native code may hold" if in_native_code else r"In augmentation 1, 'Hang'.*index=5"
    with pytest.raises(BatchTimeoutError, match=where):
        batch(workers, 1)
    assert batch(workers, 2) == bits(loaded(plan, 2))


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (transforms.Unloadable(), "Element 2 of `augment`, 'Unloadable', .* no such library here"),
        (transforms.Deadly(), "It died on .* has died"),
    ],
)
def test_a_node_that_cannot_load_the_pipeline_is_named_before_the_first_batch(
    step: Any, why: str, nodes: Nodes, pool: Workers
) -> None:
    with pytest.raises(WorkerError, match=rf"load the pipeline, but \S+ \(Ray node.*{why}"):
        ray_workers(array_plan([transforms.add_noise, step]))


def test_an_augmentation_that_cannot_be_pickled_is_named(nodes: Nodes, pool: Workers) -> None:
    with pytest.raises(WorkerError, match=r"sent to the nodes. Element 1 of `augment`, 'Locked'"):
        ray_workers(array_plan([transforms.Locked()]))


def test_a_node_that_cannot_read_the_images_is_named_before_the_first_batch(
    nodes: Nodes, pool: Workers, sample_images: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.symlink_to(sample_images)
    images = augseq.index_folder(folder, progress=False)
    batches = augseq.ImageSequence(images, workers=2, worker_kind="ray")
    folder.unlink()
    with pytest.raises(WorkerError, match=r"read the images, but \S+ \(Ray node.*photos"):
        batches[0]


def test_a_cache_in_the_memory_of_one_machine_is_refused(sample_images: Path) -> None:
    with pytest.raises(ArgumentError, match="a cache that each node can reach"):
        ray_workers(cached_plan(str(sample_images)))


def test_the_number_of_actors_must_be_given() -> None:
    with pytest.raises(ArgumentError, match="requires `workers`"):
        WorkerOptions(kind="ray", number=None, max_queue_size=None)


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command("ray"))):
        ray_workers(array_plan())


def test_a_store_that_is_too_small_for_the_batches_is_named_with_the_first_one(
    nodes: Nodes, pool: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of 105 MB: larger batches would take seconds.
    monkeypatch.setattr(ray_store, "_USABLE", 0.001)
    workers = ray_workers(array_plan(images=numbered_images(size=128)))
    with pytest.warns(AugseqWarning, match=r"104\.9 MB, but the batches .* --object-store-memory="):
        batch(workers, 0)


def files_in(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def filled(images: augseq.Manifest, folder: Path, options: Mapping[str, Any]) -> Any:
    folder.mkdir()
    batches = augseq.ImageSequence(images, image_size=(16, 16), cache=folder, **options)
    assert batches.fill_cache(progress=False) == len(images)
    # Not the count of the files, nor the order in which they were written.
    return {name for name in files_in(folder) if "/" in name}


def written(images: augseq.Manifest, folder: Path, options: Mapping[str, Any]) -> Any:
    augment = [transforms.add_noise]
    batches = augseq.ImageSequence(images, image_size=(16, 16), augment=augment, **options)
    manifest = batches.write_augmented(folder, copies=2, progress=False)
    # The manifest has the path of the folder.
    files = {name: data for name, data in files_in(folder).items() if name.endswith(".png")}
    assert len(files) == 2 * len(images)
    return manifest.table.to_pylist(), files


WORK: dict[str, Callable[[augseq.Manifest, Path, Mapping[str, Any]], Any]] = {
    "probe": lambda images, _, options: augseq.probe_manifest(images, **options).table.to_pylist(),
    "check": lambda images, _, options: augseq.check_images(images, **options).to_json(),
    "statistics": lambda images, _, options: images.statistics(**options),
    "fill": filled,
    "write": written,
}


@pytest.mark.parametrize("work", WORK)
def test_work_on_all_files_gives_the_results_of_threads(
    work: str, nodes: Nodes, pool: Workers, samples: augseq.Manifest, tmp_path: Path
) -> None:
    images = samples.select(range(0, len(samples), 8))
    there = WORK[work](images, tmp_path / "ray", RAY)
    assert there == WORK[work](images, tmp_path / "threads", {"worker_kind": "threads"})


@pytest.fixture
def damaged(sample_images: Path, tmp_path: Path) -> augseq.Manifest:
    """A folder in which the second of two images is cut off."""
    first, second = sorted(sample_images.rglob("*.jpg"))[:2]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.jpg").write_bytes(first.read_bytes())
    (tmp_path / "b" / "2.jpg").write_bytes(second.read_bytes()[:-500])
    return augseq.index_folder(tmp_path, labels=None, progress=False)


def test_unusable_files_are_named_and_excluded_as_by_threads(
    nodes: Nodes, pool: Workers, damaged: augseq.Manifest
) -> None:
    texts = []
    for options in (RAY, {}):
        with pytest.raises(DecodeError, match=r"b/2\.jpg") as caught:
            augseq.probe_manifest(damaged, **options)
        texts.append(str(caught.value))
        with pytest.raises(DecodeError, match=r"b/2\.jpg") as caught:
            damaged.statistics(**options)
        texts.append(str(caught.value))
    assert texts[:2] == texts[2:]
    with pytest.warns(AugseqWarning, match="excluded"):
        kept = augseq.probe_manifest(damaged, unreadable="exclude", **RAY)
    assert [record.path for record in kept] == ["b/1.jpg"]


def test_the_shell_has_the_same_words(
    nodes: Nodes,
    pool: Workers,
    damaged: augseq.Manifest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = f"augseq check {damaged.root} --workers 2 --worker-kind ray --no-labels"
    monkeypatch.setattr("sys.argv", words.split())
    monkeypatch.setattr("warnings.showwarning", None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert "b/2.jpg" in capsys.readouterr().out


def over_numbers(
    function: Callable[[int], int], must_see: Mapping[str, int] = mapping.NOTHING
) -> Iterator[int]:
    options = MapOptions(progress=False, **RAY)
    return mapping.map_items(
        function, range(40), options, num_items=40, num_threads=1, title="", must_see=must_see
    )


def test_a_node_that_does_not_see_the_folder_is_named(
    nodes: Nodes, pool: Workers, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.write_bytes(b"12345")
    assert list(over_numbers(abs, {str(here): 5})) == list(range(40))
    for path, size in [(here, 4), (tmp_path / "nowhere", 5)]:
        with pytest.raises(WorkerError, match=rf"\(Ray node .* does not see '{path}' with {size}"):
            list(over_numbers(abs, {str(path): size}))


def test_work_that_is_given_up_ends_on_the_nodes(nodes: Nodes, pool: Workers) -> None:
    results = over_numbers(transforms.hang_from_5_on)
    assert next(results) == 0
    results.close()
    assert list(over_numbers(abs)) == list(range(40))


@pytest.mark.long
def test_an_item_that_kills_every_actor_is_named(nodes: Nodes, pool: Workers) -> None:
    died = pytest.warns(AugseqWarning, match="A Ray worker died")
    with died, pytest.raises(WorkerError, match="3 Ray workers in a row died on 5"):
        list(over_numbers(transforms.die_over_5))


def test_a_cache_in_memory_cannot_be_filled_by_other_machines(samples: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(samples, cache="memory", **RAY)
    with pytest.raises(ArgumentError, match="a cache that each node can reach"):
        batches.fill_cache(progress=False)


def test_a_check_goes_on_when_a_node_dies(
    nodes: Nodes, pool: Workers, samples: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = augseq.check_images(samples, progress=False).to_json()
    progress: list[int] = []

    class Bar(mapping.tqdm):  # type: ignore[type-arg]
        def update(self, n: float | None = 1) -> bool | None:
            progress.append(int(n or 0))
            if len(progress) == 1:
                nodes.kill_one()
            return super().update(n)

    monkeypatch.setattr(mapping, "tqdm", Bar)
    with pytest.warns(AugseqWarning, match=r"died on .* repeat its work, with the same results"):
        found = augseq.check_images(samples, **RAY).to_json()
    assert found == expected
    # Then those of another bar, of the search for duplicates.
    assert progress[:8] == [25] * 8
    nodes.add_one()


def test_a_batch_whose_actor_dies_is_loaded_again(
    nodes: Nodes, pool: Workers, tmp_path: Path
) -> None:
    plan = array_plan([transforms.add_noise_but_first, transforms.Die(tmp_path, deaths=1)])
    workers = ray_workers(plan)
    with pytest.warns(AugseqWarning, match=r"A Ray worker died on .* repeat its work") as warned:
        found = [batch(workers, number) for number in (1, 2)]
    assert found == [bits(loaded(plan, number)) for number in (1, 2)]
    assert len(warned) == 1


@pytest.mark.filterwarnings("ignore:A Ray worker died")
def test_a_batch_that_kills_every_actor_is_named(
    nodes: Nodes, pool: Workers, tmp_path: Path
) -> None:
    workers = ray_workers(array_plan([transforms.Die(tmp_path, deaths=99)]))
    with pytest.raises(WorkerError, match=r"3 worker processes in a row.*x\[5\]"):
        batch(workers, 1)


def test_the_stream_stays_the_same_when_a_node_dies_and_ends_when_none_is_left(
    nodes: Nodes, pool: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = array_plan([transforms.add_noise], numbered_images(size=96), shuffle=True)
    workers = ray_workers(plan)
    # Those that tests before have killed are replaced first.
    assert wait_until(lambda: workers.text == "ray: 2 on 2 nodes", 100)

    def run_epochs(kill_at: int | None = None) -> None:
        """Load two epochs, a batch ahead, and kill a node in the middle of the first."""
        for number in range(2 * NUM_BATCHES):
            later = workers.submit(at(number + 1))
            if number == kill_at:
                nodes.kill_one()
            assert batch(workers, number) == bits(loaded(plan, number))
            assert bits(later.result(200)) == bits(loaded(plan, number + 1))

    with pytest.warns(AugseqWarning, match=r"node of the Ray cluster died on .*same") as warned:
        run_epochs(kill_at=NUM_BATCHES // 2)
    assert len(warned) == 1
    monkeypatch.setattr(ray_pool, "_START_S", 3)
    nodes.kill_one()
    nothing_left = pytest.raises(WorkerError, match=r"No Ray worker is left.* 0 CPUs on 1 nodes")
    with nothing_left, pytest.warns(AugseqWarning, match="node of the Ray cluster died"):
        run_epochs()
