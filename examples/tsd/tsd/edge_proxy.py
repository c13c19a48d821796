"""edge-proxy: the only door. Ends TLS, lets through the public routes alone, and forwards to authz.

Admin and test routes, and whatever else is not named here, do not exist for the outside.
"""

import re
from urllib.parse import unquote

from tornado.httpclient import AsyncHTTPClient

from .forward import forward
from .service import Handler, serve

AUTHZ = "http://authz:8081"
PUBLIC = re.compile(r"/v1/p\d+/(auth|files|survey|apps|audit)(/.*)?")


def public(path):
    """`path` as it came, not decoded: nobody behind may read it as another one."""
    segments = [unquote(segment) for segment in path.split("/")]
    return bool(PUBLIC.fullmatch(path)) and "." not in segments and ".." not in segments


class Edge(Handler):
    async def any(self):
        if not public(self.request.path):
            self.fail(404, "not found")
        token = self.request.headers.get("Authorization")
        await forward(self, AUTHZ, {"Authorization": token} if token else {})

    get = head = put = post = patch = delete = any


class Health(Handler):
    async def get(self):
        answer = await AsyncHTTPClient().fetch(AUTHZ + "/healthz", raise_error=False, request_timeout=3)
        self.set_status(200 if answer.code == 200 else 503)


def main():
    serve("edge-proxy", [("/healthz", Health), ("/.*", Edge)], 8443, tls=True)


if __name__ == "__main__":
    main()
