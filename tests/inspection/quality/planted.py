"""A folder with a planted case of everything that a check can find."""

import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HOSTILE = "<img src=x onerror=alert(1)> & \x1b[31m\u202egnp"
TRAIN, VAL = "train/cat", "val/cat"
# Files or groups of files by kind of finding; nothing else may be found.
PLANTED: dict[str, list[tuple[str, ...]]] = {
    "unreadable": [("train/cat/text.png",)],
    "truncated": [("train/cat/cut.jpg",), ("train/cat/cut.png",)],
    "conflicting_labels": [("train/cat/two.png", "train/dog/two.png")],
    "duplicates_across_splits": [("train/cat/leak.png", "val/cat/leak.png")],
    "near_duplicates_across_splits": [("train/cat/near.png", "val/cat/near.jpg")],
    "near_duplicates_with_other_labels": [("train/cat/other.png", "train/dog/other.jpg")],
    "duplicates": [("train/cat/copy.png", f"train/cat/{HOSTILE}.png")],
    "near_duplicates": [("val/cat/big.png", "val/cat/dark.webp", "val/cat/half.jpg")],
    "wrong_extension": [("train/dog/really.jpg",)],
    "animated": [("train/cat/film.gif",)],
    "tiny": [("train/cat/tiny.png",)],
    "huge": [("train/dog/huge.png",)],
    "odd_aspect_ratio": [("val/dog/long.png",)],
    "rotated": [("val/dog/turned.jpg",)],
    "grayscale": [("train/dog/grey.png",), ("val/cat/deep.png",)],
    "sixteen_bit": [("val/cat/deep.png",)],
    "transparent": [("val/dog/clear.png",)],
}


def picture(seed: int, height: int = 96, width: int = 128) -> Image.Image:
    """Return soft spots of colour, different for each seed."""
    spots = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC)


def plant(root: Path, *, hostile: bool = True) -> Path:
    """Make the folder; files that `PLANTED` does not name have nothing to find."""
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(3):
                seed = 100 + len(os.listdir(root / split / name)) + 10 * len(split + name[:1])
                picture(seed + 50 * (name == "dog")).save(root / split / name / f"{number}.png")

    def save(path: str, image: Image.Image, **options: Any) -> None:
        image.save(root / path, **options)

    def copy(source: str, target: str) -> None:
        shutil.copy(root / source, root / target)

    (root / "train/cat/text.png").write_text("no image")
    for kind in ("jpeg", "png"):
        data = io.BytesIO()
        picture(1).save(data, kind)
        (root / f"train/cat/cut.{kind.replace('e', '')}").write_bytes(data.getvalue()[:-200])
    for seed, path in enumerate(["train/cat/two.png", "train/cat/leak.png", "train/cat/copy.png"]):
        save(path, picture(10 + seed))
    copy("train/cat/two.png", "train/dog/two.png")
    copy("train/cat/leak.png", "val/cat/leak.png")
    copy("train/cat/copy.png", f"train/cat/{HOSTILE if hostile else 'again'}.png")
    save("train/cat/near.png", picture(20))
    save("val/cat/near.jpg", picture(20).crop((1, 1, 127, 95)), quality=60)
    save("train/cat/other.png", picture(21))
    save("train/dog/other.jpg", picture(21), quality=30)
    save("val/cat/big.png", picture(22, 192, 256))
    save("val/cat/half.jpg", picture(22).resize((64, 48)))
    save("val/cat/dark.webp", picture(22).point(lambda value: int(value * 0.7)))
    save("train/dog/really.jpg", picture(23), format="PNG")
    frames = [picture(24), picture(25), picture(26)]
    save("train/cat/film.gif", frames[0], save_all=True, append_images=frames[1:])
    save("train/cat/tiny.png", picture(27, 20, 24))
    save(
        "train/dog/huge.png",
        Image.effect_mandelbrot((5200, 5000), (-2, -1, 1, 1), 2).convert("RGB"),
    )
    save("val/dog/long.png", picture(28, 40, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    save("val/dog/turned.jpg", picture(29), exif=exif)
    save("train/dog/grey.png", picture(30).convert("L"))
    deep = np.asarray(picture(31).convert("L")).astype(np.uint16) * 257
    save("val/cat/deep.png", Image.fromarray(deep))
    save("val/dog/clear.png", picture(32).convert("RGBA"))
    return root
