"""How the server is set up: one node, one API key, no telemetry, self-provided vectors, backups to a folder."""

import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

_USER = "customer_analytics"
_FIRST_PORT, _LAST_PORT = 18080, 28080
"""Below the ports that Linux gives to outgoing connections, so that they are free again after a stop."""


@dataclass(frozen=True)
class Ports:
    """The ports of a server: for clients, and those that a cluster's nodes use among themselves."""

    http: int
    grpc: int
    gossip: int
    data: int
    raft: int
    raft_rpc: int

    @classmethod
    def free(cls) -> "Ports":
        """Ports on which nobody listens."""
        candidates = _free_ports()
        return cls(*(next(candidates) for _ in fields(cls)))

    def taken(self) -> list[int]:
        """Those on which somebody listens."""
        return [port for port in asdict(self).values() if not _is_free(port)]


def api_key(folder: Path) -> str:
    """The key in the folder's `api-key`, generated on first use and readable by its owner only."""
    path = folder / "api-key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text()


def variables(key: str, data: Path, backups: Path) -> dict[str, str]:
    """Environment variables of Weaviate's documentation that hold wherever the server runs."""
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
    """What a node outside of a container needs besides: its ports, as local as Weaviate can be told to be.

    Weaviate listens on all addresses for gRPC and for the data port of its cluster; both ask for the key.
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
    raise OSError(f"No port from {_FIRST_PORT} to {_LAST_PORT} is free: end some of the servers on this machine.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
