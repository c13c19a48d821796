"""authz: central authorization. Checks the token, its tenant and the grants, then forwards to the services.

Grants are read from PostgreSQL and are at most a second old. The services behind trust what authz tells them of the
caller, so nobody else may reach them.
"""

import re
import time

from . import tokens
from .database import Database
from .forward import forward
from .service import Handler, serve

BEHIND = {"files": "http://file-api:3003", "survey": "http://file-api:3003", "apps": "http://file-api:3003",
          "audit": "http://audit-writer:8085"}
AUTH_API = "http://auth-api:8082"
ROUTE = re.compile(r"/v1/(p\d+)/(files|survey|apps|audit)(?:/(.*))?")
database = Database("authz")


class Grants:
    """Which group may do what: (tenant, group, method, resource)."""

    def __init__(self):
        self.known, self.read_at = set(), 0.0

    async def current(self):
        if time.monotonic() - self.read_at > 1:
            self.known = set(await database.do(read_grants))
            self.read_at = time.monotonic()
        return self.known


def read_grants(cursor):
    cursor.execute("SELECT tenant, grp, method, resource FROM iam.grants")
    return cursor.fetchall()


def granted_group(grants, claims, tenant, method, resource, rest):
    """The group by which the caller may do it, or none. A path under `files` names its group: it must be that one."""
    groups = claims["groups"]
    if resource == "files":
        named = (rest or "").split("/")[1:2]
        groups = [group for group in groups if [group] == named]
    for group in groups:
        if (tenant, group, method, resource) in grants:
            return group
    return None


grants = Grants()


class Authz(Handler):
    async def any(self):
        claims = tokens.read(self.request.headers.get("Authorization"))
        if claims is None:
            self.fail(401, "the token is missing, expired or not ours")
        route = ROUTE.fullmatch(self.request.path)
        if not route:
            self.fail(404, "not found")
        tenant, resource, rest = route.groups()
        if claims["proj"] != tenant:
            self.fail(403, "the token is for another tenant")
        group = granted_group(await grants.current(), claims, tenant, self.request.method, resource, rest)
        if group is None:
            self.fail(403, "no group of the token has this grant")
        await forward(self, BEHIND[resource], {"X-Tsd-User": claims["user"], "X-Tsd-Group": group})

    get = head = put = post = patch = delete = any


class Tokens(Handler):
    """Who has no token yet cannot show one: auth-api checks these requests itself."""

    async def post(self):
        await forward(self, AUTH_API, {"Authorization": self.request.headers.get("Authorization", "")})


class Claims(Handler):
    """A test route: what the caller's token says. The edge hides it."""

    async def get(self):
        claims = tokens.read(self.request.headers.get("Authorization"))
        self.finish({"claims": claims}) if claims else self.fail(401, "the token is missing, expired or not ours")


class Admin(Handler):
    """An admin route of file-api, for operators inside. The edge hides it."""

    async def get(self):
        await forward(self, BEHIND["files"], {})


class Health(Handler):
    async def get(self):
        self.set_status(200 if await grants.current() else 503)


def main():
    serve("authz", [("/healthz", Health), ("/test/claims", Claims), ("/admin/outbox", Admin),
                    (r"/v1/p\d+/auth/(?:token|refresh)", Tokens), ("/.*", Authz)], 8081)


if __name__ == "__main__":
    main()
