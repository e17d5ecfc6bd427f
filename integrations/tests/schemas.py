"""Checks alerts in every format against the schemas that the formats' authors publish.

One alert a line on standard input, as an object of its formats. The argument is the folder of npm's @elastic/ecs.
"""

import json
import pathlib
import re
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf import json_format
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

PROFILES = ["host", "container"]


def check_cloudevent(formats):
    """Both modes read as the same event; reading checks the attributes."""
    structured = HTTPMessage({"content-type": "application/cloudevents+json"}, formats["cloudevent"].encode())
    binary = HTTPMessage(formats["headers"], formats["falco"].encode())
    one = from_structured(structured, JSONFormat(), CloudEvent)
    two = from_binary(binary, JSONFormat(), CloudEvent)
    # The package stops at what the binding lets both modes say: attributes and data.
    assert one.get_attributes() == two.get_attributes(), (one.get_attributes(), two.get_attributes())
    assert one.get_data() == two.get_data()
    assert one.get_type() == "falco.rule.output.v1" and one.get_specversion() == "1.0"


def ocsf_validators():
    """The version that is written, and later ones: what is valid must stay so."""
    for version in ("1.3.0", "1.5.0", "1.7.0"):
        schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version))
        yield version, Draft202012Validator(schema.get_class_schema("detection_finding", PROFILES))


def check_ocsf(finding, validators):
    assert finding["metadata"]["version"] == "1.3.0"
    for version, validator in validators:
        finding["metadata"]["version"] = version
        for error in validator.iter_errors(finding):
            raise AssertionError(f"OCSF {version}: {error.json_path}: {error.message[:400]}")


def check_otlp(kind, formats):
    """Protobuf and JSON read as the same request, without a field that the definitions do not have."""
    from_bytes, from_json = kind(), kind()
    from_bytes.ParseFromString(bytes.fromhex(formats["protobuf"]))
    json_format.Parse(json.dumps(formats["json"]), from_json)
    assert from_bytes == from_json, (from_bytes, from_json)
    # Fields that are not known would get lost here.
    again = kind()
    json_format.Parse(json_format.MessageToJson(from_bytes), again)
    assert again.ByteSize() == len(bytes.fromhex(formats["protobuf"])), "a field that is not in the definitions"


def ecs_fields(folder):
    """Names with dots and their types, out of the TypeScript declarations."""
    fields = {}
    for path in sorted(pathlib.Path(folder).glob("package/build/esm/*.d.ts")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        kind = re.search(r"export interface Ecs\w+ \{", text)
        if not kind:
            continue
        names = [] if path.name == "base.d.ts" else [path.name.removesuffix(".d.ts")]
        for line in text[kind.end():].splitlines():
            if match := re.match(r"\s*'?([@\w]+)'?\??: \{$", line):
                names.append(match[1])
            elif match := re.match(r"\s*'?([@\w]+)'?\??: (.+);$", line):
                fields[".".join(names + [match[1]])] = match[2]
            elif re.match(r"\s*\};$", line):
                names.pop()
    return fields


def check_ecs(value, fields, path=""):
    """`falco` is ours; everything else must be in the schema, with its type."""
    for name, member in value.items():
        name = f"{path}.{name}" if path else name
        if name == "falco":
            continue
        if isinstance(member, dict):
            check_ecs(member, fields, name)
            continue
        kind = fields.get(name)
        assert kind is not None, f"ECS has no `{name}`"
        is_list = isinstance(member, list)
        assert "Array" in kind or not is_list, f"`{name}` is no list in ECS"
        # A literal is `ecs.version`, which is the package's own there.
        kind = "string" if kind.startswith("'") else kind
        wanted = {"number": (int, float), "boolean": bool, "string": str}[kind.split(" ")[0]]
        for one in member if is_list else [member]:
            assert isinstance(one, wanted), f"`{name}` is {kind} in ECS: {one!r}"


def main():
    fields = ecs_fields(sys.argv[1])
    if not fields:
        print("SKIPPED formats_keep_to_the_published_schemas, ECS: npm's @elastic/ecs is not in", sys.argv[1])
    validators = list(ocsf_validators())
    count = 0
    for line in sys.stdin:
        formats = json.loads(line)
        check_cloudevent(formats)
        check_ocsf(formats["ocsf"], validators)
        check_otlp(ExportLogsServiceRequest, formats["logs"])
        check_otlp(ExportMetricsServiceRequest, formats["metrics"])
        if fields:
            check_ecs(formats["ecs"], fields)
        count += 1
    print(f"checked {count} alerts")


main()
