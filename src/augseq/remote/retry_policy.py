"""Which failures of a remote folder may pass, and which mean no."""

import errno
import socket
from collections.abc import Iterator
from typing import Any

# The request came too soon or too often, or the server is in trouble.
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 599})
_PASSING_ERRNO = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,  # What s3fs makes of "SlowDown".
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPIPE,
        getattr(errno, "EREMOTEIO", errno.EPIPE),  # And of "InternalError".
        errno.ETIMEDOUT,
        socket.EAI_AGAIN,
    }
)
# Error codes that S3 sends with status 400 or 403, or inside a 200.
_PASSING_CODES = frozenset(
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
_FINAL_TYPES = (
    FileNotFoundError,
    ImportError,
    IsADirectoryError,
    LookupError,
    NotADirectoryError,
    NotImplementedError,
    PermissionError,
)
# By name, so that nothing is imported that a storage does not need.
_FINAL_NAMES = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectorCertificateError",
        "aiohttp.client_exceptions.ClientSSLError",
        "botocore.exceptions.SSLError",
        "requests.exceptions.SSLError",
        "ssl.SSLCertVerificationError",
    }
)
_PASSING_NAMES = frozenset(
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


def may_pass(error: BaseException) -> bool:
    """Tell whether it is worth asking once more after an error of fsspec or its libraries.

    The connection broke, nothing answered in time, the server was busy or in trouble: yes. The
    file is not there, the server refuses, the certificate is wrong, or it is anything else: no.
    """
    for link in _chain(error):
        names = _names(link)
        if isinstance(link, FileNotFoundError) and link.__cause__ is not None:
            continue  # fsspec takes every failure of a web server for a missing file.
        if isinstance(link, _FINAL_TYPES) or names & _FINAL_NAMES:
            return False
        if _error_code(link) in _PASSING_CODES:
            return True
        status = _status(link)
        if status is not None:
            return status in _PASSING_STATUS
        if isinstance(link, TimeoutError | ConnectionError | EOFError) or names & _PASSING_NAMES:
            # Not a wrong name of a server, which aiohttp takes for a broken connection too.
            return getattr(link, "errno", None) != socket.EAI_NONAME
        if isinstance(link, OSError) and link.errno in _PASSING_ERRNO:
            return True
    return False


def is_denied(error: BaseException) -> bool:
    """Tell whether an error means that credentials are missing or not enough."""
    return any(
        isinstance(link, PermissionError)
        or _status(link) in _DENIED_STATUS
        or bool(_names(link) & _DENIED_TYPES)
        or ("ftplib.error_perm" in _names(link) and str(link).startswith("530"))
        for link in _chain(error)
    )


def is_out_of_range(error: BaseException) -> bool:
    """Tell whether a storage has none of the bytes of a file that it was asked for."""
    return any(_status(link) == 416 for link in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _names(error: BaseException) -> set[str]:
    found = set()
    for kind in type(error).__mro__:
        found.add(f"{kind.__module__}.{kind.__qualname__}")
        # Some are defined in a private module and named after the package.
        found.add(f"{kind.__module__.split('.')[0]}.{kind.__qualname__}")
    return found


def _status(error: BaseException) -> int | None:
    """Return the status that a server answered with, wherever a library keeps it."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):  # As in botocore.
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    # One after the other, since aiohttp warns of the last name.
    places = [(error, "status"), (error, "status_code"), (response, "status_code")]
    for owner, name in [*places, (error, "code")]:
        found = str(getattr(owner, name, None))
        if found.isdecimal() and 100 <= int(found) <= 599:
            return int(found)
    return None


def _error_code(error: BaseException) -> str | None:
    response: Any = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code if isinstance(code, str) else None
