"""Packs orders: takes each from the queue and writes it into the database. It has no port, and waits for what is away."""

import json
import logging
import os
import signal
import time

import pika
import psycopg2

import store

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
logging.getLogger("pika").setLevel(logging.CRITICAL)


def secret(name):
    with open("/run/secrets/" + name) as file:
        return file.read().strip()


def pack(channel, method, _, body):
    order = json.loads(body)
    slip = json.dumps({"article": order["article"], "count": order["count"]}).encode()
    keys = secret("store.aws_access_key_id"), secret("store.aws_secret_key")
    store.put("store:9000", keys, f"/slips/{order['id']}.json", slip)
    database = psycopg2.connect(
        host="pg", dbname="shop", user="worker", password=secret("pg.worker"), connect_timeout=3)
    with database, database.cursor() as cursor:
        cursor.execute("INSERT INTO orders VALUES (%s, %s, %s, 'packed') ON CONFLICT DO NOTHING",
                       (order["id"], order["article"], order["count"]))
    database.close()
    channel.basic_ack(method.delivery_tag)
    logging.info("packed %s", order["id"])


def work():
    connection = pika.BlockingConnection(pika.ConnectionParameters(
        host="mq", virtual_host="shop", socket_timeout=3, stack_timeout=5,
        credentials=pika.PlainCredentials("worker", secret("mq.worker"))))
    try:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("orders.new", pack)
        logging.info("waiting for orders")
        channel.start_consuming()
    finally:
        # Otherwise the broker keeps the order that could not be packed for a consumer that is gone.
        if connection.is_open:
            connection.close()


# The first process of a container gets no default signal handlers.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    try:
        work()
    except (pika.exceptions.AMQPError, psycopg2.Error, OSError) as error:
        logging.warning("cannot work: %s: %s", type(error).__name__, error)
    time.sleep(0.5)
