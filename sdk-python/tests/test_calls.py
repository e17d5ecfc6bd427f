"""Connecting, and calls that end."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hub import Hub, number

import cadge


def test_the_hub_says_its_version(arguments: dict[str, Any]) -> None:
    with cadge.connect(**arguments) as hub:
        version = hub.version()
        assert version.hub.count(".") == 2 and version.engine.startswith("0.")


def test_what_is_not_given_comes_from_the_environment(full_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in full_hub.environment("consumer").items():
        monkeypatch.setenv(name, value)
    with cadge.connect() as hub:
        assert next(iter(hub.get(limit=1))).position == 1


def test_a_socket_s_path_may_have_any_character(full_hub: Hub) -> None:
    other = full_hub.path / "a b#c?d%41ž.sock"
    other.symlink_to(full_hub.path / "cadge.sock")
    with cadge.connect(f"unix://{other}") as hub:
        assert hub.version().hub


def test_pem_files_may_be_given_as_bytes(full_hub: Hub) -> None:
    files = full_hub.mtls("consumer")
    address, pem = files.pop("hub"), {name: Path(file).read_bytes() for name, file in files.items()}
    with cadge.connect(address, ca=pem["ca"], cert=pem["cert"], key=pem["key"]) as hub:
        assert hub.version().hub


def test_get_has_each_alert_of_the_log_once(arguments: dict[str, Any]) -> None:
    with cadge.connect(**arguments) as hub:
        assert [number(alert.output) for alert in hub.get()] == list(range(1, 3001))
        assert [number(alert.output) for alert in hub.get(2990)] == list(range(2991, 3001))
        assert [number(alert.output) for alert in hub.get(10, limit=3)] == [11, 12, 13]


def test_an_alert_has_its_types(arguments: dict[str, Any]) -> None:
    with cadge.connect(**arguments) as hub:
        (alert,) = hub.get(6, limit=1)
    assert (alert.position, alert.rule, alert.priority) == (7, "Synthetic rule 2", cadge.Priority.DEBUG)
    assert alert.output == "alert 7 žluťoučký 隼"
    assert alert.output_fields == {"proc.name": "bash", "proc.pid": "7", "k8s.ns.name": "team-1"}
    assert (alert.hostname, alert.tags, alert.source) == ("node-1", ("container", "mitre_execution"), "syscall")
    assert (alert.id, alert.sensor, alert.epoch, alert.sequence) == ("synthetic/1/7", "synthetic", 1, 7)
    assert alert.time.tzinfo is timezone.utc and abs(alert.time - datetime.now(timezone.utc)) < timedelta(hours=1)
    said = json.loads(alert.falco_json())
    assert said["priority"] == "Debug" and said["output_fields"]["proc.pid"] == "7"
    assert said["time"] == f"{alert.time:%Y-%m-%dT%H:%M:%S}.{alert.time_ns % 10**9:09}Z"


def test_get_takes_a_filter_and_fields(arguments: dict[str, Any]) -> None:
    with cadge.connect(**arguments) as hub:
        condition = 'alert.rule = "Synthetic rule 1" and k8s.ns.name = team-1'
        found = list(hub.get(filter=condition, fields="proc.pid"))
    assert [number(alert.output) for alert in found] == list(range(1, 3001, 10))
    assert found[0].output_fields == {"proc.pid": "1"}


def test_get_takes_times(arguments: dict[str, Any]) -> None:
    now = datetime.now(timezone.utc)
    with cadge.connect(**arguments) as hub:
        assert len(list(hub.get(since=now - timedelta(hours=1), until=now + timedelta(hours=1)))) == 3000
        assert list(hub.get(since=now + timedelta(hours=1))) == []
        # Without a time zone it is local time.
        assert list(hub.get(until=datetime.now() - timedelta(hours=1))) == []


def test_get_new_has_what_this_identity_has_not_had(full_hub: Hub) -> None:
    for arguments in ({"hub": full_hub.socket}, full_hub.mtls("consumer")):
        with cadge.connect(**arguments) as hub:
            alerts = list(hub.get_new())
            assert [number(alert.output) for alert in alerts] == list(range(1, 3001))
            assert (alerts[0].position, alerts[0].id) == (0, "synthetic/1/1")
            assert list(hub.get_new()) == []


def test_a_get_that_nobody_reads_to_its_end_ends(full_hub: Hub) -> None:
    with cadge.connect(full_hub.socket) as hub:
        alerts = hub.get()
        next(alerts)
        del alerts
        assert len(list(hub.get())) == 3000


def test_search_has_pages(arguments: dict[str, Any]) -> None:
    with cadge.connect(**arguments) as hub:
        where = {"rule": "Synthetic rule 1", "namespace": ["team-0", "team-1"]}
        page = hub.search(where, oldest_first=True, limit=400)
        rest = hub.search(where, oldest_first=True, limit=400, page=page.next_page)
        newest = hub.search({cadge.Dimension.PRIORITY: "Debug"}, limit=1)
    assert [number(alert.output) for alert in (*page.alerts, *rest.alerts)] == list(range(1, 3001, 5))
    assert (page.indexed, page.head, rest.next_page) == (3000, 3000, 0)
    assert [number(alert.output) for alert in newest.alerts] == [2999]


def test_count_has_groups(arguments: dict[str, Any]) -> None:
    now = datetime.now(timezone.utc)
    with cadge.connect(**arguments) as hub:
        by_rule = hub.count("rule")
        by_two = hub.count(["namespace", "tag"], where={"host": "node-1"}, since=now - timedelta(hours=1))
        filtered = hub.count(filter='alert.rule = "Synthetic rule 0"')
        steps = hub.count(step=timedelta(hours=1))
    assert by_rule.counts == tuple(cadge.Count((f"Synthetic rule {rule}",), 600) for rule in range(5))
    assert {(count.values, count.count) for count in by_two.counts} == {
        ((f"team-{team}", tag), 1500) for team in (0, 1) for tag in ("container", "mitre_execution")
    }
    assert [count.count for count in filtered.counts] == [600]
    assert sum(count.count for count in steps.counts) == 3000
    assert all(count.start and count.start.minute == 0 for count in steps.counts)
