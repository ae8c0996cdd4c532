"""Read the headers of one tar file, and the labels and metadata in it."""

import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from augseq.errors import ManifestError, MissingFileError, UnreadableError
from augseq.indexing.shards.shard_files import DECOMPRESS
from augseq.remote.archive_kinds import archive_kind
from augseq.remote.archives import what_is
from augseq.remote.folder import RemoteFolder
from augseq.storage.member_path import HEADER_BYTES, Member
from augseq.storage.path_encoding import for_system

# As in WebDataset: the folder and the name up to its first dot are the key.
_NAME = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]+)", re.DOTALL)
METADATA = re.compile(r"__[^/]*__(/|$)")
# Headers are far apart, but labels and metadata follow their images closely.
_REMOTE_BUFFER = 2**17


@dataclass(frozen=True, slots=True)
class StoredMember:
    """One member of a sample.

    Attributes:
        path: Its path in a manifest.
        place: Where its header begins, for messages.
        content: Its bytes if they are text; None for images and unknown files.
    """

    path: str
    place: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class StoredSample:
    """The members of a tar file that have the same key.

    Attributes:
        key: Their folder and name up to its first dot.
        members: By the rest of their names, in lower case.
    """

    key: str
    members: dict[str, StoredMember] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where the sample begins, for messages."""
        return next(iter(self.members.values())).place


@dataclass(frozen=True, slots=True)
class Shard:
    """The content of a tar file.

    Attributes:
        samples: In their order.
        skipped: Names of members that are no samples: links, and names without an extension.
    """

    samples: list[StoredSample]
    skipped: list[str]


def read_shard(folder: str | RemoteFolder, path: str) -> Shard:
    """Read the headers of a tar file, and the members that are text.

    Args:
        folder: The folder of all shards.
        path: Path of the tar file relative to it.

    Raises:
        MissingFileError: It does not exist.
        UnreadableError: It is compressed, cut off, or no tar file, or access is denied.
        ManifestError: A member occurs twice, or has a name that cannot be used.
        RemoteError: A remote folder does not answer.
    """
    name = path if isinstance(folder, str) else f"{folder.root}/{path}"
    try:
        with closing(_open(folder, path)) as file:
            _check_start(file.read(HEADER_BYTES), name)
            file.seek(0)
            return _group(_members(file, path, name), file, name)
    except FileNotFoundError as error:
        if isinstance(error, MissingFileError):
            raise
        raise MissingFileError(f"There is no shard {name!r}.") from error
    except OSError as error:
        if error.strerror is None:
            raise
        raise UnreadableError(f"Cannot read the shard {name!r}: {error.strerror}.") from error


def _open(folder: str | RemoteFolder, path: str) -> BinaryIO:
    if isinstance(folder, str):
        return open(for_system(os.path.join(folder, path)), "rb")
    return io.BufferedReader(_RemoteFile(folder, path), _REMOTE_BUFFER)


class _RemoteFile(io.RawIOBase):
    """A remote file, of which each read is one request."""

    def __init__(self, folder: RemoteFolder, path: str) -> None:
        self._folder = folder
        self._path = path
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            raise io.UnsupportedOperation("the size is unknown")
        self._position = offset + (self._position if whence == os.SEEK_CUR else 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        start = self._position
        data = self._folder.read_range(self._path, start, start + len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _check_start(head: bytes, name: str) -> None:
    kind = archive_kind(head)
    if kind is not None and kind.compression is not None:
        raise UnreadableError(
            f"Shards must be plain tar files, so that images can be read in place, but {name!r} is "
            f"{kind.packing}. {DECOMPRESS}"
        )
    content = what_is(head)
    if content is not None and "tar" not in content:
        raise UnreadableError(f"Shards must be tar files, but {name!r} is {content}.")


def _members(
    file: BinaryIO, path: str, name: str
) -> Iterator[tuple[Member | None, tarfile.TarInfo]]:
    """Yield each file of a tar file, and its header; None for links and other members."""
    try:
        # Nothing to close: the file is the caller's.
        archive = tarfile.open(fileobj=file, mode="r:", encoding="utf-8")  # noqa: SIM115
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all: 1 kB each.
            if info.issparse():
                raise ManifestError(
                    f"The shard {name!r} must not contain sparse files. Received: {info.name!r} at "
                    f"byte {info.offset}. Write it again, for example with `tar --format=posix`."
                )
            if info.isreg():
                yield _member(file, path, name, info), info
            elif not info.isdir():
                yield None, info
    except tarfile.TarError as error:
        raise UnreadableError(
            f"The shard {name!r} is cut off, or not a tar file ({error}). Download or copy it "
            "again."
        ) from error
    file.seek(archive.offset)
    end = file.read(HEADER_BYTES)
    if end != bytes(HEADER_BYTES):
        state = "damaged" if len(end) == HEADER_BYTES else "cut off: it has no end mark"
        raise UnreadableError(
            f"The shard {name!r} is {state} at byte {archive.offset}. Download or copy it again."
        )


def _member(file: BinaryIO, path: str, name: str, info: tarfile.TarInfo) -> Member:
    parts = [part for part in info.name.split("/") if part not in ("", ".")]
    inside = "/".join(parts)
    try:
        inside.encode()
    except UnicodeEncodeError as error:
        raise ManifestError(
            f"The names in a shard must be in UTF-8. Received: {inside!r} at byte {info.offset} of "
            f"{name!r}."
        ) from error
    if ".." in parts or "\0" in inside:
        raise ManifestError(
            f"The names in a shard must not lead out of it. Received: {info.name!r} at byte "
            f"{info.offset} of {name!r}."
        )
    file.seek(info.offset_data - HEADER_BYTES)
    crc = zlib.crc32(file.read(HEADER_BYTES))
    return Member(path, info.offset_data, info.size, crc, inside)


def _group(
    members: Iterator[tuple[Member | None, tarfile.TarInfo]], file: BinaryIO, name: str
) -> Shard:
    """Collect consecutive members with the same key into samples."""
    shard = Shard([], [])
    for member, info in members:
        found = None if member is None else _NAME.fullmatch(member.name)
        if member is None or found is None or METADATA.match(member.name):
            shard.skipped.append(info.name)
            continue
        key, extension = found[1], found[2].lower()
        if not shard.samples or shard.samples[-1].key != key:
            shard.samples.append(StoredSample(key))
        sample = shard.samples[-1]
        place = f"at byte {info.offset} of {name!r}"
        if extension in sample.members:
            raise ManifestError(
                f"Each sample must have one member with the extension {'.' + extension!r}, but "
                f"{member.name!r} is {sample.members[extension].place}, and {place}. Remove one."
            )
        # The file is at the first byte, directly after the header.
        is_text = extension in ("cls", "json") or extension.rpartition(".")[2] == "txt"
        content = file.read(info.size) if is_text else None
        sample.members[extension] = StoredMember(member.path, place, content)
    return shard
