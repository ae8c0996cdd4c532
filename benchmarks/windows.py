"""Random windows of large TIFF files: CPU time and bytes read per window, compared with others.

python benchmarks/windows.py                        # about 2 minutes; 1.5 GB of disk space
python benchmarks/windows.py --side 4000            # a quick look

rasterio and zarr are measured if they are installed: python -m pip install rasterio zarr
"""

import argparse
import importlib.util
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Region
from augseq.pixels.source import FileSource

Pixels = npt.NDArray[np.uint8]
ReadWindow = Callable[[Path, int, int, int], Pixels]
# How the files are stored, and their side as a share of `--side`.
LAYOUTS: dict[str, tuple[float, dict[str, Any]]] = {
    "tiles of 256 x 256, deflated": (1, {"tile": (256, 256), "compression": "zlib"}),
    "strips of 8 rows, deflated": (0.4, {"rowsperstrip": 8, "compression": "zlib"}),
    "one strip, not compressed": (0.4, {}),
}


def with_augseq(path: Path, top: int, left: int, size: int) -> Pixels:
    """Read a window as `ImageSequence` does for a random crop."""
    options = DecodeOptions(max_pixels=1 << 30, max_file_bytes=1 << 33)
    source = FileSource(root=str(path.parent), options=options)
    opened = source.open(Record(index=0, path=path.name))
    return opened.read(Region(box=(top, left, size, size)))


def with_rasterio(path: Path, top: int, left: int, size: int) -> Pixels:
    """Read a window with GDAL."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.windows import Window

    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    with rasterio.open(path) as file:
        planes: Pixels = file.read(window=Window(left, top, size, size))
    return np.moveaxis(planes, 0, 2)


def with_zarr(path: Path, top: int, left: int, size: int) -> Pixels:
    """Read a window with tifffile's view of the file as a Zarr array."""
    import zarr

    with tifffile.imread(path, aszarr=True) as store:
        array: Any = zarr.open(store, mode="r")
        found: Pixels = array[top : top + size, left : left + size]
    return found


CONTENDERS: dict[str, ReadWindow] = {
    "augseq": with_augseq,
    "rasterio": with_rasterio,
    "zarr": with_zarr,
}


def write_image(path: Path, side: int, options: dict[str, Any]) -> None:
    """Write a colour image with the detail of a photo, the same each time."""
    rng = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (1024, 1024, 3)), 0), 1)
    smooth = 200 * (smooth - smooth.min()) / np.ptp(smooth) + rng.normal(0, 6, smooth.shape)
    base = smooth.clip(0, 255).astype(np.uint8)
    across = -(-side // 256)

    def parts() -> Iterator[Pixels]:
        while True:
            top, left = rng.integers(0, 1024 - 256, 2)
            yield base[top : top + 256, left : left + 256]

    def write(data: Any, **more: Any) -> None:
        tifffile.imwrite(path, data, photometric="rgb", metadata=None, **options, **more)

    if "tile" in options:
        # One after the other, since all of them may not fit in memory.
        write(islice(parts(), across**2), shape=(side, side, 3), dtype=np.uint8)
    else:
        row = (np.concatenate(list(islice(parts(), across)), axis=1) for _ in range(across))
        write(np.concatenate(list(row))[:side, :side])


def measure(read: ReadWindow, path: Path, side: int, size: int, num: int) -> tuple[str, Pixels]:
    """Read random windows; return the cost of one as text, and the sum of their pixels."""
    rng = np.random.default_rng(1)
    places = rng.integers(0, side - size, (num + 1, 2)).tolist()
    # The first one imports libraries.
    total = read(path, *places[0], size).astype(np.uint64)
    num_read, start = _bytes_read(), time.process_time()
    for top, left in places[1:]:
        total += read(path, top, left, size)
    ms = (time.process_time() - start) / num * 1e3
    megabytes = (_bytes_read() - num_read) / num / 1e6
    return f"{ms:.1f} ms, {megabytes:.2f} MB", total


def _bytes_read() -> int:
    """Return what this process has read, from the page cache or not; 0 if not on Linux."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return int(lines[0].split()[1])


def main() -> None:
    """Print a table of all layouts and contenders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side", type=int, default=20_000, help="side of the tiled image in px")
    parser.add_argument("--size", type=int, default=512, help="side of a window in px")
    parser.add_argument("--num", type=int, default=40, help="windows per file")
    arguments = parser.parse_args()
    names = [name for name in CONTENDERS if importlib.util.find_spec(name)]
    print(f"CPU time and bytes read per window of {arguments.size} x {arguments.size} pixels\n")
    print("| file | " + " | ".join(names) + " |")
    print("|---" * (1 + len(names)) + "|")
    for layout, (share, options) in LAYOUTS.items():
        side = int(arguments.side * share)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.tif"
            write_image(path, side, options)
            row = [f"{side} x {side}, {layout}, {os.path.getsize(path) / 1e6:.0f} MB"]
            totals = []
            for name in names:
                cost, total = measure(CONTENDERS[name], path, side, arguments.size, arguments.num)
                row.append(cost)
                totals.append(total)
            if any((total != totals[0]).any() for total in totals):
                sys.exit(f"The contenders read other pixels from {layout!r}.")
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
