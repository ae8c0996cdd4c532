"""What albumentations does, with randomness, with threads and when imported."""

import importlib.metadata
import importlib.util
import inspect
import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from .conftest import RunPython

A: Any = pytest.importorskip("albumentations")

SQUARE = np.arange(4, dtype=np.uint8).reshape(2, 2)


def two_flips(**kwargs: Any) -> Any:
    """Return flips in both directions, each with a chance of one half."""
    return A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)], **kwargs)


def flips_seen(compose: Any) -> set[tuple[int, ...]]:
    """Apply it 64 times; return the different results."""
    return {tuple(compose(image=SQUARE)["image"].ravel()) for _ in range(64)}


def test_the_installed_release_is_the_last_one_under_the_mit_licence() -> None:
    """The successor has another name on the package index and imports under the same one."""
    assert importlib.metadata.version("albumentations") == "2.0.8"
    assert importlib.metadata.metadata("albumentations")["License"].startswith("MIT License")
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("albumentationsx")


@pytest.mark.parametrize("seeded", ["by the constructor", "by set_random_seed"])
def test_a_seed_gives_every_transform_the_same_stream(seeded: str) -> None:
    """Two flips with a chance of one half always fire together or not at all."""
    compose = two_flips(seed=3) if seeded == "by the constructor" else two_flips()
    if seeded == "by set_random_seed":
        compose.set_random_seed(3)
    assert flips_seen(compose) == {(0, 1, 2, 3), (3, 2, 1, 0)}


def test_set_random_state_gives_independent_draws() -> None:
    compose = two_flips()
    compose.set_random_state(np.random.default_rng(3), random.Random(3))
    assert flips_seen(compose) == {(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)}


def test_set_random_state_hands_the_generators_themselves_to_every_transform() -> None:
    """So they can be reused: reset from outside, they repeat the draws."""
    compose = two_flips()
    numpy_generator, python_generator = np.random.default_rng(3), random.Random(3)
    compose.set_random_state(numpy_generator, python_generator)
    for part in (compose, *compose.transforms):
        assert part.random_generator is numpy_generator
        assert part.py_random is python_generator


def test_a_transform_keeps_the_parameters_of_its_last_call() -> None:
    """Generators and parameters are attributes, so two threads must not share a transform."""
    transform = A.RandomBrightnessContrast(p=1)
    transform.set_random_seed(1)
    image = np.full((4, 4, 3), 90, np.uint8)
    transform(image=image)
    first = transform.params
    transform(image=image)
    assert first["alpha"] != transform.params["alpha"]


def pixels_of_a_thread(reseed: int | None, image: np.ndarray) -> np.ndarray:
    """Seed a pipeline with 1 and run it in a thread; in the midst of that, seed it anew.

    Args:
        reseed: The seed that another user of the pipeline sets meanwhile; None sets none.
        image: What the thread augments.
    """
    reached, go_on = threading.Event(), threading.Event()

    def wait(image: np.ndarray, **kwargs: Any) -> np.ndarray:
        reached.set()
        assert go_on.wait(30)
        return image

    compose = A.Compose([A.Lambda(image=wait), A.RandomBrightnessContrast(p=1)])
    results: list[np.ndarray] = []
    seed(compose, 1)
    thread = threading.Thread(target=lambda: results.append(compose(image=image)["image"]))
    thread.start()
    assert reached.wait(30)
    if reseed is not None:
        seed(compose, reseed)
    go_on.set()
    thread.join()
    return results[0]


def seed(compose: Any, number: int) -> None:
    """Hand fresh generators to the pipeline."""
    compose.set_random_state(np.random.default_rng(number), random.Random(number))


def test_a_compose_shared_by_threads_draws_from_another_threads_generator() -> None:
    """Seeding it for a second image, while the first is under way, changes the first one."""
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    alone = pixels_of_a_thread(None, image)
    np.testing.assert_array_equal(pixels_of_a_thread(None, image), alone)
    assert (pixels_of_a_thread(2, image) != alone).any()


IMPORT = """
import importlib, os, sys
requests = []
def stop(event, arguments):
    if event == "urllib.Request":
        requests.append(arguments[0])
        raise OSError("no network in this test")
sys.addaudithook(stop)
import albumentations
print("torch" in sys.modules, requests)
del os.environ["NO_ALBUMENTATIONS_UPDATE"]
try:
    importlib.reload(albumentations)
except OSError:
    pass
print(requests)
"""


@pytest.fixture(scope="module")
def import_output(run_python: RunPython) -> list[str]:
    """What the import does in a fresh interpreter: first with, then without the variable."""
    process = run_python(IMPORT, env={"NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONWARNINGS": "ignore"})
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_importing_looks_for_updates_unless_the_environment_forbids_it(
    import_output: list[str],
) -> None:
    assert import_output[0].endswith("[]")
    assert import_output[1] == "['https://pypi.org/pypi/albumentations/json']"


def test_importing_also_imports_torch_where_it_is_installed(import_output: list[str]) -> None:
    assert import_output[0].startswith(str(importlib.util.find_spec("torch") is not None))


def test_invocation_seed_is_passed_through_and_changes_nothing() -> None:
    """The successor takes it as a seed per call; here it is one more unknown target.

    So an attempt to use it does not tell the two apart: the call succeeds, unseeded.
    """
    assert "invocation_seed" not in inspect.signature(A.Compose.__call__).parameters
    compose = two_flips()
    results = [compose(image=SQUARE, invocation_seed=3) for _ in range(64)]
    assert {result["invocation_seed"] for result in results} == {3}
    assert len({tuple(result["image"].ravel()) for result in results}) > 1


RAISE_ON_UINT16 = {
    *("AdditiveNoise", "CLAHE", "ColorJitter", "Equalize", "GaussNoise", "HueSaturationValue"),
    *("MultiplicativeNoise", "Posterize", "RGBShift", "RandomRain", "RandomToneCurve"),
}
RETURN_FLOATS_FOR_UINT16 = {
    *("AutoContrast", "ChromaticAberration", "Downscale", "ImageCompression", "MedianBlur"),
    *("RandomFog", "RandomGamma", "RandomGravel", "RandomShadow", "RandomSnow"),
    *("RandomSunFlare", "Superpixels"),
}


def transforms_of_one_image() -> Iterator[Any]:
    """Yield each transform that runs with default arguments and keeps 8-bit images 8-bit."""
    image = np.zeros((48, 48, 3), np.uint8)
    for name in dir(A):
        member = getattr(A, name)
        if inspect.isclass(member) and issubclass(member, A.BasicTransform):
            try:
                transform = member(p=1)
            except (TypeError, ValueError, NotImplementedError):
                continue
            if outcome(transform, image, 0) == "uint8":
                yield transform


def outcome(transform: Any, image: np.ndarray, number: int) -> str:
    """Return the dtype of the result, or "raises"."""
    try:
        return str(A.Compose([transform], seed=number)(image=image)["image"].dtype)
    except Exception:
        return "raises"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, set[str]]]:
    """For each transform, what becomes of images of two dtypes under four seeds."""
    wide = np.random.default_rng(0).integers(0, 65536, (48, 48, 3), np.uint16)
    images = [wide, (wide / 65535).astype(np.float32)]
    return {
        type(transform).__name__: {
            str(image.dtype): {outcome(transform, image, number) for number in range(4)}
            for image in images
        }
        for transform in transforms_of_one_image()
    }


@pytest.mark.filterwarnings("ignore")
def test_many_transforms_raise_on_16_bit_images_or_turn_them_into_floats(
    outcomes: dict[str, dict[str, set[str]]],
) -> None:
    raising = {name for name, seen in outcomes.items() if "raises" in seen["uint16"]}
    changing = {name for name, seen in outcomes.items() if seen["uint16"] - {"raises", "uint16"}}
    assert raising == RAISE_ON_UINT16
    assert changing == RETURN_FLOATS_FOR_UINT16


@pytest.mark.filterwarnings("ignore")
def test_all_transforms_keep_float32_images_float32(
    outcomes: dict[str, dict[str, set[str]]],
) -> None:
    assert len(outcomes) > 80
    assert all(seen["float32"] == {"float32"} for seen in outcomes.values())


FILL_RED: dict[str, Any] = {
    "ElasticTransform": lambda **options: A.ElasticTransform(300, 4, **options),
    "GridDistortion": lambda **options: A.GridDistortion(
        distort_limit=(0.7, 0.7), normalized=False, **options
    ),
    "OpticalDistortion": lambda **options: A.OpticalDistortion((0.9, 0.9), **options),
    "Perspective": lambda **options: A.Perspective(0.3, fit_output=True, **options),
    "ThinPlateSpline": lambda **options: A.ThinPlateSpline((0.9, 0.9), **options),
}


@pytest.mark.parametrize("name", FILL_RED)
def test_a_number_as_fill_of_a_distortion_is_black_in_all_channels_but_the_first(
    name: str,
) -> None:
    """A tuple of four is filled as it is, in images of fewer channels too."""
    image = np.full((40, 40, 3), 200, np.uint8)
    colors = []
    for fill in (114, (114,) * 4):
        transform = FILL_RED[name](fill=fill, interpolation=0, p=1)
        seed(transform, 3)
        colors.append({tuple(pixel) for pixel in transform(image=image)["image"].reshape(-1, 3)})
    assert colors == [{(200, 200, 200), (114, 0, 0)}, {(200, 200, 200), (114, 114, 114)}]


def test_a_tuple_as_fill_is_cut_or_continued_with_0() -> None:
    image = np.full((4, 4, 3), 200, np.uint8)
    assert A.Pad(1, fill=(114,), p=1)(image=image)["image"][0, 0].tolist() == [114, 0, 0]
    assert A.Pad(1, fill=(7, 8, 9), p=1)(image=image[:, :, :1])["image"][0, 0].tolist() == [7]


def test_crop_and_pad_draws_one_number_of_its_fill_for_all_channels() -> None:
    transform = A.CropAndPad(px=(1, 1, 1, 1), fill=(1, 2, 3), keep_size=False, p=1)
    seen = set()
    for number in range(20):
        seed(transform, number)
        seen.add(tuple(transform(image=np.zeros((4, 4, 3), np.uint8))["image"][0, 0].tolist()))
    assert seen == {(1, 1, 1), (2, 2, 2), (3, 3, 3)}


def test_normalize_takes_the_first_of_its_numbers_for_grey_images() -> None:
    image = np.full((4, 4, 1), 255, np.uint8)
    result = A.Normalize(mean=(0.5, 0, 0), std=(0.25, 1, 1), p=1)(image=image)["image"]
    np.testing.assert_allclose(result, 2, rtol=1e-6)


def test_sepia_leaves_grey_images_as_they_are_without_a_warning() -> None:
    image = np.full((4, 4, 1), 90, np.uint8)
    assert (A.ToSepia(p=1)(image=image)["image"] == 90).all()
