"""What every stand-in does alike: JSON log lines, secrets from files, errors as JSON, a quick end on SIGTERM.

Nothing here, and nothing that uses it, logs a header, a body or a query string: tokens and payload stay out of logs.
"""

import asyncio
import json
import os
import signal
import ssl
import sys
import time

import psycopg2
import tornado.web

SECRETS = "/run/secrets/"


def log(event, **fields):
    print(json.dumps({"time": round(time.time(), 3), "event": event, **fields}), file=sys.stdout, flush=True)


def secret(name):
    with open(SECRETS + name) as file:
        return file.read().strip()


class Handler(tornado.web.RequestHandler):
    """Answers errors as `{"message": …}`; a status of 500 says nothing of its cause to the caller."""

    def fail(self, status, message):
        raise tornado.web.HTTPError(status, reason=message)

    def write_error(self, status_code, **kwargs):
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, psycopg2.OperationalError):
            self.set_status(503, "the database does not answer")
        reason = getattr(error, "reason", None) if status_code < 500 else None
        self.finish({"message": reason or self._reason})

    def log_exception(self, kind, error, trace):
        if not isinstance(error, tornado.web.HTTPError):
            log("failed", method=self.request.method, path=self.request.path, error=kind.__name__)

    def set_default_headers(self):
        self.clear_header("Server")


def note(handler):
    """One line for a request; questions of the readiness probe are left out."""
    request = handler.request
    if request.path != "/healthz":
        log("request", method=request.method, path=request.path, status=handler.get_status(),
            ms=round(request.request_time() * 1000))


def serve(name, routes, port, tls=False):
    """Serves until SIGTERM. The first process of a container gets no default signal handlers, hence our own."""

    async def run():
        app = tornado.web.Application(routes, log_function=note, default_handler_class=Missing)
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(SECRETS + "tls.crt", SECRETS + "tls.key")
        app.listen(port, ssl_options=context, max_body_size=256 << 20)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        log("listening", service=name, port=port, tls=tls)
        await stop.wait()
        log("stopped", service=name)

    asyncio.run(run())
    # Threads of the broker connection must not hold the process.
    sys.stdout.flush()
    os._exit(0)


class Missing(Handler):
    def prepare(self):
        self.fail(404, "not found")
