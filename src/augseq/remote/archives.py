"""Suggest addresses of archives, or explain why a file is not an archive."""

import os
import tarfile
import zipfile

from augseq.remote.archive_kinds import archive_kind

_HEAD_BYTES = 512
_OTHER_STARTS = {
    b"<": "a web page or XML: the download failed; download it again",
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull`",
}
# Extensions from which fsspec does not infer the compression.
_SHORT_ENDINGS = {".tgz": "gzip", ".tbz": "bz2", ".tbz2": "bz2", ".txz": "xz", ".tlz": "lzma"}
_WAY_OUT = "Extract it and pass the folder, or repack it, as `zip -r` does."
_ENDINGS = (".zip", ".tar", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", *_SHORT_ENDINGS)


def archive_address(path: str) -> str | None:
    """Return the address of the folder in a local archive; None for other files."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        return None
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                is_document = "[Content_Types].xml" in archive.namelist()
            return None if is_document else f"zip://::{path}"
        # `is_tarfile` takes a file of zeros for an empty archive.
        if _head(path)[:1] != b"\0" and tarfile.is_tarfile(path):
            return f"tar://::{path}"
    except (OSError, zipfile.BadZipFile, EOFError):
        return None
    return None


def archive_hint(path: str) -> str:
    """Return what to do with an archive passed as a folder; "" for other files.

    Args:
        path: An absolute path of the archive, or of a folder in it.
    """
    archive, inside = path, ""
    while not os.path.exists(archive) and os.path.dirname(archive) != archive:
        archive, name = os.path.split(archive)
        inside = f"{name}/{inside}".rstrip("/")
    address = archive_address(archive)
    if address is not None and inside:
        address = address.replace("://", f"://{inside}", 1)
        return f" {archive!r} is an archive: extract it, or pass the address {address!r}."
    if inside:
        return ""
    if address is not None:
        return (
            f" It is an archive: extract it, or pass the address of the folder in it: {address!r}."
        )
    kind = what_is(_head(path)) if os.path.isfile(path) else None
    if kind is not None and ("compressed" in kind or "archive" in kind):
        return f" It is {kind}: extract it, and pass the folder."
    if path.lower().endswith(_ENDINGS):
        return (
            " It is named like an archive, but cannot be read as one: download or repack it again."
        )
    return ""


def tar_compression(root: str) -> str | None:
    """Return the compression of a tar archive; None to infer it from its name."""
    path = local_archive(root)
    if path is None:
        return _SHORT_ENDINGS.get(os.path.splitext(root)[1].lower())
    kind = archive_kind(_head(path))
    return None if kind is None else kind.compression


def local_archive(root: str) -> str | None:
    """Return the path of the archive at an address if it is local; None if not."""
    *links, last = root.split("::")
    last = last.removeprefix("file://").removeprefix("local://")
    return last if len(links) == 1 and "://" not in last else None


def what_is(head: bytes) -> str | None:
    """Return what a file is, judging by its first bytes; None if unknown."""
    if not head:
        return "empty: a download or copy was interrupted; get it again"
    kind = archive_kind(head)
    if kind is not None:
        return kind.packing
    return next((text for start, text in _OTHER_STARTS.items() if head.startswith(start)), None)


def describe_broken(root: str, error: BaseException) -> str:
    """Return why an archive cannot be opened, and what to do."""
    protocol = root.split("://", maxsplit=1)[0]
    wanted = {"zip": "a ZIP archive", "tar": "a tar archive"}[protocol]
    path = local_archive(root)
    kind = None if path is None else what_is(_head(path))
    reason = " ".join(f"{error}".split()).rstrip(".")
    is_truncated = isinstance(error, EOFError) or "unexpected end" in reason
    if path is not None and kind == "a tar archive" and "zipped" in reason:
        return (
            f"{root!r} is an uncompressed tar archive, but its name says otherwise: rename it to "
            "end in .tar."
        )
    if is_truncated or path is None or kind in (None, wanted):
        damage = "its end is missing" if is_truncated or kind == wanted else f"it is not {wanted}"
        return (
            f"Cannot read {root!r}: {damage}, or it is damaged ({reason}). Download or repack it "
            "again."
        )
    address = archive_address(path)
    if address is not None and not address.startswith(protocol):
        return f"{root!r} must be {wanted}, but is {kind}: pass the address {address!r}."
    if "compressed" in kind and protocol == "tar":
        return (
            f"Cannot read {root!r}: it is {kind}, from which no tar archive can be read here "
            f"({reason}). {_WAY_OUT}"
        )
    return f"{root!r} must be {wanted}, but is {kind}." + f" {_WAY_OUT}" * (":" not in kind)


def check_names_archive(root: str, storage_options: object) -> str | None:
    """Return an error message if the address of an archive names none, or None."""
    protocol, _, inside = root.partition("://")
    has_option = isinstance(storage_options, dict) and "fo" in storage_options
    if protocol not in ("zip", "tar") or "::" in root or has_option:
        return None
    name = inside or f"photos.{protocol}"
    return (
        f"The address of a folder in an archive must name the archive after '::', as in "
        f"'{protocol}://::{name}', or '{protocol}://train::{name}' for a folder in it. "
        f"Received: {root!r}"
    )


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""
