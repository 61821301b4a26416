"""Processes are started once, identified by PID and start time, and stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from customer_analytics import supervisor
from customer_analytics.supervisor import Process, StartError, StopError

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Another program, which leads a process group and now has a PID that was ours."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as made:
        yield made
        made.kill()


def started(code: str) -> Process:
    return supervisor.start([sys.executable, "-c", code], supervisor.clean_environment())


def in_an_earlier_life(bystander: subprocess.Popen[bytes]) -> Process:
    """The process that had the bystander's PID an hour ago."""
    return Process(bystander.pid, psutil.Process(bystander.pid).create_time() - 3600)


def test_a_process_is_alive_until_it_ends() -> None:
    process = started("input()")
    found = Process.of(process.pid)
    assert found == process
    assert process.is_alive() and found.is_alive()
    supervisor.stop([found], seconds=10)
    assert not found.is_alive() and not process.is_alive()
    assert not psutil.pid_exists(process.pid)
    assert Process.of(process.pid) is None


def test_the_exit_code_of_a_child_is_left_to_its_owner() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as child:
        found = Process.of(child.pid)
        while found.is_alive():
            time.sleep(0.02)
        assert os.waitpid(child.pid, 0) == (child.pid, 3 << 8)


def test_a_later_process_with_the_same_pid_is_neither_alive_nor_signalled(
    bystander: subprocess.Popen[bytes],
) -> None:
    earlier = in_an_earlier_life(bystander)
    assert not earlier.is_alive()
    assert not Process.of(bystander.pid).began_before(earlier.began)
    supervisor.stop([earlier], seconds=0)
    earlier.signal(signal.SIGKILL)
    time.sleep(0.2)
    assert bystander.poll() is None


def test_the_group_of_a_later_process_with_the_pid_of_a_child_is_not_killed(
    bystander: subprocess.Popen[bytes],
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    child = Process(bystander.pid, in_an_earlier_life(bystander).began, ended)
    supervisor.stop([child], seconds=0)
    time.sleep(0.2)
    assert bystander.poll() is None


def test_what_ignores_sigterm_is_killed_with_what_it_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    nested = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True)"
    )
    command = [sys.executable, "-c", f"{nested}; {STUBBORN}"]
    process = supervisor.start(command, supervisor.clean_environment(), log=log)
    while log.read_text().count("on\n") < 2:
        time.sleep(0.02)
    grandchild = Process.of(int(log.read_text().split()[0]))
    assert grandchild.is_alive()
    supervisor.stop([process], seconds=0.2)
    assert process.exit_code == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while grandchild.is_alive():
        assert time.monotonic() < deadline


def test_what_a_process_left_running_when_it_ended_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True)"
    process = supervisor.start([sys.executable, "-c", code], supervisor.clean_environment(), log=log)
    while "on\n" not in log.read_text() or process.is_alive():
        time.sleep(0.02)
    left = Process.of(int(log.read_text().split()[0]))
    supervisor.stop([process], seconds=0)
    deadline = time.monotonic() + 10
    while left.is_alive():
        assert time.monotonic() < deadline


def test_a_process_that_cannot_be_killed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_KILL_SECONDS", 0.1)
    monkeypatch.setattr(Process, "signal", lambda *_: None)
    with pytest.raises(StopError, match=f"Still running after SIGKILL: process {os.getpid()}"):
        supervisor.stop([Process.of(os.getpid())], seconds=0)


def test_a_server_is_started_under_a_lock_unless_it_is_found(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "server" / "lock"
    assert supervisor.ensure(lambda: "found", lambda: "started", lock, 1) == "found"
    assert not lock.exists()
    found = iter([None, "found meanwhile"])
    assert supervisor.ensure(lambda: next(found), lambda: "started", lock, 1) == "found meanwhile"
    assert supervisor.ensure(lambda: None, lambda: "started", lock, 1) == "started"
    assert lock.parent.stat().st_mode & 0o777 == lock.parent.parent.stat().st_mode & 0o777 == 0o700
    with FileLock(lock), pytest.raises(StartError, match=r"Another process has held .*lock for 0 s"):
        supervisor.ensure(lambda: None, lambda: "started", lock, 0)


def test_waiting_ends_with_readiness_with_the_process_or_in_time() -> None:
    answers = iter([None, "ready"])
    assert supervisor.wait_until_ready("It", lambda: next(answers), lambda: True, 10) == "ready"
    assert supervisor.wait_until_ready("It", lambda: None, lambda: False, 10) is None
    with pytest.raises(StartError, match="It was not ready within 0 s"):
        supervisor.wait_until_ready("It", lambda: None, lambda: True, 0)


def test_a_started_process_reads_what_is_sent_and_gets_the_given_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import os, sys; print(sys.stdin.read(), sorted(os.environ), os.getcwd()); sys.exit(3)"
    process = supervisor.start(
        [sys.executable, "-c", code], {"A": "1", "LC_ALL": "C"}, log=log, folder=tmp_path, sent=b"token"
    )
    with suppress(psutil.NoSuchProcess):
        while process.is_alive():
            time.sleep(0.02)
    assert process.exit_code == 3
    assert "token" in log.read_text() and "'A'" in log.read_text() and str(tmp_path) in log.read_text()
    assert "'HOME'" not in log.read_text()
    assert supervisor.last_lines(log) == log.read_text().strip()
