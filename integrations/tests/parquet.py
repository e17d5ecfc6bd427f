"""Reads the files of a data lake, and compares each row with the finding that it is to be.

Findings come a line each on standard input. The argument is the lake's folder. DuckDB reads the files; what it reads
must be valid by OCSF's schema, too.
"""

import datetime
import json
import pathlib
import re
import sys

import duckdb
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(member) for member in value] if isinstance(value, list) else value


def as_read(finding):
    """A lake has no place for members of any type: fields without a place of their own are text there."""
    if unmapped := finding.get("unmapped"):
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in unmapped.items()}
        finding["unmapped"] = texts
    return finding


def rows(path):
    """A file's rows, as findings."""
    # A path has `=` in it, which is no column here.
    source = duckdb.sql("SELECT * FROM read_parquet(?, hive_partitioning = false)", params=[str(path)])
    for row in source.fetchall():
        finding = without_nulls(dict(zip(source.columns, row)))
        for evidence in finding.get("evidences", []):
            if "data" in evidence:
                evidence["data"] = json.loads(evidence["data"])
        yield finding


def check_file(path, found):
    """What Security Lake asks for: the day in the name, rows in order, one group, compressed."""
    parts = duckdb.execute("SELECT DISTINCT compression, row_group_id FROM parquet_metadata(?)", [str(path)]).fetchall()
    assert parts == [("SNAPPY", 0)], (path, parts)
    times = [finding["time"] for finding in found]
    day = re.search(r"/region=[\w-]+/accountId=[\w-]+/eventDay=(\d{8})/[0-9a-f-]{36}\.parquet$", str(path))
    if day:
        assert times == sorted(times), path
        days = {datetime.datetime.fromtimestamp(time / 1000, datetime.UTC).strftime("%Y%m%d") for time in times}
        assert days == {day[1]}, (path, days)
    return bool(day)


def main():
    lake = pathlib.Path(sys.argv[1])
    validator = Draft202012Validator(
        OcsfJsonSchemaEmbedded(get_ocsf_schema("1.3.0")).get_class_schema("detection_finding", ["host", "container"])
    )
    expected = {}
    for line in sys.stdin:
        finding = as_read(json.loads(line))
        expected[finding["metadata"]["uid"]] = finding
    files, count, in_place = sorted(lake.rglob("*.parquet")), 0, 0
    for path in files:
        found = list(rows(path))
        in_place += check_file(path, found)
        for finding in found:
            wanted = expected.pop(finding["metadata"]["uid"], None)
            assert finding == wanted, f"{path}:\n{finding}\n{wanted}"
            for error in validator.iter_errors(finding):
                raise AssertionError(f"{error.json_path}: {error.message[:400]}")
            count += 1
    assert not expected, f"missing: {sorted(expected)[:10]}"
    print(f"{count} rows in {len(files)} files, {in_place} in their place")


main()
