"""Events that must not be lost: written in the same transaction as what they tell of, published when the broker is there.

An event leaves the outbox after the broker confirmed it; it may then be published twice, with the same message_id,
but never not at all.
"""

import json
import threading
import time
import uuid

import pika

from . import broker
from .service import log

written = threading.Event()


def put(cursor, tenant, endpoint, method, uri, data):
    """Metadata only: never what was uploaded. Gives the message_id."""
    message_id = str(uuid.uuid4())
    event = {"method": method, "uri": uri, "version": "v1", "data": data}
    cursor.execute("INSERT INTO outbox.events (message_id, exchange, key, event) VALUES (%s, %s, %s, %s)",
                   (message_id, broker.EXCHANGES[endpoint], f"k.v1.{tenant}.{endpoint}", json.dumps(event)))
    return message_id


def waiting(cursor):
    cursor.execute("SELECT number, message_id, exchange, key, event FROM outbox.events ORDER BY number LIMIT 100")
    return cursor.fetchall()


def forget(cursor, number):
    cursor.execute("DELETE FROM outbox.events WHERE number = %s", (number,))


def count(cursor):
    cursor.execute("SELECT count(*) FROM outbox.events")
    return cursor.fetchone()[0]


def publish_forever(database):
    def work(connection):
        channel = connection.channel()
        channel.confirm_delivery()
        for exchange in broker.EXCHANGES.values():
            channel.exchange_declare(exchange, passive=True)
        while True:
            for number, message_id, exchange, key, event in database.run(waiting):
                channel.basic_publish(exchange, key, json.dumps(event).encode(), pika.BasicProperties(
                    message_id=str(message_id), timestamp=int(time.time()), delivery_mode=2,
                    content_type="application/json"))
                database.run(forget, number)
                log("published", message_id=str(message_id), key=key)
            written.wait(0.5)
            written.clear()
            connection.process_data_events(0)  # heartbeats, and the news that the broker went away

    broker.keep_connected("file-api", work)
