"""auth-api: issues and refreshes tokens for the persons of a tenant.

POST /v1/{tenant}/auth/token    `Authorization: Bearer <client key>`, `{"user", "expires_in"}` → 201 `{"token"}`
POST /v1/{tenant}/auth/refresh  `Authorization: Bearer <token>` → 201 `{"token"}`, groups as they are now
"""

import hmac
import json
import os

from . import tokens
from .database import Database
from .service import Handler, secret, serve

LONGEST = 3600
CLIENT_KEY = secret("client-key")
TEST_PERSON = os.environ["TEST_PERSON"].split("/")
database = Database("auth_api")


def groups_of(cursor, tenant, user):
    cursor.execute("SELECT grp FROM iam.members WHERE tenant = %s AND person = %s ORDER BY grp", (tenant, user))
    return [group for (group,) in cursor.fetchall()]


class Issue(Handler):
    async def post(self, tenant):
        given = self.request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), b"Bearer " + CLIENT_KEY.encode()):
            self.fail(401, "the client key is missing or wrong")
        try:
            wish = json.loads(self.request.body)
            user, seconds = wish["user"], wish.get("expires_in", 1800)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.fail(400, "the body is not JSON with a user")
        if not isinstance(user, str) or not isinstance(seconds, int) or not 1 <= seconds <= LONGEST:
            self.fail(400, f"user must be text, expires_in a number from 1 to {LONGEST}")
        await answer(self, tenant, user, seconds)


class Refresh(Handler):
    async def post(self, tenant):
        claims = tokens.read(self.request.headers.get("Authorization"))
        if claims is None:
            self.fail(401, "the token is missing, expired or not ours")
        if claims["proj"] != tenant:
            self.fail(403, "the token is for another tenant")
        await answer(self, tenant, claims["user"], 1800)


async def answer(handler, tenant, user, seconds):
    groups = await database.do(groups_of, tenant, user)
    if not groups:
        handler.fail(403, "no such person in this tenant")
    handler.set_status(201)
    handler.finish({"token": tokens.issue(tenant, user, groups, seconds)})


class Health(Handler):
    """Ready when a token can be issued to the test person."""

    async def get(self):
        tenant, user = TEST_PERSON
        groups = await database.do(groups_of, tenant, user)
        ready = groups and tokens.read("Bearer " + tokens.issue(tenant, user, groups, 5))
        self.set_status(200 if ready else 503)


def main():
    serve("auth-api", [("/healthz", Health), (r"/v1/(p\d+)/auth/token", Issue),
                       (r"/v1/(p\d+)/auth/refresh", Refresh)], 8082)


if __name__ == "__main__":
    main()
