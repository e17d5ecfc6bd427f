"""A real hub in a folder of its own, and a sensor without a kernel that hands in alerts which are made up."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence, cast

import grpc

from cadge.falco import schema_pb2
from cadge.v1 import alert_pb2, ingest_pb2, ingest_pb2_grpc

PATIENCE = 60.0
"""The longest that anything here may take: generous, for a machine that does other things too."""

BINARY = Path(os.environ.get("CADGE_BIN") or Path(__file__).parents[2] / "target/debug/cadge").absolute()
TOKEN = "0123456789abcdef0123456789abcdef"
"""Of a consumer, where tokens count. A sensor has the same from behind."""

FOREIGN = {"CADGE_HUB", "CADGE_CA", "CADGE_CERT", "CADGE_KEY", "CADGE_TOKEN"}


def wait_for(what: str, found: Callable[[], Any]) -> Any:
    """Waits until `found` answers something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"no {what} within {PATIENCE} s")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def short_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for sockets: their paths have to be short, wherever the tests are run."""
    return tempfile.TemporaryDirectory(prefix="cadge-", dir=None if len(tempfile.gettempdir()) < 50 else "/tmp")


def run(*args: str) -> str:
    done = subprocess.run([BINARY, *args], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Hub:
    """A hub's folder: certificates, configuration and log; and its process."""

    def __init__(self, tokens: bool = False, hosts: Sequence[str] = ("localhost", "127.0.0.1")) -> None:
        self.folder = short_folder()
        self.path = Path(self.folder.name)
        self.port, self.http = free_port(), free_port()
        self.socket = f"unix://{self.path}/cadge.sock"
        self.address = f"https://localhost:{self.port}"
        self.process: Optional[subprocess.Popen[str]] = None
        pki = str(self.path / "pki")
        run("pki", "init", "--dir", pki)
        for role in ("hub", "sensor", "consumer", "admin"):
            run("pki", "issue", role, role, "--dir", pki, *(word for host in hosts for word in ("--host", host)))
        self._configure(tokens)

    def _configure(self, tokens: bool) -> None:
        folder = self.path
        (folder / "tokens").write_text(f"consumer/app:{TOKEN}\nsensor/app:{TOKEN[::-1]}\n")
        (folder / "hub.yaml").write_text(
            f"grpc:\n  bind_address: 127.0.0.1:{self.port}\n  unix_socket: {folder}/cadge.sock\n"
            f"  cert_chain: {folder}/pki/hub.crt\n  private_key: {folder}/pki/hub.key\n"
            f"  root_certs: {folder}/pki/ca.crt\n"
            + (f"  token_file: {folder}/tokens\n" if tokens else "")
            + f"webserver:\n  listen_address: 127.0.0.1\n  listen_port: {self.http}\n"
            f"log:\n  path: {folder}/log.db\n"
        )

    def start(self) -> Hub:
        command = [str(BINARY), "hub", "--config", str(self.path / "hub.yaml")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "cadge hub:" in line:
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return self
        raise AssertionError("the hub does not start: " + "".join(said))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process = None

    def remove(self) -> None:
        self.kill()
        self.folder.cleanup()

    def file(self, name: str) -> str:
        return str(self.path / "pki" / name)

    def mtls(self, name: str) -> dict[str, Any]:
        """Arguments of `connect`."""
        files = {"ca": self.file("ca.crt"), "cert": self.file(f"{name}.crt"), "key": self.file(f"{name}.key")}
        return {"hub": self.address, **files}

    def environment(self, name: Optional[str] = None) -> dict[str, str]:
        """A process's environment: with mutual TLS as `name`, or the Unix socket."""
        rest = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        if name is None:
            return {**rest, "CADGE_HUB": self.socket}
        return {**rest, **{f"CADGE_{key.upper()}": str(value) for key, value in self.mtls(name).items()}}


def alert(number: int) -> alert_pb2.Alert:
    """Alert `number` of all that are ever made: every priority, five rules, two namespaces."""
    made = alert_pb2.Alert(
        rule=f"Synthetic rule {number % 5}",
        output=f"alert {number} žluťoučký 隼",
        output_fields={"proc.name": "bash", "proc.pid": str(number), "k8s.ns.name": f"team-{number % 2}"},
        hostname="node-1",
        tags=["container", "mitre_execution"],
        source="syscall",
        sensor="synthetic",
        epoch=1,
        sequence=number,
    )
    made.priority = cast("schema_pb2.priority", number % 8)
    made.time.FromNanoseconds(time.time_ns())
    return made


class Feeder:
    """A sensor: hands in alerts with the numbers 1, 2, 3, … and goes on after a hub's restart."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.acknowledged = 0

    def feed(self, count: int, batch: int = 500, make: Callable[[int], alert_pb2.Alert] = alert) -> int:
        """Hands in so many more alerts, and waits until they are on disk. Answers the last's number."""
        last = self.acknowledged + count
        requests: queue.SimpleQueue[Optional[ingest_pb2.IngestRequest]] = queue.SimpleQueue()
        outgoing: Iterator[Any] = iter(requests.get, None)
        hello = ingest_pb2.Hello(sensor="synthetic", hostname="node-1", version="0.1.0", epoch=1, sources=["ebpf"])
        requests.put(ingest_pb2.IngestRequest(hello=hello))
        options = [("grpc.default_authority", "localhost")]
        with grpc.insecure_channel(f"unix:{self._hub.path}/cadge.sock", options) as channel:
            stub = ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]
            answers = stub.Stream(outgoing, timeout=PATIENCE)
            self.acknowledged = next(answers).welcome.acknowledged
            while self.acknowledged < last:
                first = self.acknowledged + 1
                numbers = range(first, min(last, self.acknowledged + batch) + 1)
                alerts = ingest_pb2.Batch(first_sequence=first, alerts=[make(number) for number in numbers])
                requests.put(ingest_pb2.IngestRequest(batch=alerts))
                self.acknowledged = next(answers).acknowledgement.sequence
            requests.put(None)
        return last


def number(output: str) -> int:
    """The number of the alert that a text comes from."""
    return int(output.split()[1])
