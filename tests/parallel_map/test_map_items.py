"""Map a function over many items in threads."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from augseq.parallel_map import chunk_runner
from augseq.parallel_map.map_items import map_in_threads


def mapped(function: Any, items: Any, num_items: int, **options: Any) -> Iterator[Any]:
    return map_in_threads(function, items, num_items=num_items, title="", progress=False, **options)


@pytest.mark.parametrize("num_items", [0, 1, 15, 16, 17, 1000])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_results_come_in_the_order_of_the_items(num_items: int, num_threads: int) -> None:
    results = list(mapped(lambda n: n * n, range(num_items), num_items, num_threads=num_threads))
    assert results == [n * n for n in range(num_items)]


def test_items_are_processed_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    # The first items of each thread's first task; a single thread would wait forever.
    met = mapped(lambda n: both.wait() if n % 16 == 0 else 2, range(32), 32, num_threads=2)
    assert sorted(met) == [0, 1] + [2] * 30


def test_a_million_items_are_consumed_lazily() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(1_000_000):
            taken.append(number)
            yield number

    results = mapped(lambda n: n, items(), 1_000_000, num_threads=2)
    for expected in range(1000):
        assert next(results) == expected
        assert len(taken) < expected + 200
    results.close()
    assert len(taken) < 1200


def test_an_error_propagates_and_stops_the_work() -> None:
    seen = []

    def fail_at_40(number: int) -> int:
        seen.append(number)
        if number == 40:
            raise ValueError("no 40")
        return number

    before = threading.active_count()
    with pytest.raises(ValueError, match="no 40"):
        list(mapped(fail_at_40, range(100_000), 100_000, num_threads=2))
    assert len(seen) < 300
    assert threading.active_count() == before


@pytest.mark.parametrize("fails", [False, True])
def test_cancelled_work_stops_after_the_current_item(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Not after all sixteen items of a task, for which Ctrl-C would have to wait."""
    is_busy, is_given_up = threading.Event(), threading.Event()

    class Watched(threading.Event):
        def set(self) -> None:
            super().set()
            is_given_up.set()

    monkeypatch.setattr(chunk_runner, "Event", Watched)
    seen = []

    def work(number: int) -> int:
        seen.append(number)
        if number >= 16:
            is_busy.set()
            assert is_given_up.wait(30)
        elif number == 15:
            assert is_busy.wait(30)
            if fails:
                raise ValueError("no 15")
        return number

    results = mapped(work, range(1000), 1000, num_threads=2)
    if fails:
        with pytest.raises(ValueError, match="no 15"):
            list(results)
    else:
        assert next(results) == 0
        results.close()
    assert set(seen) - set(range(16)) <= {16, 32}
