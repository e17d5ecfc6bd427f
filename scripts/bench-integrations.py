#!/usr/bin/env python3
"""What the integrations carry, beside falcosidekick's figures: the same load generator, sink and cases.

usage: bench-integrations.py CADGE COMPAT [CASE...]

COMPAT is the folder with loadgen/ and kafka-start.sh. A case is any part of its name. Prints one figure a line. Everything runs on loopback, and is stopped by its process id.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

DATA, CONTROL = 9900, 9901
KAFKA, KAFKA_CONTROL = 9892, 9902
# The sinks of the case with many destinations: two ports each.
FIRST = 9910
TOKEN = "bench-integrations-token"

# falcosidekick 2.34.1: delivered/s, alerts per CPU second, p50 and p99 in ms, RSS in MB, lost. From the
# measurements in ../shared/compat/hub-facts.md, sections 1.6 and 5; None where there is none.
SIDEKICK = {
    "webhook burst 50000": (1980, 3030, 12000, 17600, 748, 0),
    "webhook burst 200000": (1718, 2630, 58000, 80000, 2812, 0),
    "webhook paced 1000/s": (1000, 1850, 0.9, 95, 156, 0),
    "webhook paced 2000/s": (1867, 2440, 600, 900, 392, 0),
    "webhook sink away for 10 s": (None, None, None, None, None, 3003),
    "webhook 503 for 10 s": (None, None, None, None, None, 3001),
    "webhook sink that never answers": (0, None, None, None, 149, None),
    "webhook kill -9 in a burst": (None, None, None, None, None, 19956),
    "slack burst 50000": (2094, 2380, 11500, 16700, 786, 0),
    "slack paced 1000/s": (1000, 1960, 0.6, 6, None, 0),
    "kafka burst 50000": (7121, 10640, 16, 224, 74, 0),
    "kafka paced 500/s": (500, 3450, 105, 211, 69, 0),
}


def get(url, post=False):
    request = urllib.request.Request(url, method="POST" if post else "GET")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


class Hub:
    """A hub with one integration, in a folder of its own."""

    def __init__(self, cadge, folder, section):
        self.cadge, self.folder = cadge, folder
        self.port = 2899
        with open(f"{folder}/tokens", "w", encoding="utf-8") as tokens:
            tokens.write(f"bench:{TOKEN}\n")
        os.chmod(f"{folder}/tokens", 0o600)
        with open(f"{folder}/hub.yaml", "w", encoding="utf-8") as config:
            json.dump(
                {
                    "grpc": {"bind_address": "", "unix_socket": f"{folder}/cadge.sock"},
                    "webserver": {
                        "listen_address": "127.0.0.1",
                        "listen_port": self.port,
                        "token_file": f"{folder}/tokens",
                    },
                    "log": {"path": f"{folder}/log.db"},
                    "integrations": section,
                },
                config,
            )
        self.start()

    def start(self):
        self.log = open(f"{self.folder}/hub.log", "ab")
        self.process = subprocess.Popen(
            [self.cadge, "hub", "--config", f"{self.folder}/hub.yaml"], stdout=self.log, stderr=self.log
        )
        deadline = time.time() + 20
        while True:
            try:
                get(f"http://127.0.0.1:{self.port}/healthz")
                break
            except OSError:
                if time.time() > deadline or self.process.poll() is not None:
                    sys.exit(open(f"{self.folder}/hub.log", encoding="utf-8").read())
                time.sleep(0.05)
        # The first start makes the cursor: what comes before it is not this integration's.
        time.sleep(0.5)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Bench:
    def __init__(self, cadge, tools, wanted):
        self.cadge, self.tools, self.wanted = cadge, tools, wanted
        self.processes = []

    def wants(self, name):
        return not self.wanted or any(word in name for word in self.wanted)

    def sink(self, *args):
        process = subprocess.Popen([f"{self.tools}/sink", *args], stderr=subprocess.DEVNULL)
        self.processes.append(process)
        time.sleep(0.3)
        return process

    def load(self, hub, count, rate=0, senders=8):
        return subprocess.Popen(
            [
                f"{self.tools}/httpload",
                "-url",
                f"http://bench:{TOKEN}@127.0.0.1:{hub.port}/",
                "-n",
                str(count),
                "-rate",
                str(rate),
                "-c",
                str(senders),
            ],
            stdout=subprocess.PIPE,
        )

    def case(self, name, section, count, rate=0, during=None, sink=(), control=CONTROL, patience=60, senders=8):
        """Runs one case: `during(hub, load)` happens beside the load."""
        if not self.wants(name):
            return
        receiver = self.sink(*sink) if control == CONTROL else None
        with tempfile.TemporaryDirectory(prefix="cadge-bench-", dir=os.path.dirname(self.cadge)) as folder:
            hub = Hub(self.cadge, folder, section)
            get(f"http://127.0.0.1:{control}/__reset", post=True)
            began, cpu, rss = time.time(), hub.cpu(), [hub.rss()]
            load = self.load(hub, count, rate, senders)
            if during:
                during(hub, load)
            last, seen, at = -1, {}, began
            while load.poll() is None or time.time() - at < patience:
                rss.append(hub.rss())
                seen = json.loads(get(f"http://127.0.0.1:{control}/__stats"))
                if seen["total"] != last:
                    last, at = seen["total"], time.time()
                if load.poll() is not None and seen["unique"] >= count:
                    break
                time.sleep(0.1)
            sent = json.loads(load.stdout.read())
            self.tell(name, sent, seen, at - began, hub.cpu() - cpu, max(rss))
            hub.stop()
        if receiver:
            receiver.terminate()
            receiver.wait()

    def tell(self, name, sent, seen, seconds, cpu, rss):
        lost = sent["sent_ok"] - seen["unique"]
        figures = (
            seen["unique"] / seconds,
            seen["unique"] / max(cpu, 0.01),
            seen.get("p50_ms"),
            seen.get("p99_ms"),
            rss,
            lost,
        )
        words = ("delivered/s", "alerts a CPU s", "p50 ms", "p99 ms", "RSS MB", "lost")
        for word, ours, theirs in zip(words, figures, SIDEKICK.get(name, (None,) * 6)):
            theirs = "not measured" if theirs is None else f"{theirs:g}"
            ours = "none" if ours is None else f"{ours:.1f}".removesuffix(".0")
            print(f"{name}: {word}: {ours} (falcosidekick: {theirs})", flush=True)

    def silent(self):
        """A sink that accepts and never answers: nothing is delivered, and memory does not grow."""
        name = "webhook sink that never answers"
        if not self.wants(name):
            return
        receiver = self.sink("-delay", "600s")
        with tempfile.TemporaryDirectory(prefix="cadge-bench-", dir=os.path.dirname(self.cadge)) as folder:
            hub = Hub(self.cadge, folder, {"webhook": {"address": f"http://127.0.0.1:{DATA}/"}})
            cpu, rss = hub.cpu(), [hub.rss()]
            load = self.load(hub, 6000, 200)
            while load.poll() is None:
                rss.append(hub.rss())
                time.sleep(0.1)
            sent = json.loads(load.stdout.read())
            used = hub.cpu() - cpu
            receiver.kill()
            receiver.wait()
            # It becomes one that answers: everything arrives.
            receiver = self.sink()
            began, seen = time.time(), {"unique": 0}
            while seen["unique"] < sent["sent_ok"] and time.time() - began < 90:
                time.sleep(0.1)
                seen = json.loads(get(f"http://127.0.0.1:{CONTROL}/__stats"))
            self.tell(name, sent, {"unique": seen["unique"]}, time.time() - began, used, max(rss))
            hub.stop()
        receiver.terminate()
        receiver.wait()

    def ten(self):
        """Ten destinations: how much later alerts reach seven of them because of the other three."""
        name = "ten at once"
        if not self.wants(name):
            return
        address = "http://127.0.0.1:{}/"
        good = {
            kind: {key: address.format(FIRST + 2 * number)}
            for number, (kind, key) in enumerate(
                [
                    ("webhook", "address"),
                    ("slack", "webhookurl"),
                    ("mattermost", "webhookurl"),
                    ("rocketchat", "webhookurl"),
                    ("discord", "webhookurl"),
                    ("googlechat", "webhookurl"),
                    ("n8n", "address"),
                ]
            )
        }
        slow, failing, nobody = (FIRST + 2 * (len(good) + number) for number in range(3))
        bad = {
            "gotify": {"hostport": address.format(slow), "token": "t"},
            "nodered": {"address": address.format(failing)},
            "cloudevents": {"address": address.format(nobody)},
        }
        receivers = [self.sink("-delay", "10s", *listening(slow)), self.sink("-code", "500", *listening(failing))]
        before = self.seven(good, {})
        after = self.seven(good, bad)
        for kind in good:
            print(f"{name}: {kind}: p50 ms beside the six others: {before[kind]:.2f}", flush=True)
            print(f"{name}: {kind}: p50 ms beside a dead, a slow and a failing one too: {after[kind]:.2f}", flush=True)
        worst = max(after[kind] - before[kind] for kind in good)
        print(f"{name}: ms that the three cost at most: {worst:.2f} (less than 1 is wanted)", flush=True)
        for receiver in receivers:
            receiver.terminate()
            receiver.wait()

    def seven(self, good, bad):
        """The median delay of each of the seven, in ms. Each alert must reach all of them."""
        ports = {kind: FIRST + 2 * number for number, kind in enumerate(good)}
        receivers = [self.sink(*listening(port)) for port in ports.values()]
        count, seen = 6000, {}
        with tempfile.TemporaryDirectory(prefix="cadge-bench-", dir=os.path.dirname(self.cadge)) as folder:
            hub = Hub(self.cadge, folder, good | bad)
            self.load(hub, count, 200).wait()
            deadline = time.time() + 20
            for kind, port in ports.items():
                while time.time() < deadline:
                    seen[kind] = json.loads(get(f"http://127.0.0.1:{port + 1}/__stats"))
                    if seen[kind]["unique"] == count:
                        break
                    time.sleep(0.1)
                else:
                    sys.exit(f"ten at once: {kind} got {seen[kind]['unique']} of {count}")
            hub.stop()
        for receiver in receivers:
            receiver.terminate()
            receiver.wait()
        return {kind: seen[kind]["p50_ms"] for kind in good}

    def kafka(self, compat):
        """A real broker, and a consumer that counts."""
        if not self.wants("kafka burst 50000 kafka paced 500/s"):
            return
        script = os.path.join(compat, "kafka-start.sh")
        cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        libs = os.path.join(cache, "cadge-test/kafka/libs")
        with tempfile.TemporaryDirectory(prefix="cadge-bench-", dir=os.path.dirname(self.cadge)) as folder:
            if os.path.isdir(libs):
                os.symlink(libs, os.path.join(folder, "libs"))
            environment = os.environ | {"KAFKA_PORT": str(KAFKA)}
            subprocess.run([script, "start", folder], check=True, env=environment, stdout=subprocess.DEVNULL)
            try:
                self.kafka_cases()
            finally:
                # It ends with an error where the broker is quick to stop.
                subprocess.run([script, "stop", folder], check=False, env=environment, stderr=subprocess.DEVNULL)
                time.sleep(3)

    def kafka_cases(self):
        section = {"kafka": {"hostport": f"127.0.0.1:{KAFKA}", "topic": "falco"}}
        consumer = [f"{self.tools}/kafkacons", "-broker", f"127.0.0.1:{KAFKA}", "-topic", "falco"]
        consumer = subprocess.Popen([*consumer, "-from-start"], stderr=subprocess.DEVNULL)
        self.processes.append(consumer)
        time.sleep(1)
        self.case("kafka burst 50000", section, 50_000, control=KAFKA_CONTROL)
        self.case("kafka paced 500/s", section, 10_000, 500, control=KAFKA_CONTROL)
        consumer.terminate()
        consumer.wait()

    def stop(self):
        for process in self.processes:
            process.terminate()


def listening(port):
    return ("-addr", f"127.0.0.1:{port}", "-ctl", f"127.0.0.1:{port + 1}")


def away(what, after):
    """The sink goes away, or answers 503, for ten seconds."""

    def during(_hub, _load):
        time.sleep(after)
        get(f"http://127.0.0.1:{CONTROL}/{what}", post=True)

    return during


def killed(hub, load):
    time.sleep(3)
    hub.kill()
    hub.start()


def main():
    cadge, compat, *wanted = sys.argv[1:]
    tools = os.path.join(os.path.dirname(os.path.abspath(cadge)), "loadgen")
    os.makedirs(tools, exist_ok=True)
    subprocess.run(
        ["go", "build", "-buildvcs=false", "-o", tools + "/", "./cmd/sink", "./cmd/httpload", "./cmd/kafkacons"],
        cwd=os.path.join(compat, "loadgen"),
        check=True,
    )
    bench = Bench(os.path.abspath(cadge), tools, wanted)
    webhook = {"webhook": {"address": f"http://127.0.0.1:{DATA}/"}}
    slack = {"slack": {"webhookurl": f"http://127.0.0.1:{DATA}/"}}
    try:
        bench.case("webhook burst 50000", webhook, 50_000)
        bench.case("webhook burst 200000", webhook, 200_000)
        bench.case("webhook burst 50000 by 64 senders", webhook, 50_000, senders=64)
        bench.case("webhook burst 50000, one request at a time", {"webhook": webhook["webhook"] | {"pipelining": 1}}, 50_000)
        bench.case("webhook paced 1000/s", webhook, 20_000, 1000)
        bench.case("webhook paced 2000/s", webhook, 40_000, 2000)
        bench.case("webhook sink away for 10 s", webhook, 9000, 300, away("__down?secs=10", 10))
        bench.case("webhook 503 for 10 s", webhook, 9000, 300, away("__fail?secs=10&code=503", 10))
        bench.silent()
        bench.case("webhook kill -9 in a burst", webhook, 50_000, 0, killed)
        bench.case("slack burst 50000", slack, 50_000)
        bench.case("slack paced 1000/s", slack, 20_000, 1000)
        bench.ten()
        bench.kafka(os.path.abspath(compat))
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
