"""Every error by its name, from what really causes it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest
from hub import TOKEN, Feeder, Hub, free_port, run, short_folder

import cadge
import cadge.aio


def refused(kind: type[cadge.Error], text: str, **arguments: Any) -> None:
    """Both clients fail to connect in the same way, and soon."""

    async def attempt() -> None:
        await cadge.aio.connect(**arguments)

    for connect in (lambda: cadge.connect(**arguments), lambda: asyncio.run(attempt())):
        begun = time.monotonic()
        with pytest.raises(cadge.Error, match=text) as caught:
            connect()
        assert type(caught.value) is kind, caught.value
        assert time.monotonic() - begun < 15
        assert kind.is_transient == (kind in (cadge.HubDown, cadge.Closed))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of another authority."""
    folder = tmp_path_factory.mktemp("other")
    run("pki", "init", "--dir", str(folder))
    run("pki", "issue", "consumer", "consumer", "--dir", str(folder))
    return folder


def test_hub_down(full_hub: Hub, tmp_path: Path) -> None:
    refused(cadge.HubDown, "is it running", hub=f"unix://{tmp_path}/no.sock")
    refused(cadge.HubDown, "refused", **{**full_hub.mtls("consumer"), "hub": f"https://localhost:{free_port()}"})
    refused(cadge.HubDown, "no-such-host", hub="https://no-such-host.invalid:5060", token="t")


def test_a_hub_that_goes_down_is_down(hub: Hub) -> None:
    with cadge.connect(hub.socket) as client:
        hub.kill()
        with pytest.raises(cadge.HubDown):
            client.version()
        hub.start()


def test_wrong_certificate_of_the_hub(full_hub: Hub, other: Path) -> None:
    refused(cadge.WrongCertificate, "not one to trust", **{**full_hub.mtls("consumer"), "ca": other / "ca.crt"})
    with_name = Hub(hosts=["localhost"]).start()
    try:
        arguments = {**with_name.mtls("consumer"), "hub": f"https://127.0.0.1:{with_name.port}"}
        refused(cadge.WrongCertificate, "not one to trust.*127.0.0.1", **arguments)
    finally:
        with_name.remove()


def test_wrong_certificate_of_ours(full_hub: Hub, other: Path) -> None:
    ours = {"cert": other / "consumer.crt", "key": other / "consumer.key"}
    refused(cadge.WrongCertificate, "refuses .*consumer.crt", **{**full_hub.mtls("consumer"), **ours})
    refused(cadge.WrongCertificate, "wants a certificate", hub=full_hub.address, ca=full_hub.file("ca.crt"))
    refused(cadge.WrongCertificate, "takes no tokens", hub=full_hub.address, ca=full_hub.file("ca.crt"), token=TOKEN)


def test_unusable_certificate_files(full_hub: Hub, other: Path, tmp_path: Path) -> None:
    good = full_hub.mtls("consumer")
    (tmp_path / "rubbish").write_text("-----BEGIN CERTIFICATE-----\nžluť\n-----END CERTIFICATE-----\n")
    for name in ("ca", "cert", "key"):
        refused(cadge.WrongCertificate, "rubbish", **{**good, name: tmp_path / "rubbish"})
        refused(cadge.WrongCertificate, "can't read `.*/none`", **{**good, name: tmp_path / "none"})
    refused(cadge.WrongCertificate, "consumer.key", **{**good, "key": other / "consumer.key"})
    refused(cadge.WrongCertificate, "CADGE_KEY", hub=good["hub"], ca=good["ca"], cert=good["cert"])


def test_permission_denied(full_hub: Hub) -> None:
    with cadge.connect(**full_hub.mtls("sensor")) as client:
        for call in (
            lambda: list(client.get()),
            lambda: list(client.get_new()),
            lambda: next(client.subscribe()),
            lambda: client.count("rule"),
            lambda: client.search(),
        ):
            with pytest.raises(cadge.PermissionDenied, match="role consumer"):
                call()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can do without a socket's mode, and be another user")
def test_a_socket_that_may_not_be_opened(full_hub: Hub) -> None:
    os.chmod(full_hub.path, 0o755)
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        with pytest.raises(cadge.PermissionDenied, match="unix_socket_mode"):
            cadge.connect(full_hub.socket)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_a_token_stands_for_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(tokens=True).start()
    try:
        Feeder(hub).feed(3)
        ways: list[dict[str, Any]] = [{"hub": hub.address, "ca": hub.file("ca.crt")}, {"hub": hub.socket}]
        for way in ways:
            with cadge.connect(**way, token=TOKEN) as client, client.subscribe("mine") as alerts:
                assert next(alerts).sequence == 1
                with pytest.raises(cadge.PermissionDenied, match="role sensor"):
                    client.push(cadge.Event("R", "o"))
            with cadge.connect(**way, token=TOKEN[::-1]) as client:
                client.push(cadge.Event("R", "o"))
            refused(cadge.PermissionDenied, "token", **way, token="no-one-knows-this-token")
        refused(cadge.PermissionDenied, "Bearer", **ways[0])
        refused(cadge.InvalidRequest, "characters", **ways[0], token="two\nlines")
        # Without an authority of its own the machine's count: here it knows the hub's.
        refused(cadge.WrongCertificate, "not one to trust", hub=hub.address, token=TOKEN)
        monkeypatch.setenv("SSL_CERT_FILE", hub.file("ca.crt"))
        with cadge.connect(hub.address, token=TOKEN) as client:
            assert len(list(client.get())) == 5
    finally:
        hub.remove()


@contextmanager
def says(answer: bytes) -> Iterator[int]:
    """The port of a server that says always the same."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(1024)
                        connection.sendall(answer)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_protocol_mismatch(full_hub: Hub) -> None:
    arguments = full_hub.mtls("consumer")
    refused(cadge.ProtocolMismatch, "TLS", **{**arguments, "hub": f"https://localhost:{full_hub.http}"})
    with says(b"220 mail.example ESMTP\r\n") as port:
        refused(cadge.ProtocolMismatch, "TLS", **{**arguments, "hub": f"https://localhost:{port}"})


class Anything(grpc.GenericRpcHandler):
    """Answers each call with the same bytes."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"\xff\xff\xff")


@pytest.mark.parametrize("handlers, text", [([], "does not know this call"), ([Anything()], "can't be read")])
def test_another_grpc_server(handlers: list[grpc.GenericRpcHandler], text: str) -> None:
    folder = short_folder()
    path = f"{folder.name}/other.sock"
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(tuple(handlers))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    try:
        refused(cadge.ProtocolMismatch, text, hub=f"unix://{path}")
    finally:
        server.stop(None).wait()
        folder.cleanup()


@pytest.mark.parametrize(
    "hub", ["", "hub:5060", "http://hub:5060", "https://hub", "https://hub:x", "https://hub:1/path", "unix://x/y"]
)
def test_an_address_that_is_none(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADGE_HUB", hub or "nonsense")
    refused(cadge.InvalidRequest, "no address of a hub")


def test_invalid_request(full_hub: Hub) -> None:
    with cadge.connect(full_hub.socket) as client:
        for call, text in (
            (lambda: list(client.get(filter="no.such.field = 1")), "no.such.field"),
            (lambda: next(client.subscribe("x" * 200)), "cursor"),
            (lambda: list(client.get(after=-1)), "value"),
            (lambda: client.subscribe(start="tomorrow"), "tomorrow"),
            (lambda: client.subscribe("\ud800"), "value"),
            (lambda: client.count("colour"), "colour.*rule, priority"),
            (lambda: client.search(limit=20_000), "10000|limit"),
        ):
            with pytest.raises(cadge.InvalidRequest, match=text):
                call()


def test_closed(hub: Hub) -> None:
    feeder = Feeder(hub)

    def large(number: int) -> Any:
        from hub import alert

        made = alert(number)
        made.output_fields["proc.cmdline"] = "x" * 60_000
        return made

    feeder.feed(500, 20, large)
    with cadge.connect(hub.socket) as client:
        alerts = client.get()
        next(alerts)
        hub.kill()
        with pytest.raises(cadge.Closed):
            list(alerts)
    push, get = lambda: client.push(cadge.Event("R", "o")), lambda: next(client.get())
    for call in (client.version, client.subscribe, push, get):
        with pytest.raises(cadge.Closed, match="by this program"):
            call()


def test_a_hub_that_does_not_answer_in_time_is_down(hub: Hub) -> None:
    with cadge.connect(hub.socket) as client:
        assert hub.process is not None
        hub.process.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(cadge.HubDown, match="in time"):
                client.version(timeout=0.3)
            with pytest.raises(cadge.HubDown, match="in time"):
                list(client.get(timeout=0.3))
            assert time.monotonic() - begun < 9
            refused(cadge.HubDown, "in time", hub=hub.socket)
        finally:
            hub.process.send_signal(signal.SIGCONT)
        assert client.version().hub
