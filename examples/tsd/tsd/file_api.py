"""file-api: files, and the tables of survey and apps. Who calls is authz, which says for whom.

PUT    /v1/{tenant}/files/stream/{group}/{name}                  whole upload → 201
PATCH  /v1/{tenant}/files/stream/{group}/{name}?chunk=1          first chunk → 201 `{"id"}`
PATCH  …?chunk=N&id=…  ·  …?chunk=end&id=…                       next chunk, end; out of order → 400 chunk_order_incorrect
GET    /v1/{tenant}/files/resumables/{group}/{name}[?id=…]       unfinished uploads
GET    /v1/{tenant}/files/stream/{group}[/{name}]                list, bytes
DELETE /v1/{tenant}/files/stream/{group}/{name}                  kept aside
POST   /v1/{tenant}/files/restore/{group}/{name}                 and back
PUT    /v1/{tenant}/{survey,apps}/{table}                        rows with an `id` each → 201
GET    /v1/{tenant}/{survey,apps}/{table}                        rows

Every change writes one event into the outbox, and answers with its message_id; it never waits for the broker.
"""

import hashlib
import json

import tornado.web

from . import outbox, storage
from .database import Database
from .service import Handler, serve

database = Database("file_api")
TENANT, GROUP = r"(p\d+)", r"(p\d+-[a-z]+-group)"


class Tenant(Handler):
    """Acts in the database as the tenant's own role, which cannot see the others."""

    async def transaction(self, tenant, work):
        def as_tenant(cursor):
            cursor.execute(f"SET LOCAL ROLE {tenant}")  # two or more digits after a p: see TENANT
            return work(cursor)
        result = await database.do(as_tenant)
        outbox.written.set()
        return result

    async def record(self, tenant, endpoint, data, change):
        """The event and the change stand or fall together; gives the event's message_id."""
        uri = self.request.path
        data = {"requestor": self.request.headers.get("X-Tsd-User"), "group": self.request.headers.get("X-Tsd-Group"), **data}

        def work(cursor):
            event = outbox.put(cursor, tenant, endpoint, self.request.method, uri, data)
            change(cursor)
            return event
        return await self.transaction(tenant, work)

    async def record_file(self, tenant, group, name, change):
        return await self.record(tenant, "files", {"path": f"/{tenant}/files/{group}/{name}"}, lambda _: change())

    def name(self, name):
        if not storage.safe(name):
            self.fail(400, "this is no plain file name")
        return name


@tornado.web.stream_request_body
class Stream(Tenant):
    def prepare(self):
        self.part = None
        if self.request.method in ("PUT", "PATCH"):
            tenant, _, name = self.path_args
            self.name(name)
            self.part = storage.new_part(tenant)
            self.file, self.digest = self.part.open("wb"), hashlib.sha256()

    def data_received(self, chunk):
        if self.part:
            self.file.write(chunk)
            self.digest.update(chunk)

    def on_finish(self):
        if self.part:
            self.part.unlink(missing_ok=True)

    async def put(self, tenant, group, name):
        self.file.close()
        event = await self.record_file(tenant, group, name,
                                       lambda: storage.move(self.part, storage.place(tenant, group, name)))
        self.set_status(201)
        self.finish({"filename": name, "sha256": self.digest.hexdigest(), "event": event})

    async def patch(self, tenant, group, name):
        self.file.close()
        chunk, identifier = self.get_query_argument("chunk"), self.get_query_argument("id", None)
        if chunk == "1" and identifier is None:
            upload = storage.Resumable(tenant, self.part.name, group, name)
        else:
            upload = storage.resumable(tenant, identifier or "", group, name)
        if upload is None:
            self.fail(404, "no such unfinished upload")
        if chunk == "end":
            await self.record_file(tenant, group, name, lambda: upload.end(storage.place(tenant, group, name)))
        elif not chunk.isdecimal() or not upload.add(int(chunk), self.part):
            self.fail(400, "chunk_order_incorrect")
        self.set_status(201)
        self.finish({"filename": name, "id": upload.part.name, "max_chunk": upload.state["max_chunk"]})

    async def get(self, tenant, group, name):
        path = storage.place(tenant, group, self.name(name))
        if not path.is_file():
            self.fail(404, "no such file")
        self.set_header("Content-Type", "application/octet-stream")
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                self.write(data)
                await self.flush()

    async def delete(self, tenant, group, name):
        await self.shift(tenant, group, self.name(name), "files", "deleted", 200)

    async def shift(self, tenant, group, name, source, target, status):
        if not storage.place(tenant, group, name, source).is_file():
            self.fail(404, "no such file")
        event = await self.record_file(tenant, group, name, lambda: storage.move(
            storage.place(tenant, group, name, source), storage.place(tenant, group, name, target)))
        self.set_status(status)
        self.finish({"filename": name, "event": event})


class Restore(Stream):
    SUPPORTED_METHODS = ("POST",)

    async def post(self, tenant, group, name):
        await self.shift(tenant, group, self.name(name), "deleted", "files", 201)


class Names(Tenant):
    async def get(self, tenant, group):
        self.finish({"files": storage.names(tenant, group)})


class Resumables(Tenant):
    async def get(self, tenant, group, name):
        identifier = self.get_query_argument("id", None)
        self.finish({"resumables": storage.resumables(tenant, group, self.name(name), identifier)})


class Table(Tenant):
    async def put(self, tenant, endpoint, table):
        try:
            rows = json.loads(self.request.body)
            rows = rows if isinstance(rows, list) else [rows]
            ids = [str(row["id"]) for row in rows]
        except (ValueError, TypeError, KeyError):
            self.fail(400, "the body is not JSON rows with an id each")

        def change(cursor):
            for identifier, row in zip(ids, rows):
                cursor.execute(f"INSERT INTO {tenant}.rows (endpoint, name, id, row) VALUES (%s, %s, %s, %s) "
                               "ON CONFLICT (endpoint, name, id) DO UPDATE SET row = excluded.row",
                               (endpoint, table, identifier, json.dumps(row)))
        event = await self.record(tenant, endpoint, {"path": f"/{tenant}/{endpoint}/{table}",
                                                     "resource_identifier": {"key": "id", "values": ids}}, change)
        self.set_status(201)
        self.finish({"stored": len(ids), "event": event})

    async def get(self, tenant, endpoint, table):
        def work(cursor):
            cursor.execute(f"SELECT row FROM {tenant}.rows WHERE endpoint = %s AND name = %s ORDER BY id", (endpoint, table))
            return [row for (row,) in cursor.fetchall()]
        self.finish({"rows": await self.transaction(tenant, work)})


class Waiting(Handler):
    async def get(self):
        self.finish({"waiting": await database.do(outbox.count)})


class Stored(Handler):
    async def get(self):
        self.finish({"files": storage.everything()})


class Health(Handler):
    async def get(self):
        await database.do(outbox.count)
        self.finish({"ready": True})


def main():
    outbox.publish_forever(database)
    serve("file-api", [
        ("/healthz", Health), ("/admin/outbox", Waiting), ("/admin/stored", Stored),
        (f"/v1/{TENANT}/files/stream/{GROUP}/([^/]+)", Stream),
        (f"/v1/{TENANT}/files/stream/{GROUP}/?", Names),
        (f"/v1/{TENANT}/files/restore/{GROUP}/([^/]+)", Restore),
        (f"/v1/{TENANT}/files/resumables/{GROUP}/([^/]+)", Resumables),
        (rf"/v1/{TENANT}/(survey|apps)/([a-z]\w{{0,39}})", Table),
    ], 3003)


if __name__ == "__main__":
    main()
