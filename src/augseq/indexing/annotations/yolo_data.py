"""Read the `data.yaml` of a YOLO dataset: its classes, and where its images are."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from augseq.errors import ArgumentError, ManifestError, MissingFileError
from augseq.indexing.annotations.source_file import read_source_file
from augseq.indexing.existing_folder import existing_folder
from augseq.indexing.scan import scan_folder
from augseq.manifest.mirrored_points import check_mirror, fitting_mirror
from augseq.pixels.decoders.registry import readable_endings
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import briefly, did_you_mean

SPLITS = ("train", "val", "test")
# Keys of the file that do not describe the data itself.
_NO_INFO = {"path", *SPLITS, "names", "nc"}
# Other names of the split "val": Ultralytics reads the first, and some tools write the second.
_OTHER_NAMES_OF_VAL = ("validation", "valid")
_MAKE_RELATIVE = "Make it relative to the folder of the dataset, such as 'images/train'"
_CORRECT = "Correct it; pass root=... (at the shell: --images-root)"


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloData:
    """The content of a `data.yaml`.

    Attributes:
        source: Its name, as in messages.
        root: Folder of the dataset.
        names: Names of the classes by their number, in the order of the numbers.
        kpt_shape: Number of key points, and 2 or 3 values for each; None without key points.
        info: Categories and all other keys, as JSON text.
        splits: Where the images of each split are: folders or lists.
        findings: Warnings about the file.
    """

    source: str
    root: str
    names: dict[int, str]
    kpt_shape: tuple[int, int] | None
    info: str
    splits: dict[str, list[str]]
    findings: tuple[str, ...]


def read_yolo_data(path: PathLike, root: PathLike | None, splits: Sequence[str] | None) -> YoloData:
    """Read a `data.yaml`.

    Raises:
        MissingFileError: The file or the root does not exist.
        ManifestError: It is not valid.
        ArgumentError: It has no such split.
    """
    source = repr(os.fspath(path))
    content = _with_val(_parsed(path, source), splits)
    names = _names(content, source)
    kpt_shape = _kpt_shape(content, source)
    _check_flip_idx(content, kpt_shape, source)
    below = content.get("path") or "."
    if root is None:
        root = Path(path).absolute().parent / str(below)
        if not root.is_dir():
            raise MissingFileError(
                f"The `path` in {source} must be the folder of the dataset. Received: {below!r}, "
                f"and {os.fspath(root)!r} does not exist. Correct it, or pass root=... (at the "
                "shell: --images-root)."
            )
    root, places = existing_folder(root), _splits(content, splits, source)
    findings = []
    # Ultralytics does not need it to train, so tools name it also where they write none.
    test = places.get("test", []) if splits is None and len(places) > 1 else []
    if test and not any(os.path.exists(_place_of(entry, root)) for entry in test):
        del places["test"]
        findings.append(f"Skipped: 'test' in {source}, since {test} does not exist")
    rest = {key: value for key, value in content.items() if key not in _NO_INFO}
    if rest.get("flip_idx") == []:
        del rest["flip_idx"]  # Not known, as without it.
    categories = [{"id": number, "name": name} for number, name in names.items()]
    return YoloData(
        source=source,
        root=root,
        names=names,
        kpt_shape=kpt_shape,
        info=json.dumps({"categories": categories, **rest}, ensure_ascii=False, default=str),
        splits=places,
        findings=tuple(findings),
    )


def images_of(data: YoloData, split: str) -> list[str]:
    """Return the paths of the images of a split, absolute or relative to the root.

    Raises:
        MissingFileError: A folder or a list of the split does not exist, or has no images.
    """
    paths: list[str] = []
    for entry in data.splits[split]:
        place = _place_of(entry, data.root)
        if os.path.isdir(place):
            found = scan_folder(
                place, suffixes=readable_endings(), follow_links=False, progress=False
            )
            paths += [os.path.join(place, path) for path in found.paths.to_pylist()]
        elif os.path.isfile(place) and place.endswith(".txt"):
            lines = read_source_file(place).decode("utf-8-sig", "replace").splitlines()
            folder = os.path.dirname(place)
            # As Ultralytics does: "./" means the folder of the list.
            paths += [_listed(line.strip(), folder, data.root) for line in lines if line.strip()]
        else:
            is_absolute = PureWindowsPath(entry).drive or entry.startswith("/")
            raise MissingFileError(
                f"{split!r} in {data.source} must be a folder of images, or a .txt file with "
                f"their paths, relative to {data.root!r}. Received: {entry!r}, which does not "
                f"exist. {_MAKE_RELATIVE if is_absolute else _CORRECT}; or name the splits to read "
                "with splits=[...] (at the shell: --splits)."
            )
    if not paths:
        raise MissingFileError(
            f"There are no images for {split!r} in {data.source}: {listed(data.splits[split])}. "
            "Name the splits to read with `splits` (at the shell: --splits)."
        )
    return paths


def _place_of(entry: str, root: str) -> str:
    """Return the path of a folder or a list of images.

    As Ultralytics does: "../" at the start is ignored if there is nothing at that place, since
    Roboflow writes "../train/images" for a folder beside the file.
    """
    entry = _with_slashes(entry)
    place = os.path.normpath(os.path.join(root, entry))
    if entry.startswith("../") and not os.path.exists(place):
        return os.path.normpath(os.path.join(root, entry[3:]))
    return place


def _with_val(content: dict[str, Any], splits: Sequence[str] | None) -> dict[str, Any]:
    """Return the content with the split "val", if it has another name."""
    for name in _OTHER_NAMES_OF_VAL:
        if content.get(name) and not content.get("val") and name not in (splits or ()):
            rest = {key: value for key, value in content.items() if key != name}
            return rest | {"val": content[name]}
    return content


def _with_slashes(path: str) -> str:
    """Return a path of Windows with `/`."""
    return path if "/" in path else path.replace("\\", "/")


def _listed(line: str, folder: str, root: str) -> str:
    line = _with_slashes(line)
    if line.startswith("./"):
        return os.path.normpath(os.path.join(folder, line))
    return os.path.normpath(os.path.join(root, line))


def _parsed(path: PathLike, source: str) -> dict[str, Any]:
    # Part of albumentations' requirements; 10 ms to load.
    import yaml

    data = read_source_file(path)
    try:
        content = yaml.safe_load(data.decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" in line {mark.line + 1}, column {mark.column + 1}"
        cause = getattr(error, "problem", None) or str(error)
        raise ManifestError(f"{source} is not valid YAML: {cause}{place}.") from error
    if not isinstance(content, dict) or "names" not in content:
        raise ManifestError(
            f"{source} must be the data.yaml of a YOLO dataset, with `names`. Received: "
            f"{briefly(content)}. If the dataset has none, write one: the classes in the order of "
            "their numbers, 'names: [car, person]', and the folder of images, 'train: images'."
        )
    return content


def _names(content: dict[str, Any], source: str) -> dict[int, str]:
    names = content["names"]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if isinstance(names, dict):
        # Some tools write the numbers in quotes.
        names = {_number(key): name for key, name in names.items()}
    # YAML reads a name such as 7 as a number, and `yes` as a boolean.
    if not isinstance(names, dict) or not names or set(names) != set(range(len(names))):
        raise ManifestError(
            f"`names` in {source} must be a list of names, or map the numbers 0, 1, 2, ... to "
            "names. "
            f"Received: {briefly(content['names'])}"
        )
    odd = [name for name in names.values() if type(name) not in (str, int) or name == ""]
    if odd:
        raise ManifestError(
            f"Each of the `names` in {source} must be text. Received: {odd[0]!r}. Write it in "
            'quotes, such as "yes".'
        )
    names = {number: str(names[number]) for number in sorted(names)}
    if len(set(names.values())) != len(names):
        repeated = [name for name in names.values() if list(names.values()).count(name) > 1]
        raise ManifestError(f"`names` in {source} must differ. Repeated: {repeated[0]!r}")
    if content.get("nc") not in (None, len(names)):
        raise ManifestError(
            f"`nc` in {source} must be the number of `names`. Received: nc={content['nc']!r}, "
            f"with {len(names)} names"
        )
    return names


def _number(key: Any) -> Any:
    is_number = isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10
    return int(key) if is_number else key


def _kpt_shape(content: dict[str, Any], source: str) -> tuple[int, int] | None:
    shape = content.get("kpt_shape")
    if shape is None:
        return None
    is_valid = isinstance(shape, list) and [*map(type, shape)] == [int, int]
    if not is_valid or shape[0] < 1 or shape[1] not in (2, 3):
        raise ManifestError(
            f"`kpt_shape` in {source} must be [number of key points, 2 or 3]. Received: "
            f"{briefly(shape)}"
        )
    return shape[0], shape[1]


def _check_flip_idx(
    content: dict[str, Any], kpt_shape: tuple[int, int] | None, source: str
) -> None:
    mirror, name = content.get("flip_idx"), f"`flip_idx` in {source}"
    if kpt_shape is None or mirror in (None, []):
        return
    try:
        check_mirror(mirror, name)
        fitting_mirror(mirror, kpt_shape[0], name)
    except ArgumentError as error:
        raise ManifestError(str(error)) from error


def _splits(
    content: dict[str, Any], splits: Sequence[str] | None, source: str
) -> dict[str, list[str]]:
    known = [key for key in SPLITS if content.get(key)]
    if not known and splits is None:
        raise ManifestError(
            f"{source} must say where the images of at least one split are. Received: none of "
            f"{listed(SPLITS)}. Add a folder, relative to that of the file, such as "
            "'train: images'."
        )
    wanted = known if splits is None else list(splits)
    absent = [split for split in wanted if not content.get(split)]
    if absent or not wanted:
        raise ArgumentError(
            f"`splits` (at the shell: --splits) must be keys of {source}. Received: "
            f"{listed(map(str, absent)) or 'none'}; it has {listed(known) or 'none'}."
            f"{did_you_mean(str(absent[0]), known) if absent else ''}"
        )
    places = {}
    for split in wanted:
        entries = content[split] if isinstance(content[split], list) else [content[split]]
        if not all(isinstance(entry, str) for entry in entries):
            raise ManifestError(
                f"{split!r} in {source} must be a path, or a list of paths. Received: "
                f"{briefly(content[split])}"
            )
        places[split] = entries
    return places
