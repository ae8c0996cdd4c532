"""Draw photo-like images, so that anybody can measure without downloading a data set.

What makes a JPEG dear to decode is how much detail it holds. So each image is a random scene of
overlapping shapes in front of a gradient, and everything is covered with texture whose amplitude
falls with frequency as in photographs. How strong the texture is was set so that the files have
the size of real ones; `statistics` measures both.

    python benchmarks/data.py FOLDER      # the statistics of any image folder
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Floats = npt.NDArray[np.float32]

SEED = 2025
NUM_CLASSES = 10
STATISTICS_NAME = "statistics.json"
# Photographs of natural scenes: slopes of -0.8 to -1.5, average -1.2 (Tolhurst et al. 1992,
# "Amplitude spectra of natural images").
AMPLITUDE_SLOPE = -1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A kind of files.

    Attributes:
        sizes: (width, height) in pixels, equally frequent.
        texture: Standard deviation of the texture, in units of a pixel's 0 to 255.
        field_side: Side of the periodic texture that images are cut from, in pixels.
        save: Pillow's options for the file.
        num_images: How many, unless one says so.
        real: Statistics of real files of this kind; see the README for where they come from.
    """

    suffix: str
    sizes: tuple[tuple[int, int], ...]
    texture: float
    field_side: int
    save: dict[str, Any]
    num_images: int
    real: dict[str, float]


# Most ImageNet files have quality 96 and no chroma subsampling.
_WEB_SIZES = ((500, 375), (500, 375), (500, 375), (375, 500), (500, 333), (500, 400), (640, 480))
WORKLOADS = {
    "small-jpeg": Workload(
        suffix=".jpg",
        sizes=_WEB_SIZES,
        texture=12.0,
        field_side=1024,
        save={"quality": 96, "subsampling": "4:4:4"},
        num_images=1000,
        real={"width_px": 500, "height_px": 375, "file_kb": 107, "bits_per_pixel": 4.6},
    ),
    "photo": Workload(
        suffix=".jpg",
        sizes=((4000, 3000), (4000, 3000), (3000, 4000)),
        texture=19.0,
        field_side=4096,
        save={"quality": 92, "subsampling": "4:2:0"},
        num_images=100,
        real={"width_px": 4000, "height_px": 3000, "file_kb": 4000, "bits_per_pixel": 2.7},
    ),
    "png": Workload(
        suffix=".png",
        sizes=_WEB_SIZES,
        texture=12.0,
        field_side=1024,
        save={"compress_level": 6},
        num_images=1000,
        real={"width_px": 500, "height_px": 375},
    ),
}


def generate(
    folder: Path, workload: Workload, num_images: int, num_classes: int = NUM_CLASSES
) -> None:
    """Write images into class folders, the same bytes each time with the same libraries.

    Args:
        folder: Made if need be. A folder that is complete is left as it is.
        workload: Which kind of files.
        num_images: How many in all; class k gets images k, k + num_classes and so on.
        num_classes: Sub-folders.
    """
    if (folder / STATISTICS_NAME).exists():
        return
    for index in range(num_images):
        class_dir = folder / f"class_{index % num_classes:03d}"
        class_dir.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(draw(index, workload))
        image.save(class_dir / f"{index:06d}{workload.suffix}", **workload.save)
    # Written last: it also says that nothing is missing.
    (folder / STATISTICS_NAME).write_text(json.dumps(statistics(folder), indent=2))


def draw(index: int, workload: Workload) -> npt.NDArray[np.uint8]:
    """Return image `index`, shape (height, width, 3), RGB."""
    rng = np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, 0, index]))
    width, height = workload.sizes[rng.integers(len(workload.sizes))]
    pixels = _draw_scene(rng, width, height)
    strength = workload.texture * rng.lognormal(0, 0.3)
    for field, share in zip(_fields(workload.field_side), (1.0, 0.3, 0.3), strict=True):
        x, y = rng.integers(workload.field_side, size=2)
        texture = np.roll(field, (-y, -x), (0, 1))[:height, :width]
        # Luminance varies all channels alike; the other two fields tint red and blue.
        tint = np.array([[1, 1, 1], [1, 0, -1], [-1, 1, -1]][int(share < 1)], np.float32)
        pixels += (strength * share) * texture[..., None] * tint
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _draw_scene(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Return shapes that hide each other, shape (height, width, 3)."""
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
    rng = np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, 1, 0]))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    # Slower changes than these belong to the scene.
    frequency = np.maximum(frequency, 1 / 256)
    fields = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * frequency**AMPLITUDE_SLOPE
        spectrum[0, 0] = 0
        field = np.fft.irfft2(spectrum)
        fields.append((field / field.std()).astype(np.float32))
    return fields


def statistics(folder: Path) -> dict[str, Any]:
    """Measure the files of an image folder: medians, and quartiles of the file size.

    Returns:
        `num_images`, `width_px`, `height_px`, `file_kb`, `file_kb_quartiles`, `bits_per_pixel`,
        and `amplitude_slope`: the exponent by which amplitude falls with frequency.
    """
    sizes: list[tuple[int, int]] = []
    num_bytes: list[int] = []
    slopes: list[float] = []
    for path in _image_paths(folder):
        with Image.open(path) as image:
            sizes.append(image.size)
            # A few tell the slope well enough; transforming all of them would take minutes.
            if len(slopes) < 50:
                slopes.append(_amplitude_slope(image))
        num_bytes.append(path.stat().st_size)
    if not sizes:
        raise ValueError(f"There are no images in the sub-folders of {str(folder)!r}.")
    width, height = np.median(sizes, axis=0)
    bits = 8 * np.array(num_bytes) / np.prod(sizes, axis=1)
    return {
        "num_images": len(sizes),
        "width_px": float(width),
        "height_px": float(height),
        "file_kb": round(float(np.median(num_bytes)) / 1000, 1),
        "file_kb_quartiles": [
            round(float(q) / 1000, 1) for q in np.quantile(num_bytes, [0.25, 0.75])
        ],
        "bits_per_pixel": round(float(np.median(bits)), 2),
        "amplitude_slope": round(float(np.median(slopes)), 2),
    }


def _image_paths(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            yield path


def _amplitude_slope(image: Image.Image) -> float:
    """Fit a line to the logarithms of amplitude and frequency, in the image's middle."""
    grey = np.asarray(image.convert("L"), np.float64)
    side = min(256, *grey.shape)
    top, left = (np.array(grey.shape) - side) // 2
    middle = grey[top : top + side, left : left + side]
    window = np.outer(np.hanning(side), np.hanning(side))
    amplitude = np.abs(np.fft.rfft2((middle - middle.mean()) * window))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    # The lowest frequencies show the window, the highest ones the grid.
    chosen = (frequency > 4 / side) & (frequency < 0.4)
    points = np.log(frequency[chosen]), np.log(amplitude[chosen] + 1e-9)
    # Rings of equal width on the logarithmic axis weigh the same.
    slope, _ = np.polyfit(*points, deg=1, w=1 / frequency[chosen])
    return float(slope)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the statistics of an image folder.")
    parser.add_argument("folder", type=Path, help="images in sub-folders")
    print(json.dumps(statistics(parser.parse_args().folder), indent=2))


if __name__ == "__main__":
    main()
