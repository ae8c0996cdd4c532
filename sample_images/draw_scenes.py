"""Draw scenes of fish and leaves, each with a mask: small pictures to try segmentation on.

Fish and leaves are those of the sample pictures, in all directions. Fish have warm colours, and
leaves have cold ones; backdrops have all of them. A mask contains 0 for the background, 1 for fish
and 2 for leaves; the edges of an object, which belong to two classes, are 255. Masks have a
palette, which shows these numbers as colours.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

# Otherwise the import would leave a folder among the classes of the sample images.
sys.dont_write_bytecode = True

from draw_sample_images import (  # noqa: E402
    DRAWERS,
    PALETTES,
    Array,
    Layer,
    blur,
    clouds,
    draw_backdrop,
    mix,
    read_palette,
    slide,
)

SEED = 2026
CLASSES = ("background", "fish", "leaf")
EDGE = 255
# By class, the palettes whose main colour is warm or cold.
PALETTES_OF = {"fish": (0, 2, 3, 6), "leaf": (1, 4, 5, 7)}
COLOURS = {0: (38, 70, 83), 1: (244, 162, 97), 2: (138, 177, 125), EDGE: (255, 255, 255)}


def place(size: tuple[int, int], rng: Generator) -> Layer:
    """Place an object anywhere in the scene, turned in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pose = turn @ np.diag([rng.choice([-1.0, 1.0]), 1]) * min(size) * rng.uniform(0.22, 0.36)
    return Layer(size, pose, np.array(size) * rng.uniform(0.15, 0.85, 2))


def draw_object(name: str, layer: Layer, picture: Array, rng: Generator) -> Array:
    """Return the picture with an object and its shadow; the layer then knows what it covers."""
    inks = mix(read_palette(PALETTES[rng.choice(PALETTES_OF[name])]), rng, swap=False)
    DRAWERS[name][0](layer, rng, inks)
    shadow = slide(blur(layer.cover, layer.unit * 0.06), round(layer.unit * 0.06))
    return picture * (1 - 0.4 * shadow * (1 - inks.dark)) * (1 - layer.cover) + layer.colour


def draw_scene(size: tuple[int, int], rng: Generator) -> tuple[Image.Image, Image.Image]:
    """Draw one scene of one to three objects, and its mask."""
    picture = draw_backdrop(size, rng, read_palette(str(rng.choice(PALETTES))))
    mask: NDArray[np.uint8] = np.zeros(size[::-1], np.uint8)
    for _ in range(rng.integers(1, 4)):
        number = int(rng.integers(1, len(CLASSES)))
        layer = place(size, rng)
        picture = draw_object(CLASSES[number], layer, picture, rng)
        mask[layer.cover > 0.1] = EDGE
        mask[layer.cover > 0.9] = number
    picture *= 0.88 + 0.24 * clouds(size, rng, (5, 13, 31))
    picture += rng.uniform(-0.02, 0.02, picture.shape)
    pixels = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(pixels, 0, 2)), with_palette(mask)


def with_palette(mask: NDArray[np.uint8]) -> Image.Image:
    """Return a mask as a palette image, whose indices are the classes."""
    indexed = Image.frombytes("P", mask.shape[::-1], mask.tobytes())
    indexed.putpalette([part for k in range(256) for part in COLOURS.get(k, (0, 0, 0))])
    return indexed


def main() -> None:
    """Draw scenes into the folders "images" and "masks"."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=96)
    options = parser.parse_args()
    for name in ("images", "masks"):
        (options.folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(options.count):
        # A scene does not depend on how many others are drawn.
        rng = np.random.default_rng([SEED, number])
        size = (int(rng.integers(96, 129)), int(rng.integers(80, 113)))
        picture, mask = draw_scene(size, rng)
        picture.save(options.folder / f"images/scene_{number:03}.jpg", quality=92)
        mask.save(options.folder / f"masks/scene_{number:03}.png")


if __name__ == "__main__":
    main()
