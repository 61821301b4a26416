"""Server configuration: one node, one API key, no telemetry, vectors from the client, backups to a folder."""

import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

_USER = "customer_analytics"
_FIRST_PORT, _LAST_PORT = 18080, 28080
"""Below the range that Linux uses for outgoing connections, so that the ports are free again after a stop."""


@dataclass(frozen=True)
class Ports:
    """The ports of a server: for clients (`http`, `grpc`) and for other nodes of a cluster."""

    http: int
    grpc: int
    gossip: int
    data: int
    raft: int
    raft_rpc: int

    @classmethod
    def free(cls) -> "Ports":
        """Ports that are free now."""
        candidates = _free_ports()
        return cls(*(next(candidates) for _ in fields(cls)))

    def taken(self) -> list[int]:
        """The ports on which a program listens."""
        return [port for port in asdict(self).values() if not _is_free(port)]


def api_key(folder: Path) -> str:
    """The key in the file `api-key`, which is created on first use for its owner only."""
    path = folder / "api-key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text()


def variables(key: str, data: Path, backups: Path) -> dict[str, str]:
    """Weaviate's environment variables, with or without a container."""
    return {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": key,
        "AUTHENTICATION_APIKEY_USERS": _USER,
        "AUTHORIZATION_ADMINLIST_ENABLED": "true",
        "AUTHORIZATION_ADMINLIST_USERS": _USER,
        "AUTOSCHEMA_ENABLED": "false",
        "BACKUP_FILESYSTEM_PATH": str(backups),
        "CLUSTER_HOSTNAME": "node1",
        "DEFAULT_VECTORIZER_MODULE": "none",
        "DISABLE_TELEMETRY": "true",
        "ENABLE_MODULES": "backup-filesystem",
        "GO_PROFILING_DISABLE": "true",
        "LOG_LEVEL": "warning",
        "PERSISTENCE_DATA_PATH": str(data),
    }


def node_variables(ports: Ports, key: str) -> dict[str, str]:
    """Further variables of a node without a container: its ports, on loopback as far as Weaviate allows.

    Weaviate listens on all addresses for gRPC and for the data port of its cluster; both require the key.
    """
    return {
        "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
        "CLUSTER_BASIC_AUTH_USERNAME": _USER,
        "CLUSTER_BASIC_AUTH_PASSWORD": key,
        "CLUSTER_BIND_ADDR": "127.0.0.1",
        "CLUSTER_DATA_BIND_PORT": str(ports.data),
        "CLUSTER_GOSSIP_BIND_PORT": str(ports.gossip),
        "GRPC_PORT": str(ports.grpc),
        "RAFT_BOOTSTRAP_EXPECT": "1",
        "RAFT_INTERNAL_RPC_PORT": str(ports.raft_rpc),
        "RAFT_JOIN": f"node1:{ports.raft}",
        "RAFT_PORT": str(ports.raft),
    }


def _free_ports() -> Iterator[int]:
    for port in range(_FIRST_PORT, _LAST_PORT):
        if _is_free(port):
            yield port
    raise OSError(f"No port from {_FIRST_PORT} to {_LAST_PORT} is free: stop some servers on this machine.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
