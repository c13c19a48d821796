"""Sends a request on to another service, its path as it came, and its answer back."""

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

KEPT = ("Content-Type", "Content-Disposition")
AsyncHTTPClient.configure(None, max_clients=50, max_body_size=256 << 20)


async def forward(handler, to, headers):
    """`headers` are all that the next service gets, besides the content type."""
    request = handler.request
    if "Content-Type" in request.headers:
        headers = {**headers, "Content-Type": request.headers["Content-Type"]}
    body = request.body if request.method in ("PUT", "POST", "PATCH") or request.body else None
    try:
        answer = await AsyncHTTPClient().fetch(
            HTTPRequest(to + request.uri, method=request.method, headers=headers, body=body, allow_nonstandard_methods=True,
                        follow_redirects=False, decompress_response=False, connect_timeout=3, request_timeout=60),
            raise_error=False)
    except (OSError, ValueError):
        handler.fail(502, "the service behind does not answer")
    if answer.code == 599:
        handler.fail(502, "the service behind does not answer")
    handler.set_status(answer.code)
    for name in KEPT:
        if name in answer.headers:
            handler.set_header(name, answer.headers[name])
    if answer.code != 204:
        handler.finish(answer.body or b"")
