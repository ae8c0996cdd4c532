"""The manifest: all records of a dataset, as immutable Arrow columns."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, MissingExtraError, install_command
from augseq.manifest import display
from augseq.manifest.box_statistics import BoxStatistics
from augseq.manifest.categories import category_names, check_dataset_info
from augseq.manifest.classes import (
    balanced_weights,
    check_classes,
    label_array,
    selected_classes,
)
from augseq.manifest.own_columns import (
    column_for,
    has_boxes,
    known_column,
    own_column,
    unique_values,
    value_counts,
)
from augseq.manifest.partition import (
    Basis,
    Strata,
    divide,
    divide_by_hash,
    divide_evenly,
    make_groups,
)
from augseq.manifest.path_pattern import (
    check_existing,
    paths_below,
    paths_from_pattern,
    place_pattern,
)
from augseq.manifest.paths import check_paths
from augseq.manifest.pixel_statistics import PixelStatistics
from augseq.manifest.record import Record
from augseq.manifest.schema import (
    CORE_SCHEMA,
    ROWS_AT_ONCE,
    check_identities,
    fitting_excluded,
    hash_columns,
    hash_records,
    read_records,
    standard_table,
    with_folder,
    with_values,
)
from augseq.manifest.selection import named_positions, one_position, selected_positions
from augseq.manifest.split import Split, named_shares, part_names, positions_by_value
from augseq.manifest.strata import make_stratify
from augseq.manifest.windows import check_whole_images, has_windows
from augseq.parallel_map.map_options import MapKind, MapOptions
from augseq.remote.options import RemoteOptions
from augseq.remote.url import check_no_secret
from augseq.terminal_text import counted, counts_text, shortened
from augseq.validation import check_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Manifest:
    """The images of a dataset, in a fixed order, with their labels.

    Returned by `index_folder`, `index_table` and similar functions. It behaves like an immutable
    sequence of `Record`; slicing, `select` and `split` return new manifests.

    Attributes:
        root: Folder that all paths are relative to, or the address of a remote one.
        class_names: Names by label: label 0 is `class_names[0]`. Empty without labels.
        table: Arrow columns `index` (int64), `path` (string), `target` (int32, null without
            labels), optionally `probe` (see `Probe`) and `window` (see `Window`), and your own
            columns. Arrow columns, since
            forked workers would copy a million Python strings page by page.
        excluded: Records that are excluded from training: the same columns, and `reason`. They
            keep their index, so a repaired file gets its random stream back.
        follow_links: Whether files can be symbolic links that point outside `root`.
        remote: Options for a remote root. They are held in memory only, never saved to a file.
        dataset_info: JSON text of what an annotation file says about the whole dataset: an object
            with a list `categories`. "" without annotations.
        images_folder: Folder below the root that contains all images, from which the patterns of
            `with_column` start. "" if it is the root itself.
        path_columns: Names of the columns that patterns made. Their paths are relative to the root,
            like those of the images.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> images[0].target
        0
        >>> len(images.select([0, 5, 7]))
        3
    """

    root: str
    class_names: tuple[str, ...]
    table: pa.Table
    excluded: pa.Table = None
    follow_links: bool = False
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    dataset_info: str = ""
    images_folder: str = ""
    path_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_no_secret(self.root)
        object.__setattr__(self, "class_names", tuple(self.class_names))
        object.__setattr__(self, "table", standard_table(self.table))
        object.__setattr__(self, "excluded", fitting_excluded(self.excluded, self.table))
        check_identities(self.table, self.excluded)
        check_paths(self.table.column("path"), self.excluded.column("path"))
        check_classes(self.class_names, self.table.column("target"))
        check_dataset_info(self.dataset_info)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, position: int) -> Record: ...
    @overload
    def __getitem__(self, position: slice) -> "Manifest": ...
    def __getitem__(self, position: int | slice) -> "Record | Manifest":
        """Return the record at a position, or a manifest of the records in a slice.

        Raises:
            IndexError: The position is outside the manifest.
            ArgumentError: It is neither an integer nor a slice.
        """
        if isinstance(position, slice):
            return self.select(np.arange(len(self))[position])
        return read_records(self.table, [one_position(position, len(self))])[0]

    def __iter__(self) -> Iterator[Record]:
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield from read_records(self.table.slice(start, ROWS_AT_ONCE))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Manifest):
            return NotImplemented
        return (
            self.root == other.root
            and self.class_names == other.class_names
            and bool(self.table.equals(other.table))
            and bool(self.excluded.equals(other.excluded))
            and self.follow_links == other.follow_links
            and self.dataset_info == other.dataset_info
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        labels = f"{len(self.class_names)} classes" if self.class_names else "no labels"
        is_tiled = has_windows(self.table)
        if self._has_boxes():
            counts = self._box_counts()
            # Each tile has the boxes of its image, so that a sum would count them repeatedly.
            boxes = "boxes" if is_tiled else counted(sum(counts.values()), "box")
            boxes = f"{boxes} of {counted(len(counts), 'class')}"
            labels = f"{labels}, {boxes}" if self.class_names else boxes
        excluded = f", {self.excluded.num_rows} excluded" if self.excluded.num_rows else ""
        root = shortened(repr(self.root), 40)
        what = "tiles" if is_tiled else "images"
        return f"Manifest({len(self)} {what}, {labels}{excluded}, root={root})"

    def __str__(self) -> str:
        if not self.class_names:
            return counts_text(repr(self), {} if has_windows(self.table) else self._box_counts())
        labels = self.table.column("target").drop_null().to_numpy()
        counts = np.bincount(labels, minlength=len(self.class_names)).tolist()
        return counts_text(repr(self), dict(zip(self.class_names, counts, strict=False)))

    def _has_boxes(self) -> bool:
        return bool(self.dataset_info) or has_boxes(self.table)

    def _box_counts(self) -> dict[str, int]:
        """Return the number of boxes of each class."""
        found: dict[str, int] = {}
        if has_boxes(self.table):
            names = pc.list_flatten(self.table.column("box_classes")).drop_null()
            found = {one["values"]: one["counts"] for one in pc.value_counts(names).to_pylist()}
        return {name: found.get(name, 0) for name in self.box_class_names or sorted(found)}

    def _repr_html_(self) -> str:
        return display.manifest_html(self)

    def show(self, *, class_name: str | None = None, num_images: int = 12) -> "Figure":
        """Draw some images as stored in their files, with their labels and boxes.

        An image that cannot be read is drawn as a box with the reason.

        Args:
            class_name: Draw only images of this class, or, without labels, with boxes of it, with
                their file names. None draws images of all classes in turn.
            num_images: Maximum number of images, spread over the whole manifest.

        Returns:
            A matplotlib figure that you can restyle or save; Jupyter displays it.

        Raises:
            ArgumentError: There is no such class, or no image.
        """
        return display.draw_manifest(self, class_name=class_name, num_images=num_images)

    @property
    def targets(self) -> npt.NDArray[np.int32]:
        """Labels by position, shape (number of records,), int32.

        Raises:
            LabelError: A record has no label.
        """
        return label_array(self.table.column("target"))

    @property
    def box_class_names(self) -> tuple[str, ...]:
        """Names of the classes of boxes, in the order of their ids.

        Classes without boxes are included. Empty if the manifest was not made of annotations.
        """
        return category_names(self.dataset_info)

    @overload
    def class_counts(
        self, column: str | None = None, *, separator: str | None = None
    ) -> dict[Any, int]: ...
    @overload
    def class_counts(self, column: Any, *, progress: bool = True) -> Any: ...
    def class_counts(
        self, column: Any = None, *, separator: str | None = None, progress: bool = True
    ) -> Any:
        """Return the number of records of each class, zero for empty classes.

        Of a manifest with boxes and without labels, return the number of boxes of each class.

        Args:
            column: Count the different values of one of your own columns instead, or the different
                elements of its lists, such as tags, each at most once for a record. They are in
                the order of `unique`; missing values are not counted. Or pass a target: `Label`
                and `MultiLabel` count all of their classes, `Mask` those of every pixel, `Boxes`
                those of every box that is used. `class_counts("box_classes")` counts images.
            separator: What separates the parts of a text, as for `unique`.
            progress: Whether counting pixels of masks, for which all of them are decoded, shows a
                progress bar.

        Returns:
            The number of records by class, or of boxes; for a `Mask`, `MaskCounts`.

        Raises:
            LabelError: A record has no label, or a mask a pixel of no class.
            ArgumentError: There is no such column, `separator` does not fit, or the target has no
                classes.
            AugseqError: A mask cannot be read; the message names it and its image.

        Example:
            >>> import augseq
            >>> images = augseq.index_folder("sample_images", progress=False)
            >>> images = images.with_column("tags", ["red;round", "red", "round", ""] * 50)
            >>> images.class_counts("tags", separator=";")
            {'red': 100, 'round': 100}
        """
        if column is None and separator is None:
            if not self.class_names and self._has_boxes():
                check_whole_images(self.table, "class_counts")
                return self._box_counts()
            return dict(zip(self.class_names, self._label_counts().tolist(), strict=True))
        if column is not None and not isinstance(column, str):
            return display.count_classes(self, column, progress=progress)
        if column is None:
            raise ArgumentError(
                "`separator` requires a column, such as class_counts('tags', separator=';'). "
                f"Received: separator={separator!r}"
            )
        return value_counts(column, self._column(column), separator)

    def class_weight(self) -> dict[int, float]:
        """Return a `class_weight` for `fit` that gives each class the same total weight.

        Returns:
            A dict from label to weight, `records / (classes * records of the class)`, such that
            the mean weight of a record is 1. Classes without records are omitted.

        Raises:
            LabelError: A record has no label.

        Source:
            King and Zeng (2001), "Logistic Regression in Rare Events Data".
        """
        return balanced_weights(self._label_counts())

    def records(
        self,
        positions: Sequence[int] | Sequence[bool] | npt.NDArray[Any],
        *,
        columns: Sequence[str] | None = None,
    ) -> list[Record]:
        """Return the records at several positions, in the order of the positions.

        Args:
            positions: Positions or a mask, as for `select`, except that positions can repeat.
            columns: Your own columns to read; all if None.

        Raises:
            IndexError: A position is outside the manifest.
            ArgumentError: They are neither integers nor a mask.
        """
        which = np.asarray(positions)
        resolved = named_positions("positions", which, len(self), outside=IndexError)
        return read_records(self.table, resolved, columns)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return the values of the column `name` by position, shape (len(self),).

        Text is returned as an object array of strings, with None for nulls. Integer columns with
        nulls become float, with NaN for nulls. Lists are returned as an object array of arrays.

        Raises:
            ArgumentError: There is no such column.
        """
        values: npt.NDArray[Any] = self._column(name).to_numpy()
        return values

    def arrow_column(self, name: str, purpose: str = "") -> pa.ChunkedArray:
        """Return the column `name` as Arrow holds it: with its type, and nulls.

        Args:
            name: Name of the column.
            purpose: What needs it, for the error.

        Raises:
            ArgumentError: There is no such column.
        """
        return known_column(self.table, name, purpose)

    def unique(self, name: str, *, separator: str | None = None) -> list[Any]:
        """Return the different values of the column `name`, without nulls.

        They are in the order of class names: by value if all are whole numbers, otherwise by code
        point.

        Use it to name the classes of a target before you split the manifest, so that all parts
        have the same: `classes = images.unique("tags", separator=";")`.

        Args:
            name: Name of the column. Of a column of lists, their elements are returned.
            separator: What separates the parts of a text, such as ";". Spaces around parts are
                removed, and blank parts are ignored.

        Raises:
            ArgumentError: There is no such column, or `separator` is given for a column that is
                not text.
        """
        return unique_values(name, self._column(name), separator)

    def with_column(
        self,
        name: str,
        values: Any = None,
        *,
        pattern: str | None = None,
        check_files: bool = True,
    ) -> "Manifest":
        """Return a manifest with one of your own columns added or replaced.

        Args:
            name: Name of the column; names of the manifest's own columns are refused.
            values: Text, numbers, booleans, times or lists of these: one for each record, in
                their order, or a dict by path, in which paths of other images are ignored. A single
                text, number, boolean or time is the value of all records.
            pattern: Path of a file that belongs to each image, relative to the folder of the
                images (the root that was indexed), such as "masks/{stem}.png". `{stem}` is the
                image's file name without folder and extension, `{name}` the same with its
                extension, and `{folder}` its folder below that of the images. Each file must exist,
                unless the root is remote. A pattern that begins with "../", such as
                "../masks/{stem}.png", moves the root of the manifest up, so that all paths stay
                below it; the images' paths then begin with their folder, `images_folder`.
            check_files: Whether the files of a pattern must exist; otherwise, `check_images` or
                training finds those that do not.

        Raises:
            ArgumentError: The number of values is wrong, they do not fit a column, a path has no
                value, or the pattern gives several images the same file.
            MissingFileError: A file of the pattern does not exist.

        Example:
            >>> import augseq
            >>> images = augseq.index_folder("sample_images", progress=False)
            >>> images = images.with_column("is_large", [False] * len(images))
            >>> images[0].columns
            {'is_large': False}
        """
        if (values is None) == (pattern is None):
            raise ArgumentError(
                "`with_column` requires either `values` or `pattern`. Received: "
                + ("neither" if values is None else "both")
            )
        served, excluded = self.table.column("path"), self.excluded.column("path")
        # Each manifest that is created checks all paths, so only one is.
        home, path_columns = self, tuple(n for n in self.path_columns if n != name)
        if pattern is not None:
            root, rest = place_pattern(self.root, self.images_folder, pattern)
            paths = pa.chunked_array([*served.chunks, *excluded.chunks], pa.string())
            made = paths_from_pattern(rest, paths_below(self.images_folder, paths))
            if check_files:
                check_existing(root, made.slice(0, len(self)), served, pattern)
            column = own_column(name, made)
            home, path_columns = with_root_above(self, root), (*path_columns, name)
        else:
            column = column_for(name, values, served, excluded)
        return replace(
            home,
            path_columns=path_columns,
            table=with_values(home.table, name, column.slice(0, len(self))),
            excluded=with_values(home.excluded, name, column.slice(len(self))),
        )

    def record_of(self, index: int) -> Record:
        """Return the record with a given `index`, at any position.

        Raises:
            ArgumentError: No record has this index.
        """
        return self.records([self.position_of(index)])[0]

    def position_of(self, index: int) -> int:
        """Return the position of the record with a given `index`.

        Raises:
            ArgumentError: No record has this index.
        """
        check_whole("index", index, least=0)
        position = pc.index(self.table.column("index"), pa.scalar(index, pa.int64())).as_py()
        if position < 0:
            first = self.table.column("index").slice(0, 3).to_pylist()
            raise ArgumentError(
                f"No record of this manifest has index {index}; the first indices are {first}. A "
                "record keeps its index through split and select; manifest[position].index is the "
                "index of the record at a position."
            )
        return int(position)

    def statistics(
        self,
        *,
        image_size: tuple[int, int] | None = None,
        resize_mode: str = "stretch",
        interpolation: str = "bilinear",
        color_mode: str = "rgb",
        bands: Sequence[int] | None = None,
        exif_orientation: bool = True,
        background: tuple[int, int, int] = (255, 255, 255),
        max_pixels: int | None = None,
        max_file_bytes: int | None = None,
        full_depth: bool = False,
        workers: int | None = None,
        worker_kind: MapKind = "threads",
        progress: bool = True,
    ) -> PixelStatistics:
        """Return mean and standard deviation of each channel, to normalize pixels.

        Call it on the training part. Every file is decoded once, on all cores. The result is exact
        and does not depend on the order of the records or the number of threads.

        Args:
            image_size: Resize each image to this (height, width) before it counts, as
                `ImageSequence` does, so that all images weigh the same. None counts each pixel of
                each file once, so large images weigh more.
            resize_mode: As for `ImageSequence`, like all further options.
            interpolation: How pixels are resized.
            color_mode: "rgb", "grayscale", "rgba" or "bands".
            bands: Which bands to measure, in order, from 0; None for all.
            exif_orientation: Whether images are turned upright.
            background: Colour behind transparent pixels.
            max_pixels: None for the default of `ImageSequence`.
            max_file_bytes: None for the default of `ImageSequence`.
            full_depth: Whether pixels are from 0 to 1, with more than 8 bits.
            workers: Number of files to decode at the same time; None for one per core, or 16 of a
                remote folder.
            worker_kind: "threads", or "ray" to decode them on the nodes of a Ray cluster, with
                `workers` of its CPUs. See docs/clusters.md.
            progress: Whether long work shows a progress bar.

        Raises:
            ArgumentError: There is no image, or an option is invalid.
            AugseqError: A file cannot be read or decoded; the message names it.
            WorkerError: The Ray cluster cannot do this; the message names the node.

        Example:
            >>> import augseq
            >>> images = augseq.index_folder("sample_images", progress=False)
            >>> images.statistics(progress=False)
            PixelStatistics(mean=(153.2, 149.4, 142.3), std=(84.14, 67.22, 60.38), 200 images)
        """
        return display.measure_pixels(
            self,
            image_size=image_size,
            resize_mode=resize_mode,
            interpolation=interpolation,
            options=MapOptions(workers=workers, worker_kind=worker_kind, progress=progress),
            color_mode=color_mode,
            bands=bands,
            exif_orientation=exif_orientation,
            background=background,
            max_pixels=max_pixels,
            max_file_bytes=max_file_bytes,
            full_depth=full_depth,
        )

    def box_statistics(self) -> BoxStatistics:
        """Return how many boxes there are, of which classes and sizes.

        No image is opened.

        Raises:
            ArgumentError: The manifest has no boxes.

        Example:
            >>> import augseq
            >>> images = augseq.index_coco("train.json", "photos")     # doctest: +SKIP
            >>> print(images.box_statistics())                         # doctest: +SKIP
            BoxStatistics: 9 boxes of 2 classes in 4 images, 1 without any
              car                      6 boxes   66.7%          3 images
              person                   3 boxes   33.3%          2 images
              (boxes in an image)  0 to 5, median 2
              (height, px)         12 to 90, median 41
              (width, px)          8 to 160, median 60
              (width : height)     0.4 to 3.1, median 1.5
              (area)               11.1% small, 55.6% medium, 33.3% large
        """
        return display.measure_boxes(self)

    def select(
        self,
        which: Sequence[int] | Sequence[bool] | npt.NDArray[Any] | None = None,
        *,
        class_names: Sequence[str] | None = None,
    ) -> "Manifest":
        """Return a manifest of some records or classes; each record keeps its index.

        Excluded records are not carried over.

        Args:
            which: Positions, shape (n,), in the desired order and without repeats; or a mask,
                bool, shape (len(self),). All class names are kept, even those of empty classes.
            class_names: Select by class instead, such as ["cat", "dog"]. The result has exactly
                these class names, in this order, so a model has no outputs for the others.
                Unlabelled records are not selected.

        Raises:
            ArgumentError: A position is outside the manifest or repeated, a class is not in the
                manifest, or not exactly one of `which` and `class_names` is given.

        Example:
            >>> import augseq
            >>> images = augseq.index_folder("sample_images", progress=False)
            >>> images.select(class_names=["shell", "leaf"]).class_names
            ('shell', 'leaf')
        """
        if (which is None) == (class_names is None):
            raise ArgumentError(
                "`select` requires either `which` or `class_names`. Received: "
                + ("neither" if which is None else "both")
            )
        if class_names is not None:
            names, table = selected_classes(self.table, self.class_names, class_names)
            return replace(self, class_names=names, table=table, excluded=None)
        positions = selected_positions(np.asarray(which), len(self))
        return replace(self, table=self.table.take(pa.array(positions)), excluded=None)

    def split(
        self,
        *,
        seed: int = 0,
        stratify: bool | str | Sequence[str] = True,
        separator: str | None = None,
        bins: int | None = None,
        group: str | Sequence[Any] | npt.NDArray[Any] | None = None,
        stable: bool = False,
        **fractions: float,
    ) -> Split["Manifest"]:
        """Split into named parts: `train, val = images.split(val=0.2)`.

        The parts are disjoint and complete, keep the order of the records, and each contains at
        least one record of every class with enough records. The split is based on a hash of seed
        and path, so few records change parts when others are added or removed.

        Args:
            seed: At least 0; a different seed gives a different split.
            stratify: What each part gets its share of. True: every class of the labels. The name
                of a column: every value of text, integers or booleans; every element of lists, or
                of text with a `separator`, such as tags; every range of numbers. A list of names:
                all of these columns. Several labels of a record can only be balanced approximately
                (usually within one or two records), and the sizes of the parts are then exact.
                Missing values are balanced like a value. False: nothing.
            separator: What separates the tags in a column of text, such as ";".
            bins: Number of ranges into which the numbers of a column are divided, each with about
                as many records; fewer if a part would get none. None makes 10 ranges of floats,
                and a class of each integer or text.
            group: A column name, or one value per record in order: records with equal values, such
                as photos of the same patient, go to the same part. Groups are assigned one by one,
                large ones first, to keep the sizes and classes of the parts as close as possible.
                If None, tiles of the same image are a group.
            stable: Whether no record changes parts when others are added or removed: its part then
                depends only on the hash of its path, or of its group. Sizes and class shares are
                then correct only on average.
            **fractions: Size of each named part, between 0 and 1 (exclusive). `train` is the first
                part and gets the rest; if you give its size too, all must add up to 1.

        Returns:
            The parts, to unpack in order or to access by name:
            `images.split(val=0.1, test=0.2).test`.

        Raises:
            ArgumentError: A fraction is out of range, the fractions have a wrong sum, there are
                fewer groups than parts, a record has no group, or `stratify` does not fit the
                column.
            LabelError: `stratify` is True and a record has no label, or `bins` is given and a text
                is not a number.

        Example:
            >>> import augseq
            >>> images = augseq.index_folder("sample_images", labels=None, progress=False)
            >>> images = images.with_column("tags", ["red;round", "red", "round", ""] * 50)
            >>> train, val = images.split(val=0.2, stratify="tags", separator=";")
            >>> val.class_counts("tags", separator=";")
            {'red': 20, 'round': 20}
        """
        names, shares = named_shares(fractions)
        if stable and not isinstance(stratify, bool | np.bool_):
            raise ArgumentError(
                "`stable` decides by the path or group alone, so it cannot be combined with the "
                f"columns of `stratify`. Received: stable=True, stratify={stratify!r}"
            )
        strata = self._strata(False if stable else stratify, separator, bins, shares)
        basis = self._basis(seed, group, strata)
        part_of = divide_by_hash(basis, shares) if stable else divide(basis, shares)
        return Split(names, [self.select(part_of == part) for part in range(len(names))])

    def k_fold(
        self,
        num_folds: int,
        *,
        seed: int = 0,
        stratify: bool | str | Sequence[str] = True,
        separator: str | None = None,
        bins: int | None = None,
        group: str | Sequence[Any] | npt.NDArray[Any] | None = None,
    ) -> Iterator[Split["Manifest"]]:
        """Iterate over folds: `for train, val in images.k_fold(5)`.

        Each record is in the `val` of one fold and in the `train` of all others. The sizes of
        folds differ by at most one record, overall and in each class; with groups, or several
        labels per record, classes are as equal as these permit.

        Args:
            num_folds: At least 2.
            seed: At least 0; a different seed gives different folds.
            stratify: What each fold gets its share of, as for `split`.
            separator: As for `split`.
            bins: As for `split`.
            group: As for `split`.

        Returns:
            An iterator over the parts of each fold, named `train` and `val`.

        Raises:
            ArgumentError: There are more folds than records or groups, a record has no group, or
                `stratify` does not fit the column.
            LabelError: `stratify` is True and a record has no label, or `bins` is given and a text
                is not a number.
        """
        check_whole("num_folds", num_folds, least=2)
        strata = self._strata(stratify, separator, bins, [1 / num_folds])
        fold_of = divide_evenly(self._basis(seed, group, strata), num_folds)
        return (self._fold(fold_of == fold) for fold in range(num_folds))

    def split_by(self, column: str, *, order: Sequence[str] | None = None) -> Split["Manifest"]:
        """Split by the values of a column: `train, val, test = images.split_by("split")`.

        Args:
            column: A column of text or numbers; its values, as text, name the parts.
            order: All values, in the desired order; a value without records makes an empty part.
                If None, train, val, test and their longer names come first, all others sorted.

        Raises:
            ArgumentError: There is no such column, or a record has no value in it, or one that is
                not in `order`.
        """
        positions = positions_by_value(column, self._column(column), order)
        return Split(list(positions), [self.select(part) for part in positions.values()])

    def with_split(self, parts: Split["Manifest"], name: str = "split") -> "Manifest":
        """Return a manifest with a column that names the part of each record.

        `write_manifest` saves it; `split_by` restores the parts.

        Args:
            parts: A `split` of this manifest, or one fold of `k_fold`.
            name: Name of the column; an existing one is replaced.

        Raises:
            ArgumentError: The parts do not contain each record of this manifest exactly once.
        """
        indices = [part.table.column("index").to_numpy() for part in parts]
        own_indices = self.table.column("index").to_numpy()
        return self.with_column(name, part_names(own_indices, parts.names, indices))

    def fingerprint(self) -> str:
        """Return a hash of the records, labels and class names, as 32 hexadecimal digits.

        It does not depend on the root, how columns are stored, probes, or your own columns.
        """
        return hash_records(self.table, self.class_names)

    def column_fingerprint(self, names: Sequence[str]) -> str:
        """Return a hash of some of your own columns, as 16 hexadecimal digits.

        Args:
            names: Names of the columns.

        Raises:
            ArgumentError: There is no such column.
        """
        for name in names:
            self._column(name)
        return hash_columns(self.table, names)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a pandas frame: index, path, target, class_name and your own columns.

        Raises:
            MissingExtraError: pandas is not installed.
            ArgumentError: One of your own columns is named class_name.
        """
        if "class_name" in self.table.column_names:
            raise ArgumentError(
                "`to_pandas` adds a column 'class_name', so none of your own can have that name. "
                f"Received: {self.table.column_names}. Copy it to another name with `with_column`."
            )
        try:
            frame = self.table.to_pandas()
        except ImportError as error:
            raise MissingExtraError(
                f"`to_pandas` requires pandas, which is not installed: {install_command('pandas')}"
            ) from error
        names = dict(enumerate(self.class_names))
        labelled: pd.DataFrame = frame.assign(class_name=frame["target"].map(names))
        return labelled

    def _column(self, name: str) -> pa.ChunkedArray:
        return self.arrow_column(name)

    def _label_counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.targets, minlength=len(self.class_names))

    def _strata(
        self, stratify: Any, separator: str | None, bins: int | None, shares: Sequence[float]
    ) -> Strata:
        columns = make_stratify(stratify, separator, bins)
        if columns is not None:
            return columns.strata(self.table, shares)
        if stratify and self.class_names:
            return self.targets.astype(np.int64)
        return np.zeros(len(self), np.int64)

    def _basis(self, seed: int, group: Any, strata: Strata) -> Basis:
        if group is None and has_windows(self.table):
            group = "path"
        values = self._column(group) if isinstance(group, str) else group
        return Basis(
            paths=self.table.column("path"),
            strata=strata,
            groups=None if values is None else make_groups(values, len(self)),
            seed=check_whole("seed", seed, least=0),
        )

    def _fold(self, is_val: npt.NDArray[np.bool_]) -> Split["Manifest"]:
        return Split(["train", "val"], [self.select(~is_val), self.select(is_val)])


def check_manifest(value: object) -> None:
    """Raise `ArgumentError` if a value is not a manifest."""
    if not isinstance(value, Manifest):
        hint = ""
        if isinstance(value, Split):
            hint = f". Pass one of its parts: {', '.join(value.names)}"
        raise ArgumentError(
            "The first argument must be a Manifest, as returned by augseq.index_folder(folder). "
            f"Received: {type(value).__name__}{hint}"
        )


def with_root_above(manifest: Manifest, root: str) -> Manifest:
    """Return a manifest with another root: the same, or a folder above it."""
    if root == manifest.root:
        return manifest
    folder = os.path.relpath(manifest.root, root).replace(os.sep, "/")
    tables = [
        with_folder(table, f"{folder}/", manifest.path_columns)
        for table in (manifest.table, manifest.excluded)
    ]
    return replace(
        manifest,
        root=root,
        table=tables[0],
        excluded=tables[1],
        images_folder=f"{folder}/{manifest.images_folder}".rstrip("/"),
    )


def make_manifest(
    root: str,
    class_names: Sequence[str],
    *,
    paths: Sequence[str] | pa.StringArray,
    targets: Sequence[int] | npt.NDArray[np.integer] | None,
) -> Manifest:
    """Create a manifest of paths, numbered from 0; `targets` None means no labels."""
    labels = pa.nulls(len(paths), pa.int32()) if targets is None else pa.array(targets, pa.int32())
    columns = {"index": np.arange(len(paths)), "path": paths, "target": labels}
    table = pa.table(columns, schema=CORE_SCHEMA)
    return Manifest(root=root, class_names=tuple(class_names), table=table)
