"""What the root of a manifest is: a folder of this machine, or an address elsewhere."""

import os
import re
from typing import Any
from urllib.parse import quote
from urllib.request import url2pathname

from augseq.errors import ArgumentError
from augseq.types import PathLike

# Of two letters or more: `C://photos` is a folder of Windows.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+(://|::)", re.IGNORECASE)
# What pathlib makes of one.
_FLATTENED = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]", re.IGNORECASE)
# "name:password@"; a port is no password, and a name alone no secret (`abfs://photos@account`).
_PASSWORD = re.compile(r"://[^/@?#]*:(?!\d*(?:[/?#]|::|$)).*@")
# Where the next address of a chain begins: `zip://inside::abfs://photos@account/a.zip`.
_NEXT_LINK = re.compile(r"(?<=://)::|::(?=/|[a-z][a-z0-9+.-]+://)", re.IGNORECASE)
_QUERY = re.compile(r"[?#&][^/?#=]*=")


def is_remote(root: Any) -> bool:
    """Tell whether a root is an address that fsspec reads, and no folder of this machine."""
    return isinstance(root, str) and _ADDRESS.match(root) is not None


def is_web(root: str) -> bool:
    """Tell whether a root is the address of a web server, which need not list what it holds."""
    return root.lower().startswith(("http://", "https://"))


def absolute_root(root: PathLike) -> str:
    """Return a root in the form that manifests keep: an absolute path, or an address.

    Raises:
        ArgumentError: An address holds a password or a query, came as a `Path`, or is of this
            machine and without an absolute path; or it is empty.
    """
    text = os.fspath(root)
    if not text:  # For the system, it is the current folder; but a variable may be unset.
        raise ArgumentError("A folder must have a name: '.' for the current one. Received: ''")
    if not is_remote(text):
        if _FLATTENED.match(text) and not isinstance(root, str):
            raise ArgumentError(
                f"An address must be text, since a Path drops its slashes. Received: {root!r}"
            )
        return os.path.abspath(text)
    if text.lower().startswith("file://") and "::" not in text:
        return _path_on_this_machine(text)
    check_no_secret(text)
    *links, last = text.split("::")
    if "://" not in last:  # An archive on this machine.
        last = os.path.abspath(last)
    return re.sub(r"(?<![:/])/+$", "", "::".join([*links, last]))


def address_below(root: str, path: str) -> str:
    """Return the address of a folder below a root; in an archive, it stands before the `::`.

    >>> address_below("s3://bucket/photos", "train")
    's3://bucket/photos/train'
    >>> address_below("zip://photos::/data/a.zip", "train")
    'zip://photos/train::/data/a.zip'
    """
    first, link, rest = root.partition("::")
    inside = first.partition("://")[2].strip("/")
    start = first[: first.index("://") + 3] if "://" in first else f"{first}://"
    path = quote(path) if is_web(root) else path
    return f"{start}{inside and f'{inside}/'}{path}{link}{rest}"


def _path_on_this_machine(address: str) -> str:
    """Return the path of a `file://` address; `?` and `#` are letters of it, as in fsspec."""
    host, slash, path = address[len("file://") :].partition("/")
    if not slash or host.lower() not in ("", "localhost"):
        raise ArgumentError(
            "The address of a folder of this machine must hold an absolute path, as in "
            f"file:///data/photos. Received: {without_secrets(address)!r}"
        )
    return os.path.abspath(url2pathname(slash + path))


def check_no_secret(root: str) -> None:
    """Raise `ArgumentError` where an address holds what must not be written down."""
    if is_remote(root) and _has_secret(root):
        raise ArgumentError(
            "The address of a folder must hold no password and no query, since manifests keep it "
            f"and messages show it. Received: {without_secrets(root)!r}. Give them apart: "
            "remote=augseq.RemoteOptions(storage_options={...}), which nothing writes down; or in "
            "the environment, as the storage's own tools read them."
        )


def without_secrets(text: str) -> str:
    """Return an address, or text around one, with `***` for passwords and queries."""
    text = "::".join(_PASSWORD.sub("://***@", link) for link in _NEXT_LINK.split(text))
    return re.sub(r"[?#].*?(?=::|\s|['\"]|$)", "?***", text)


def scrubbed(text: str, secrets: Any) -> str:
    """Return a text without passwords, queries of addresses, or any word of `secrets`.

    Args:
        text: Such as the message of a library.
        secrets: Text, or mappings and sequences of it.
    """
    for word in sorted(set(_words(secrets)), key=len, reverse=True):
        text = text.replace(word, "***")
    pieces = re.split(r"(\S*://\S*)", text)
    return "".join(without_secrets(piece) if "://" in piece else piece for piece in pieces)


def _words(secrets: Any) -> list[str]:
    if isinstance(secrets, bytes):
        secrets = secrets.decode("utf-8", "replace")
    if isinstance(secrets, str):
        # The address of a server is no secret, and its name helps.
        return [] if _is_plain_address(secrets) else [part for part in secrets.split() if part]
    if isinstance(secrets, dict):
        return [word for value in secrets.values() for word in _words(value)]
    if isinstance(secrets, list | tuple | set | frozenset):
        return [word for value in secrets for word in _words(value)]
    return []


def _is_plain_address(text: str) -> bool:
    return is_remote(text) and not _has_secret(text)


def _has_secret(address: str) -> bool:
    has_password = any(map(_PASSWORD.search, _NEXT_LINK.split(address)))
    return has_password or _QUERY.search(address) is not None
