"""The images, labels and columns of samples in WebDataset's layout."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from augseq.errors import ArgumentError, LabelError, ManifestError
from augseq.indexing.shards.dataset_file import column_of_json, parse_kind
from augseq.indexing.shards.read_shard import StoredSample
from augseq.indexing.table.json_lines import parse_object
from augseq.manifest.schema import RESERVED_NAMES
from augseq.pixels.decoders.registry import readable_endings
from augseq.terminal_text import listed
from augseq.validation import did_you_mean

Samples: TypeAlias = Sequence[StoredSample]


def image_paths(samples: Samples, image: str | None, others: Mapping[str, str]) -> list[str]:
    """Return the path of the image of each sample.

    Args:
        samples: The samples.
        image: Extension of the images; None for the only one that is an image.
        others: Extensions of further files, by column.

    Raises:
        ManifestError: A sample has no image, or several.
    """
    endings = {ending[1:] for ending in readable_endings()}

    def is_image(extension: str) -> bool:
        if image is not None:
            return extension == image
        return extension in endings and not any(fits(extension, one) for one in others.values())

    paths = []
    for sample in samples:
        found = [extension for extension in sample.members if is_image(extension)]
        if len(found) != 1:
            raise ManifestError(_wrong_images(sample, found, image))
        paths.append(sample.members[found[0]].path)
    return paths


def _wrong_images(sample: StoredSample, found: list[str], image: str | None) -> str:
    have = ", ".join(f".{extension}" for extension in sample.members)
    wanted = "one image" if image is None else f"a member .{image}"
    way_out = (
        "Name the extension of the images with `image`, and those of further files, such as masks, "
        "with `path_columns`, as in image='jpg', path_columns={'mask': 'png'}."
    )
    if not found:
        way_out = (
            "If its image was lost, write the shard again. If the images have another extension, "
            "name it with `image`, as in image='input.png'."
        )
    return (
        f"Each sample must have {wanted}, but {sample.key!r} {sample.place} has {have}. {way_out}"
    )


def fits(extension: str, wanted: str) -> bool:
    """Return whether an extension is the wanted one, or the wanted one and a last part.

    >>> fits("mask.png", "mask"), fits("mask.png", "mask.png"), fits("png", "mask")
    (True, True, False)
    """
    return wanted in (extension, extension.rpartition(".")[0])


def further_paths(samples: Samples, column: str, wanted: str) -> list[str | None]:
    """Return the path of a further file of each sample, such as its mask; None if it has none.

    Raises:
        ManifestError: A sample has several.
        ArgumentError: No sample has one.
    """
    paths: list[str | None] = []
    for sample in samples:
        found = [extension for extension in sample.members if fits(extension, wanted.lower())]
        if len(found) > 1:
            raise ManifestError(
                f"Each sample must have one member for the column {column!r}, but {sample.key!r} "
                f"{sample.place} has {listed(found)}. Name the extension with `path_columns`."
            )
        paths.append(sample.members[found[0]].path if found else None)
    if paths and not any(paths):
        known = list(dict.fromkeys(e for sample in samples for e in sample.members))
        raise ArgumentError(
            f"No sample has a member with the extension {wanted!r} of `path_columns`, for the "
            f"column {column!r}.{did_you_mean(wanted, known)} Extensions: {listed(known, 10)}"
        )
    return paths


class Fields:
    """The fields of `.json` members, and the texts of `.txt` members, by column.

    Args:
        samples: The samples.

    Raises:
        ManifestError: A member is not a JSON object, or not UTF-8, or two have the same name.
    """

    def __init__(self, samples: Samples) -> None:
        self._values: dict[str, list[Any]] = {}
        for number, sample in enumerate(samples):
            for extension, member in sample.members.items():
                if member.content is None or extension == "cls":
                    continue
                place = f"{sample.key}.{extension} {member.place}"
                row = _row(extension, member.content, place)
                for name, value in row.items():
                    column = self._values.setdefault(name, [])
                    if len(column) > number:
                        raise ManifestError(
                            f"A sample must have one value of {name!r}, but both .json and .txt "
                            f"of {sample.key!r} {sample.place} have one. Rename one of them."
                        )
                    column += [None] * (number - len(column)) + [value]
        for column in self._values.values():
            column += [None] * (len(samples) - len(column))

    @property
    def names(self) -> list[str]:
        """Names of the columns, in the order in which they are found."""
        return list(self._values)

    def values(self, name: str) -> list[Any]:
        """Return the values of a column; None where a sample has none."""
        return self._values[name]

    def column(self, name: str, kind: str | None) -> pa.Array:
        """Return a column.

        Args:
            name: Its name.
            kind: Its type, as in `dataset.json`; None to infer it.

        Raises:
            ManifestError: The values have several types.
        """
        values = self._values[name]
        try:
            return pa.array(values) if kind is None else column_of_json(values, parse_kind(kind))
        except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError) as error:
            raise ManifestError(
                f"The field {name!r} of the .json members must have values of one type: {error}. "
                "Choose the fields to keep with `columns`."
            ) from error


def _row(extension: str, content: bytes, place: str) -> Mapping[str, Any]:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ManifestError(f"The text of {place} must be in UTF-8: {error}.") from error
    if extension == "json":
        return parse_object(text, f"The member {place}")
    # "txt", or "caption" of "caption.txt".
    return {extension.rpartition(".")[0] or extension: text}


def chosen_names(fields: Fields, columns: Sequence[str] | None, label: str | None) -> list[str]:
    """Return the names of the fields that become columns.

    Raises:
        ArgumentError: A name does not exist, or is reserved.
    """
    known = [name for name in fields.names if name != label or label == "cls"]
    if columns is not None:
        absent = [name for name in columns if name not in known]
        if absent:
            raise ArgumentError(
                f"`columns` must be fields of the samples. Received: {absent[0]!r}."
                f"{did_you_mean(absent[0], known)} Fields: {known}"
            )
        known = list(columns)
    reserved = [name for name in known if name in RESERVED_NAMES or not name]
    if reserved:
        raise ArgumentError(
            f"A field cannot become a column under the name {reserved[0]!r}, which a manifest uses "
            f"itself ({', '.join(RESERVED_NAMES)}). Choose others with `columns`. Fields: {known}"
        )
    return known


def label_values(samples: Samples, fields: Fields, label: str, *, keep_missing: bool) -> pa.Array:
    """Return the label of each sample: integers if all are, otherwise text.

    Args:
        samples: The samples.
        fields: Their fields.
        label: "cls", or the name of a field.
        keep_missing: Whether samples can be without a label.

    Raises:
        LabelError: A label is missing, or neither text nor an integer.
        ArgumentError: There is no such field.
    """
    if label == "cls":
        members = [sample.members.get("cls") for sample in samples]
        values = [None if one is None else _label_text(one.content, one.place) for one in members]
    elif label in fields.names:
        values = fields.values(label)
    else:
        raise ArgumentError(
            f"`label` must be 'cls' or a field of the samples. Received: {label!r}."
            f"{did_you_mean(label, fields.names)} Fields: {fields.names}"
        )
    missing = [sample for sample, value in zip(samples, values, strict=True) if value in (None, "")]
    if missing and not keep_missing:
        raise LabelError(
            f"Each sample must have a label ({label!r}), but {len(missing):,} of {len(samples):,} "
            f"have none, for example {missing[0].key!r} {missing[0].place}. Pass "
            "missing_labels='keep' for unlabelled records, or label=None."
        )
    return _as_labels(label, [None if value == "" else value for value in values])


def _label_text(content: bytes | None, place: str) -> str:
    try:
        return (content or b"").decode().strip()
    except UnicodeDecodeError as error:
        raise LabelError(
            f"A label must be text or an integer, but .cls {place} is: {error}."
        ) from (error)


def _as_labels(label: str, values: list[Any]) -> pa.Array:
    known = [value for value in values if value is not None]
    wrong = [value for value in known if not isinstance(value, str | int)]
    if wrong:
        raise LabelError(
            f"Labels must be text or integers. Received: {wrong[0]!r} in {label!r}. For several "
            "labels, numbers or other targets, pass label=None, and use the column as a target."
        )
    texts = [None if value is None else str(value) for value in values]
    if all(map(_is_whole, filter(None, texts))):
        try:
            return pa.array([None if text is None else int(text) for text in texts], pa.int64())
        except (OverflowError, ValueError):
            pass
    return pa.array(texts, pa.string())


def _is_whole(text: str) -> bool:
    # "01" is a name: it would not come back as it was written.
    return text.removeprefix("-").isdecimal() and text.isascii() and str(int(text[:20])) == text


def unused_extensions(samples: Samples, used: Sequence[str], image: str | None) -> list[str]:
    """Return a warning about members that are not used, in a list; or an empty list.

    Args:
        samples: The samples.
        used: Extensions that are used, besides those of images.
        image: Extension of the images; None for the only one that is an image.
    """
    endings = {ending[1:] for ending in readable_endings()} if image is None else {image}
    counts: dict[str, int] = {}
    for sample in samples:
        for extension, member in sample.members.items():
            is_used = member.content is not None or extension in endings
            if not is_used and not any(fits(extension, one) for one in used):
                counts[extension] = counts.get(extension, 0) + 1
    if not counts:
        return []
    text = ", ".join(f".{extension} ({count:,})" for extension, count in counts.items())
    return [
        f"Members of these kinds are not used: {text}. To keep files such as masks, name their "
        "extension with `path_columns`, as in path_columns={'mask': 'mask.png'}."
    ]
