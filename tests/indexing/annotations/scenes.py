"""Small annotated datasets, written without augseq."""

import copy
import json
from pathlib import Path
from typing import Any

from PIL import Image

COCO: dict[str, Any] = {
    "info": {"year": 2026},
    "images": [
        {"id": 30, "file_name": "b/2.png", "height": 40, "width": 60, "license": 3},
        {"id": 10**15, "file_name": "1.png", "height": 40, "width": 60},
        {"id": 7, "file_name": "empty.png", "height": 40, "width": 60},
    ],
    "categories": [
        {"id": 90, "name": "zebra", "supercategory": "animal"},
        {"id": 3, "name": "cat", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
        {"id": 17, "name": "never"},
    ],
    "annotations": [
        {"id": 5, "image_id": 10**15, "category_id": 90, "bbox": [1.1, 2.2, 30.7, 4.3],
         "area": 99.5, "iscrowd": 0, "segmentation": [[1, 2, 31, 2, 31, 6.5], [2, 2, 3, 2, 3, 5]]},
        {"id": 10**15, "image_id": 30, "category_id": 3, "bbox": [0, 0, 60, 40], "iscrowd": 1,
         "area": 12, "segmentation": {"size": [40, 60], "counts": [0, 2400]}},
        {"id": 4, "image_id": 10**15, "category_id": 3, "bbox": [10, 10, 0.1, 20.2], "iscrowd": 0,
         "keypoints": [10, 12, 2, 0, 0, 0], "num_keypoints": 1, "score": 0.5, "who": "Zoë"},
    ],
}  # fmt: skip


def write_images(folder: Path) -> None:
    """Write the images of `COCO`."""
    for image in COCO["images"]:
        path = folder / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40)).save(path)


def write_coco_scene(folder: Path, **changes: Any) -> Path:
    """Write the images and the COCO file, with some of its keys replaced."""
    write_images(folder)
    path = folder / "boxes.json"
    path.write_text(json.dumps({**copy.deepcopy(COCO), **changes}), "utf-8")
    return path
