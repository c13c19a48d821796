//! Checks what a description gives to the server of a database or of the broker: configuration, variables and files.

use std::collections::BTreeMap;

use super::context::Checker;
use super::files;
use crate::spec::directive::Directives;
use crate::spec::model::{Broker, Database, FileSource, Scalar};
use crate::spec::ports::{BROKER_ENV, DATABASE_ENV};
use crate::spec::span::FieldPath;

const POSTGRES: Directives = Directives {
    server: "PostgreSQL",
    marks: &['_', '.'],
    reserved: &[
        "port",
        "listen_addresses",
        "unix_socket_directories",
        "data_directory",
        "config_file",
        "include*",
        "external_pid_file",
        "log_destination",
        "logging_collector",
        "log_directory",
        "log_filename",
        "ssl*",
    ],
};

const RABBITMQ: Directives = Directives {
    server: "RabbitMQ",
    marks: &['_', '.'],
    reserved: &[
        "listeners.*",
        "ssl_options.*",
        "load_definitions",
        "definitions.*",
        "loopback_users*",
        "anonymous_login*",
        "default_user*",
        "default_pass*",
        "default_vhost",
        "management.load_definitions",
        "auth_*",
        "cluster_*",
        "log.*",
        "vm_memory_high_watermark*",
    ],
};

/// What both have.
struct Given<'a> {
    config: &'a BTreeMap<String, Scalar>,
    env: &'a BTreeMap<String, String>,
    files: &'a BTreeMap<String, FileSource>,
}

pub(super) fn database(check: &mut Checker<'_>, at: &FieldPath, d: &Database) {
    given(check, at, &Given { config: &d.config, env: &d.env, files: &d.files }, &POSTGRES, &DATABASE_ENV);
}

pub(super) fn broker(check: &mut Checker<'_>, at: &FieldPath, b: &Broker) {
    given(check, at, &Given { config: &b.config, env: &b.env, files: &b.files }, &RABBITMQ, &BROKER_ENV);
}

fn given(check: &mut Checker<'_>, at: &FieldPath, of: &Given<'_>, directives: &Directives, taken: &[&str]) {
    for (name, value) in of.config {
        directives.check(&at.key("config").key(name), name, Some(&value.text()), check.diagnostics);
    }
    check.env(at, of.env, &BTreeMap::new());
    for name in of.env.keys().filter(|name| taken.contains(&name.as_str())) {
        let at = at.key("env").key(name);
        check.diagnostics.add_key(&at, format!("dayfly sets the variable `{name}`"), "remove it");
    }
    files::files(check, &at.key("files"), of.files);
}
