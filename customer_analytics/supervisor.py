"""Start a process once, check that it is alive, and stop it.

A process is identified by its PID and start time: the system reuses PIDs, so a PID alone may be another program's.
"""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TypeVar

import psutil
from filelock import FileLock, Timeout

from customer_analytics import private_files

Found = TypeVar("Found")

_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ")
_CLOCK_SECONDS = 2.0
"""How much two readings of a start time may differ, as when the system clock is corrected."""
_KILL_SECONDS = 10.0


class StartError(RuntimeError):
    """A process could not be started."""


class StopError(RuntimeError):
    """A process is still running after SIGKILL."""


@dataclass(frozen=True)
class Process:
    """A process on this machine.

    Attributes:
        pid: Its PID.
        began: Its start time, in seconds since the epoch.
        child: Its handle, if `start` returned it; such a process leads a process group.
    """

    pid: int
    began: float
    child: subprocess.Popen[bytes] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this PID now."""
        with suppress(psutil.NoSuchProcess):
            return cls(pid, psutil.Process(pid).create_time())
        return None

    def began_before(self, moment: float) -> bool:
        """Whether it can be the process that had this PID at a moment, in seconds since the epoch."""
        return self.began < moment + _CLOCK_SECONDS

    @property
    def exit_code(self) -> int | None:
        """The exit code, if `start` returned the process and it has ended."""
        return None if self.child is None else self.child.poll()

    def is_alive(self) -> bool:
        """Whether it is running; a later process with the same PID does not count."""
        if self.child is not None:
            return self.exit_code is None
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.began) >= _CLOCK_SECONDS:
                return False
            if process.status() != psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return False
        # A child of this process can be waited for once all its threads have ended. Its exit code is left to its
        # owner: a code server would otherwise take a dead run worker for a living one.
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        return False

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it; if `start` returned it, also kill what is left of its process group."""
        self.signal(signal.SIGKILL)
        # The group's id is the PID. It is not reused while the group has members, so a process that has this PID
        # now is either this one or proves that the group is empty.
        if self.child is not None and (self.is_alive() or not psutil.pid_exists(self.pid)):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def ensure(find: Callable[[], Found | None], launch: Callable[[], Found], lock: Path, seconds: float) -> Found:
    """What `find` returns; if that is None, what `launch` returns, which one process at a time calls.

    Raises:
        StartError: Another process has held the lock for longer than `seconds`.
    """
    if found := find():
        return found
    for folder in (lock.parent.parent, lock.parent):  # the state folder, and the server's folder in it
        private_files.make_folder(folder)
    try:
        with FileLock(lock, timeout=seconds):
            return find() or launch()
    except Timeout:
        raise StartError(
            f"Another process has held {lock} for {seconds:.0f} s to start the same server: end it and try again."
        ) from None


def start(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    log: Path | None = None,
    folder: Path | None = None,
    sent: bytes = b"",
) -> Process:
    """Start a process in a session of its own, so that Ctrl-C in a terminal does not reach it.

    Args:
        command: The program and its arguments.
        environment: All its variables, see `clean_environment`.
        log: File that its output replaces; without one, the process shares the output of this one.
        folder: Its current folder.
        sent: What it reads from standard input.
    """
    with log.open("wb") if log else nullcontext() as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
            umask=private_files.UMASK,
        )
    began = psutil.Process(child.pid).create_time()
    with suppress(BrokenPipeError), child.stdin as pipe:  # type: ignore[union-attr]  # it is a pipe
        pipe.write(sent)
    return Process(child.pid, began, child)


def wait_until_ready(
    name: str, probe: Callable[[], Found | None], is_alive: Callable[[], bool], seconds: float
) -> Found | None:
    """The first result of the probe that is true; None once the process has ended.

    Raises:
        StartError: The process is alive, but was not ready in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        if ready := probe():
            return ready
        if not is_alive():
            return None
        if time.monotonic() > deadline:
            raise StartError(f"{name} was not ready within {seconds:.0f} s")
        time.sleep(0.05)


def stop(processes: Iterable[Process], seconds: float) -> None:
    """Stop processes with SIGTERM, and after `seconds` with SIGKILL.

    Raises:
        StopError: One of them is still running.
    """
    processes = list(processes)
    for process in processes:
        process.signal(signal.SIGTERM)
    _wait(processes, seconds)
    for process in processes:
        process.kill()
    _wait(processes, _KILL_SECONDS)
    if alive := [str(process.pid) for process in processes if process.is_alive()]:
        raise StopError(f"Still running after SIGKILL: process {', '.join(alive)}. Stop it by hand and try again.")
    for process in processes:
        if process.child is None:  # a child whose handle was lost stays a zombie until it is waited for
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


def _wait(processes: Sequence[Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)


@contextmanager
def until_stopped() -> Iterator[None]:
    """End the block without an error on Ctrl-C or SIGTERM, even if a shell started this in the background."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a server on this machine answers with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers or {})), timeout=5):
            return True
    except OSError:  # urllib's errors are of this kind too
        return False


def clean_environment() -> dict[str, str]:
    """The variables that a server needs to run, without the secrets of this process's environment."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def last_lines(log: Path, lines: int = 5) -> str:
    """The end of a log, for an error message."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) or f"see {log}"
