"""Finds out why there is no connection. gRPC says little of that, so it is tried once more with sockets alone."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from typing import Optional

from ._settings import Settings, read_pem
from .errors import Error, HubDown, PermissionDenied, ProtocolMismatch, WrongCertificate

_SECONDS = (0.2, 3.0)
"""The shortest and the longest wait for each of three steps."""

_LISTEN_SECONDS = 1.0
"""A server has so long to say something of its own."""

_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""What an HTTP/2 client says first: its preface, and settings without a setting."""

_HTTP1 = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
"""What a server of an older HTTP answers to, which closes the connection on that greeting."""

_SETTINGS = 4
"""The type of the frame that an HTTP/2 server says first."""


def find_cause(settings: Settings, text: str, seconds: float) -> Error:
    """Why the hub could not be reached: within so many seconds. `text` is what gRPC says of it."""
    try:
        with _connected(settings, max(_SECONDS[0], min(seconds / 3, _SECONDS[1]))) as plain:
            if settings.socket is not None:
                return _greet(plain, settings, text)
            with _secured(plain, settings) as secured:
                return _greet(secured, settings, text)
    except Error as error:
        return error
    except PermissionError as error:
        what = "this user may not open it: join the group of the socket, or change `grpc.unix_socket_mode` of the hub"
        return _caused(PermissionDenied(f"can't reach the hub at `{settings.hub}`: {what}"), error)
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        text = f"can't reach the hub at `{settings.hub}`: {why}: is it running, and is this its address?"
        return _caused(HubDown(text), error)


def context(settings: Settings) -> ssl.SSLContext:
    """Python's own TLS with the files of the settings: what is wrong with them is known here."""
    found = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    found.set_alpn_protocols(["h2"])
    ca, cert, key = read_pem(settings.ca), read_pem(settings.cert), read_pem(settings.key)
    if ca is not None:
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        found.set_alpn_protocols(["h2"])
        try:
            found.load_verify_locations(cadata=ca.decode("ascii"))
        except (ValueError, ssl.SSLError) as error:
            text = f"{_named(settings.ca, 'the authority')} has no certificate in PEM: {error}"
            raise WrongCertificate(text) from error
    if cert is not None and key is not None:
        _load_identity(found, settings, cert, key)
    return found


def _load_identity(found: ssl.SSLContext, settings: Settings, cert: bytes, key: bytes) -> None:
    # OpenSSL takes them only as files. This one is its owner's alone, and gone at once.
    file, path = tempfile.mkstemp(prefix="cadge-")
    try:
        with os.fdopen(file, "wb") as identity:
            identity.write(cert + b"\n" + key)
        # Without a password's answer it would ask at the terminal.
        found.load_cert_chain(path, password=lambda: "")
    except (ValueError, ssl.SSLError) as error:
        files = f"{_named(settings.cert, 'the certificate')} and {_named(settings.key, 'the key')}"
        text = f"{files} are no certificate and its key in PEM, without a password: {error}"
        raise WrongCertificate(text) from error
    finally:
        os.unlink(path)


def _named(pem: object, otherwise: str) -> str:
    return otherwise if isinstance(pem, bytes) else f"`{os.fspath(pem)}`"  # type: ignore[call-overload]


def _connected(settings: Settings, seconds: float) -> socket.socket:
    if settings.socket is None:
        return socket.create_connection((settings.host, settings.port), seconds)
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        plain.settimeout(seconds)
        plain.connect(settings.socket)
    except BaseException:
        plain.close()
        raise
    return plain


def _secured(plain: socket.socket, settings: Settings) -> ssl.SSLSocket:
    try:
        secured = context(settings).wrap_socket(plain, server_hostname=settings.host)
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate of the hub at `{settings.hub}` is not one to trust: {error.verify_message}"
        raise WrongCertificate(f"{text}: check the authority's file (`CADGE_CA`) and the address") from error
    except ssl.SSLError as error:
        raise _refused(settings, error) from error
    if secured.selected_alpn_protocol() != "h2":
        secured.close()
        raise ProtocolMismatch(f"what answers at `{settings.hub}` does not speak gRPC: is this the hub's gRPC port?")
    return secured


def _greet(connection: socket.socket, settings: Settings, text: str) -> Error:
    """TLS 1.3 tells a client of a refused certificate only here."""
    try:
        frame = _first_frame(connection, settings.socket is None)
    except ssl.SSLError as error:
        return _caused(_refused(settings, error), error)
    except socket.timeout:
        frame = None
    except ConnectionError:
        # A hub may close the connection without a word of the certificate.
        frame = b""
    if frame == b"" and settings.socket is None:
        return _closed(settings, text)
    is_other = len(frame) < 9 or frame[3] != _SETTINGS if frame else frame == b"" and _is_http1(settings)
    if is_other:
        return ProtocolMismatch(f"what answers at `{settings.hub}` does not speak gRPC: is this the hub's address?")
    return HubDown(f"the hub at `{settings.hub}` does not answer as it should: {text}: try again later")


def _first_frame(connection: socket.socket, listens_first: bool) -> bytes:
    """The head of the first frame that the server sends, or what it sends in place of that before it closes."""
    frame = b""
    if listens_first:
        # Who writes to a server that has refused a certificate and gone may not get to read why.
        seconds = connection.gettimeout()
        connection.settimeout(min(seconds or _LISTEN_SECONDS, _LISTEN_SECONDS))
        try:
            frame = connection.recv(9)
            if not frame:
                return frame
        except socket.timeout:
            pass
        connection.settimeout(seconds)
    connection.sendall(_HELLO)
    while len(frame) < 9 and (more := connection.recv(9 - len(frame))):
        frame += more
    return frame


def _is_http1(settings: Settings) -> bool:
    """Whether an older HTTP is spoken at a socket."""
    try:
        with _connected(settings, _SECONDS[1]) as plain:
            plain.sendall(_HTTP1)
            return plain.recv(7) == b"HTTP/1."
    except OSError:
        return False


def _closed(settings: Settings, text: str) -> Error:
    if settings.cert is None and settings.token is None:
        return _no_certificate(settings)
    return HubDown(f"the hub at `{settings.hub}` closes the connection: {text}: try again later")


def _no_certificate(settings: Settings) -> Error:
    if settings.token is not None:
        return WrongCertificate(f"the hub at `{settings.hub}` takes no tokens: give it `cert` and `key` instead")
    what = "wants a certificate or a token: give it `cert` and `key`, or `token`"
    return WrongCertificate(f"the hub at `{settings.hub}` {what}")


def _refused(settings: Settings, error: ssl.SSLError) -> Error:
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" not in reason or "protocol version" in reason:
        text = f"what answers at `{settings.hub}` does not speak TLS as a hub does: {reason}: check the port"
        return ProtocolMismatch(text)
    if settings.cert is None:
        return _no_certificate(settings)
    text = f"the hub at `{settings.hub}` refuses {_named(settings.cert, 'our certificate')}: {reason}"
    return WrongCertificate(f"{text}: use one that its authority has signed and that is valid")


def _caused(error: Error, cause: Optional[BaseException]) -> Error:
    error.__cause__ = cause
    return error
