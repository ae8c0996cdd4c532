"""Check an installed wheel: its C module is there, and decodes a crop like Pillow."""

import sys

import numpy as np
from PIL import Image

from augseq.pixels import native
from augseq.pixels.decode import open_image
from augseq.pixels.options import DecodeOptions
from augseq.pixels.read import read_bytes
from augseq.pixels.region import Region

path = sys.argv[1]
assert native.module is not None, "the wheel has no C module"
opened = open_image(read_bytes(path), DecodeOptions())
part = opened.read(Region(box=(5, 7, 20, 30)))
expected = np.asarray(Image.open(path).convert("RGB"))[5:25, 7:37]
assert np.array_equal(part, expected), "its pixels differ from those of Pillow"
print(f"{native.module.__file__} decodes {path} like Pillow")
