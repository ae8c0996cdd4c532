"""Statistics of the images in a folder: sizes, detail and decoding time.

python benchmarks/file_statistics.py FOLDER
"""

import argparse
import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import get_sampling


def measure_files(folder: Path) -> dict[str, Any]:
    """Measure the files of an image folder: medians, and quartiles of the file size.

    Returns:
        `num_images`, `width_px`, `height_px`, `file_kb`, `file_kb_quartiles`, `bits_per_pixel`;
        `amplitude_slope`: the exponent by which amplitude falls with frequency; and
        `whole_chroma_share`: the share of JPEG files with full-resolution chroma.
    """
    sizes: list[tuple[int, int]] = []
    num_bytes: list[int] = []
    slopes: list[float] = []
    whole_chroma: list[bool] = []
    for path in _image_paths(folder):
        with Image.open(path) as image:
            sizes.append(image.size)
            # A few are enough for the slope; transforming all of them would take minutes.
            if len(slopes) < 50:
                slopes.append(_amplitude_slope(image))
            if image.format == "JPEG":
                whole_chroma.append(get_sampling(image) < 1)
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
        "whole_chroma_share": round(float(np.mean(whole_chroma)), 2) if whole_chroma else None,
    }


def decode_ms(folder: Path, num_images: int = 100) -> float:
    """Return the median time in ms to decode a whole file with OpenCV, in one thread."""
    import cv2

    cv2.setNumThreads(1)
    times = []
    for path in islice(_image_paths(folder), num_images):
        data = np.fromfile(path, np.uint8)
        start = time.perf_counter()
        cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
        times.append(time.perf_counter() - start)
    return round(1000 * float(np.median(times)), 2)


def _image_paths(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            yield path


def _amplitude_slope(image: Image.Image) -> float:
    """Fit a line to log amplitude over log frequency, in the middle of the image."""
    grey = np.asarray(image.convert("L"), np.float64)
    side = min(256, *grey.shape)
    top, left = (np.array(grey.shape) - side) // 2
    middle = grey[top : top + side, left : left + side]
    window = np.outer(np.hanning(side), np.hanning(side))
    amplitude = np.abs(np.fft.rfft2((middle - middle.mean()) * window))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    # The lowest frequencies are affected by the window, the highest by the pixel grid.
    chosen = (frequency > 4 / side) & (frequency < 0.4)
    points = np.log(frequency[chosen]), np.log(amplitude[chosen] + 1e-9)
    # Rings of equal width on the logarithmic axis have equal weight.
    slope, _ = np.polyfit(*points, deg=1, w=1 / frequency[chosen])
    return float(slope)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print statistics of the images in a folder.")
    parser.add_argument("folder", type=Path, help="folder with images in sub-folders")
    folder = parser.parse_args().folder
    print(json.dumps({**measure_files(folder), "decode_ms": decode_ms(folder)}, indent=2))


if __name__ == "__main__":
    main()
