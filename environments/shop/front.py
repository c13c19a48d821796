"""Takes orders over HTTP and puts them into a queue; shows what the worker has made of them."""

import json
import logging
import os
import signal
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pika
import psycopg2
import redis

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
logging.getLogger("pika").setLevel(logging.ERROR)


def secret(name):
    with open("/run/secrets/" + name) as file:
        return file.read().strip()


def publish(order):
    connection = pika.BlockingConnection(pika.ConnectionParameters(
        host="mq", virtual_host="shop", socket_timeout=3, stack_timeout=5,
        credentials=pika.PlainCredentials("front", secret("mq.front"))))
    with connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("orders", "new", json.dumps(order), mandatory=True)


def count(order):
    with redis.Redis(host="cache", username="front", password=secret("cache.front"), socket_timeout=3) as cache:
        cache.incrby("taken:" + order["article"], order["count"])


def take(order):
    publish(order)
    count(order)
    return 202, {"order": order["id"]}


def query(sql, *arguments):
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=3)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()
    finally:
        connection.close()


class Front(BaseHTTPRequestHandler):
    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/orders" or not order.get("count", 0) > 0:
            return self.answer(400, {"message": "an order has an article and a count"})
        order["id"] = str(uuid.uuid4())
        self.attempt(lambda: take(order))

    def do_GET(self):
        if self.path == "/healthz":
            self.attempt(lambda: (query("SELECT 1"), (200, {"ready": True}))[1])
        elif self.path == "/summary":
            self.attempt(lambda: (200, dict(query("SELECT article, sum(count)::int FROM orders GROUP BY article"))))
        elif self.path == "/staff/orders":
            self.attempt(self.all_orders)
        else:
            self.attempt(self.order)

    def order(self):
        rows = query("SELECT article, state FROM orders WHERE id::text = %s", self.path.rpartition("/")[2])
        return (200, dict(zip(("article", "state"), rows[0]))) if rows else (404, {"message": "not yet packed"})

    def all_orders(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            jwt.decode(token, secret("staff"), algorithms=["HS256"], audience="shop", options={"require": ["exp"]})
        except jwt.InvalidTokenError as error:
            return (401, {"message": str(error)})
        return (200, {"orders": query("SELECT id::text, article, state FROM orders ORDER BY id LIMIT 1000")})

    def attempt(self, work):
        try:
            self.answer(*work())
        except Exception as error:
            logging.error("%s failed: %s: %s", self.path, type(error).__name__, error)
            self.answer(503, {"message": "something that the shop needs does not answer"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# The first process of a container gets no default signal handlers.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("", 8080), Front).serve_forever()
