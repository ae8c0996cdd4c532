"""Index an image folder: scan, label, report."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import get_args

from augseq.errors import (
    ArgumentError,
    AugseqWarning,
    MissingFileError,
)
from augseq.indexing.endings import DEFAULT, Endings, parse_endings
from augseq.indexing.excluded import describe_gone, describe_unusable
from augseq.indexing.existing_folder import existing_folder, existing_splits
from augseq.indexing.folder_labels import Labels, label_by_folder, label_by_path
from augseq.indexing.labels import (
    check_class_names,
    class_findings,
    describe_excluded,
    first_folders,
)
from augseq.indexing.probing import UnreadablePolicy, probed
from augseq.indexing.scan import Scan, scan_folder
from augseq.indexing.skipped_images import describe_skipped
from augseq.indexing.split_folders import check_no_splits, describe_deeper_classes
from augseq.indexing.update import check_same_splits, in_order_of_index, update_manifest
from augseq.manifest.manifest import Manifest, check_manifest, make_manifest
from augseq.manifest.schema import PROBE_FIELD
from augseq.manifest.windows import check_whole_images
from augseq.parallel_map.map_options import MapKind, MapOptions
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, ColorMode, DecodeOptions
from augseq.remote.folder import UNLISTED, RemoteFolder
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root, is_remote, is_web
from augseq.storage.path_encoding import from_system
from augseq.terminal_text import first_few, listed
from augseq.types import PathLike
from augseq.validation import briefly, check_choice, explains_names


@explains_names
def index_folder(
    folder: PathLike,
    *,
    remote: RemoteOptions | None = None,
    labels: Labels = "inferred",
    class_names: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    extensions: Iterable[str] = (DEFAULT,),
    follow_links: bool = False,
    probe: bool = False,
    unreadable: UnreadablePolicy = "raise",
    checkpoint: PathLike | None = None,
    update: Manifest | None = None,
    max_pixels: int = MAX_PIXELS,
    max_file_bytes: int = MAX_FILE_BYTES,
    exif_orientation: bool = True,
    full_depth: bool = False,
    color_mode: ColorMode = "rgb",
    workers: int | None = None,
    worker_kind: MapKind = "threads",
    progress: bool = True,
) -> Manifest:
    r"""List the images of a folder; each first-level sub-folder is a class.

    Files are sorted by path, regardless of the order of the file system, and numbered from 0.
    Hidden files and folders (with a leading dot) and system folders, such as `__MACOSX` and
    `@eaDir`, are skipped. No image is opened unless files are probed; a few files of each unknown
    extension are inspected, to report whether they are images.

    Args:
        folder: Folder of the images, with one sub-folder per class and images at any depth below
            it; or the address of a remote folder, such as "s3://bucket/photos" or
            "zip://::photos.zip".
        remote: Options for a remote folder. The manifest holds them, but does not save them.
        labels: "inferred" names the class of an image after its first-level sub-folder; None
            indexes all images without labels, for prediction. A pattern is searched in the path
            of each image, relative to the folder and with `/`: its only group, or the group named
            `label`, is the class, as in `re.compile(r"([a-z]+)_\d+\.jpg$")`. A function is called
            with that path and returns the class.
        class_names: Classes, in the order of the labels. If None, all that are found, sorted by
            value if all are integers ("2" before "10"), otherwise by code point. Images of other
            classes are excluded with a warning, so this also selects classes.
        splits: Sub-folders such as ["train", "val"], each with one sub-folder per class. Images
            outside them are not indexed. A column `split` holds the split of each image; the
            classes are those of all splits together.
        extensions: File extensions of images, as ".jpg" or "jpg", in upper or lower case: "" for
            names without an extension, "*" for any text, as in ".jpg?w=*", and "default" for the
            usual extensions, which include HEIC and JPEG XL if their extras are installed; with
            `color_mode="bands"`, for .tif, .tiff and .npy. If
            "default" is included, a warning reports other files that seem to be images.
        follow_links: Whether to follow symbolic links to files and folders; cycles are safe. The
            manifest saves it, so that images can be outside the folder.
        probe: Whether to decode every image once, and store the size, time, content hash and
            format of its file in `Record.probe`. Training then refuses files changed since.
        unreadable: What to do about unusable files when probing: "raise" lists them in an error;
            "exclude" moves them to `excluded`, with the reason, and implies `probe`.
        checkpoint: File in which probing saves its progress; see `probe_manifest`.
        update: An earlier manifest of the whole folder, to bring up to date: known records keep
            their index, label and columns. Missing files are excluded, and regain their index if
            they come back; new files (renamed ones too) and new classes are appended. If the
            manifest was probed, only new, changed and unusable files are read. Pass all other
            options as before; different `splits` are an error.
        max_pixels: For probing. Pass this and the next four options as for `ImageSequence`, so
            that only files that training cannot read are unusable.
        max_file_bytes: Longer files are unusable.
        exif_orientation: Whether a damaged orientation tag makes a file unusable.
        full_depth: Whether training keeps more than 8 bits.
        color_mode: As for `ImageSequence`, for "bands": TIFF and .npy files are then listed, and
            probing refuses images with other bands than the first one.
        workers: For probing, as for `probe_manifest`, like the next option.
        worker_kind: "threads", or "ray" for the nodes of a Ray cluster.
        progress: Whether long work shows a progress bar.

    Returns:
        All images, sorted by path, or by index with `update`. Classes without images keep their
        label.

    Raises:
        MissingFileError: The folder or a split does not exist, or contains no images.
        NotAFolderError: It is a file.
        UnreadableError: A folder cannot be listed, or a remote storage denies access.
        RemoteError: A remote folder does not answer.
        ManifestError: The name of a file or of a class folder is not valid UTF-8.
        LabelError: The classes look like splits, such as `train` and `test`, and neither `splits`
            nor `class_names` is given; classes in `class_names` are not found while others are;
            no sub-folder contains an image; or a pattern or function returns no class for an
            image.
        DecodeError: A file is unusable, and `unreadable` is "raise".
        ArgumentError: An option is invalid, `update` is of another folder or other splits, or a
            file name would lead out of the folder on another system, such as `c:x.jpg`.

    Warns:
        AugseqWarning: A class has no images, in general or in one split; there is only one class;
            images or links are not indexed, for example since `class_names` excludes their class;
            or files are excluded because they are unusable or gone.

    Example:
        >>> import augseq
        >>> augseq.index_folder("sample_images", progress=False).class_counts()  # doctest: +SKIP
    """
    _check_options(labels, class_names)
    decode = DecodeOptions(
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        exif_orientation=exif_orientation,
        full_depth=full_depth,
        color_mode=color_mode,
    )
    probe = _wants_probes(probe, unreadable, update)
    reading = MapOptions(workers=workers, worker_kind=worker_kind, progress=progress)
    remote = remote or RemoteOptions()
    root = absolute_root(folder)
    # Checked on the root, since a file:// address is local.
    root = root if is_remote(root) else existing_folder(folder)
    endings = parse_endings(extensions, of_bands=color_mode == "bands")
    place = _place(root, remote, follow_links)
    scan = scan_folder(
        place,
        splits=_split_folders(root, splits, update),
        suffixes=endings,
        follow_links=follow_links,
        progress=progress,
    )
    root = from_system(root)
    if not len(scan.paths):
        raise MissingFileError(_nothing_found(place, root, scan, endings))
    is_guessed = labels == "inferred" and class_names is None and update is None
    hints = _split_hints(root, scan, splits) if is_guessed else ()
    manifest, excluded = _label(labels, root, scan, class_names)
    num_loose = len(scan.paths) - len(manifest) - sum(excluded.values())
    if splits is not None:
        folders = first_folders(manifest.table.column("path")).combine_chunks()
        manifest = manifest.with_column("split", folders)
    manifest = replace(manifest, follow_links=follow_links, remote=remote)
    if update is not None:
        manifest = update_manifest(update, manifest)
        _check_class_order(manifest, class_names)
    if probe:
        manifest = probed(
            manifest,
            decode=decode,
            unreadable=unreadable,
            checkpoint=checkpoint,
            options=reading,
        )
    if update is not None:
        manifest = in_order_of_index(manifest)
    for finding in chain(
        describe_unusable(manifest),
        describe_skipped(place, root, scan, endings),
        describe_excluded(excluded),
        hints,
        _findings(root, scan, manifest, num_loose),
        describe_gone(manifest),
    ):
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def _split_hints(root: str, scan: Scan, splits: Sequence[str] | None) -> Iterable[str]:
    """Raise `LabelError` if the classes are splits; return warnings if in doubt."""
    if splits is None:
        return list(check_no_splits(root, scan.paths, scan.folders))
    return describe_deeper_classes(scan.paths, scan.folders)


def _label(
    labels: Labels, root: str, scan: Scan, class_names: Sequence[str] | None
) -> tuple[Manifest, Mapping[str, int]]:
    """Return the labelled images, and the number of images of each excluded class."""
    if labels is None:
        return make_manifest(root, (), paths=scan.paths, targets=None), {}
    if isinstance(labels, str):
        return label_by_folder(root, scan, class_names)
    return label_by_path(labels, root, scan.paths, class_names)


def _place(root: str, remote: RemoteOptions, follow_links: bool) -> str | RemoteFolder:
    if not is_remote(root):
        return root
    place = RemoteFolder(root, remote)
    if follow_links:
        raise ArgumentError(f"`follow_links` is for local folders. Received: {root!r}")
    return place


def _split_folders(
    root: str, splits: Sequence[str] | None, update: Manifest | None
) -> Sequence[str]:
    folders = existing_splits(root, splits)
    if update is not None:
        check_same_splits(update, splits)
    return folders


def _findings(root: str, scan: Scan, manifest: Manifest, num_loose: int) -> Iterator[str]:
    if scan.num_links:
        yield f"{scan.num_links} symbolic links in {root!r} were not followed (`follow_links`)."
    if scan.num_dead_links:
        yield (
            f"{scan.num_dead_links} symbolic links in {root!r} are broken, or point to a folder "
            "that is already indexed."
        )
    if num_loose:
        yield f"{num_loose} images directly in {root!r} have no class, so they are not indexed."
    yield from class_findings(manifest, repr(root))
    if "split" in manifest.table.column_names and manifest.class_names:
        yield from _missing_in_splits(manifest)


def _missing_in_splits(manifest: Manifest) -> Iterator[str]:
    """Yield the classes that one split lacks and others have."""
    pairs = manifest.table.group_by(["split", "target"]).aggregate([]).to_pydict()
    found = set(zip(pairs["split"], pairs["target"], strict=True))
    for split in sorted(set(pairs["split"]) - {None}):
        lacking = [
            name
            for label, name in enumerate(manifest.class_names)
            if label in pairs["target"] and (split, label) not in found
        ]
        if lacking:
            yield f"The split {split!r} has no images of classes in other splits: {listed(lacking)}"


def _check_options(labels: Labels, class_names: Sequence[str] | None) -> None:
    known = labels is None or labels == "inferred" or isinstance(labels, re.Pattern)
    if not known and not callable(labels):
        raise ArgumentError(
            '`labels` must be "inferred", None, a pattern such as re.compile(...), or a function '
            "from path to class. For a list of labels, use a table: index_table. "
            f"Received: labels={briefly(labels)}"
        )
    if class_names is not None and labels is None:
        raise ArgumentError(
            '`class_names` requires `labels`: "inferred", a pattern or a function. '
            "Received: labels=None"
        )
    check_class_names(class_names)


def _wants_probes(probe: bool, unreadable: UnreadablePolicy, update: Manifest | None) -> bool:
    check_choice("unreadable", unreadable, get_args(UnreadablePolicy))
    if update is not None:
        check_manifest(update)
        check_whole_images(update.table, "index_folder(update=...)")
        probe = probe or PROBE_FIELD.name in update.table.column_names
    return probe or unreadable == "exclude"


def _check_class_order(manifest: Manifest, class_names: Sequence[str] | None) -> None:
    if class_names is not None and manifest.class_names != tuple(class_names):
        raise ArgumentError(
            "`class_names` must begin with the classes of `update`, since labels never change: "
            f"{list(manifest.class_names)}. Received: class_names={list(class_names)}"
        )


def _nothing_found(place: str | RemoteFolder, root: str, scan: Scan, endings: Endings) -> str:
    message = f"No images found in {root!r}: looked for {_sought(endings)}"
    if scan.other_suffixes:
        others = scan.other_suffixes.most_common()
        counted = (f"{count} x {suffix or '(none)'}" for suffix, count in others)
        message += f"; found files with other extensions: {first_few(counted, 5)}"
    if scan.num_links:
        message += f"; {scan.num_links} symbolic links were not followed (see `follow_links`)"
    more = list(describe_skipped(place, root, scan, endings, is_all=True))
    if ".tar" in scan.other_suffixes:
        more.append(
            "For tar files in WebDataset's layout: augseq.index_webdataset(folder), at the shell "
            "--webdataset."
        )
    if not more:
        more = [
            "Pass the folder that contains the images."
            if endings.holds_default
            else 'To include the usual extensions, add "default" to `extensions` (at the shell: '
            "--extensions default,...)."
        ]
    return " ".join([f"{message}.{UNLISTED * is_web(root)}", *more])


def _sought(endings: Endings) -> str:
    if endings.holds_default:
        return ".jpg, .png, .tif and the other usual extensions"
    return first_few(str(endings).split(", "), 5)
