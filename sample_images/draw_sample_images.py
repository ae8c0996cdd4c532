"""Draw the sample pictures: five classes that differ in shape, but not in mean colour.

Every class has the same palettes, backdrops, sizes and file formats, so only the drawn object
differs. Objects are described in their own units (about -1 to 1, y pointing down), posed onto the
picture, drawn at three times their size and reduced, which smooths their edges.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

SEED = 2025
PICTURES_PER_CLASS = 40
# Other versions may smooth or compress a little differently.
DRAWN_WITH_PILLOW = "13.0.0"
OVERSAMPLING = 3

Array = NDArray[np.float64]


class Inks(NamedTuple):
    """The colours of one picture: red, green and blue from 0 to 1, shape (3, 1, 1)."""

    ground: Array
    ground_shade: Array
    main: Array
    second: Array
    dark: Array
    light: Array


PALETTES = (
    "f6e7d2 e3bf98 c8553d f2a65a 3b2231 fff4e0",
    "d7ecef 93c3cd 1f6f8b f2c14e 12343b fdf6e3",
    "1f3a36 35665a e9c46a f08a5d 132522 fefae0",
    "3a2a4b 644a7c f28482 f5cac3 201529 fff1e6",
    "e8efcf b7cd88 6a4c93 ff924c 2d2140 fbf8ef",
    "fbe3e4 ecaeb4 2a7f7a f6bd60 17403e fff8ec",
    "16243f 2c4878 fca311 f3d9b1 0a1122 fffaf0",
    "efe6d8 cfb992 4f772d a7c957 1f331b fbfae6",
    "0f5257 1d857f ffd6a5 ef6f6c 0a2c2f fff6e6",
    "e6def5 b7a5e0 b5446e ffcb77 3f1b2e fff4ea",
)


def mix(inks: Inks, rng: Generator, swap: bool) -> Inks:
    """Vary the colours a little; with `swap`, exchange the two main ones."""
    varied = [np.clip(ink * rng.uniform(0.93, 1.07, (3, 1, 1)), 0, 1) for ink in inks]
    if swap:
        varied[2], varied[3] = varied[3], varied[2]
    return Inks(*varied)


def read_palette(text: str) -> Inks:
    """Read six hexadecimal colours in the order of the fields of `Inks`."""
    numbers = np.frombuffer(bytes.fromhex(text), np.uint8) / 255
    return Inks(*numbers.reshape(len(Inks._fields), 3, 1, 1))


def blur(values: Array, radius: float) -> Array:
    """Blur values between 0 and 1."""
    image = Image.fromarray(np.rint(values * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float64) / 255


def slide(values: Array, step: int) -> Array:
    """Move values to the lower right by some pixels, repeating those at the edges."""
    far = abs(step)
    height, width = values.shape
    padded = np.pad(values, far, mode="edge")
    return padded[far - step : far - step + height, far - step : far - step + width]


def clouds(size: tuple[int, int], rng: Generator, cells: Sequence[int] = (3, 7, 17)) -> Array:
    """Make smooth noise around 0.5 with details of several sizes."""
    total = np.zeros(size[::-1])
    for count in cells:
        coarse = Image.fromarray(rng.random((count, count)).astype(np.float32))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float64)
    return total / len(cells)


def points(text: str) -> Array:
    """Read points written as "x y, x y"."""
    return np.array([pair.split() for pair in text.split(",")], np.float64)


def ellipse(x: float, y: float, width: float, height: float) -> Array:
    """Outline an ellipse with the given centre and half axes."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def smooth(corners: ArrayLike) -> Array:
    """Outline a closed smooth curve through the corners (Catmull-Rom)."""
    here = np.asarray(corners, np.float64)
    before, after, later = (np.roll(here, shift, axis=0) for shift in (1, -1, -2))
    t = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    points: Array = here + t / 2 * (
        (after - before)
        + t * (2 * before - 5 * here + 4 * after - later)
        + t**2 * (3 * here - before - 3 * after + later)
    )
    return points.swapaxes(0, 1).reshape(-1, 2)


def bend(start: ArrayLike, control: ArrayLike, end: ArrayLike) -> Array:
    """Follow a curve from start to end that leans towards the control point."""
    t = np.linspace(0, 1, 24)[:, None]
    first, middle, last = (np.asarray(point, np.float64) for point in (start, control, end))
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def ribbon(path: Array, *widths: float) -> Array:
    """Outline a band along the path, with widths interpolated evenly between those given."""
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    places = np.linspace(0, 1, len(path))
    half = np.interp(places, np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.concatenate([path + across * half, (path - across * half)[::-1]])


class Layer:
    """The drawn object: its coverage, and its colours weighted by coverage."""

    def __init__(self, size: tuple[int, int], pose: Array, shift: Array) -> None:
        """Start empty, with the pose that converts object units to pixels."""
        self.size, self.pose, self.shift = size, pose, shift
        self.colour = np.zeros((3, size[1], size[0]))
        self.cover = np.zeros((size[1], size[0]))
        self.unit = float(np.sqrt(abs(np.linalg.det(pose))))

    def inset(self, scale: float, x: float, y: float) -> "Layer":
        """Return a view of the same layer that draws everything smaller and shifted."""
        view = Layer(self.size, self.pose * scale, self.shift + self.pose @ np.array([x, y]))
        view.colour, view.cover = self.colour, self.cover
        return view

    def mask(self, *outlines: Array) -> Array:
        """Return how much of each pixel the outlines cover, 0 to 1."""
        width, height = self.size
        image = Image.new("L", (width * OVERSAMPLING, height * OVERSAMPLING))
        draw = ImageDraw.Draw(image)
        for outline in outlines:
            pixels = (outline @ self.pose.T + self.shift) * OVERSAMPLING
            draw.polygon([(x, y) for x, y in pixels.tolist()], fill=255)
        return np.asarray(image.reduce(OVERSAMPLING), np.float64) / 255

    def fill(
        self,
        outlines: Array | Sequence[Array],
        colour: Array,
        *,
        within: Array | None = None,
        opacity: float = 1.0,
        relief: float = 0.0,
        soft: float = 0.0,
    ) -> Array:
        """Paint the outlines, with optional relief and soft edges, and return their mask."""
        mask = self.mask(*([outlines] if isinstance(outlines, np.ndarray) else outlines))
        weight = blur(mask, soft * self.unit) if soft else mask.copy()
        weight *= opacity if within is None else within * opacity
        lit = colour
        if relief:
            shade = self._light(mask) * relief
            lit = np.minimum(colour * (1 + shade) + np.maximum(shade, 0) / 4, 1)
        self.colour += (lit - self.colour) * weight
        self.cover += (1 - self.cover) * weight
        return mask

    def _light(self, mask: Array) -> Array:
        """Light the mask from the upper left as if it were a cushion, about -1 to 1."""
        soft = blur(mask, self.unit * 0.13)
        step = max(1, round(self.unit * 0.07))
        return slide(soft, -step) - slide(soft, step)


def draw_butterfly(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Draw a butterfly with spread wings, seen from above."""
    upper = points("0.03 -0.1, 0.3 -0.58, 0.8 -0.84, 0.97 -0.62, 0.83 -0.2, 0.45 0.03")
    lower = points("0.03 0, 0.48 0.04, 0.8 0.24, 0.74 0.6, 0.46 0.82, 0.2 0.5")
    wings = [corners + rng.uniform(-0.05, 0.05, corners.shape) for corners in (lower, upper)]
    wings[0][4, 1] += rng.choice([0.0, 0.0, 0.12])
    spots = int(rng.integers(5, 8))
    core = rng.uniform(0.42, 0.6)
    for side, corners in ((side, corners) for corners in wings for side in (-1.0, 1.0)):
        edge = smooth(corners * [side, 1])
        root = edge[0] + [0.02 * side, 0]
        inner = root + (edge - root) * 0.83
        layer.fill(edge, inks.dark, relief=0.5)
        within = layer.fill(inner, inks.main, relief=0.45)
        layer.fill(root + (edge - root) * core, inks.second, within=within, soft=0.02)
        rim = edge[np.linspace(16, 52, spots).astype(int)]
        veins = [
            ribbon(bend(root, root + (end - root) * [0.4, 0.6], end), 0.03, 0.015) for end in rim
        ]
        layer.fill(veins, inks.dark, within=within, opacity=0.75)
        beads = root + (rim - root) * 0.91
        layer.fill([ellipse(x, y, 0.035, 0.035) for x, y in beads], inks.light)
    for side in (-1.0, 1.0):
        feeler = bend((0.02 * side, -0.3), (0.06 * side, -0.6), (0.27 * side, -0.8))
        knob = ellipse(feeler[-1, 0], feeler[-1, 1], 0.03, 0.03)
        layer.fill([ribbon(feeler, 0.03, 0.018), knob], inks.dark)
    layer.fill(ellipse(0, 0.08, 0.07, 0.38), inks.dark, relief=0.9)
    layer.fill(ellipse(0, -0.3, 0.075, 0.085), inks.dark, relief=0.9)


def draw_fish(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Draw a fish seen from its side, with scales, stripes or spots."""
    tall = rng.uniform(0.42, 0.56)
    draw_fish_fins(layer, inks, tall, rng.uniform(0.36, 0.52))
    upper = "0.95 0.08, 0.72 -0.62, 0.25 -1, -0.25 -0.72, -0.58 -0.2, "
    lower = "-0.58 0.2, -0.25 0.72, 0.25 1, 0.72 0.66"
    body = layer.fill(smooth(points(upper + lower) * [1, tall]), inks.main, relief=0.55)
    belly = ellipse(0.1, tall * 0.9, 0.7, tall * 0.5)
    layer.fill(belly, inks.light, within=body, opacity=0.5, soft=0.08)
    draw_fish_skin(layer, rng, inks, body)
    gill = bend((0.48, -tall * 0.62), (0.3, 0), (0.48, tall * 0.66))
    layer.fill(ribbon(gill, 0.02, 0.05, 0.02), inks.dark, within=body, opacity=0.7)
    paddle = points("0.22 0.1, 0 0.05, -0.16 0.2, -0.06 0.32, 0.12 0.26")
    layer.fill(smooth(paddle), inks.second, relief=0.5)
    mouth = bend((0.93, 0.1), (0.85, 0.14), (0.77, 0.12))
    layer.fill(ribbon(mouth, 0.01, 0.03), inks.dark)
    eye_y = -tall * 0.25
    for radius, colour in ((0.105, inks.light), (0.065, inks.dark)):
        layer.fill(ellipse(0.64, eye_y, radius, radius), colour)
    layer.fill(ellipse(0.62, eye_y - 0.025, 0.02, 0.02), inks.light)


def draw_fish_fins(layer: Layer, inks: Inks, tall: float, tail: float) -> None:
    """Draw the tail and the fins above and below, with rays that spread from inside the body."""
    back = points("0.4 -0.8, 0.2 -1.25, -0.15 -1.5, -0.52 -1.25, -0.38 -0.9, -0.42 -0.4")
    belly = points("0.12 0.8, -0.05 1.35, -0.32 1.3, -0.3 0.6")
    end = points("-0.42 0, -0.75 -0.7, -1 -1, -0.87 0, -1 1, -0.75 0.7")
    outlines = [smooth(end * [1, tail]), smooth(back * [1, tall]), smooth(belly * [1, tall])]
    fins = layer.fill(outlines, inks.second, relief=0.5)
    angles = np.linspace(0.3, 2 * np.pi - 0.3, 50)
    ends = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rays = [ribbon(bend((0.3, 0), (0.15, 0), end), 0.01, 0.05) for end in ends]
    layer.fill(rays, inks.dark, within=fins, opacity=0.28)


def draw_fish_skin(layer: Layer, rng: Generator, inks: Inks, body: Array) -> None:
    """Draw scales, stripes or spots onto the body of a fish."""
    skin = body * (1 - layer.mask(ellipse(0.78, 0, 0.4, 0.9)))
    kind = rng.integers(3)
    if kind == 0:
        step = rng.uniform(0.13, 0.17)
        rows = np.arange(-0.7, 0.7, 2 * step)
        arcs = [
            ribbon(bend((x, y - step), (x - step * 1.3, y), (x, y + step)), 0.012, 0.03, 0.012)
            for column, x in enumerate(np.arange(-0.6, 0.6, step))
            for y in rows + step * (column % 2)
        ]
        layer.fill(arcs, inks.dark, within=skin, opacity=0.55)
    elif kind == 1:
        places = np.linspace(-0.42, 0.26, int(rng.integers(3, 5)))
        bands = [ribbon(bend((x, -0.8), (x + 0.14, 0), (x, 0.8)), 0.1, 0.1) for x in places]
        layer.fill(bands, inks.light, within=skin, opacity=0.9)
    else:
        places = rng.uniform((-0.5, -0.45, 0.025), (0.4, 0.3, 0.06), (22, 3))
        spots = [ellipse(x, y, size, size) for x, y, size in places]
        layer.fill(spots, inks.second, within=skin, opacity=0.9)


def draw_leaf(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Draw a leaf with a smooth, toothed or lobed edge, its veins and its stalk."""
    t = np.linspace(0, 1, 240)
    lean = rng.uniform(-0.16, 0.16)
    axis = np.stack([lean * np.sin(np.pi * t), 0.62 - 1.57 * t], axis=1)
    teeth = int(rng.integers(9, 14))
    lobes = int(rng.integers(4, 6))
    lobed = 0.8 + 0.2 * np.cos(2 * np.pi * (lobes * t - 0.35))
    edge = (np.ones_like(t), 1 - 0.2 * (t * teeth % 1), lobed)[rng.integers(3)]
    body = np.sin(np.pi * t ** rng.uniform(0.62, 0.8)) ** rng.uniform(0.75, 1.0)
    width = rng.uniform(0.62, 0.76) * body * edge
    sides = [axis + np.stack([side * width, -0.06 * edge], axis=1) for side in (-1, 1)]
    stalk = bend((lean * 0.1, 0.5), (0, 0.8), (-lean - 0.05, 1.0))
    layer.fill(ribbon(stalk, 0.06, 0.045, 0.075), inks.dark, relief=0.6)
    blade = layer.fill(np.concatenate([sides[0], sides[1][::-1]]), inks.main, relief=0.6)
    layer.fill(np.concatenate([axis, sides[1][::-1]]), inks.dark, within=blade, opacity=0.2)
    places = rng.uniform((-0.6, -0.9, 0.05), (0.6, 0.6, 0.22), (6, 3))
    blots = [ellipse(x, y, size, size) for x, y, size in places]
    layer.fill(blots, inks.second, within=blade, opacity=0.75, soft=0.07)
    veins = []
    for start in np.linspace(0.06, 0.78, int(rng.integers(6, 9))):
        here, there = int(start * 239), int((start + 0.16) * 239)
        for side in sides:
            tip = axis[there] + (side[there] - axis[there]) * 0.86
            control = (axis[here] + tip) / 2 + [0, 0.05]
            veins.append(ribbon(bend(axis[here], control, tip), 0.038, 0.014))
    layer.fill(veins, inks.light, within=blade, opacity=0.85)
    layer.fill(ribbon(axis[:-8], 0.07, 0.045, 0.02), inks.light, opacity=0.95, within=blade)


def draw_mushroom(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Draw a mushroom in some grass, sometimes with a small one next to it."""
    side = float(rng.choice([-1, 1]))
    if rng.random() < 0.4:
        draw_one_mushroom(layer.inset(rng.uniform(0.36, 0.46), side * 0.6, 0.6), rng, inks)
    draw_one_mushroom(layer, rng, inks)
    places = rng.uniform((-0.6, -0.18, 0.12), (0.6, 0.18, 0.34), (14, 3))
    blades = [
        ribbon(bend((x, 1.0), (x, 0.85), (x + lean, 1 - rise)), 0.06, 0.01)
        for x, lean, rise in places
    ]
    layer.fill(blades, (inks.dark + inks.second) / 2, relief=0.3)


def draw_one_mushroom(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Draw the cap, the gills under it, the stalk and its ring."""
    wide, high = rng.uniform(0.82, 0.97), rng.uniform(0.72, 0.96)
    half = points("0.86 -0.3, 1 0.06, 0.6 0.22, 0 0.27")
    top = np.array([[0, -1], [rng.uniform(0.25, 0.45), -0.9]]) * [1, high]
    right = np.concatenate([top, half])
    rim = np.concatenate([right, right[-2:0:-1] * [-1, 1]]) * [wide, 1]
    cap = layer.fill(smooth(rim), inks.main, relief=0.65)
    across = np.linspace(-0.78, 0.72, 7) + rng.uniform(-0.05, 0.05, 7)
    down, sizes = rng.permutation(np.linspace(-0.75, -0.1, 7)), rng.uniform(0.06, 0.13, 7)
    spots = [
        ellipse(x * wide, y, size * 1.15, size)
        for x, y, size in zip(across, down, sizes, strict=True)
    ]
    layer.fill(spots, inks.light, within=cap, relief=0.3)
    draw_gills(layer, inks, wide)
    lean, thick = rng.uniform(-0.12, 0.12), rng.uniform(0.26, 0.36)
    stalk = ribbon(bend((0, 0.1), (lean, 0.5), (0, 0.97)), thick, thick * 0.85, thick * 1.4)
    layer.fill([stalk, ellipse(0, 0.1, thick / 2, 0.06)], inks.light * 0.94, relief=0.8)
    ring = points("-0.55 0, 0 0.04, 0.55 0, 0.9 0.13, 0.3 0.2, -0.3 0.2, -0.9 0.13")
    layer.fill(smooth(ring * [thick, 1] + [lean * 0.4, 0.36]), inks.second, relief=0.5)


def draw_gills(layer: Layer, inks: Inks, wide: float) -> None:
    """Draw the underside of a cap with its gills, darker in the middle."""
    below = layer.fill(ellipse(0, 0.1, wide * 0.88, 0.15), inks.second)
    spokes = [
        ribbon(bend((0, 0.08), (0.4 * x, 0.08 + 0.08 * y), (x, 0.1 + 0.2 * y)), 0.012, 0.025)
        for x, y in ellipse(0, 0, 1, 1)
    ]
    layer.fill(spokes, inks.dark, within=below, opacity=0.55)
    layer.fill(ellipse(0, 0.06, wide * 0.6, 0.1), inks.dark, within=below, opacity=0.4, soft=0.05)


def draw_shell(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Draw a coiled shell with bands across its whorls."""
    growth = np.log(rng.uniform(2.4, 3.1)) / (2 * np.pi)
    start = rng.uniform(0.0, 0.5)
    middle = np.array([-0.2, 0.14])

    def coil(turns: Array, inward: float = 0.0) -> Array:
        """Follow the coil; inward 0 is the outer wall of a whorl and 1 its inner wall."""
        outer, inner = (np.exp(2 * np.pi * growth * (turns - back)) for back in (0, 1))
        radius = 1.12 * (outer + (inner - outer) * inward)
        angle = 2 * np.pi * (turns + start / 6)
        points: Array = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        points += middle
        return points

    shell = layer.fill(coil(np.linspace(-1, 0, 160)), inks.main, relief=0.6)
    count = int(rng.integers(13, 20))
    thin = rng.uniform(0.4, 0.65) / count
    bands = []
    for place in np.arange(-3, 0, 1 / count):
        edge = np.linspace(place, place + thin, 4)
        bands.append(np.concatenate([coil(edge), coil(edge - 0.25 / count, 1.0)[::-1]]))
    layer.fill(bands, inks.second, within=shell, opacity=0.85)
    turns = np.linspace(-3.2, 0, 400)
    widths = np.exp(2 * np.pi * growth * turns)
    gleam = np.concatenate([coil(turns, 0.22), coil(turns, 0.42)[::-1]])
    layer.fill(gleam, inks.light, within=shell, opacity=0.45, soft=0.03)
    wall = coil(turns, 1.0)
    layer.fill(ribbon(wall, *(0.3 * widths)), inks.dark, within=shell, opacity=0.45, soft=0.04)
    layer.fill(ribbon(wall, *(0.07 * widths + 0.012)), inks.dark, within=shell)
    draw_shell_mouth(layer, inks, coil(np.zeros(1))[0], coil(np.zeros(1), 1.0)[0])


def draw_shell_mouth(layer: Layer, inks: Inks, outer: Array, inner: Array) -> None:
    """Draw the opening of a shell between two points of its wall."""
    middle, half = (outer + inner) / 2, (inner - outer) / 2
    across = half[::-1] * [0.34, -0.34]
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    mouth = middle + half * np.cos(angle) + across * np.sin(angle)
    layer.fill(mouth, inks.light, relief=0.4)
    layer.fill(middle + (mouth - middle) * 0.7, inks.dark, opacity=0.85, soft=0.015)


DRAWERS: dict[str, tuple[Callable[[Layer, Generator, Inks], None], tuple[float, float]]] = {
    "butterfly": (draw_butterfly, (0.97, 0.84)),
    "fish": (draw_fish, (0.98, 0.7)),
    "leaf": (draw_leaf, (0.7, 1.0)),
    "mushroom": (draw_mushroom, (0.98, 0.98)),
    "shell": (draw_shell, (0.95, 0.78)),
}


def wash(x: Array, y: Array, noise: Array, rng: Generator) -> Array:
    """Fade unevenly from one colour to the other across the picture."""
    angle = rng.uniform(0, 2 * np.pi)
    along: Array = (x - x.mean()) * np.cos(angle) + (y - y.mean()) * np.sin(angle)
    return 0.5 + 0.7 * along + 0.7 * noise


def hills(x: Array, y: Array, noise: Array, rng: Generator) -> Array:
    """Draw three ranges of hills, each fading towards its foot."""
    field = 0.4 * noise
    for level in (0.35, 0.58, 0.8):
        depth = y - level - 0.07 * np.sin(x * rng.uniform(2, 6) + rng.uniform(0, 6))
        field += edge_at_zero(depth) * (0.36 - 0.2 * depth.clip(0, 1))
    return field


def bubbles(x: Array, y: Array, noise: Array, rng: Generator) -> Array:
    """Draw overlapping transparent discs."""
    field = 0.3 * y + 0.4 * noise
    for across, down, radius in rng.uniform((0, 0, 0.05), (1, 1, 0.22), (12, 3)):
        inside = radius - np.hypot(x - across * x.max(), y - down * y.max())
        field += edge_at_zero(inside) * 0.26
    return field


def stripes(x: Array, y: Array, noise: Array, rng: Generator) -> Array:
    """Draw broad slanted stripes."""
    angle, count = rng.uniform(0, np.pi), rng.uniform(18, 36)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * count)
    return 0.28 + 0.44 * edge_at_zero(wave / count) + 0.8 * noise


def rays(x: Array, y: Array, noise: Array, rng: Generator) -> Array:
    """Draw rays that rise from a point near the lower edge."""
    right, down = x - rng.uniform(0.3, 0.8), y - rng.uniform(0.9, 1.2)
    count = rng.integers(9, 18)
    wave = np.sin(np.arctan2(down, right) * count) * np.hypot(right, down)
    return 0.3 + 0.4 * edge_at_zero(wave / count) + 0.7 * noise


def ripples(x: Array, y: Array, noise: Array, rng: Generator) -> Array:
    """Draw soft rings that fade with distance."""
    away: Array = np.hypot(x - rng.uniform(0, 1), y - rng.uniform(0, 1))
    rings: Array = 0.5 + 0.3 * np.sin(away * rng.uniform(28, 50)) * (1.2 - away).clip(0, 1)
    return rings + noise


BACKDROPS = (wash, hills, bubbles, stripes, rays, ripples)


def edge_at_zero(distance: Array) -> Array:
    """Turn a distance into 0 or 1 by its sign, with a slightly soft edge."""
    return (0.5 + distance * 100).clip(0, 1)


def draw_backdrop(size: tuple[int, int], rng: Generator, inks: Inks) -> Array:
    """Paint a quiet pattern in the two ground colours."""
    width, height = size
    rows, columns = np.mgrid[:height, :width] / min(size)
    paint = BACKDROPS[rng.integers(len(BACKDROPS))]
    share = paint(columns, rows, clouds(size, rng) - 0.5, rng).clip(0, 1)
    backdrop: Array = inks.ground * (1 - share) + inks.ground_shade * share
    return backdrop


def pose_layer(size: tuple[int, int], extent: tuple[float, float], rng: Generator) -> Layer:
    """Place an object of the given half width and height: turned, stretched, large and shifted."""
    frame = np.array(size, np.float64)
    angle = rng.uniform(-0.4, 0.4)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.clip((frame[0] / frame[1]) ** 0.3, 0.88, 1.13) * rng.uniform(0.94, 1.06)
    pose = turn @ np.diag([stretch * rng.choice([-1, 1]), 1 / stretch])
    half = np.abs(pose) @ np.array(extent)
    pose *= rng.uniform(0.94, 1.06) * float(np.min(frame / 2 / half))
    slack = np.maximum(frame / 2 - np.abs(pose) @ np.array(extent), 0)
    return Layer(size, pose, frame / 2 + slack * rng.uniform(-0.8, 0.8, 2))


def scatter_trinkets(layer: Layer, rng: Generator, inks: Inks) -> None:
    """Scatter small discs, triangles and twigs that are unrelated to the class."""
    for kind, x, y, turn in rng.uniform((0, -1.4, -1.2, 0), (3, 1.4, 1.2, 6.3), (12, 4)):
        angles = turn + np.array([0, 2.1, 4.2])
        triangle = np.stack([x + 0.08 * np.cos(angles), y + 0.08 * np.sin(angles)], axis=1)
        here, far = np.array([x, y]), np.array([np.cos(turn), np.sin(turn)]) * 0.2
        twig = ribbon(bend(here, here + far[::-1] * 0.3, here + far), 0.04, 0.01)
        shape = (ellipse(x, y, 0.055, 0.055), triangle, twig)[int(kind)]
        layer.fill(shape, (inks.second, inks.light, inks.dark)[int(rng.integers(3))], opacity=0.8)


def draw_picture(name: str, size: tuple[int, int], rng: Generator, inks: Inks) -> Image.Image:
    """Draw one picture of a class: backdrop, optional trinkets, shadow, object and paper grain."""
    draw, extent = DRAWERS[name]
    picture = draw_backdrop(size, rng, inks)
    layer = pose_layer(size, extent, rng)
    if rng.random() < 0.25:
        trinkets = Layer(size, layer.pose, layer.shift)
        scatter_trinkets(trinkets, rng, inks)
        picture = picture * (1 - trinkets.cover) + trinkets.colour
    draw(layer, rng, inks)
    shadow = slide(blur(layer.cover, layer.unit * 0.06), round(layer.unit * 0.06))
    picture *= 1 - 0.4 * shadow * (1 - inks.dark)
    paint = layer.colour * (0.88 + 0.24 * clouds(size, rng, (5, 13, 31)))
    picture = picture * (1 - layer.cover) + paint
    picture += rng.uniform(-0.012, 0.012, layer.cover.shape)
    pixels = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(pixels, 0, 2))


class Storage(NamedTuple):
    """How a picture is stored; the orientation is the EXIF value that shows it upright."""

    suffix: str = "jpg"
    grey: bool = False
    orientation: int = 1


# The pixels of a file with an EXIF orientation are turned the opposite way.
STORED_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ORIENTATIONS = {
    "butterfly": (6, 3),
    "fish": (8, 2),
    "leaf": (6, 5),
    "mushroom": (3, 7),
    "shell": (8, 4),
}


def plan_storage(name: str, rng: Generator) -> list[Storage]:
    """Decide how each picture of a class is stored: mostly as upright JPEG in colour."""
    special = [Storage("png")] * 3 + [Storage("png", grey=True), Storage(grey=True)]
    special += [Storage(orientation=value) for value in ORIENTATIONS[name]]
    plain = [Storage()] * (PICTURES_PER_CLASS - len(special))
    return [(special + plain)[index] for index in rng.permutation(PICTURES_PER_CLASS)]


def choose_size(storage: Storage, rng: Generator) -> tuple[int, int]:
    """Choose width and height; PNG files stay small, since PNG compresses the grain badly."""
    largest = 150 if storage.suffix == "png" else 240
    short = int(rng.integers(120, largest + 1))
    long = min(int(short * rng.uniform(1, 1.5)), 320)
    return (short, long) if rng.random() < 0.5 else (long, short)


def store(picture: Image.Image, path: Path, storage: Storage) -> None:
    """Write the picture as `storage` says."""
    if storage.grey:
        picture = picture.convert("L")
    if storage.suffix == "png":
        picture.save(path, optimize=True)
        return
    exif = Image.Exif()
    if storage.orientation != 1:
        picture = picture.transpose(STORED_TURN[storage.orientation])
        exif[0x0112] = storage.orientation
    picture.save(path, quality=85, exif=exif)


def draw_class(name: str, folder: Path, every: int = 1) -> None:
    """Draw the pictures of a class into the folder, or every second, third, ... of them."""
    folder.mkdir(parents=True, exist_ok=True)
    number_of_class = list(DRAWERS).index(name)
    rng = np.random.default_rng([SEED, number_of_class])
    mixtures = rng.permutation(PICTURES_PER_CLASS)
    for index, storage in list(enumerate(plan_storage(name, rng)))[::every]:
        own = np.random.default_rng([SEED, number_of_class, index])
        swap, palette = divmod(int(mixtures[index]) % (2 * len(PALETTES)), len(PALETTES))
        inks = mix(read_palette(PALETTES[palette]), own, bool(swap))
        picture = draw_picture(name, choose_size(storage, own), own, inks)
        store(picture, folder / f"{name}_{index + 1:02}.{storage.suffix}", storage)


def main() -> None:
    """Draw every class into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(__file__).parent,
        help="output folder (default: the folder of this script)",
    )
    folder: Path = parser.parse_args().folder
    for name in DRAWERS:
        draw_class(name, folder / name)


if __name__ == "__main__":
    main()
