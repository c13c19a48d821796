-- Persons, groups and grants; a schema per tenant; the outbox of file-api; the audit trail.
-- Runs as the superuser after the login roles were made (see `databases` in environment.yaml).

REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Identity and access: auth-api and authz read, nobody writes.
CREATE SCHEMA iam;
CREATE TABLE iam.members (
    tenant text NOT NULL,
    person text NOT NULL,
    grp    text NOT NULL,
    PRIMARY KEY (tenant, person, grp)
);
CREATE TABLE iam.grants (
    tenant   text NOT NULL,
    grp      text NOT NULL,
    method   text NOT NULL,
    resource text NOT NULL,
    PRIMARY KEY (tenant, grp, method, resource)
);
GRANT USAGE ON SCHEMA iam TO auth_api, authz;
GRANT SELECT ON iam.members TO auth_api;
GRANT SELECT ON iam.grants TO authz;

-- Events that wait for the broker: tenants add, file-api publishes.
CREATE SCHEMA outbox;
CREATE TABLE outbox.events (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL UNIQUE,
    exchange   text NOT NULL,
    key        text NOT NULL,
    event      jsonb NOT NULL
);
GRANT USAGE ON SCHEMA outbox TO file_api, p11, p12;
GRANT INSERT ON outbox.events TO p11, p12;
GRANT SELECT, DELETE ON outbox.events TO file_api;

-- A schema per tenant, owned and seen by the tenant's own role alone.
CREATE SCHEMA AUTHORIZATION p11 CREATE TABLE rows (
    endpoint text NOT NULL, name text NOT NULL, id text NOT NULL, row jsonb NOT NULL, PRIMARY KEY (endpoint, name, id)
);
CREATE SCHEMA AUTHORIZATION p12 CREATE TABLE rows (
    endpoint text NOT NULL, name text NOT NULL, id text NOT NULL, row jsonb NOT NULL, PRIMARY KEY (endpoint, name, id)
);
-- file-api may become either, one transaction at a time, and has nothing of them by itself.
ALTER ROLE file_api NOINHERIT;
GRANT p11, p12 TO file_api;

-- The audit trail only grows.
CREATE SCHEMA audit;
CREATE TABLE audit.events (
    number     bigint GENERATED ALWAYS AS IDENTITY,
    message_id text PRIMARY KEY,
    tenant     text NOT NULL,
    method     text NOT NULL,
    uri        text NOT NULL,
    path       text NOT NULL,
    requestor  text NOT NULL,
    grp        text NOT NULL,
    written    timestamptz NOT NULL DEFAULT now()
);
GRANT USAGE ON SCHEMA audit TO audit;
GRANT SELECT, INSERT ON audit.events TO audit;
