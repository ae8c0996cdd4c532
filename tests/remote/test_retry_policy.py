import errno
import ftplib
import http.client
import socket

import aiohttp
import botocore.exceptions
import pytest
import requests
from s3fs.errors import translate_boto_error

from augseq.remote.retry_policy import is_denied, is_transient


def of_s3(status: int, code: str) -> Exception:
    """Return the error that s3fs raises for a response of S3."""
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = translate_boto_error(botocore.exceptions.ClientError(answer, "GetObject"))
    return error


def of_web(status: int) -> Exception:
    request = aiohttp.RequestInfo(None, "GET", None, None)  # type: ignore[arg-type]
    return aiohttp.ClientResponseError(request, (), status=status)


def of_requests(status: int) -> Exception:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


PASSING = [
    of_s3(503, "SlowDown"),
    of_s3(500, "InternalError"),
    of_s3(502, "502"),
    of_s3(400, "RequestTimeout"),
    of_s3(400, "ThrottlingException"),
    of_web(500),
    of_web(503),
    of_web(429),
    of_web(408),
    of_requests(502),
    aiohttp.ServerDisconnectedError(),
    aiohttp.ServerTimeoutError(),
    aiohttp.ClientPayloadError("cut short"),
    aiohttp.ClientOSError(errno.ECONNRESET, "reset"),
    botocore.exceptions.EndpointConnectionError(endpoint_url="http://host"),
    botocore.exceptions.ReadTimeoutError(endpoint_url="http://host"),
    botocore.exceptions.ConnectionClosedError(endpoint_url="http://host"),
    requests.exceptions.ConnectionError(),
    requests.exceptions.ReadTimeout(),
    http.client.IncompleteRead(b""),
    ConnectionResetError(),
    BrokenPipeError(),
    TimeoutError(),
    EOFError(),
    ftplib.error_temp("421 busy"),
    OSError(errno.ENETUNREACH, "unreachable"),
    socket.gaierror(socket.EAI_AGAIN, "try again"),
]
DENIED = [
    of_s3(403, "AccessDenied"),
    of_s3(403, "SignatureDoesNotMatch"),
    of_s3(403, "InvalidAccessKeyId"),
    of_web(401),
    of_web(403),
    of_requests(403),
    botocore.exceptions.NoCredentialsError(),
    PermissionError(),
    ftplib.error_perm("530 Authentication failed."),
]
FINAL = [
    *DENIED,
    of_s3(404, "NoSuchKey"),
    of_s3(400, "InvalidBucketName"),
    of_s3(501, "NotImplemented"),
    of_web(404),
    of_web(501),
    of_requests(410),
    botocore.exceptions.SSLError(endpoint_url="https://host", error="self-signed"),
    requests.exceptions.SSLError(),
    FileNotFoundError(),
    IsADirectoryError(),
    KeyError("x"),
    ValueError("x"),
    ImportError("x"),
    ftplib.error_perm("550 No such file."),
    OSError(errno.ENOSPC, "full"),
    socket.gaierror(socket.EAI_NONAME, "no such server"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_a_broken_connection_or_a_busy_server_is_transient(error: Exception) -> None:
    assert is_transient(error)
    assert not is_denied(error)


@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_denied_access_or_a_missing_file_is_permanent(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize("error", DENIED, ids=repr)
def test_rejected_credentials_are_recognized(error: Exception) -> None:
    assert is_denied(error)


def test_the_cause_of_an_error_counts() -> None:
    for cause, passes in [(of_web(503), True), (of_web(404), False)]:
        error = OSError("wrapped")
        error.__cause__ = cause
        assert is_transient(error) is passes
