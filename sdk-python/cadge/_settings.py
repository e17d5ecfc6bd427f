"""Where the hub is, and who the caller is there: as arguments say, or the environment."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any, Optional, Union
from urllib.parse import quote, urlsplit

import grpc

from .errors import InvalidRequest, WrongCertificate

Pem = Union[str, "os.PathLike[str]", bytes]
"""A PEM file's path, or what is in it."""

DEFAULT_HUB = "unix:///run/cadge/cadge.sock"

CONNECT_SECONDS = 9.0
"""A hub that has not answered after so long is down. What is left to 10 s is for finding out why."""

_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""Where systems have those they trust, in case Python does not say."""

RESPONSE_BYTES_MAX = 8 * 1024 * 1024
"""The longest response: a batch at its limit and room around it."""

OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", RESPONSE_BYTES_MAX),
    # A hub that does not answer a ping is gone.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.min_reconnect_backoff_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # Each channel tries for itself: another one's failures must not hold it back.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
]


@dataclass(frozen=True)
class Settings:
    """How to connect. `socket` or (`host`, `port`) is set."""

    hub: str
    socket: Optional[str]
    host: str
    port: int
    ca: Optional[Pem]
    cert: Optional[Pem]
    key: Optional[Pem]
    token: Optional[str]

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each call."""
        return () if self.token is None else (("authorization", f"Bearer {self.token}"),)

    @property
    def target(self) -> str:
        """The address as gRPC writes it."""
        if self.socket is not None:
            # It takes this for a URI.
            return f"unix:{quote(self.socket)}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"dns:///{host}:{self.port}"

    @property
    def options(self) -> list[tuple[str, Any]]:
        """Of the channel."""
        # The path of a socket is no name of a host.
        return OPTIONS + ([("grpc.default_authority", "localhost")] if self.socket is not None else [])

    def credentials(self) -> Optional[grpc.ChannelCredentials]:
        """For TLS, read anew each time, so that a renewed certificate counts. `None` on a Unix socket."""
        if self.socket is not None:
            return None
        return grpc.ssl_channel_credentials(
            root_certificates=read_pem(self.ca) or _machines_authorities(),
            private_key=read_pem(self.key),
            certificate_chain=read_pem(self.cert),
        )


def read_pem(pem: Optional[Pem]) -> Optional[bytes]:
    """What is in a PEM file."""
    if pem is None or isinstance(pem, bytes):
        return pem
    try:
        with open(pem, "rb") as file:
            return file.read()
    except OSError as error:
        text = f"can't read `{os.fspath(pem)}`: {error.strerror}: name a PEM file that this user may read"
        raise WrongCertificate(text) from error


def _machines_authorities() -> Optional[bytes]:
    """Whom this machine trusts; `None` is that this is not to be found, and gRPC has a list of its own."""
    for file in (ssl.get_default_verify_paths().cafile, *_AUTHORITIES):
        if file and os.path.exists(file):
            return read_pem(file)
    return None


def resolve(
    hub: Optional[str], ca: Optional[Pem], cert: Optional[Pem], key: Optional[Pem], token: Optional[str]
) -> Settings:
    """Takes from the environment what is not given."""
    environment = os.environ.get
    hub = hub or environment("CADGE_HUB") or DEFAULT_HUB
    socket, host, port = _address(hub)
    ca, cert, key = (
        pem if pem is not None else environment(name) or None
        for pem, name in ((ca, "CADGE_CA"), (cert, "CADGE_CERT"), (key, "CADGE_KEY"))
    )
    token = token or environment("CADGE_TOKEN") or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise InvalidRequest("the token (`CADGE_TOKEN`) has characters that a token can't have: check for a line's end")
    if socket is None and (cert is None) != (key is None):
        missing = "key (`CADGE_KEY`)" if key is None else "certificate (`CADGE_CERT`)"
        raise WrongCertificate(f"there is no {missing}: certificate and key are of use together only")
    return Settings(hub, socket, host, port, ca, cert, key, token)


def _address(hub: str) -> tuple[Optional[str], str, int]:
    if hub.startswith("unix:///") and len(hub) > len("unix:///"):
        return hub[len("unix://") :], "", 0
    wrong = f"`{hub}` is no address of a hub: write `unix:///PATH` or `https://HOST:PORT`"
    try:
        parts = urlsplit(hub)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidRequest(wrong) from error
    if parts.scheme == "https" and host and port and parts.path in ("", "/") and not parts.query:
        return None, host, port
    raise InvalidRequest(wrong)
