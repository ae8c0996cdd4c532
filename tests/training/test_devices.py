"""Several devices of one process that divide each batch evenly among them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.backends import environment_of, is_installed, run_warm

_PROGRAM = Path(__file__).with_name("one_process_many_devices.py")
LAST = 'drop_remainder=True.*padding="wrap".*padding="zero_weight".*Received: batch_size=8'

EXPECTED = {
    "fit": f"4 devices.*holds 2 images.*{LAST}",
    "fit, Keras shuffles": LAST,
    "evaluate": LAST,
    "predict": LAST,
    "fit, a batch size of 6": "holds 4|multiple of 4.*Received: batch_size=6",
    "fit, a batch size of 5": "holds 5 images.*multiple of 4.*Received: batch_size=5",
    "fit, drop_remainder": "works",
    "fit, wrap": "works",
    "fit, wrap, found": "works",
    "fit, wrap, 6": "holds 6 images.*multiple of 4",
    "fit, endless": "works",
    "evaluate, zero_weight": "works",
    "predict, wrap": "works",
    "validation": LAST,
    "two copies of the model": "works",
    "two copies, batches of 3": "2 devices.*holds 1 images.*multiple of 2",
}


@pytest.fixture(scope="module")
def found() -> Any:
    if not is_installed("jax"):
        pytest.skip("needs jax")
    devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    environment = {**environment_of("jax"), **devices}
    done = run_warm("jax", _PROGRAM, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", EXPECTED)
def test_batches_that_devices_cannot_divide_raise_a_clear_error(case: str, found: Any) -> None:
    assert re.search(EXPECTED[case], found[0][case]), found[0][case]


def test_metrics_of_padded_batches_count_each_image_once(found: Any) -> None:
    evaluated, expected, num_predictions = found[1]
    assert evaluated == pytest.approx(expected)
    assert num_predictions == 16
