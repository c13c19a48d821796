"""Prints what was packed, for the report."""

import os

import psycopg2

with psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=3) as database, database.cursor() as cursor:
    cursor.execute("SELECT article, sum(count)::int FROM orders GROUP BY article ORDER BY article")
    for article, count in cursor.fetchall():
        print(f"{article}: {count} packed")
