"""`python -m cadge` as its users run it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hub import PATIENCE, TOKEN, Feeder, Hub, alert

ROOT = Path(__file__).parents[1]


def start(hub: Hub, *arguments: str, name: str | None = "consumer") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cadge", *arguments]
    environment = {**hub.environment(name), "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def run(hub: Hub, *arguments: str, name: str | None = "consumer", code: int = 0) -> str:
    process = start(hub, *arguments, name=name)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, stderr
    return stdout if code == 0 else stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_tail_ends_well_and_goes_on(hub: Hub, end: signal.Signals) -> None:
    feeder = Feeder(hub)
    for first in (1, 4):
        feeder.feed(3)
        process = start(hub, "tail", "--cursor", "mine", "--from", "beginning")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines == [f"alert {number} žluťoučký 隼\n" for number in range(first, first + 3)]
        # A line is dealt with once the next alert is asked for: a moment after it was printed.
        time.sleep(0.5)
        process.send_signal(end)
        assert process.communicate(timeout=PATIENCE) == ("", "") and process.returncode == 0


def test_get_prints_json_or_lines(full_hub: Hub) -> None:
    lines = run(full_hub, "get", "--after", "10", "--limit", "2", "--fields", "proc.pid, proc.name").splitlines()
    assert lines == ["alert 11 žluťoučký 隼", "alert 12 žluťoučký 隼"]
    said = json.loads(run(full_hub, "get", "--after", "0", "--filter", "proc.pid = 7", "--json"))
    assert (said["rule"], said["priority"]) == ("Synthetic rule 2", "Debug")
    assert said["tags"] == ["container", "mitre_execution"]
    assert len(run(full_hub, "get").splitlines()) == 3000 and run(full_hub, "get") == ""


def test_lines_have_colours_and_obey_no_stranger(hub: Hub) -> None:
    def typed(number: int) -> Any:
        made = alert(number)
        made.output = "12:00:00: Alert read \x1b[2J\n(Alert)"
        return made

    Feeder(hub).feed(1, make=typed)
    get = ("get", "--socket", f"{hub.path}/cadge.sock", "--after", "0", "--color")
    assert run(hub, *get, "never", name=None) == "12:00:00: Alert read \\u{1b}[2J\\n(Alert)\n"
    coloured = "\x1b[2m12:00:00: \x1b[0m\x1b[1;31mAlert\x1b[0m read \\u{1b}[2J\\n(Alert)\n"
    assert run(hub, *get, "always", name=None) == coloured


def test_count(full_hub: Hub) -> None:
    lines = run(full_hub, "count", "rule,namespace", "--since", "24h", "--rule", "Synthetic rule 1").splitlines()
    assert lines == ["300\tSynthetic rule 1\tteam-0", "300\tSynthetic rule 1\tteam-1"]
    said = [json.loads(line) for line in run(full_hub, "count", "priority", "--step", "1d", "--json").splitlines()]
    assert sum(each["count"] for each in said) == 3000 and {each["priority"] for each in said} > {"Notice", "Debug"}


def test_push(hub: Hub) -> None:
    arguments = ("--priority", "critical", "--tag", "site", "--host", "gate", "Door opened", "open", "door=north")
    assert run(hub, "push", *arguments, name="sensor") == "kept\n"
    said = json.loads(run(hub, "get", "--json"))
    assert (said["rule"], said["priority"], said["hostname"]) == ("Door opened", "Critical", "gate")
    assert (said["tags"], said["output_fields"]) == (["site"], {"door": "north"})


def test_mistakes_are_told(full_hub: Hub) -> None:
    assert "InvalidRequest: " in run(full_hub, "tail", "--filter", "no.such = 1", code=1)
    assert "PermissionDenied: " in run(full_hub, "get", name="sensor", code=1)
    assert "HubDown: " in run(full_hub, "get", "--socket", "/none.sock", code=1)
    assert "need `--after`" in run(full_hub, "get", "--limit", "1", code=1)
    assert "there are rule, priority" in run(full_hub, "count", "colour", code=2)
    assert "is no time" in run(full_hub, "count", "--since", "yesterday", code=2)
    assert "is no NAME=VALUE" in run(full_hub, "push", "R", "o", "x", code=2)


def test_a_token_from_a_file(tmp_path: Path) -> None:
    hub = Hub(tokens=True).start()
    try:
        Feeder(hub).feed(1)
        (tmp_path / "token").write_text(TOKEN + "\n")
        reach = ("--hub", hub.address, "--ca", hub.file("ca.crt"), "--token-file")
        assert run(hub, "get", *reach, str(tmp_path / "token"), name=None) == "alert 1 žluťoučký 隼\n"
        assert "can't read `/none`" in run(hub, "get", *reach, "/none", name=None, code=1)
    finally:
        hub.remove()


def test_a_reader_that_goes_away_is_no_failure(full_hub: Hub) -> None:
    process = start(full_hub, "get", "--after", "0")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")
    process.stderr.close()


@pytest.mark.parametrize("command", ["tail", "get", "count", "push"])
def test_help_has_examples(full_hub: Hub, command: str) -> None:
    assert f"python -m cadge {command} " in run(full_hub, command, "--help").split("examples:")[1]
