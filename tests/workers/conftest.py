"""Worker tests have processes of their own."""

import multiprocessing
import weakref

import pytest

# Processes of "forkserver" then start in milliseconds.
multiprocessing.set_forkserver_preload(["augseq.workers.worker_main", "tests.workers.transforms"])


@pytest.fixture(autouse=True)
def _no_pool_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the processes of sequences that other tests still hold, with what they have loaded."""
    monkeypatch.setattr("augseq.workers.process_pool._WORKER_POOLS", weakref.WeakValueDictionary())
