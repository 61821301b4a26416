"""An S3 bucket as a source, against moto's server on loopback."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import load_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics.snapshots import Snapshot, create, restore
from customer_analytics_tests.contract.vector_stores.comments import COMMENTS, comment, table

FILES = {source.name: source for source in SOURCE_FILES}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "anyone",
        "AWS_SECRET_ACCESS_KEY": "no-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").create_bucket(Bucket="toys")
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


@pytest.mark.parametrize("uri", ["s3://toys/shop/data", "s3://toys/shop/data/", "s3a://toys/shop/data"])
def test_files_of_a_prefix_load(bucket: Any, uri: str):
    bucket.put_object(Key="shop/data/customers.csv", Body=b"customer_id,first_name,last_name\n1,a,b\n1,c,d\n")
    location = SourceLocation.open(uri)
    assert location.name == uri.rstrip("/")
    loaded = load_file(location, FILES["customers.csv"])
    assert loaded.rows.to_pylist() == [{"CUSTOMER_ID": "1", "FIRST_NAME": "a", "LAST_NAME": "b"}]
    assert loaded.rejected["LINE"].to_pylist() == [3]
    assert location.exists("customers.csv")
    assert not location.exists("orders.csv")


def test_a_bucket_itself_is_a_source(bucket: Any):
    bucket.put_object(Key="orders.csv", Body=b"x")
    assert SourceLocation.open("s3://toys").read("orders.csv") == b"x"


def test_calls_are_listed_below_the_prefix(bucket: Any):
    for key in (
        "calls/8-01.mp3",
        "calls/2020/9-01.WAV",
        "calls/.hidden/1-01.mp3",
        "calls/a'; --.mp3",
        "calls/x.txt",
    ):
        bucket.put_object(Key=f"shop/{key}", Body=key.encode())
    bucket.put_object(Key="shop/calls/empty folder/", Body=b"")
    bucket.put_object(Key="shop/calls-of-others/1-01.mp3", Body=b"")
    listing = list_calls(SourceLocation.open("s3://toys/shop"))
    assert [(call.relative_path, call.customer_id, call.size) for call in listing.calls] == [
        ("2020/9-01.WAV", "9", 19),
        ("8-01.mp3", "8", 14),
        ("a'; --.mp3", None, 16),
    ]
    assert [call.audio_hash for call in listing.calls] == [
        hashlib.sha256(call.path.encode()).hexdigest() for call in listing.calls
    ]
    assert [call.last_modified.replace(tzinfo=UTC) for call in listing.calls] == [
        bucket.Object(f"shop/{call.path}").last_modified for call in listing.calls
    ]
    assert (listing.ignored, listing.problems) == (("x.txt",), ())


def test_a_call_that_arrives_later_is_in_the_next_listing_of_the_same_location(bucket: Any):
    bucket.put_object(Key="calls/8-01.mp3", Body=b"a")
    location = SourceLocation.open("s3://toys")
    (first,) = list_calls(location).calls
    bucket.put_object(Key="calls/8-02.mp3", Body=b"b")
    second = list_calls(location, {"8-01.mp3": replace(first, audio_hash="known")})
    assert [(call.relative_path, call.audio_hash) for call in second.calls] == [
        ("8-01.mp3", "known"),
        ("8-02.mp3", hashlib.sha256(b"b").hexdigest()),
    ]


def test_without_a_calls_prefix_there_are_no_calls(bucket: Any):
    bucket.put_object(Key="shop/orders.csv", Body=b"x")
    assert list_calls(SourceLocation.open("s3://toys/shop")).calls == ()


@pytest.mark.parametrize("uri", ["s3://toys/none", "s3://no-such-bucket/x"])
def test_a_missing_prefix_or_bucket_is_an_error_that_names_it(bucket: Any, uri: str):
    with pytest.raises(SourceError, match=f"^{uri} does not exist: "):
        SourceLocation.open(uri)


def test_a_missing_object_is_an_error_that_names_it(bucket: Any):
    bucket.put_object(Key="shop/orders.csv", Body=b"x")
    with pytest.raises(SourceError, match=r"^s3://toys/shop/customers\.csv does not exist: "):
        load_file(SourceLocation.open("s3://toys/shop"), FILES["customers.csv"])


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://127.0.0.1:9", "EndpointConnectionError: Could not connect to the endpoint URL"),
        ("http://someone:secret@no..host", "ValueError: Invalid endpoint: http://no..host"),
    ],
)
def test_a_store_that_does_not_answer_is_an_error_without_credentials(
    bucket: Any, monkeypatch: pytest.MonkeyPatch, endpoint: str, reason: str
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceError) as error:
        SourceLocation.open("s3://toys/shop")
    assert str(error.value).startswith(f"s3://toys/shop cannot be read ({reason}")
    assert "secret" not in str(error.value)


def test_a_snapshot_in_a_bucket_is_restored(bucket: Any, tmp_path: Path) -> None:
    source, target = (LanceVectorStore(path=str(tmp_path / name)) for name in ("source", "target"))
    source.ensure_collection(COMMENTS)
    source.upsert(COMMENTS, table([comment(1), comment(2)]))
    create(source, [COMMENTS], tmp_path / "snapshot", print)
    for path in (tmp_path / "snapshot").iterdir():
        bucket.upload_file(str(path), f"shop/snapshot/{path.name}")
    location = SourceLocation.open("s3://toys/shop")
    found = Snapshot.find(location, "snapshot")
    assert found and found.name == "s3://toys/shop/snapshot"
    (tmp_path / "fetched").mkdir()
    assert [part.restored for part in restore(found, target, [COMMENTS], print, tmp_path / "fetched")] == [2]
    assert target.count(COMMENTS) == 2
    assert Snapshot.find(location, "elsewhere") is None
