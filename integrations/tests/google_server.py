"""Google's token, metadata and Pub/Sub servers in one, as strict as they are documented to be.

    google_server.py PORT FOLDER      writes a service account's key into FOLDER/account.json, and serves

A token is given for a request that the account has signed, and to whoever asks the metadata server rightly. `/seen`
tells what came, and `/revoke` ends every token.
"""

import base64
import json
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]
URL = f"http://127.0.0.1:{PORT}"
EMAIL, KEY_ID = "hub@fleet.iam.gserviceaccount.com", "k1"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SEEN = {"grants": [], "unauthorized": 0, "published": []}
TOKENS = set()


def write_account():
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    account = {
        "type": "service_account",
        "project_id": "fleet",
        "private_key_id": KEY_ID,
        "private_key": KEY.private_bytes(*encoding).decode(),
        "client_email": EMAIL,
        "token_uri": f"{URL}/token",
    }
    with open(f"{FOLDER}/account.json", "w", encoding="utf-8") as file:
        json.dump(account, file)


def decoded(part):
    assert "=" not in part, "padding"
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def scope_of(form):
    """What a signed request asks for. Everything in it is checked."""
    assert set(form) == {"grant_type", "assertion"}, "parameters"
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer", "grant_type"
    signed, signature = form["assertion"].rsplit(".", 1)
    KEY.public_key().verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}, "header"
    assert claims["iss"] == EMAIL and claims["aud"] == f"{URL}/token", "claims"
    assert abs(claims["iat"] - time.time()) < 60 and claims["exp"] - claims["iat"] == 3600, "time"
    assert set(claims) == {"iss", "scope", "aud", "iat", "exp"}, "claims"
    return claims["scope"]


def publish(body):
    assert set(body) == {"messages"} and 1 <= len(body["messages"]) <= 1000, "messages"
    for entry in body["messages"]:
        assert set(entry) <= {"data", "attributes", "orderingKey"}, "keys"
        alert = json.loads(base64.b64decode(entry["data"], validate=True))
        SEEN["published"].append([alert["output"], entry.get("attributes"), entry.get("orderingKey")])
    return {"messageIds": [str(number) for number, _ in enumerate(body["messages"])]}


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, code=200):
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def grant(self, scope):
        SEEN["grants"].append(scope)
        token = f"ya29.T0KEN-{len(SEEN['grants'])}"
        TOKENS.add(token)
        self.answer({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def do_GET(self):
        if self.path == METADATA and self.headers["Metadata-Flavor"] == "Google":
            return self.grant("metadata")
        return self.answer(SEEN) if self.path == "/seen" else self.answer({}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        try:
            self.take(body)
        except Exception as error:
            wrong = {"error": "invalid_grant", "error_description": f"{type(error).__name__} {error}"}
            self.answer(wrong, 400)

    def take(self, body):
        if self.path == "/token":
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded", "content type"
            return self.grant(scope_of(dict(urllib.parse.parse_qsl(body, strict_parsing=True))))
        if self.path == "/revoke":
            TOKENS.clear()
            return self.answer({})
        assert self.path == "/v1/projects/fleet/topics/alerts:publish", "path"
        if self.headers["Authorization"].removeprefix("Bearer ") not in TOKENS:
            SEEN["unauthorized"] += 1
            return self.answer({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401)
        return self.answer(publish(json.loads(body)))


write_account()
ThreadingHTTPServer(("127.0.0.1", PORT), Site).serve_forever()
