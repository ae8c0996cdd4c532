"""Draw scenes of fish and leaves: small pictures to try segmentation and detection on.

Fish and leaves are those of the sample pictures, in all directions. Fish have warm colours, and
leaves have cold ones; backdrops have all of them. A mask contains 0 for the background, 1 for fish
and 2 for leaves; the edges of an object, which belong to two classes, are 255. Masks have a
palette, which shows these numbers as colours.

"annotations.json", in the format of COCO, has boxes, outlines and key points of the visible part of
each object: the front (the mouth of a fish, the tip of a leaf) and the back (the middle of a tail,
the base of a blade).
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
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
# By class, x and y of the key points in the units of an object.
POINTS = {"fish": [(0.95, 0.08), (-0.87, 0)], "leaf": [(0, -0.95), (0, 0.62)]}
POINT_NAMES = ("front", "back")
# Objects that others hide up to this share are not annotated.
LEAST_VISIBLE = 0.25
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


class DrawnObject(NamedTuple):
    """An object of a scene: the number of its class, its pixels, and its key points."""

    number: int
    pixels: NDArray[np.bool_]
    points: Array


def draw_scene(
    size: tuple[int, int], rng: Generator
) -> tuple[Image.Image, Image.Image, list[DrawnObject]]:
    """Draw one scene of one to three objects, and its mask; return also the objects."""
    picture = draw_backdrop(size, rng, read_palette(str(rng.choice(PALETTES))))
    mask: NDArray[np.uint8] = np.zeros(size[::-1], np.uint8)
    objects = []
    for _ in range(rng.integers(1, 4)):
        number = int(rng.integers(1, len(CLASSES)))
        layer = place(size, rng)
        picture = draw_object(CLASSES[number], layer, picture, rng)
        points = np.array(POINTS[CLASSES[number]]) @ layer.pose.T + layer.shift
        objects.append(DrawnObject(number, layer.cover > 0.5, points))
        mask[layer.cover > 0.1] = EDGE
        mask[layer.cover > 0.9] = number
    picture *= 0.88 + 0.24 * clouds(size, rng, (5, 13, 31))
    picture += rng.uniform(-0.02, 0.02, picture.shape)
    pixels = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(pixels, 0, 2)), with_palette(mask), objects


def with_palette(mask: NDArray[np.uint8]) -> Image.Image:
    """Return a mask as a palette image, whose indices are the classes."""
    indexed = Image.frombytes("P", mask.shape[::-1], mask.tobytes())
    indexed.putpalette([part for k in range(256) for part in COLOURS.get(k, (0, 0, 0))])
    return indexed


def annotate(objects: list[DrawnObject]) -> Iterator[dict[str, Any]]:
    """Describe the visible part of each object in the format of COCO, the topmost one first."""
    above = np.zeros_like(objects[0].pixels)
    for number, pixels, points in reversed(objects):
        visible = pixels & ~above
        if visible.sum() > LEAST_VISIBLE * pixels.sum():
            marked = [key_point(x, y, above) for x, y in points.tolist()]
            yield {
                "category_id": number,
                "bbox": cv2.boundingRect(visible.astype(np.uint8)),
                "area": int(visible.sum()),
                "iscrowd": 0,
                "segmentation": outlines(visible),
                "keypoints": [part for point in marked for part in point],
                "num_keypoints": sum(point[2] > 0 for point in marked),
            }
        above |= pixels


def outlines(pixels: NDArray[np.bool_]) -> list[list[float]]:
    """Return polygons through the outermost pixels, each as x and y of its corners in turn."""
    image = pixels.astype(np.uint8)
    found, _ = cv2.findContours(image, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(one.ravel() + 0.5).tolist() for one in found if len(one) > 2]


def key_point(x: float, y: float, above: NDArray[np.bool_]) -> tuple[float, float, int]:
    """Return x, y and visibility: 2 visible, 1 hidden by an object above, 0 outside."""
    height, width = above.shape
    if not (0 <= x < width and 0 <= y < height):
        return 0, 0, 0
    return round(x, 2), round(y, 2), 1 if above[int(y), int(x)] else 2


def main() -> None:
    """Draw scenes into the folders "images" and "masks", and write "annotations.json"."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=96)
    options = parser.parse_args()
    for name in ("images", "masks"):
        (options.folder / name).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(options.count):
        # A scene does not depend on how many others are drawn.
        rng = np.random.default_rng([SEED, number])
        width, height = int(rng.integers(96, 129)), int(rng.integers(80, 113))
        picture, mask, objects = draw_scene((width, height), rng)
        name = f"images/scene_{number:03}.jpg"
        picture.save(options.folder / name, quality=92)
        mask.save(options.folder / f"masks/scene_{number:03}.png")
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for one in annotate(objects):
            annotations.append({"id": len(annotations) + 1, "image_id": number, **one})
    names = {"keypoints": POINT_NAMES, "skeleton": [[1, 2]]}
    categories = [{"id": k, "name": CLASSES[k], **names} for k in range(1, len(CLASSES))]
    everything = {"images": images, "annotations": annotations, "categories": categories}
    (options.folder / "annotations.json").write_text(json.dumps(everything), "utf-8")


if __name__ == "__main__":
    main()
