"""The states of torch's generators go back to the devices that they came from."""

import pytest

from tests.backends import is_installed, run_warm

# The order is that of the names, and there is no machine here with so many devices.
_PROGRAM = """
import numpy as np
import torch
from augseq.training.model_state import device_states, read_generators, write_generators

arrays = {f"torch generator {number}": np.array([number]) for number in range(12)}
mixed = {name: arrays[name] for name in sorted(arrays)}
assert [int(state[0]) for state in device_states(mixed)] == list(range(12))

saved = read_generators()
first = torch.rand(3)
write_generators(saved)
assert torch.equal(torch.rand(3), first)
assert ("torch generator mps" in saved) == torch.backends.mps.is_available()
"""


def test_each_device_gets_its_own_state_back_even_with_ten_or_more() -> None:
    if not is_installed("torch"):
        pytest.skip("needs keras and torch")
    done = run_warm("torch", "-W", "error", "-c", _PROGRAM)
    assert done.returncode == 0, done.stderr
