"""CPU time that boxes add to a sample, compared with the box processor of albumentations.

python benchmarks/boxes.py                          # about a minute
python benchmarks/boxes.py --rounds 4               # a quick look
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import albumentations as A
import numpy as np
import numpy.typing as npt

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


def made_up(num_boxes: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return noisy images, and boxes of shape (NUM_IMAGES, num_boxes, 4), as x and y of corners."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (NUM_IMAGES, *IMAGE_SIZE, 3), np.uint8)
    height, width = IMAGE_SIZE
    sizes = rng.uniform(10, 100, (NUM_IMAGES, num_boxes, 2))
    corners = rng.uniform(0, [width, height] - sizes)
    return images, np.concatenate([corners, corners + sizes], -1).astype(np.float32)


def with_augseq(num_boxes: int, transforms: list[Any]) -> tuple[Callable[[], None], ...]:
    """Return one epoch without boxes, and one with them."""
    images, boxes = made_up(num_boxes)
    labels = np.zeros(boxes.shape[:2], np.int32)
    targets = (labels[:, 0], augseq.Boxes("xyxy", arrays={"boxes": boxes, "labels": labels}))

    def epoch(target: Any) -> Callable[[], None]:
        sequence = augseq.ImageSequence.from_arrays(
            images,
            target,
            augment=transforms,
            image_size=(SIZE, SIZE),
            batch_size=NUM_IMAGES,
            workers=0,
        )

        def run() -> None:
            sequence.set_epoch(0)
            sequence[0]

        return run

    return epoch(targets[0]), epoch(targets[1])


def with_albumentations(num_boxes: int, transforms: list[Any]) -> tuple[Callable[[], None], ...]:
    """Return one epoch without boxes, and one with them."""
    images, boxes = made_up(num_boxes)
    labels = np.zeros(boxes.shape[:2], np.int32)
    without_boxes = A.Compose(transforms)
    parameters = A.BboxParams(format="pascal_voc", label_fields=["labels"])
    moving_boxes = A.Compose(transforms, bbox_params=parameters)

    def run_without() -> None:
        for image in images:
            without_boxes(image=image)

    def run_with() -> None:
        for image, of_image, their_labels in zip(images, boxes, labels, strict=True):
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
    for name, transforms in PIPELINES.items():
        contenders = [
            make(arguments.num_boxes, transforms) for make in (with_augseq, with_albumentations)
        ]
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
