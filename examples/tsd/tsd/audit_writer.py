"""audit-writer: one row for each event, however often it comes; readable over HTTP through authz.

A message that is no event is rejected and goes the way of dead letters; a database that is away is waited for.
"""

import json

import psycopg2

from . import broker
from .database import Database
from .service import Handler, log, serve

QUEUE = "q.audit"
database = Database("audit")


def parse(method, properties, body):
    """The row of an event; ValueError says why it is none."""
    try:
        event = json.loads(body)
        _, _, tenant, _ = method.routing_key.split(".")
        data = event["data"]
        row = (properties.message_id, tenant, event["method"], event["uri"], data["path"], data["requestor"], data["group"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(type(error).__name__) from None
    if not all(isinstance(value, str) and value for value in row):
        raise ValueError("a field is missing or no text")
    return row


def write(cursor, row):
    cursor.execute("INSERT INTO audit.events (message_id, tenant, method, uri, path, requestor, grp) "
                   "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (message_id) DO NOTHING", row)


def handle(channel, method, properties, body, connection):
    try:
        row = parse(method, properties, body)
    except ValueError as error:
        log("rejected", message_id=properties.message_id, why=str(error))
        return channel.basic_reject(method.delivery_tag, requeue=False)
    while True:
        try:
            database.run(write, row)
            break
        except psycopg2.OperationalError:
            connection.sleep(0.5)
    channel.basic_ack(method.delivery_tag)
    log("written", message_id=row[0], tenant=row[1])


def consume(connection):
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(QUEUE, lambda *message: handle(*message, connection))
    channel.start_consuming()


class Audit(Handler):
    """`?path=…` and `?message_id=…` choose; without them, the tenant's last hundred."""

    async def get(self, tenant):
        path, identifier = self.get_query_argument("path", None), self.get_query_argument("message_id", None)

        def work(cursor):
            cursor.execute(
                "SELECT message_id, method, uri, path, requestor, grp FROM audit.events "
                "WHERE tenant = %s AND (%s IS NULL OR path = %s) AND (%s IS NULL OR message_id = %s) "
                "ORDER BY number DESC LIMIT 100", (tenant, path, path, identifier, identifier))
            return cursor.fetchall()
        keys = ("message_id", "method", "uri", "path", "requestor", "group")
        events = [dict(zip(keys, row)) for row in await database.do(work)]
        self.finish({"count": len(events), "events": events})


class Health(Handler):
    async def get(self):
        await database.do(lambda cursor: cursor.execute("SELECT 1"))
        self.finish({"ready": True})


def main():
    broker.keep_connected("audit-writer", consume)
    serve("audit-writer", [("/healthz", Health), (r"/v1/(p\d+)/audit", Audit)], 8085)


if __name__ == "__main__":
    main()
