"""PostgreSQL for the stand-ins: short transactions on one connection a thread, off the event loop."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from .service import secret


class Database:
    """One login role. `work(cursor)` runs in one transaction; a broken connection is replaced once."""

    def __init__(self, role):
        self.role = role
        self.local = threading.local()
        # One thread: its connection is opened by the first question of readiness, and not in the middle of the work.
        self.threads = ThreadPoolExecutor(max_workers=1)

    def connect(self):
        return psycopg2.connect(host="pg-data", dbname="tsd", user=self.role, connect_timeout=3,
                                password=secret(f"pg-data.{self.role}"))

    def run(self, work, *arguments):
        for last in (False, True):
            try:
                connection = self.local.connection
            except AttributeError:
                connection = self.local.connection = self.connect()
            try:
                with connection, connection.cursor() as cursor:
                    return work(cursor, *arguments)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                del self.local.connection
                connection.close()
                if last:
                    raise

    async def do(self, work, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self.threads, self.run, work, *arguments)
