"""Where the files of a manifest are processed: `workers` and `worker_kind`."""

from typing import Any

import pytest

import augseq
from augseq.errors import ArgumentError


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"worker_kind": "ray"}, "requires `workers`, the number of CPUs"),
        ({"worker_kind": "processes", "workers": 2}, "`worker_kind` must be .*threads.*ray"),
        ({"workers": 0}, "`workers` must be"),
    ],
)
def test_invalid_options_are_refused_by_name(
    options: dict[str, Any], rule: str, samples: augseq.Manifest
) -> None:
    with pytest.raises(ArgumentError, match=rule):
        augseq.check_images(samples, **options)
    with pytest.raises(ArgumentError, match=rule):
        samples.statistics(**options)


def test_the_number_of_threads_changes_nothing(samples: augseq.Manifest) -> None:
    some = samples.select(range(40))
    assert some.statistics(workers=3) == some.statistics(workers=1)
