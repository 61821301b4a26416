"""Folders and URIs as source locations."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from customer_analytics.ingestion.location import SourceError, SourceLocation


def test_a_folder_and_its_file_uri_are_the_same_location(tmp_path: Path):
    (tmp_path / "a b.csv").write_bytes(b"x")
    for uri in (tmp_path, str(tmp_path), f"{tmp_path}/", f"file://{tmp_path}", f"FILE://{tmp_path}"):
        location = SourceLocation.open(uri)
        assert location.name == str(tmp_path)
        assert location.read("a b.csv") == b"x"


def test_a_relative_path_and_a_home_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SourceLocation.open("data").read("a") == SourceLocation.open("~/data").read("a") == b"x"


def test_the_root_of_the_file_system_is_a_folder_like_any_other(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x")
    assert SourceLocation.open("/").read(str(tmp_path / "a").lstrip("/")) == b"x"


def test_files_are_opened_read_hashed_and_looked_for(tmp_path: Path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "a.wav").write_bytes(content)
    location = SourceLocation.open(tmp_path)
    with location.open_file("calls/a.wav") as stream:
        assert stream.read(256) == content[:256]
    assert location.sha256("calls/a.wav") == (hashlib.sha256(content).hexdigest(), 2_560_000)
    assert location.exists("calls/a.wav")
    assert not location.exists("calls/b.wav")
    assert not location.exists("calls")


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(SourceError, match=rf"^{tmp_path}/none does not exist: "):
        SourceLocation.open(tmp_path / "none")


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path):
    (tmp_path / "orders.csv").touch()
    with pytest.raises(SourceError, match=r"orders\.csv is not a folder: "):
        SourceLocation.open(tmp_path / "orders.csv")


@pytest.mark.parametrize("method", ["open_file", "read", "sha256"])
def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path, method: str):
    with pytest.raises(SourceError, match=rf"^{tmp_path}/none\.csv does not exist: "):
        getattr(SourceLocation.open(tmp_path), method)("none.csv")


def test_a_file_that_cannot_be_read_is_an_error_that_says_why(tmp_path: Path):
    (tmp_path / "orders.csv").mkdir()
    with pytest.raises(SourceError, match=r"orders\.csv cannot be read \(IsADirectoryError: Is a directory\)\.$"):
        SourceLocation.open(tmp_path).read("orders.csv")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "https://example.org/data",
            "https://example.org/data cannot be a source, because https:// cannot list a folder's files: ",
        ),
        ("http://example.org", "http://example.org cannot be a source, because http:// cannot list"),
        (
            "ftp://example.org/x",
            "ftp://example.org/x cannot be a source: use a folder, file://, s3://, gs:// or az",
        ),
        ("s3://user:se/cr@et@bucket/x", "The URI of the source s3://bucket/x contains credentials: "),
        ("https://user:secret@h/x?sig=secret", "The URI of the source https://h/x contains credentials: "),
        ("ftp://u:s?ecret@h/x", "The URI of the source ftp://h/x contains credentials: "),
        ("https://h/x?sig=secret#secret", "https://h/x cannot be a source, because https:// cannot list"),
        ("az://box/x?sig=secret", "The URI of the source az://box/x contains a query: "),
        ("s3://", "s3:// lacks the bucket: "),
        ("~nobody-of-this-name/x", "~nobody-of-this-name/x is not a path (Could not determine home directory.): "),
        ("nul\0byte", r"nul\x00byte is not a path (embedded null byte): "),
    ],
)
def test_a_location_that_cannot_be_used_is_refused_without_showing_secrets(uri: str, message: str):
    with pytest.raises(SourceError) as error:
        SourceLocation.open(uri)
    assert str(error.value).startswith(message)
    assert "ecret" not in str(error.value)


@pytest.mark.parametrize(
    ("uri", "package", "extra"),
    [("s3://b/x", "s3fs", "s3"), ("gs://b/x", "gcsfs", "gcs"), ("az://b/x", "adlfs", "azure")],
)
def test_a_missing_extra_is_named(uri: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from customer_analytics.ingestion.location import SourceError, SourceLocation\n"
        f"try: SourceLocation.open({uri!r})\n"
        "except SourceError as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == f"{uri} needs the package {package}: pip install 'customer-analytics[{extra}]'.\n"


def test_a_location_shows_its_name_only(tmp_path: Path):
    assert repr(SourceLocation.open(tmp_path)) == f"SourceLocation(name={str(tmp_path)!r})"
