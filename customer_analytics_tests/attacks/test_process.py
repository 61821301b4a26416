"""The endpoint's process keeps no secret of its user, and nobody else is taken for it or gets its token."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import snowflake.connector

from customer_analytics.embedded_snowflake import (
    Endpoint,
    StartError,
    UnusableStateError,
    discovery,
    ensure_running,
    find,
    process,
    reach,
    stop,
)
from customer_analytics.embedded_snowflake.protocol import proof
from customer_analytics.settings import Settings
from customer_analytics_tests.attacks.strangers import dripping, stranger
from customer_analytics_tests.deployment import located
from customer_analytics_tests.production.servers import free_port

SECRETS = {
    "OPENAI_API_KEY": "sk-planted-openai",
    "AWS_SECRET_ACCESS_KEY": "planted-aws",
    "SNOWFLAKE_PRIVATE_KEY": "planted-key",
    "CUSTOMER_ANALYTICS_WEBHOOK_URL": "http://planted:webhook@127.0.0.1",
}
MODULE = [sys.executable, "-m", "customer_analytics.embedded_snowflake"]
AGREEABLE = {
    "success": True,
    "data": {"health": "ok", "instance": "a" * 16, "pid": 1, "began": 0.0, "proof": "0" * 64},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose endpoint was started from an environment full of secrets."""
    made = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        ensure_running(made)
    yield made
    stop(made)


def environment_of(pid: int) -> dict[str, str]:
    content = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    return dict(part.split("=", 1) for part in content.split("\0") if "=" in part)


ALLOWED = {"HOME", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ"}


@pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc here")
def test_the_endpoint_has_no_secret_of_its_user_in_its_environment_or_command_line(home: Path) -> None:
    endpoint = find(home)
    seen = environment_of(endpoint.pid)
    assert set(seen) <= ALLOWED
    told = json.dumps(seen) + " ".join(psutil.Process(endpoint.pid).cmdline())
    assert [secret for secret in (*SECRETS.values(), endpoint.token) if secret in told] == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc here")
def test_a_served_endpoint_takes_its_token_from_the_environment_and_keeps_nothing_there(tmp_path: Path) -> None:
    variables = {**os.environ, **SECRETS, "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "planted-token"}
    command = [*MODULE, "serve", "--data", str(tmp_path / "warehouse"), "--port", str(free_port())]
    with subprocess.Popen(command, env=variables) as server:
        try:
            while (endpoint := find(tmp_path)) is None:
                assert server.poll() is None
                time.sleep(0.05)
            assert (endpoint.pid, endpoint.token) == (server.pid, "planted-token")
            seen = environment_of(server.pid)
            assert set(seen) <= ALLOWED
            assert "planted" not in json.dumps(seen) + " ".join(psutil.Process(server.pid).cmdline())
        finally:
            server.terminate()


def announce(home: Path, port: object, token: object = "the-token", pid: object = 1, **more: object) -> None:
    """An announcement that is as private as an endpoint's own."""
    folder = home / "warehouse"
    folder.mkdir(exist_ok=True)
    file = folder / "endpoint.json"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    said = {"port": port, "token": token, "pid": pid, "folder": discovery.identity(folder), **more}
    file.write_text(json.dumps(said))


def test_a_stranger_on_a_stale_port_is_not_taken_for_the_endpoint_and_gets_no_token(tmp_path: Path) -> None:
    with stranger(AGREEABLE) as server:
        announce(tmp_path, server.server_port, pid=os.getpid())
        assert find(tmp_path) is None
        assert not stop(tmp_path)
        assert server.heard.startswith("GET /embedded/health")
        assert "the-token" not in server.heard
        with pytest.raises(ConnectionError, match="CUSTOMER_ANALYTICS_ENDPOINT_TOKEN to its token"):
            reach(f"http://127.0.0.1:{server.server_port}", "the-token")
        assert "the-token" not in server.heard


def test_a_stranger_that_repeats_what_the_endpoint_once_answered_is_not_taken_for_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, answers = find(home), []
    real = proof.request
    monkeypatch.setattr(proof, "request", lambda *given: answers.append(real(*given)) or answers[-1])
    assert find(home) == endpoint
    monkeypatch.undo()
    with stranger(answers[0]) as server:
        announce(tmp_path, server.server_port, token=endpoint.token, pid=endpoint.pid)
        assert find(tmp_path) is None


def test_what_a_connection_logs_in_with_is_of_no_use_after_the_endpoints_next_start(tmp_path: Path) -> None:
    """A stranger that takes the port the moment that the endpoint dies hears this password at most."""
    port, folder = free_port(), tmp_path / "warehouse"
    variables = {**os.environ, "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "a-token-for-all-starts"}
    command = [*MODULE, "serve", "--data", str(folder), "--port", str(port)]
    arguments: list[dict[str, Any]] = []
    for _ in range(2):
        with subprocess.Popen(command, env=variables) as server:
            while (endpoint := find(tmp_path)) is None:
                assert server.poll() is None
                time.sleep(0.05)
            arguments.append(endpoint.connection_args)
            assert "a-token-for-all-starts" not in str(arguments[-1])
            snowflake.connector.connect(**arguments[-1]).close()
            if len(arguments) == 2:
                with pytest.raises(
                    snowflake.connector.errors.DatabaseError, match="Incorrect username or password"
                ):
                    snowflake.connector.connect(**{**arguments[1], "password": arguments[0]["password"]})
            server.terminate()


def test_a_server_that_redirects_is_not_followed(tmp_path: Path) -> None:
    with stranger(AGREEABLE) as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.server_port}/"
        with stranger(b"", status=302, headers={"Location": target}) as server:
            announce(tmp_path, server.server_port)
            assert find(tmp_path) is None
        assert elsewhere.heard == ""


def test_a_server_that_never_ends_its_answer_is_given_up_within_seconds(tmp_path: Path) -> None:
    with dripping() as port:
        announce(tmp_path, port)
        began = time.monotonic()
        assert find(tmp_path) is None
        assert time.monotonic() - began < 30  # 1,000 bytes would take 1,000 s


def test_only_loopback_is_asked_whatever_host_the_file_names(home: Path, tmp_path: Path) -> None:
    endpoint = find(home)
    announce(tmp_path, endpoint.port, endpoint.token, endpoint.pid, host="192.0.2.1")
    assert find(tmp_path).host == "127.0.0.1"


FOREIGN = [
    b"",
    b'{"host": "127.0.0.1", "po',
    b"null",
    b"[1, 2]",
    b"\xff\xfe",
    b"[" * 4000,
    b'{"port": "80", "token": "t", "pid": 1}',
    b'{"port": 65536, "token": "t", "pid": 1}',
    b'{"port": 80, "token": null, "pid": 1}',
    b'{"port": 80, "token": "", "pid": 1}',
    b'{"port": 80, "token": "\\ud800", "pid": 1}',
    b'{"port": 80, "token": "t", "pid": true}',
    b'{"port": 80, "token": "t", "pid": -1}',
    b'{"port": 80, "token": "t"}',
]


@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_with_foreign_content_counts_as_none(tmp_path: Path, content: bytes) -> None:
    announce(tmp_path, 1)
    (tmp_path / "warehouse" / "endpoint.json").write_bytes(content)
    assert find(tmp_path) is None
    assert not stop(tmp_path)


def as_a_link(file: Path) -> None:
    file.replace(file.with_name("elsewhere.json"))
    file.symlink_to(file.with_name("elsewhere.json"))


def as_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def as_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


MADE_FOREIGN = {
    "others may write it": lambda file: file.chmod(0o666),
    "others may read it": lambda file: file.chmod(0o644),
    "it is a link": as_a_link,
    "it is a folder": as_a_folder,
    "it is a pipe": as_a_pipe,
}


@pytest.mark.parametrize("make", MADE_FOREIGN.values(), ids=MADE_FOREIGN)
def test_a_file_that_no_endpoint_has_made_counts_as_none(home: Path, tmp_path: Path, make: Any) -> None:
    endpoint = find(home)
    announce(tmp_path, endpoint.port, endpoint.token, endpoint.pid)
    assert find(tmp_path) == endpoint
    make(tmp_path / "warehouse" / "endpoint.json")
    assert find(tmp_path) is None


def test_an_endpoint_whose_file_was_damaged_is_found_again(home: Path) -> None:
    endpoint = find(home)
    (home / "warehouse" / "endpoint.json").write_text("{")
    assert ensure_running(home) == endpoint
    assert stat.S_IMODE((home / "warehouse" / "endpoint.json").stat().st_mode) == 0o600


def test_stopping_does_not_kill_a_process_that_got_the_endpoints_number(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file names a living process of the user's: that of a recycled number."""
    endpoint = find(home)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        announce(tmp_path, endpoint.port, endpoint.token, bystander.pid)
        monkeypatch.setattr(process, "_STOP_SECONDS", 0.0)
        assert not stop(tmp_path)
        assert bystander.poll() is None
        bystander.communicate(b"\n")
    assert find(home) == endpoint


def test_stopping_does_not_kill_a_later_process_with_the_pid_that_the_endpoint_had(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint was found, ended, and its PID was reused before it was stopped."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        began = psutil.Process(bystander.pid).create_time() - 3600
        ended = replace(find(home), pid=bystander.pid, began=began)
        monkeypatch.setattr(process, "find", lambda home: ended)
        monkeypatch.setattr(process, "_STOP_SECONDS", 0.0)
        assert process.stop(tmp_path)
        assert not ended.process.is_alive()
        assert bystander.poll() is None
        bystander.communicate(b"\n")


def test_an_answer_with_the_pid_of_a_later_process_is_not_the_endpoints(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, real = find(home), proof.identify
    earlier = replace(real("127.0.0.1", endpoint.port, endpoint.token), began=endpoint.began - 3600)
    monkeypatch.setattr(proof, "identify", lambda *given: earlier)
    assert find(home) is None
    assert not stop(home)
    monkeypatch.undo()
    assert find(home) == endpoint


def test_a_later_process_under_the_number_of_the_endpoint_is_not_waited_for() -> None:
    endpoint = Endpoint("127.0.0.1", 1, "t", "i", os.getpid(), psutil.Process().create_time() - 3600)
    waits = endpoint.connection_args["backoff_policy"]()
    next(waits)
    with pytest.raises(snowflake.connector.errors.OperationalError, match="has ended"):
        next(waits)


def test_a_run_on_state_that_cannot_be_used_does_not_try_again(tmp_path: Path) -> None:
    """Also where only the IO manager meets it; a run used to say so after half a minute."""
    warehouse = tmp_path / "warehouse"
    warehouse.mkdir()
    (warehouse / "format.json").write_text('{"format": 1}')
    with pytest.raises(UnusableStateError, match="is of format 1, this version reads format"):
        ensure_running(tmp_path)
    job = located(Settings(home=tmp_path)).resolve_implicit_global_asset_job_def()
    ran = job.execute_in_process(asset_selection=[dg.AssetKey("mrr")], raise_on_error=False)
    kinds = [event.event_type_value for event in ran.all_events]
    assert (kinds.count("STEP_FAILURE"), kinds.count("STEP_UP_FOR_RETRY")) == (1, 0)
    (failure,) = (event for event in ran.all_events if event.is_step_failure)
    assert "is of format 1, this version reads format" in failure.step_failure_data.error.message


def test_an_endpoint_that_lives_and_does_not_answer_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = ensure_running(tmp_path)
    monkeypatch.setattr(proof, "_ANSWER_SECONDS", 0.5)
    os.kill(endpoint.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StartError, match="Another endpoint is using the state"):
            ensure_running(tmp_path)
    finally:
        os.kill(endpoint.pid, signal.SIGCONT)
    monkeypatch.undo()
    assert ensure_running(tmp_path) == endpoint
    assert stop(tmp_path)
