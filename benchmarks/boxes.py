"""CPU time that boxes add to a sample, compared with the box processor of albumentations.

python benchmarks/boxes.py                          # about a minute
python benchmarks/boxes.py --rounds 4               # a quick look
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import albumentations as A
import numpy as np
from PIL import Image

import augseq

IMAGE_SIZE = (300, 400)
SIZE = 224
NUM_IMAGES = 64
PIPELINES: dict[str, list[Any]] = {
    "resize": [A.Resize(SIZE, SIZE)],
    "crop, resize and flip": [
        A.RandomResizedCrop((SIZE, SIZE), scale=(0.08, 1)),
        A.HorizontalFlip(),
    ],
    "rotation, resize and flip": [
        A.Rotate(limit=15, p=1),
        A.Resize(SIZE, SIZE),
        A.HorizontalFlip(),
    ],
}


def made_up(folder: Path, num_boxes: int) -> augseq.Manifest:
    """Write noisy JPEG images with boxes as a COCO file, and index it."""
    rng = np.random.default_rng(0)
    height, width = IMAGE_SIZE
    sizes = rng.uniform(10, 100, (NUM_IMAGES, num_boxes, 2))
    boxes = np.concatenate([rng.uniform(0, [width, height] - sizes), sizes], -1)
    images = [
        {"id": k, "file_name": f"{k}.jpg", "height": height, "width": width}
        for k in range(NUM_IMAGES)
    ]
    annotations = [
        {"id": k, "image_id": k // num_boxes, "category_id": k % 3, "bbox": box}
        for k, box in enumerate(boxes.reshape(-1, 4).tolist())
    ]
    categories = [{"id": k, "name": f"class {k}"} for k in range(3)]
    for image in images:
        pixels = rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
        Image.fromarray(pixels).resize((width, height)).save(folder / image["file_name"])
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "boxes.json").write_text(json.dumps(content))
    return augseq.index_coco(folder / "boxes.json", progress=False)


def with_augseq(images: augseq.Manifest, transforms: list[Any]) -> tuple[Callable[[], None], ...]:
    """Return one epoch without boxes, and one with them."""

    def epoch(target: Any) -> Callable[[], None]:
        sequence = augseq.ImageSequence(
            images,
            targets=target,
            augment=transforms,
            image_size=(SIZE, SIZE),
            batch_size=NUM_IMAGES,
            workers=0,
        )

        def run() -> None:
            sequence.set_epoch(0)
            sequence[0]

        return run

    return epoch(augseq.Number("image_height")), epoch(augseq.Boxes())


def with_albumentations(
    images: augseq.Manifest, transforms: list[Any]
) -> tuple[Callable[[], None], ...]:
    """Return one epoch without boxes, and one with them."""
    pixels = [np.asarray(Image.open(f"{images.root}/{record.path}")) for record in images]
    boxes = [np.reshape(found, (-1, 4)) for found in images.column("boxes")]
    # Numbers, which it encodes faster than names.
    names = images.box_class_names
    labels = [list(map(names.index, record.columns["box_classes"])) for record in images]
    without_boxes = A.Compose(transforms)
    parameters = A.BboxParams(format="pascal_voc", label_fields=["labels"])
    moving_boxes = A.Compose(transforms, bbox_params=parameters)

    def run_without() -> None:
        for image in pixels:
            without_boxes(image=image)

    def run_with() -> None:
        for image, of_image, their_labels in zip(pixels, boxes, labels, strict=True):
            moving_boxes(image=image, bboxes=of_image, labels=their_labels)

    return run_without, run_with


def added_ms(epochs: tuple[Callable[[], None], ...]) -> float:
    """Return the CPU time per image of the second epoch minus that of the first."""
    start = time.process_time()
    epochs[0]()
    middle = time.process_time()
    epochs[1]()
    return (time.process_time() - middle - (middle - start)) / NUM_IMAGES * 1e3


def main() -> None:
    """Print a table of all pipelines."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--num-boxes", type=int, default=7, help="boxes of an image")
    parser.add_argument("--rounds", type=int, default=60, help="epochs of each, at least 2")
    arguments = parser.parse_args()
    height, width = IMAGE_SIZE
    print(
        f"CPU time that {arguments.num_boxes} boxes add to an image of {height} x {width} pixels:"
        f" median and quartiles of {arguments.rounds} rounds\n"
    )
    print("| augmentations | augseq | albumentations |")
    print("|---|---|---|")
    with TemporaryDirectory() as folder:
        images = made_up(Path(folder), arguments.num_boxes)
        for name, transforms in PIPELINES.items():
            contenders = [make(images, transforms) for make in (with_augseq, with_albumentations)]
            for epochs in contenders:
                added_ms(epochs)
            rounds = [[added_ms(epochs) for epochs in contenders] for _ in range(arguments.rounds)]
            cells = []
            for found in zip(*rounds, strict=True):
                low, middle, high = statistics.quantiles(found, n=4)
                cells.append(f"{middle:.2f} ms ({low:.2f} to {high:.2f})")
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
