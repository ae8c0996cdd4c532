"""Classify errors of a remote folder: transient, denied, or permanent."""

import errno
import socket
from collections.abc import Iterator
from typing import Any

# Too early, too many requests, or a server error.
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 599})
_TRANSIENT_ERRNO = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,  # How s3fs reports "SlowDown".
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPIPE,
        getattr(errno, "EREMOTEIO", errno.EPIPE),  # How s3fs reports "InternalError".
        errno.ETIMEDOUT,
        socket.EAI_AGAIN,
    }
)
# Error codes that S3 sends with status 400 or 403, or in a response with status 200.
_TRANSIENT_CODES = frozenset(
    {
        "InternalError",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
_DENIED_STATUS = frozenset({401, 403, 407})
_DENIED_TYPES = frozenset(
    {
        "botocore.exceptions.NoCredentialsError",
        "botocore.exceptions.PartialCredentialsError",
        "botocore.exceptions.TokenRetrievalError",
    }
)
_PERMANENT_TYPES = (
    FileNotFoundError,
    ImportError,
    IsADirectoryError,
    LookupError,
    NotADirectoryError,
    NotImplementedError,
    PermissionError,
)
# By name, so that libraries for other storages are not imported.
_PERMANENT_NAMES = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectorCertificateError",
        "aiohttp.client_exceptions.ClientSSLError",
        "botocore.exceptions.SSLError",
        "requests.exceptions.SSLError",
        "ssl.SSLCertVerificationError",
    }
)
_TRANSIENT_NAMES = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectionError",
        "aiohttp.client_exceptions.ClientPayloadError",
        "botocore.exceptions.ConnectionError",
        "botocore.exceptions.HTTPClientError",
        "botocore.exceptions.IncompleteReadError",
        "botocore.exceptions.ResponseStreamingError",
        "botocore.parsers.ResponseParserError",
        "ftplib.error_temp",
        "http.client.IncompleteRead",
        "http.client.RemoteDisconnected",
        "httpx.TransportError",
        "requests.exceptions.ChunkedEncodingError",
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
        "urllib3.exceptions.ProtocolError",
        "urllib3.exceptions.TimeoutError",
    }
)


def is_transient(error: BaseException) -> bool:
    """Return whether to retry after an error of fsspec or its libraries.

    True for connection errors, timeouts, and busy or failing servers. False for everything else,
    such as missing files, denied access and wrong certificates.
    """
    for link in _chain(error):
        names = _names(link)
        if isinstance(link, FileNotFoundError) and link.__cause__ is not None:
            continue  # fsspec reports every failure of a web server as a missing file.
        if isinstance(link, _PERMANENT_TYPES) or names & _PERMANENT_NAMES:
            return False
        if _error_code(link) in _TRANSIENT_CODES:
            return True
        status = _status(link)
        if status is not None:
            return status in _TRANSIENT_STATUS
        if isinstance(link, TimeoutError | ConnectionError | EOFError) or names & _TRANSIENT_NAMES:
            # aiohttp reports a wrong host name as a connection error too.
            return getattr(link, "errno", None) != socket.EAI_NONAME
        if isinstance(link, OSError) and link.errno in _TRANSIENT_ERRNO:
            return True
    return False


def is_denied(error: BaseException) -> bool:
    """Return whether an error means that credentials are missing or insufficient."""
    return any(
        isinstance(link, PermissionError)
        or _status(link) in _DENIED_STATUS
        or bool(_names(link) & _DENIED_TYPES)
        or ("ftplib.error_perm" in _names(link) and str(link).startswith("530"))
        for link in _chain(error)
    )


def is_out_of_range(error: BaseException) -> bool:
    """Return whether a request was for bytes past the end of a file."""
    return any(_status(link) == 416 for link in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its chain of causes and contexts."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _names(error: BaseException) -> set[str]:
    names = set()
    for kind in type(error).__mro__:
        names.add(f"{kind.__module__}.{kind.__qualname__}")
        # Some are defined in a private module and exported by the package.
        names.add(f"{kind.__module__.split('.')[0]}.{kind.__qualname__}")
    return names


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of a server's answer, wherever the library stores it."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):  # As in botocore.
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status if isinstance(status, int) else None
    # In this order, since aiohttp warns about accessing `code`.
    places = [(error, "status"), (error, "status_code"), (response, "status_code")]
    for owner, name in [*places, (error, "code")]:
        status = str(getattr(owner, name, None))
        if status.isdecimal() and 100 <= int(status) <= 599:
            return int(status)
    return None


def _error_code(error: BaseException) -> str | None:
    response: Any = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code if isinstance(code, str) else None
