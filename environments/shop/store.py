"""Stores objects on an S3 server: one signed request, without a library."""

import hashlib
import hmac
import http.client
import time

REGION = "us-east-1"


def put(host, keys, path, body):
    digest, now = hashlib.sha256(body).hexdigest(), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"content-type": "application/json", "host": host, "x-amz-content-sha256": digest, "x-amz-date": now}
    names = ";".join(headers)
    request = "\n".join(["PUT", path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, digest])
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + keys[1]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, SignedHeaders={names}, Signature={signature}")
    connection = http.client.HTTPConnection(host, timeout=3)
    try:
        connection.request("PUT", path, body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{host} answered {answer.status}: {answer.read(500).decode(errors='replace')}")
    finally:
        connection.close()
