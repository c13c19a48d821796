//! Redis, and servers that speak its protocol (Valkey, KeyDB): what is declared, how it runs, and the step `redis`. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::profile::{About, Credential, Profile};
use crate::spec::diagnostic::DiagnosticSink;
use crate::spec::directive::Directives;
use crate::spec::span::FieldPath;

mod step;

pub use step::{DEFAULT_USER, RedisStep};

/// Words about it.
pub(super) const ABOUT: About = About {
    noun: "redis",
    ready: "it refuses who has no password, and every user logs in and gets a reply",
    lost: "its keys",
    refusals: &[
        ("wrongpass", "wrong password"),
        ("invalid username-password pair", "wrong password"),
        ("noauth authentication required", "no password was sent"),
        ("has no permissions to", "the user lacks the right"),
        ("no permissions to access", "the user lacks the right"),
    ],
    images: &["redis", "valkey", "keydb"],
};
/// Port of Redis.
pub const PORT: u16 = 6379;
/// Rights of a user that lists none: everything but the administration of the server.
const RIGHTS: [&str; 2] = ["+@all", "-@admin"];
/// Its configuration.
const DIRECTIVES: Directives = Directives {
    server: "Redis",
    marks: &['-'],
    reserved: &[
        "port",
        "bind*",
        "unixsocket*",
        "protected-mode",
        "dir",
        "user",
        "aclfile",
        "requirepass",
        "masterauth",
        "masteruser",
        "include",
        "loadmodule",
        "daemonize",
        "supervised",
        "pidfile",
        "logfile",
        "syslog-*",
        "replica*",
        "slave*",
        "tls-*",
        "cluster-*",
        "rename-command",
    ],
};
/// Commands after which a connection has no single reply, or speaks another protocol.
const WITHOUT_REPLY: [&str; 10] =
    ["subscribe", "psubscribe", "ssubscribe", "monitor", "sync", "psync", "hello", "reset", "quit", "multi"];

/// A Redis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// Further users by name; each gets a generated password, delivered as the secret `<name>.<user>`. That of the user `default`
    /// is `<name>.password`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, RedisUser>,
    /// Directives of its configuration, such as `maxmemory-policy`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Value>,
}

/// Rights of a user of a Redis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisUser {
    /// Patterns of the keys that it may use (default all).
    #[serde(default = "all")]
    #[schemars(example = &["orders:*"])]
    pub keys: Vec<String>,
    /// Patterns of the channels that it may use (default all).
    #[serde(default = "all")]
    pub channels: Vec<String>,
    /// Rules for commands in the words of Redis (default `+@all` and `-@admin`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = &["+@read", "+publish"])]
    pub commands: Vec<String>,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Redis {
    /// Every user, `default` first, with the secret that is its password.
    pub fn logins(&self) -> impl Iterator<Item = (&str, &str)> {
        let further = self.users.keys().map(String::as_str).filter(|user| *user != DEFAULT_USER);
        std::iter::once(DEFAULT_USER).chain(further).map(|user| (user, Self::secret_of(user)))
    }

    /// The name of the secret that is the password of a user, without that of the Redis.
    pub fn secret_of(user: &str) -> &str {
        if user == DEFAULT_USER { "password" } else { user }
    }

    pub(super) fn profile(&self) -> Profile {
        Profile {
            port: PORT,
            // The official images of Redis and Valkey start the server with it, and so does a server itself.
            args: vec!["/run/secrets/redis.conf".to_owned()],
            env: BTreeMap::new(),
            writable: vec!["/data".to_owned()],
            credentials: self.logins().map(|(_, secret)| Credential::password(secret)).collect(),
            receives_credentials: false,
        }
    }

    /// The configuration. `digests` are SHA-256 in hexadecimal of the passwords by secret, and `memory` is the container's limit
    /// in bytes.
    pub(super) fn files(&self, memory: u64, digest: &dyn Fn(&str) -> String) -> BTreeMap<String, String> {
        // A snapshot is written by a copy of the process.
        let mut text = format!("port {PORT}\nprotected-mode no\ndir /data\nmaxmemory {}\n", memory / 10 * 6);
        for (directive, value) in &self.config {
            text.push_str(&format!("{directive} {}\n", written(value)));
        }
        for (user, secret) in self.logins() {
            let own =
                self.users.get(user).cloned().unwrap_or(RedisUser { keys: all(), channels: all(), commands: vec![] });
            let keys = own.keys.iter().map(|pattern| format!("~{pattern}"));
            let channels = own.channels.iter().map(|pattern| format!("&{pattern}"));
            let rights =
                if own.commands.is_empty() { RIGHTS.map(str::to_owned).to_vec() } else { own.commands.clone() };
            let rules: Vec<String> = keys.chain(channels).chain(rights).collect();
            text.push_str(&format!("user {user} reset on #{} {}\n", digest(secret), rules.join(" ")));
        }
        [("redis.conf".to_owned(), text)].into()
    }

    pub(super) fn check(&self, at: &FieldPath, sink: &mut DiagnosticSink) {
        for (name, user) in &self.users {
            let at = at.key("users").key(name);
            check_user(name, &at, sink);
            for (key, patterns) in [("keys", &user.keys), ("channels", &user.channels)] {
                for (i, pattern) in patterns.iter().enumerate().filter(|(_, p)| !is_word(p)) {
                    let message = format!("`{pattern}` cannot be a pattern of {key}");
                    sink.add(&at.key(key).index(i), message, "write one without spaces, such as `orders:*`");
                }
            }
            for (i, rule) in user.commands.iter().enumerate().filter(|(_, rule)| !is_rule(rule)) {
                let help = "write a category or a command, such as `+@read`, `-@dangerous` or `+client|id`";
                sink.add(&at.key("commands").index(i), format!("`{rule}` is not a rule for commands"), help);
            }
        }
        for (directive, value) in &self.config {
            let at = at.key("config").key(directive);
            let is_plain = !value.is_object() && !value.is_array() && !value.is_null();
            DIRECTIVES.check(&at, directive, is_plain.then(|| written(value)).as_deref(), sink);
        }
    }

    /// Checks a step; texts with variables are known only while the suite runs.
    pub fn check_step(&self, at: &FieldPath, step: &RedisStep, sink: &mut DiagnosticSink) {
        let users: Vec<&str> = self.logins().map(|(user, _)| user).collect();
        // With a password of its own, a login may be of a user that must not exist.
        if step.password.is_none() && !users.contains(&step.user.as_str()) && !step.user.contains(['$', '{']) {
            let message = format!("the Redis `{}` has no user `{}`", step.service, step.user);
            sink.add_unknown(&at.key("user"), message, &step.user, users);
        }
        match step.command.first().map(|word| word.to_ascii_lowercase()) {
            None => {
                sink.add(&at.key("command"), "the command is empty", "write a command and its arguments: `[GET, key]`")
            }
            Some(word) if WITHOUT_REPLY.contains(&word.as_str()) => {
                let message = format!("`{}` has no single reply", step.command[0]);
                sink.add(
                    &at.key("command").index(0),
                    message,
                    "use another command; each step has a connection of its own",
                );
            }
            Some(_) => {}
        }
        let expected = [
            (step.reply.is_some() || step.contains.is_some(), "reply"),
            (step.error.is_some(), "error"),
            (step.refused, "refused"),
        ];
        let expected: Vec<&str> = expected.into_iter().filter(|(given, _)| *given).map(|(_, key)| key).collect();
        if let [one, other, ..] = expected.as_slice() {
            sink.add(at, format!("the step expects both `{one}` and `{other}`"), "keep one of the two");
        }
    }
}

fn check_user(name: &str, at: &FieldPath, sink: &mut DiagnosticSink) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 63 || !name.chars().all(legal) {
        sink.add_key(
            at,
            format!("`{name}` cannot be the name of a user"),
            "use at most 63 letters, digits, `-` and `_`",
        );
    } else if name == "password" {
        sink.add_key(at, "the secret of a user `password` would be that of `default`", "choose another name");
    }
}

/// Whether a text is one word of a line of the configuration, without quotes.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\'))
}

fn is_rule(rule: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '|' | '-' | '_');
    rule.len() > 1 && rule.starts_with(['+', '-']) && rule[1..].chars().all(legal)
}

/// A value as it stands in the configuration.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
