"""A plain client of Falco's API, as its users wrote them: stubs from the .proto files and grpcio.

    client.py STUBS get|sub|version TARGET COUNT [CA CERT KEY]

Prints one line of JSON for each alert, and stops after COUNT of them (0: when the stream ends).
The last line is the status.
"""

import json
import sys

import grpc

stubs, method, target, count = sys.argv[1:5]
sys.path.insert(0, stubs)

from falco import outputs_pb2, outputs_pb2_grpc, version_pb2, version_pb2_grpc  # noqa: E402


def channel():
    if len(sys.argv) < 6:
        return grpc.insecure_channel(target)
    ca, cert, key = (open(path, "rb").read() if path != "-" else None for path in sys.argv[5:8])
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert))


def requests():
    yield outputs_pb2.request()


def alerts(stub):
    return stub.get(outputs_pb2.request()) if method == "get" else stub.sub(requests())


status = "OK"
try:
    if method == "version":
        version = version_pb2_grpc.serviceStub(channel()).version(version_pb2.request())
        print(json.dumps({"version": version.version, "engine_version": version.engine_version}), flush=True)
    else:
        for number, alert in enumerate(alerts(outputs_pb2_grpc.serviceStub(channel())), start=1):
            fields = dict(alert.output_fields)
            print(json.dumps({"rule": alert.rule, "output": alert.output, "fields": fields, "source": alert.source}), flush=True)
            if number == int(count):
                break
except grpc.RpcError as error:
    status = error.code().name
print(status, flush=True)
