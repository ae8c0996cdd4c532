"""How TensorFlow takes arrays from a generator, as `fit` does with those of a `PyDataset`."""

from typing import Any

import numpy as np
import pytest

ALIGNMENT = 64


def array_at(offset: int, dtype: str) -> np.ndarray:
    """Return an array whose address is an offset beyond a multiple of 64."""
    memory = np.zeros(3000 * np.dtype(dtype).itemsize + 2 * ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT + offset
    return np.ndarray((30, 100), dtype, memory, start)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int32"])
@pytest.mark.parametrize(("offset", "is_copied"), [(0, False), (16, True), (32, True)])
def test_an_array_is_copied_unless_its_address_is_a_multiple_of_64(
    dtype: str, offset: int, is_copied: bool
) -> None:
    tensorflow: Any = pytest.importorskip("tensorflow")
    array = array_at(offset, dtype)
    specification = tensorflow.TensorSpec(array.shape, dtype)
    data = tensorflow.data.Dataset.from_generator(
        lambda: iter([array]), output_signature=specification
    )
    tensor = next(iter(data))
    # `numpy()` would copy.
    assert np.shares_memory(np.asarray(memoryview(tensor)), array) != is_copied
