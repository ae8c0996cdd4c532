"""Archives by their addresses: which one to write for a file, and what a file is if none."""

import os
import tarfile
import zipfile

from augseq.remote.archive_kinds import archive_kind

_HEAD_BYTES = 512
_OTHER_STARTS = {
    b"<": "a web page or XML: the download failed; download it again",
    b"version https://git-lfs": "a pointer of Git LFS: run `git lfs pull`",
}
# Where the address does not end as fsspec expects.
_SHORT_ENDINGS = {".tgz": "gzip", ".tbz": "bz2", ".tbz2": "bz2", ".txz": "xz", ".tlz": "lzma"}
_WAY_OUT = "Extract it, and give the folder; or pack it again, as `zip -r` does."
_ENDINGS = (".zip", ".tar", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", *_SHORT_ENDINGS)


def archive_address(path: str) -> str | None:
    """Return the address of the folder in an archive of this machine; None for other files."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        return None
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                is_document = "[Content_Types].xml" in archive.namelist()
            return None if is_document else f"zip://::{path}"
        # Without this, a file of zeros is an empty tar archive.
        if _head(path)[:1] != b"\0" and tarfile.is_tarfile(path):
            return f"tar://::{path}"
    except (OSError, zipfile.BadZipFile, EOFError):
        return None
    return None


def archive_hint(path: str) -> str:
    """Return what to do with an archive that was given as a folder; nothing for other files.

    Args:
        path: An absolute path, of the archive or of a folder in it.
    """
    archive, inside = path, ""
    while not os.path.exists(archive) and os.path.dirname(archive) != archive:
        archive, name = os.path.split(archive)
        inside = f"{name}/{inside}".rstrip("/")
    address = archive_address(archive)
    if address is not None and inside:
        address = address.replace("://", f"://{inside}", 1)
        return f" {archive!r} is an archive: extract it, or give the address {address!r}."
    if inside:
        return ""
    if address is not None:
        return (
            f" It is an archive: extract it, or give the address of the folder in it: {address!r}."
        )
    found = what_is(_head(path)) if os.path.isfile(path) else None
    if found is not None and ("compressed" in found or "archive" in found):
        return f" It is {found}: extract it, and give the folder."
    if path.lower().endswith(_ENDINGS):
        return (
            " It is called like an archive, but cannot be read as one: download or pack it again."
        )
    return ""


def tar_compression(root: str) -> str | None:
    """Return how the tar archive of an address is compressed; None to go by its ending."""
    path = local_archive(root)
    if path is None:
        return _SHORT_ENDINGS.get(os.path.splitext(root)[1].lower())
    kind = archive_kind(_head(path))
    return None if kind is None else kind.compression


def local_archive(root: str) -> str | None:
    """Return the file of this machine that an address of an archive names, if it is one."""
    *links, last = root.split("::")
    last = last.removeprefix("file://").removeprefix("local://")
    return last if len(links) == 1 and "://" not in last else None


def what_is(head: bytes) -> str | None:
    """Say what a file is by how it begins; None if that is not known."""
    if not head:
        return "empty: a download or copy was interrupted; get it again"
    kind = archive_kind(head)
    if kind is not None:
        return kind.packing
    return next((told for start, told in _OTHER_STARTS.items() if head.startswith(start)), None)


def describe_broken(root: str, error: BaseException) -> str:
    """Say why an archive cannot be opened, and what to do."""
    protocol = root.split("://", maxsplit=1)[0]
    wanted = {"zip": "a ZIP archive", "tar": "a tar archive"}[protocol]
    path = local_archive(root)
    kind = None if path is None else what_is(_head(path))
    told = " ".join(f"{error}".split()).rstrip(".")
    is_cut = isinstance(error, EOFError) or "unexpected end" in told
    if path is not None and kind == "a tar archive" and "zipped" in told:
        return (
            f"{root!r} is a tar archive without compression, but is not called like one: rename it "
            "to end in .tar."
        )
    if is_cut or path is None or kind in (None, wanted):
        damage = "its end is missing" if is_cut or kind == wanted else f"it is not {wanted}"
        return (
            f"Cannot read {root!r}: {damage}, or it is damaged ({told}). Download or pack it again."
        )
    address = archive_address(path)
    if address is not None and not address.startswith(protocol):
        return f"{root!r} must be {wanted}, but is {kind}: give the address {address!r}."
    if "compressed" in kind and protocol == "tar":
        return (
            f"Cannot read {root!r}: it is {kind}, from which no tar archive can be read here "
            f"({told}). {_WAY_OUT}"
        )
    return f"{root!r} must be {wanted}, but is {kind}." + f" {_WAY_OUT}" * (":" not in kind)


def check_names_archive(root: str, storage_options: object) -> str | None:
    """Return what is wrong with an address of an archive that names none, if so."""
    protocol, _, inside = root.partition("://")
    given = isinstance(storage_options, dict) and "fo" in storage_options
    if protocol not in ("zip", "tar") or "::" in root or given:
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
