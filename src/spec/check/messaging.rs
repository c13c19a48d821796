//! Checks steps at the broker and at databases: users, virtual hosts, queues, exchanges, roles.

use super::broker::{exchange, queue, user, vhost};
use super::capture::captures;
use super::context::{Checker, is_literal};
use super::preceding::PrecedingSteps;
use crate::spec::model::{Action, AmqpOperation, AmqpTry, Expect, Publish, Sql};
use crate::spec::span::FieldPath;

/// Message properties that `expect` can require.
const PROPERTIES: [&str; 13] = [
    "app_id",
    "content_encoding",
    "content_type",
    "correlation_id",
    "expiration",
    "headers",
    "message_id",
    "persistent",
    "priority",
    "reply_to",
    "timestamp",
    "type",
    "user_id",
];

pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, action: &Action, preceding: &PrecedingSteps<'_>) {
    match action {
        Action::AmqpLogin(login) => {
            let at = at.key("amqpLogin");
            vhost(check, &at, &login.vhost);
            // With a password of its own, a login may be of a user that must not exist.
            if login.password.is_none() {
                user(check, &at, &login.user);
            }
        }
        Action::Publish(publish) => self::publish(check, &at.key("publish"), publish),
        Action::Listen(listen) => {
            let at = at.key("listen");
            user(check, &at, &listen.user);
            exchange(check, &at, &listen.vhost, &listen.exchange);
        }
        Action::Expect(of) => expect(check, &at.key("expect"), of, preceding),
        Action::ExpectNothing(of) => {
            let at = at.key("expectNothing");
            listened(check, &at, &of.on, preceding);
            check.duration(&at.key("for"), &of.duration);
        }
        Action::AmqpTry(of) => attempt(check, &at.key("amqpTry"), of),
        Action::QueueDepth(of) => {
            let at = at.key("queueDepth");
            user(check, &at, &of.user);
            queue(check, &at, &of.vhost, &of.queue);
            if of.messages.is_none() && of.consumers.is_none() {
                check.diagnostics.add(
                    &at,
                    "the step expects neither messages nor consumers",
                    "add `messages` or `consumers`",
                );
            }
        }
        Action::Sql(of) => sql(check, &at.key("sql"), of),
        _ => {}
    }
}

fn publish(check: &mut Checker<'_>, at: &FieldPath, publish: &Publish) {
    user(check, at, &publish.user);
    exchange(check, at, &publish.vhost, &publish.exchange);
    if publish.body.is_some() && publish.json.is_some() {
        check.diagnostics.add(at, "the message has both `body` and `json`", "keep one of the two");
    }
    if publish.times == 0 {
        check.diagnostics.add(&at.key("times"), "the message would never be published", "write 1 or more");
    }
}

fn listened(check: &mut Checker<'_>, at: &FieldPath, on: &str, preceding: &PrecedingSteps<'_>) {
    if !preceding.listens.contains(on) && is_literal(on) {
        let message = format!("no earlier `listen` of this suite is called `{on}`");
        check.diagnostics.add_unknown(&at.key("on"), message, on, preceding.listens.iter().copied());
    }
}

fn expect(check: &mut Checker<'_>, at: &FieldPath, expect: &Expect, preceding: &PrecedingSteps<'_>) {
    match (&expect.on, &expect.queue) {
        (Some(on), None) => listened(check, at, on, preceding),
        (None, Some(name)) => match (&expect.user, &expect.vhost) {
            (Some(by), Some(vhost)) => {
                user(check, at, by);
                queue(check, at, vhost, name);
            }
            _ => check.diagnostics.add(at, "messages of a queue need `user` and `vhost`", "add both"),
        },
        _ => {
            let help = "give exactly one of `on`, the name of a `listen`, and `queue`";
            check.diagnostics.add(at, "the step names no source of messages", help);
        }
    }
    for (i, name) in expect.properties.iter().enumerate().filter(|(_, p)| !PROPERTIES.contains(&p.as_str())) {
        let message = format!("`{name}` is not a message property");
        check.diagnostics.add_unknown(&at.key("properties").index(i), message, name, PROPERTIES);
    }
    captures(check, &at.key("capture"), &expect.capture, &["key", "message_id"], false);
}

fn attempt(check: &mut Checker<'_>, at: &FieldPath, of: &AmqpTry) {
    user(check, at, &of.user);
    let (wants_exchange, wants_queue) = match of.operation {
        AmqpOperation::Publish => (true, false),
        AmqpOperation::Consume => (false, true),
        AmqpOperation::Bind => (true, true),
        AmqpOperation::DeclareQueue | AmqpOperation::DeclareExchange => (false, false),
    };
    if wants_exchange {
        exchange(check, at, &of.vhost, &of.exchange);
    }
    if wants_queue {
        queue(check, at, &of.vhost, &of.queue);
    }
    if wants_exchange || wants_queue {
        return;
    }
    vhost(check, at, &of.vhost);
    let (key, name) =
        if of.operation == AmqpOperation::DeclareQueue { ("queue", &of.queue) } else { ("exchange", &of.exchange) };
    if name.is_empty() {
        check.diagnostics.add(at, format!("the step does not say which {key} to declare"), format!("add `{key}`"));
    }
}

fn sql(check: &mut Checker<'_>, at: &FieldPath, sql: &Sql) {
    let Some(database) = check.environment.databases.get(&sql.database) else {
        if is_literal(&sql.database) {
            let message = format!("there is no database `{}`", sql.database);
            let candidates = check.environment.databases.keys().map(String::as_str);
            check.diagnostics.add_unknown(&at.key("database"), message, &sql.database, candidates);
        }
        return;
    };
    if !check.secrets.contains(&format!("{}.{}", sql.database, sql.role)) && is_literal(&sql.role) {
        let message = format!("the database `{}` has no role `{}`", sql.database, sql.role);
        check.diagnostics.add_unknown(&at.key("role"), message, &sql.role, database.roles.iter().map(String::as_str));
    }
    if sql.query.trim().is_empty() {
        check.diagnostics.add(&at.key("query"), "the query is empty", "write an SQL statement");
    }
}
