"""The Python client of Falco's API (the package `falco`, 0.4.0), as its examples use it.

    falco_client.py get|sub|version ENDPOINT [CERT KEY CA]

Prints one line of JSON for each alert, and ends when the stream does.
"""

import json
import sys

import falco

method, endpoint = sys.argv[1:3]
client = falco.Client(endpoint, *sys.argv[3:6])

if method == "version":
    version = client.version()
    print(json.dumps({"version": version.version, "engine_version": version.engine_version}))
    sys.exit()

for alert in getattr(client, method)():
    line = {
        "rule": alert.rule,
        "output": alert.output,
        "priority": alert.priority.value,
        "fields": alert.output_fields,
        "hostname": alert.hostname,
        "tags": alert.tags,
        "source_kind": {"syscall": 0, "k8s_audit": 1, "internal": 2}[alert.source.value],
    }
    print(json.dumps(line), flush=True)
