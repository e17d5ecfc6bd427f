"""Computes the signature of a request to AWS anew, from the request itself as it came, and compares."""

import base64
import hashlib
import hmac
import json
import sys
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SECRET = "T0KEN"


def digest(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def check(request):
    headers = dict(request["headers"])
    fields = dict(
        field.strip().split("=", 1)
        for field in headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
    )
    key_id, day, region, service, ending = fields["Credential"].split("/")
    assert key_id == "AKIDEXAMPLE" and ending == "aws4_request", fields
    body = request["body"].encode()
    if headers.get("content-type") == "application/vnd.apache.parquet":
        body = base64.b64decode(body)
    parts = urlsplit(request["path"])
    once = quote(unquote(parts.path), safe="/-_.~")
    path = once if service == "s3" else quote(parts.path, safe="/-_.~")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    names = fields["SignedHeaders"].split(";")
    assert names == sorted(names) and {"host", "x-amz-date"} <= set(names), names
    unsigned = {name for name in headers if name.startswith("x-amz-") and name not in names}
    assert not unsigned, unsigned
    canonical = "\n".join(
        [request["method"], path, "&".join("=".join(pair) for pair in pairs)]
        + [f"{name}:{headers[name]}" for name in names]
        + ["", ";".join(names), digest(body)]
    )
    if service == "s3":
        assert headers["x-amz-content-sha256"] == digest(body)
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest(canonical)])
    key = ("AWS4" + SECRET).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    assert expected == fields["Signature"], (service, expected, fields["Signature"], canonical)
    return service


print(" ".join(sorted(check(json.loads(line)) for line in sys.stdin)))
