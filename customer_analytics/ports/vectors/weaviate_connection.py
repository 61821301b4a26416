"""Connecting to a Weaviate server, and waiting for one that is away for a while."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from customer_analytics.credentials import key, web_address

if TYPE_CHECKING:
    from weaviate import WeaviateClient
    from weaviate.connect import ConnectionParams

Result = TypeVar("Result")
_FORM = (
    "WEAVIATE_URL must be like http://127.0.0.1:8080 or https://name.weaviate.cloud, with the key in "
    "WEAVIATE_API_KEY."
)
_GRPC_PORT = 50051
_CLOUD = (".weaviate.cloud", ".weaviate.network")
_WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 2.0
_START_SECONDS = 10
_AWAY = {502, 503, 504}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """The URL of a server's REST interface, and host and port of gRPC; an https URL means TLS for both.

    By default, gRPC is on port 50051 of the same host, or on port 443 of its own host in Weaviate Cloud.
    """

    url: str
    grpc_host: str | None = None
    grpc_port: int | None = None

    def parameters(self) -> "ConnectionParams":
        """The address for the client; ValueError if the URL is invalid."""
        from weaviate.connect import ConnectionParams

        parts = web_address(self.url, _FORM)
        host, secure = str(parts.hostname), parts.scheme == "https"
        in_cloud = host.endswith(_CLOUD)
        return ConnectionParams.from_params(
            http_host=host,
            http_port=parts.port or (443 if secure else 80),
            http_secure=secure,
            grpc_host=self.grpc_host or (_cloud_grpc_host(host) if in_cloud else host),
            grpc_port=self.grpc_port or (443 if in_cloud else _GRPC_PORT),
            grpc_secure=secure,
        )


def _cloud_grpc_host(host: str) -> str:
    name, _, domain = host.partition(".")
    return f"{name}.grpc.{domain}" if host.endswith(".weaviate.network") else f"grpc-{host}"


@dataclass
class Connection:
    """A client of a server that connects on first use, and again after the server was away."""

    address: Address
    api_key: str = field(repr=False)
    _client: "WeaviateClient | None" = None
    _connecting: Lock = field(default_factory=Lock)

    def call(self, operation: "Callable[[WeaviateClient], Result]", wait_seconds: float = _WAIT_SECONDS) -> Result:
        """The result of an operation, which is repeated if the server goes away during it.

        Raises:
            ConnectionError: The server did not return within `wait_seconds`.
            PermissionError: The server refuses the API key.
        """
        deadline = None
        while True:
            try:
                return operation(self._connected())
            except Exception as error:
                self._require_permission(error)
                if not _is_away(error):
                    raise
                self.close()
                now = time.monotonic()
                if now >= (deadline or now + wait_seconds):
                    raise ConnectionError(self._absence(wait_seconds)) from error
                if deadline is None:
                    deadline = now + wait_seconds
                    _log.warning(
                        "Weaviate at %s does not answer; waiting for it, %.0f s at most",
                        self.address.url,
                        wait_seconds,
                    )
                time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Disconnect; the next call connects again."""
        with self._connecting:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _absence(self, waited: float) -> str:
        grpc = self.address.parameters()._grpc_target
        waiting = f" within {waited:.0f} s" if waited else ""
        return (
            f"Weaviate at {self.address.url} (gRPC at {grpc}) does not answer{waiting}: start it, or correct "
            "WEAVIATE_URL, and try again; what was written before is kept."
        )

    def _connected(self) -> "WeaviateClient":
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> "WeaviateClient":
        with warnings.catch_warnings():  # importing the library makes Python show all warnings
            import weaviate
            from weaviate.classes.init import AdditionalConfig, Auth, Timeout
        parameters = self.address.parameters()
        client = weaviate.WeaviateClient(
            parameters,
            auth_client_secret=Auth.api_key(key(self.api_key, "WEAVIATE_API_KEY")) if self.api_key else None,
            additional_config=AdditionalConfig(timeout=Timeout(init=_START_SECONDS)),
            # The client's checks request its latest version from the Python package index.
            skip_init_checks=True,
        )
        try:
            client.connect()
            _require_grpc(parameters)
        except BaseException:
            client.close()
            raise
        return client

    def _require_permission(self, error: Exception) -> None:
        import grpc
        from weaviate.exceptions import AuthenticationFailedError, UnexpectedStatusCodeError

        for cause in _causes(error):
            if (
                isinstance(cause, AuthenticationFailedError)
                or (isinstance(cause, UnexpectedStatusCodeError) and cause.status_code in (401, 403))
                or (isinstance(cause, grpc.Call) and cause.code() in _refusals())
            ):
                raise PermissionError(
                    f"Weaviate at {self.address.url} refuses the API key: set WEAVIATE_API_KEY to one that may "
                    "read and write collections."
                ) from error


def _require_grpc(parameters: "ConnectionParams") -> None:
    """Fail now if gRPC does not answer: the client's calls would try for a minute first."""
    import grpc

    target = parameters._grpc_target
    secure = parameters.grpc.secure
    channel = (
        grpc.secure_channel(target, grpc.ssl_channel_credentials()) if secure else grpc.insecure_channel(target)
    )
    with channel:
        grpc.channel_ready_future(channel).result(timeout=_START_SECONDS)


def _is_away(error: Exception) -> bool:
    """Whether the server or the connection failed, and not the operation."""
    import grpc
    import httpx
    from weaviate import exceptions

    for cause in _causes(error):
        if isinstance(cause, httpx.TransportError | grpc.FutureTimeoutError):
            return True
        if isinstance(cause, exceptions.UnexpectedStatusCodeError) and cause.status_code in _AWAY:
            return True
        if isinstance(cause, grpc.Call) and cause.code() in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        ):
            return True
    return False


def _refusals() -> tuple[Any, ...]:
    import grpc

    return grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes: the client's own errors do not distinguish an absent server from a bad request."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
