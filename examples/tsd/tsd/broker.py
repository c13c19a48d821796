"""The connection to RabbitMQ: TLS, checked against the environment's authority, in a thread of its own."""

import ssl
import threading
import time

import pika

from .service import SECRETS, log, secret

HOST, PORT, VHOST = "mq", 5671, "tsd-internal"
EXCHANGES = {"files": "ex_files", "survey": "ex_survey", "apps": "ex_apps"}


def connect(user):
    context = ssl.create_default_context(cafile=SECRETS + "ca.crt")
    return pika.BlockingConnection(pika.ConnectionParameters(
        host=HOST, port=PORT, virtual_host=VHOST, heartbeat=20, socket_timeout=3, stack_timeout=5,
        credentials=pika.PlainCredentials(user, secret(f"mq.{user}")),
        ssl_options=pika.SSLOptions(context, HOST)))


def keep_connected(user, work):
    """Calls `work(connection)` in a thread, again and again: a broker that is away is waited for, never fatal."""

    def loop():
        away = False
        while True:
            try:
                connection = connect(user)
                log("broker connected", user=user)
                away = False
                work(connection)
            except Exception as error:  # whatever it was, the connection is made anew
                if not away:
                    log("broker away", user=user, error=type(error).__name__)
                away = True
            time.sleep(0.5)

    threading.Thread(target=loop, daemon=True).start()
