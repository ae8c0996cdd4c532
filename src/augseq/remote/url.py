"""The root of a manifest: a local folder or a remote address, without secrets."""

import os
import re
from typing import Any
from urllib.parse import quote
from urllib.request import url2pathname

from augseq.errors import ArgumentError
from augseq.types import PathLike

# At least two characters: `C://photos` is a Windows folder.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+(://|::)", re.IGNORECASE)
# What pathlib turns an address into.
_FLATTENED = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]", re.IGNORECASE)
# "name:password@"; neither a port nor a name alone (`abfs://photos@account`) is a secret.
_PASSWORD = re.compile(r"://[^/@?#]*:(?!\d*(?:[/?#]|::|$)).*@")
# Separates chained addresses: `zip://inside::abfs://photos@account/a.zip`.
_NEXT_LINK = re.compile(r"(?<=://)::|::(?=/|[a-z][a-z0-9+.-]+://)", re.IGNORECASE)
_QUERY = re.compile(r"[?#&][^/?#=]*=")


def is_remote(root: Any) -> bool:
    """Return whether a root is an address for fsspec, not a local folder."""
    return isinstance(root, str) and _ADDRESS.match(root) is not None


def is_web(root: str) -> bool:
    """Return whether a root is the address of a web server."""
    return root.lower().startswith(("http://", "https://"))


def absolute_root(root: PathLike) -> str:
    """Return a root as manifests store it: an absolute path, or an address.

    Raises:
        ArgumentError: The root is empty, or an address that contains a password or a query, is a
            `Path`, or begins with file:// without an absolute path.
    """
    text = os.fspath(root)
    if not text:  # Usually an unset variable, not the current folder.
        raise ArgumentError("A folder must have a name: '.' for the current one. Received: ''")
    if not is_remote(text):
        if _FLATTENED.match(text) and not isinstance(root, str):
            raise ArgumentError(
                f"An address must be a string, since a Path merges its slashes. Received: {root!r}"
            )
        return os.path.abspath(text)
    if text.lower().startswith("file://") and "::" not in text:
        return _path_on_this_machine(text)
    check_no_secret(text)
    *links, last = text.split("::")
    if "://" not in last:  # A local archive.
        last = os.path.abspath(last)
    return re.sub(r"(?<![:/])/+$", "", "::".join([*links, last]))


def address_below(root: str, path: str) -> str:
    """Return the address of a folder below a root; in an archive, before the `::`.

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
    """Return the path of a `file://` address, in which `?` and `#` are literal."""
    host, slash, path = address[len("file://") :].partition("/")
    if not slash or host.lower() not in ("", "localhost"):
        raise ArgumentError(
            "The address of a local folder must contain an absolute path, as in "
            f"file:///data/photos. Received: {without_secrets(address)!r}"
        )
    return os.path.abspath(url2pathname(slash + path))


def check_no_secret(root: str) -> None:
    """Raise `ArgumentError` if an address contains a password or a query."""
    if is_remote(root) and _has_secret(root):
        raise ArgumentError(
            "The address of a folder must not contain a password or a query, since manifests store "
            f"it and messages show it. Received: {without_secrets(root)!r}. Pass credentials as "
            "remote=augseq.RemoteOptions(storage_options={...}), which is never written anywhere, "
            "or set them in the environment, as for the storage's own tools."
        )


def without_secrets(text: str) -> str:
    """Replace passwords and queries in an address, or text with one, by `***`."""
    text = "::".join(_PASSWORD.sub("://***@", link) for link in _NEXT_LINK.split(text))
    return re.sub(r"[?#].*?(?=::|\s|['\"]|$)", "?***", text)


def scrubbed(text: str, secrets: Any) -> str:
    """Return text without passwords, queries of addresses, or any word of `secrets`.

    Args:
        text: For example an error message of a library.
        secrets: A string, or mappings and sequences of strings.
    """
    for word in sorted(set(_words(secrets)), key=len, reverse=True):
        text = text.replace(word, "***")
    pieces = re.split(r"(\S*://\S*)", text)
    return "".join(without_secrets(piece) if "://" in piece else piece for piece in pieces)


def _words(secrets: Any) -> list[str]:
    if isinstance(secrets, bytes):
        secrets = secrets.decode("utf-8", "replace")
    if isinstance(secrets, str):
        # The address of a server is not secret, and useful in a message.
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
