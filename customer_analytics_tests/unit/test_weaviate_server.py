"""The server that `make weaviate` starts."""

import json
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from customer_analytics import weaviate_server
from customer_analytics.ports.vectors.weaviate import WeaviateVectorStore
from customer_analytics_tests.contract.vector_stores.comments import COMMENTS, comment, table
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.weaviate_process import WeaviateProcess


def test_a_server_is_started_once_keeps_its_data_and_is_where_it_was_after_a_kill(
    own_weaviate: WeaviateProcess,
) -> None:
    server = own_weaviate.start()
    key = own_weaviate.home / "weaviate" / "api-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert server.api_key == key.read_text()
    assert server.api_key not in repr(server)
    assert server.api_key not in (own_weaviate.home / "weaviate" / "server.log").read_text()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{server.url}/v1/schema")

    pid = own_weaviate.pid
    assert (own_weaviate.start(), own_weaviate.pid) == (server, pid)

    store = WeaviateVectorStore(url=server.url, api_key=server.api_key, grpc_port=server.grpc_port)
    store.ensure_collection(COMMENTS)
    store.upsert(COMMENTS, table([comment(1)]))
    own_weaviate.kill()
    assert (own_weaviate.start(), own_weaviate.pid != pid) == (server, True)
    assert store.count(COMMENTS) == 1
    store.close()

    assert own_weaviate.stop()
    assert weaviate_server.find(own_weaviate.home) is None
    assert not own_weaviate.stop()


def test_cleaning_everything_stops_the_server_that_is_part_of_it(own_weaviate: WeaviateProcess) -> None:
    server = own_weaviate.start()
    Deployment(own_weaviate.home).call("clean", "--all", "--yes")
    assert not own_weaviate.home.exists()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(server.url)


def test_a_pid_that_belongs_to_another_program_by_now_is_left_alone(own_weaviate: WeaviateProcess) -> None:
    folder = own_weaviate.home / "weaviate"
    folder.mkdir(parents=True)
    ports = dict.fromkeys(["http", "grpc", "gossip", "data", "raft", "raft_rpc"], 1)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        kept = {"ports": ports, "in_container": False, "pid": bystander.pid}
        (folder / "server.json").write_text(json.dumps(kept))
        assert not own_weaviate.stop()
        assert bystander.poll() is None
