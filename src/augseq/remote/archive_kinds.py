"""Kinds of archives and compressed files, by their first bytes."""

from typing import NamedTuple


class ArchiveKind(NamedTuple):
    """A kind of archive or compressed file.

    Attributes:
        title: Name with its article, such as "an XZ archive".
        packing: Predicate where a folder is expected, such as "compressed with XZ".
        compression: fsspec's name for the compression; None for archive formats.
    """

    title: str
    packing: str
    compression: str | None = None


GZIP_START = b"\x1f\x8b"
ZIP_STARTS = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")

ARCHIVE_KINDS = {
    ZIP_STARTS[0]: ArchiveKind("a ZIP archive", "a ZIP archive"),
    ZIP_STARTS[1]: ArchiveKind("a ZIP archive", "an empty ZIP archive"),
    ZIP_STARTS[2]: ArchiveKind("a ZIP archive", "one part of a ZIP archive in several"),
    GZIP_START: ArchiveKind("a gzip archive", "compressed with gzip", "gzip"),
    b"BZh": ArchiveKind("a bzip2 archive", "compressed with bzip2", "bz2"),
    b"\xfd7zXZ\0": ArchiveKind("an XZ archive", "compressed with XZ", "xz"),
    b"\x5d\0\0": ArchiveKind("an LZMA archive", "compressed with LZMA", "lzma"),
    b"\x28\xb5\x2f\xfd": ArchiveKind("a Zstandard archive", "compressed with Zstandard", "zstd"),
    b"\x04\x22\x4d\x18": ArchiveKind("an LZ4 archive", "compressed with LZ4", "lz4"),
    b"\x1f\x9d": ArchiveKind(
        "a file packed with compress (.Z)", "compressed with compress (.Z)", "compress"
    ),
    b"7z\xbc\xaf\x27\x1c": ArchiveKind("a 7z archive", "a 7z archive"),
    b"Rar!\x1a\7": ArchiveKind("a RAR archive", "a RAR archive"),
}


def archive_kind(head: bytes) -> ArchiveKind | None:
    """Return the kind of archive that a file is; None for other files.

    Args:
        head: The first 512 bytes of the file, or more.
    """
    if head[257:262] == b"ustar":
        return ArchiveKind("a tar archive", "a tar archive")
    return next((kind for start, kind in ARCHIVE_KINDS.items() if head.startswith(start)), None)
