"""Fixtures that several rooms of tests share."""

import gc
import os

# Before any test imports them: quiet, and no look for updates over the network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings

import augseq
from augseq.augment.albumentations_import import import_albumentations

from .folders import make_folder, public_folder, unprivileged

__all__ = ["make_folder", "public_folder", "unprivileged"]

# Before any test imports it: it would import torch, which takes seconds in each process.
import_albumentations()

# A busy machine is slow, not wrong; a hang ends by the timeout that every test has.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_ROOT = Path(__file__).parents[1]

# The files that take longest, the slowest first: begun last, they would keep one process busy for
# minutes when all others have ended.
_SLOWEST = ("test_notebooks", "test_fit", "test_main", "test_run", "test_fits", "test_browser")
_SLOWEST += ("test_purity", "test_resume_law", "test_environments", "test_process_ends")
# The last folders, of training and workers, have others that take long; the small files come last.
_SLOWEST += ("test_interrupts", "test_fits_of_targets", "test_several_processes", "test_signals")
_SLOWEST += ("test_interrupted_kernel", "test_loops", "test_process_pool", "test_time_limit")
_SLOWEST += ("test_stress", "test_lookahead")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for doctests in the package only: programs of the tests are not to be imported."""
    found = yield
    return [one for one in found if not isinstance(one, DoctestModule)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    ranks = {f"{name}.py": rank for rank, name in enumerate(_SLOWEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the garbage collector from what the imports made: to look through it takes a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def kept_jax_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what JAX compiles for all processes: a short `fit` takes 9 s of CPU instead of 18."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # That of the test run.
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder / "jax"))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        yield


@pytest.fixture(scope="session")
def sample_images() -> Path:
    """The folder of drawn images that comes with the project."""
    return _ROOT / "sample_images"


@pytest.fixture(scope="session")
def samples(sample_images: Path) -> augseq.Manifest:
    """The manifest of the drawn images."""
    return augseq.index_folder(sample_images, progress=False)


@pytest.fixture(scope="session")
def photos() -> Path:
    """Real photographs in class folders, where they lie beside the project."""
    folder = _ROOT.parent / "shared" / "photos" / "grocery"
    if not folder.is_dir():
        pytest.skip("the real photographs are not here")
    return folder


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(disk)]
    may_mount = os.name == "posix" and os.geteuid() == 0
    if not may_mount or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("may not mount a disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
