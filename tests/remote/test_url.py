import os
from pathlib import Path

import pytest

from augseq.errors import ArgumentError
from augseq.remote.url import absolute_root, address_below, is_remote, scrubbed


@pytest.mark.parametrize(
    "root", ["s3://bucket", "https://host/a", "zip://::a.zip", "zip::s3://b/a.zip", "memory://x"]
)
def test_an_address_is_remote(root: str) -> None:
    assert is_remote(root)


@pytest.mark.parametrize("root", ["photos", "/data/a:b", r"C:\photos", "C:/photos", "C://p", ""])
def test_a_local_path_is_not_remote(root: str) -> None:
    assert not is_remote(root)


def test_a_root_ends_without_a_slash_and_an_archive_gets_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_root("s3://bucket/photos//") == "s3://bucket/photos"
    assert absolute_root("memory://") == "memory://"
    assert absolute_root("http://host:8080/") == "http://host:8080"
    assert absolute_root("zip://::a.zip") == f"zip://::{tmp_path / 'a.zip'}"
    assert absolute_root("photos/") == os.path.join(tmp_path, "photos")
    assert absolute_root(tmp_path.as_uri()) == str(tmp_path)


@pytest.mark.parametrize("name", ["a#b", "a?b", "a b", "a%b", "ä", "a@b:c"])
def test_a_local_address_becomes_its_path_with_every_character(tmp_path: Path, name: str) -> None:
    """In the form of fsspec, and in that of `Path.as_uri`."""
    folder = tmp_path / name
    assert absolute_root(folder.as_uri()) == str(folder)
    assert absolute_root(folder.as_uri().replace("file://", "FILE://localhost")) == str(folder)
    if "%" not in name:
        assert absolute_root(f"file://{folder}") == str(folder)


@pytest.mark.parametrize(
    "root",
    ["file://photos", "file://", "file://localhost", "file://me:canary@host/a", "file://./a"],
)
def test_a_local_address_without_an_absolute_path_is_refused(root: str) -> None:
    with pytest.raises(ArgumentError, match="file:///") as caught:
        absolute_root(root)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "root",
    [
        "https://me:canary@host/photos",
        "ftp://me:can/ary@host/photos",
        "https://host/photos?X-Amz-Signature=canary",
        "https://host/photos?token=canary&x=1",
        "https://host/photos#token=canary",
        "zip://::https://host/a.zip?sig=canary",
        "zip://inside::https://me:canary@host:80/a.zip",
        "s3://KEY:canary@bucket/photos",
        "https://me:canary@host/?a=canary::b",
        "zip://in/side::me@x::https://a:canary@host/b.zip",
        "abfs://photos:canary@account/a",
        "simplecache::https://me:canary@host/a::b",
        "https://me:can::ary@host/photos",
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(root: str) -> None:
    with pytest.raises(ArgumentError, match="storage_options") as caught:
        absolute_root(root)
    assert "ary" not in str(caught.value)


@pytest.mark.parametrize(
    "root",
    [
        "abfs://photos@account.dfs.core.windows.net/a",
        "sftp://me@host:2222/photos",
        "http://127.0.0.1:8080/a@b",
        "hf://datasets/me/photos@main/train",
        "s3://bucket/a:b/c",
        "zip://in/side::s3://bucket/a.zip",
        "zip://img.zip::abfs://photos@account.dfs.core.windows.net/x.zip",
        "zip://::abfs://photos@account/x.zip",
        "zip://::sftp://me@host:2222/a.zip",
        "zip://a:b::s3://bucket/a@b.zip",
        "zip://img.zip::/data/me@home/a.zip",
    ],
)
def test_an_address_without_a_secret_is_accepted(root: str) -> None:
    assert absolute_root(root) == root


def test_an_address_passed_as_a_path_object_is_refused() -> None:
    with pytest.raises(ArgumentError, match="must be a string"):
        absolute_root(Path("s3://bucket/photos"))


def test_secrets_are_removed_from_text_but_servers_are_kept() -> None:
    options = {
        "secret": "hush",
        "endpoint_url": "http://127.0.0.1:80",
        "client_kwargs": {"headers": {"Authorization": "Bearer token-1"}, "auth": ("me", "pw")},
        "fo": "https://host/a.zip?sig=two",
        "token": b"raw",
    }
    text = "at http://127.0.0.1:80/x?sig=9 with hush, Bearer token-1, pw, raw, https://a:b@c/d"
    clean = scrubbed(text, options)
    for word in ("hush", "token-1", "pw", "raw", "sig=9", "a:b@"):
        assert word not in clean
    assert "http://127.0.0.1:80/x" in clean
    assert "two" not in scrubbed("cannot open https://host/a.zip?sig=two", options)


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("s3://bucket", "a", "s3://bucket/a"),
        ("s3://bucket/photos", "a/b", "s3://bucket/photos/a/b"),
        ("https://x.org/photos", "a b", "https://x.org/photos/a%20b"),
        ("zip://::/d/a.zip", "a", "zip://a::/d/a.zip"),
        ("zip://in::/d/a.zip", "a", "zip://in/a::/d/a.zip"),
        ("tar://in/side::s3://bucket/a.tar", "a/b", "tar://in/side/a/b::s3://bucket/a.tar"),
        ("zip::/d/a.zip", "a", "zip://a::/d/a.zip"),
    ],
)
def test_a_folder_below_an_address_has_its_own_address(root: str, path: str, expected: str) -> None:
    assert address_below(root, path) == expected
