"""The members of a ZIP or tar archive, by the paths they have once extracted."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from augseq.errors import DecodeError, UnreadableError

# Compression methods that Python's zipfile cannot read, and so has no names for.
_METHODS = {
    1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 20: "Zstandard",
    93: "Zstandard", 94: "MP3", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd",
    99: "AES encryption",
}  # fmt: skip
_ENCRYPTED = 0x1
_NAME_IS_UTF8 = 0x800
_DOS = 0
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of an archive.

    Attributes:
        kind: "file", "directory", "link", or "other".
        size: Size of a file, in bytes.
        marks: Metadata that changes with the content.
        handle: The object by which zipfile or tarfile opens it.
    """

    kind: str
    size: int = 0
    marks: tuple[tuple[str, Any], ...] = ()
    handle: Any = None


class ArchiveFiles:
    r"""Lists and reads an archive with the interface of an fsspec file system.

    Names are normalized as extraction tools do: a leading `./` or `/` is dropped, and Windows' `\`
    becomes `/`. If a name occurs several times, the last member wins.

    Args:
        files: An open fsspec file system of a ZIP or tar archive.
        root: Its address, for messages.

    Raises:
        UnreadableError: A member is encrypted, uses an unsupported compression method, or has a
            path outside the archive.
    """

    protocol = "archive"

    def __init__(self, files: Any, root: str) -> None:
        self._files = files
        is_zip = hasattr(files, "zip")
        members = _zip_members(files.zip, root) if is_zip else _tar_members(files.tar)
        self._members: dict[str, _Member] = {}
        for name, member in members:
            path = _extracted(name, root)
            if member.kind == "hard link":
                member = self._members.get(_extracted(member.handle, root), _Member("other"))
            if path:
                self._members[path] = member
        for path in list(self._members):
            while "/" in path:
                path = path.rpartition("/")[0]
                self._members.setdefault(path, _Member("directory"))

    def find(self, path: str, **_: Any) -> dict[str, dict[str, Any]]:
        """Return everything below a folder at any depth, or the file itself, by path."""
        path = path.strip("/")
        if path and path not in self._members:
            raise FileNotFoundError(f"the archive has no {path!r}")
        start = f"{path}/" if path else ""
        return {
            name: _row(name, member)
            for name, member in self._members.items()
            if name.startswith(start) or name == path
        }

    def ls(self, path: str, **_: Any) -> list[dict[str, Any]]:
        """Return the direct contents of a folder, or the file itself."""
        depth = path.strip("/").count("/") + bool(path.strip("/"))
        return [row for name, row in self.find(path).items() if name.count("/") <= depth]

    def info(self, path: str) -> dict[str, Any]:
        """Return the metadata of a member."""
        path = path.strip("/")
        if path not in self._members:
            raise FileNotFoundError(f"the archive has no {path!r}")
        return _row(path, self._members[path])

    def cat_file(self, path: str, end: int | None = None) -> bytes:
        """Return the bytes of a member, or the first `end` of them."""
        path = path.strip("/")
        member = self._members.get(path)
        if member is None:
            raise FileNotFoundError(f"the archive has no {path!r}")
        if member.kind != "file":
            raise IsADirectoryError(path)
        try:
            with self._open(member.handle) as file:
                data: bytes = file.read(-1 if end is None else end)
                return data
        except (*DAMAGE, OSError) as error:
            # Errors of the operating system have an errno; those of a decompressor have none.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = f"{error or type(error).__name__}"
            # Without a cause, since callers report the innermost one.
            raise DecodeError(f"its part of the archive is damaged ({reason})") from None

    def _open(self, handle: Any) -> Any:
        if isinstance(handle, zipfile.ZipInfo):
            return self._files.zip.open(handle)
        return self._files.tar.extractfile(handle)


def _row(path: str, member: _Member) -> dict[str, Any]:
    return {"name": path, "type": member.kind, "size": member.size, **dict(member.marks)}


def _zip_members(archive: zipfile.ZipFile, root: str) -> Iterator[tuple[str, _Member]]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        marks = (("CRC", info.CRC),)
        if info.is_dir() or info.filename.endswith("\\"):
            yield _zip_name(info), _Member("directory")
        elif stat.S_ISLNK(mode):
            yield _zip_name(info), _Member("link")
        else:
            _check_readable(info, root)
            yield _zip_name(info), _Member("file", info.file_size, marks, info)


def _check_readable(info: zipfile.ZipInfo, root: str) -> None:
    way_out = "Extract it and pass the folder, or repack it with Deflate, as `zip -r` does."
    if info.flag_bits & _ENCRYPTED:
        raise UnreadableError(
            f"The archive {root!r} is encrypted (for example {info.filename!r}), so it cannot be "
            f"read without its password. {way_out}"
        )
    method = info.compress_type
    if method not in _readable_methods():
        name = _METHODS.get(method, "an unknown method")
        raise UnreadableError(
            f"The archive {root!r} is compressed with {name} (method {method}; for example "
            f"{info.filename!r}), which this Python cannot read. {way_out}"
        )


def _readable_methods() -> set[int]:
    methods = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    # Some builds of Python lack these modules; Zstandard was added in 3.14.
    for module, name in (("bz2", "ZIP_BZIP2"), ("lzma", "ZIP_LZMA"), ("zstd", "ZIP_ZSTANDARD")):
        if getattr(zipfile, module, None) is not None and hasattr(zipfile, name):
            methods.add(getattr(zipfile, name))
    return methods


def _zip_name(info: zipfile.ZipInfo) -> str:
    name = info.filename
    if not info.flag_bits & _NAME_IS_UTF8 and not name.isascii():
        # macOS writes UTF-8 without setting the flag; other encodings are rarely valid UTF-8.
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            name = info.filename
    # Old Windows tools write backslashes.
    if "\\" in name and ("/" not in name or info.create_system == _DOS):
        name = name.replace("\\", "/")
    return name


def _tar_members(archive: tarfile.TarFile) -> Iterator[tuple[str, _Member]]:
    for info in archive.getmembers():
        marks = (("mtime", info.mtime),)
        if info.isdir():
            yield info.name, _Member("directory")
        elif info.issym():
            yield info.name, _Member("link")
        elif info.islnk():
            yield info.name, _Member("hard link", handle=info.linkname)
        elif info.isfile():
            yield info.name, _Member("file", info.size, marks, info)
        else:
            yield info.name, _Member("other")


def _extracted(name: str, root: str) -> str:
    """Return the relative path to which tools extract a member."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnreadableError(
            f"The archive {root!r} has a member with a path outside it: {name!r}. Extract it with "
            "a tool that you trust, and pass the folder."
        )
    return "/".join(parts)
