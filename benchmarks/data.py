"""Draw photo-like images, so that the benchmarks need no downloads.

The amount of detail decides how long a JPEG takes to decode. So each image is a random scene of
overlapping shapes on a gradient, covered with a texture that has the amplitude spectrum of
photographs. The strength of the texture was set so that the files are as large as real ones;
`file_statistics.py` measures both.
"""

import hashlib
import json
import multiprocessing
import tempfile
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.file_statistics import measure_files

Floats = npt.NDArray[np.float32]

SEED = 2025
NUM_CLASSES = 10
STATISTICS_NAME = "statistics.json"
# Starting the processes takes as long as drawing about this many images.
_WORTH_A_POOL = 200
# Random streams.
_SCENE, _FIELDS, _SAVE, _MASK = range(4)
# As in Pascal VOC.
NUM_MASK_CLASSES = 21
# Photographs of natural scenes: slopes of -0.8 to -1.5, average -1.2 (Tolhurst et al. 1992,
# "Amplitude spectra of natural images").
AMPLITUDE_SLOPE = -1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of file.

    Attributes:
        suffix: File extension.
        sizes: (width, height) in pixels, equally frequent.
        texture: Standard deviation of the texture, for pixels from 0 to 255.
        field_side: Side of the periodic texture that images are cut from, in pixels.
        saves: Pillow's save options, equally frequent.
        num_images: Default number of images.
        real: Statistics of real files of this kind; see the README for their source.
    """

    suffix: str
    sizes: tuple[tuple[int, int], ...]
    texture: float
    field_side: int
    saves: tuple[dict[str, Any], ...]
    num_images: int
    real: dict[str, float]


_WEB_SIZES = ((500, 375), (500, 375), (500, 375), (375, 500), (500, 333), (500, 400), (640, 480))
# Most ImageNet files have quality 96 and full-resolution chroma; the others are typical of cameras
# and the web. With this texture the mixture has ImageNet's median size and bits per pixel, and
# decodes in 1.10 ms (simplejpeg, one core, mean); quality 96 with full chroma alone took 1.25.
_WEB_SAVES = (
    *[{"quality": 96, "subsampling": "4:4:4"}] * 7,
    {"quality": 95, "subsampling": "4:2:0"},
    {"quality": 90, "subsampling": "4:2:0"},
    {"quality": 75, "subsampling": "4:2:0"},
)
WORKLOADS = {
    "small-jpeg": Workload(
        suffix=".jpg",
        sizes=_WEB_SIZES,
        texture=13.0,
        field_side=1024,
        saves=_WEB_SAVES,
        num_images=1000,
        real={"width_px": 500, "height_px": 375, "file_kb": 107, "bits_per_pixel": 4.6},
    ),
    "photo-2048": Workload(
        suffix=".jpg",
        sizes=((2048, 1536), (2048, 1536), (1536, 2048)),
        texture=19.0,
        field_side=4096,
        saves=({"quality": 92, "subsampling": "4:2:0"},),
        num_images=384,
        real={"width_px": 2048, "height_px": 1536, "bits_per_pixel": 2.7},
    ),
    "photo-12mp": Workload(
        suffix=".jpg",
        sizes=((4000, 3000), (4000, 3000), (3000, 4000)),
        texture=19.0,
        field_side=4096,
        saves=({"quality": 92, "subsampling": "4:2:0"},),
        num_images=64,
        real={"width_px": 4000, "height_px": 3000, "file_kb": 4000, "bits_per_pixel": 2.7},
    ),
    "png": Workload(
        suffix=".png",
        sizes=_WEB_SIZES,
        texture=12.0,
        field_side=1024,
        saves=({"compress_level": 6},),
        num_images=512,
        real={"width_px": 500, "height_px": 375},
    ),
}


def find_images(name: str, num_images: int | None = None) -> Path:
    """Return the folder of a workload's images; draw them if they do not exist."""
    workload = WORKLOADS[name]
    num_images = num_images or workload.num_images
    # A changed workload gets a new folder.
    mark = hashlib.sha256(repr(workload).encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"augseq-benchmark-{name}-{num_images}-{mark}"
    generate(folder, workload, num_images)
    return folder


def generate(
    folder: Path, workload: Workload, num_images: int, num_classes: int = NUM_CLASSES
) -> None:
    """Write images into class folders: the same bytes each time with the same libraries.

    Args:
        folder: Created if needed. A complete folder is left unchanged.
        workload: Kind of file.
        num_images: Total number; class k gets images k, k + num_classes and so on.
        num_classes: Number of sub-folders.
    """
    if (folder / STATISTICS_NAME).exists():
        return
    save = partial(_save, folder, workload, num_classes)
    if num_images < _WORTH_A_POOL:
        deque(map(save, range(num_images)), maxlen=0)
    else:
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            deque(pool.map(save, range(num_images), chunksize=32), maxlen=0)
    # Written last, so that it also marks the folder as complete.
    (folder / STATISTICS_NAME).write_text(json.dumps(measure_files(folder), indent=2))


def find_masks(folder: Path) -> Path:
    """Return the folder of the masks of some images, next to it; draw them if they do not exist.

    Args:
        folder: Images in class folders.
    """
    masks = folder.with_name(f"{folder.name}-masks")
    if (masks / STATISTICS_NAME).exists():
        return masks
    for number, path in enumerate(sorted(folder.glob("*/*"))):
        with Image.open(path) as image:
            width, height = image.size
        saved = mask_path(masks, path)
        saved.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_draw_mask(_rng(_MASK, number), width, height)).save(saved)
    (masks / STATISTICS_NAME).write_text("{}")
    return masks


def mask_path(masks: Path, image: Path | str) -> Path:
    """Return the path of the mask of an image."""
    path = Path(image)
    return masks / path.parent.name / f"{path.stem}.png"


def _draw_mask(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return the class of each pixel: some smooth shapes on a background, with ignored edges."""
    mask = Image.new("L", (width, height))
    pen = ImageDraw.Draw(mask)
    for _ in range(rng.integers(2, 9)):
        centre = rng.uniform(0, (width, height))
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(12, 60))))
        far = rng.uniform(0.05, 0.3) * width * rng.uniform(0.7, 1, len(angles))
        outline = centre + far[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        points = [tuple(point) for point in outline]
        pen.polygon(points, fill=int(rng.integers(1, NUM_MASK_CLASSES)))
        pen.line([*points, points[0]], fill=255, width=4)
    return np.asarray(mask)


def _save(folder: Path, workload: Workload, num_classes: int, index: int) -> None:
    class_dir = folder / f"class_{index % num_classes:03d}"
    class_dir.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(draw(index, workload))
    options = workload.saves[_rng(_SAVE, index).integers(len(workload.saves))]
    image.save(class_dir / f"{index:06d}{workload.suffix}", **options)


def draw(index: int, workload: Workload) -> npt.NDArray[np.uint8]:
    """Return image `index`, shape (height, width, 3), RGB."""
    rng = _rng(_SCENE, index)
    width, height = workload.sizes[rng.integers(len(workload.sizes))]
    pixels = _draw_scene(rng, width, height)
    strength = workload.texture * rng.lognormal(0, 0.3)
    for field, share in zip(_fields(workload.field_side), (1.0, 0.3, 0.3), strict=True):
        x, y = rng.integers(workload.field_side, size=2)
        texture = np.roll(field, (-y, -x), (0, 1))[:height, :width]
        # Luminance changes all channels equally; the other two fields tint red and blue.
        tint = np.array([[1, 1, 1], [1, 0, -1], [-1, 1, -1]][int(share < 1)], np.float32)
        pixels += (strength * share) * texture[..., None] * tint
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _rng(stream: int, index: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, stream, index]))


def _draw_scene(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Return overlapping shapes, shape (height, width, 3)."""
    top, bottom = rng.uniform(40, 215, (2, 1, 3))
    ramp = np.linspace(0, 1, height)[:, None]
    rows = np.rint(top * (1 - ramp) + bottom * ramp).astype(np.uint8)
    scene = Image.fromarray(np.repeat(rows[:, None], width, axis=1))
    pen = ImageDraw.Draw(scene)
    for _ in range(rng.integers(6, 25)):
        # Small shapes are frequent, large ones rare.
        radius = 0.02 * width * (1 - rng.uniform(0, 0.95)) ** -1
        centre = rng.uniform(0, (width, height))
        colour = tuple(int(c) for c in rng.integers(20, 236, 3))
        corners = centre + radius * rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2))
        if rng.random() < 0.5:
            pen.ellipse([*corners.min(axis=0), *corners.max(axis=0)], fill=colour)
        else:
            pen.polygon([tuple(corner) for corner in corners], fill=colour)
    return np.asarray(scene).astype(np.float32)


@cache
def _fields(side: int) -> list[Floats]:
    """Return three periodic textures, shape (side, side), mean 0, standard deviation 1."""
    rng = _rng(_FIELDS, 0)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    # Lower frequencies belong to the scene.
    frequency = np.maximum(frequency, 1 / 256)
    fields = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * frequency**AMPLITUDE_SLOPE
        spectrum[0, 0] = 0
        field = np.fft.irfft2(spectrum)
        fields.append((field / field.std()).astype(np.float32))
    return fields
