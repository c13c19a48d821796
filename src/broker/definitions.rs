//! The definitions file that RabbitMQ imports at boot (`load_definitions`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::model::Digest;
use crate::plan::BrokerPlan;
use crate::spec::model::{Binding, BrokerUser, Queue, Scalar, Vhost};

/// A password and the four bytes of its salt.
#[derive(Clone)]
pub struct Password {
    /// The password; the definitions contain only its hash.
    pub text: String,
    /// Salt.
    pub salt: [u8; 4],
}

/// Renders the definitions for RabbitMQ 3.10 to 4.x, with a user for each entry of `plan.users` that has a password.
///
/// There is no `guest`, and no user has a tag, so nobody can administer the broker. With definitions, RabbitMQ creates
/// neither its default user nor the virtual host `/`. Permission patterns stay as written: RabbitMQ does not anchor them,
/// so `audit` allows `q.audit.old` too, and an empty pattern allows nothing.
pub fn definitions(plan: &BrokerPlan, passwords: &BTreeMap<String, Password>) -> Value {
    let users: Vec<Value> = passwords
        .iter()
        .filter(|(name, _)| plan.users.contains_key(*name))
        .map(|(name, password)| user(name, password))
        .collect();
    let permissions: Vec<Value> = plan.users.iter().flat_map(|(name, user)| permissions(name, user)).collect();
    let vhosts: Vec<Value> = plan.vhosts.keys().map(|name| json!({ "name": name })).collect();
    let each = |list: fn(&str, &Vhost) -> Vec<Value>| {
        plan.vhosts.iter().flat_map(|(name, vhost)| list(name, vhost)).collect::<Vec<Value>>()
    };
    json!({
        "vhosts": vhosts,
        "users": users,
        "permissions": permissions,
        "topic_permissions": [],
        "parameters": [],
        "global_parameters": [],
        "policies": [],
        "exchanges": each(exchanges),
        "queues": each(queues),
        "bindings": each(bindings),
    })
}

fn user(name: &str, password: &Password) -> Value {
    json!({
        "name": name,
        "password_hash": hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    })
}

/// Hashes a password in RabbitMQ's format: base64 of the salt followed by SHA-256 of salt and password.
fn hash(password: &Password) -> String {
    let digest = Digest::compute([&password.salt, password.text.as_bytes()].concat());
    let mut bytes = password.salt.to_vec();
    bytes.extend_from_slice(digest.as_bytes());
    STANDARD.encode(bytes)
}

fn permissions(name: &str, user: &BrokerUser) -> Vec<Value> {
    let one = |(vhost, p): (&String, &crate::spec::model::Permission)| json!({ "user": name, "vhost": vhost, "configure": p.configure, "write": p.write, "read": p.read });
    user.permissions.iter().map(one).collect()
}

fn exchanges(vhost: &str, content: &Vhost) -> Vec<Value> {
    let one = |(name, exchange): (&String, &crate::spec::model::Exchange)| {
        let mut arguments = Map::new();
        if let Some(alternate) = &exchange.alternate {
            arguments.insert("alternate-exchange".into(), json!(alternate));
        }
        json!({ "name": name, "vhost": vhost, "type": exchange.kind.as_str(), "durable": true, "auto_delete": false, "internal": false, "arguments": arguments })
    };
    content.exchanges.iter().map(one).collect()
}

fn queues(vhost: &str, content: &Vhost) -> Vec<Value> {
    let one = |(name, queue): (&String, &Queue)| json!({ "name": name, "vhost": vhost, "durable": true, "auto_delete": false, "arguments": arguments(queue) });
    content.queues.iter().map(one).collect()
}

fn arguments(queue: &Queue) -> Map<String, Value> {
    let scalar = |value: &Scalar| match value {
        Scalar::Bool(value) => json!(value),
        Scalar::Int(value) => json!(value),
        Scalar::Text(value) => json!(value),
    };
    let mut arguments: Map<String, Value> =
        queue.arguments.iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
    if let Some(exchange) = &queue.dead_letter {
        arguments.insert("x-dead-letter-exchange".into(), json!(exchange));
    }
    arguments
}

fn bindings(vhost: &str, content: &Vhost) -> Vec<Value> {
    let one = |binding: &Binding| {
        let kind = if content.queues.contains_key(&binding.to) { "queue" } else { "exchange" };
        json!({ "source": binding.from, "vhost": vhost, "destination": binding.to, "destination_type": kind, "routing_key": binding.key, "arguments": {} })
    };
    content.bindings.iter().map(one).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plan() -> BrokerPlan {
        serde_json::from_value(json!({
            "name": "mq", "port": 5672, "tls": false,
            "vhosts": { "in": {
                "exchanges": { "ex": { "type": "topic", "alternate": "ex_unrouted" }, "ex_unrouted": { "type": "fanout" } },
                "queues": { "q": { "deadLetter": "ex_unrouted", "arguments": { "x-max-length": 5, "x-queue-type": "classic" } } },
                "bindings": [ { "from": "ex", "to": "q", "key": "k.#" }, { "from": "ex", "to": "ex_unrouted" } ],
            } },
            "users": { "writer": { "permissions": { "in": { "write": "^ex$" } } }, "nobody": { "permissions": {} } },
        }))
        .unwrap()
    }

    fn passwords() -> BTreeMap<String, Password> {
        BTreeMap::from([("writer".to_owned(), Password { text: "test12".into(), salt: [0x90, 0x8d, 0xc6, 0x0a] })])
    }

    #[test]
    fn a_password_is_hashed_as_rabbitmq_documents_it() {
        // The worked example of RabbitMQ's documentation on password hashes.
        assert_eq!(hash(&passwords()["writer"]), "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }

    #[test]
    fn nobody_is_administrator_and_there_is_no_guest() {
        let made = definitions(&plan(), &passwords());
        assert_eq!(made["users"][0]["tags"], json!([]));
        assert_eq!(made["users"].as_array().unwrap().len(), 1);
        assert!(!made.to_string().contains("guest"));
        assert!(!made.to_string().contains("test12"));
    }

    #[test]
    fn topology_and_permissions_stand_as_declared() {
        let made = definitions(&plan(), &passwords());
        assert_eq!(
            made["permissions"],
            json!([{ "user": "writer", "vhost": "in", "configure": "", "write": "^ex$", "read": "" }])
        );
        assert_eq!(made["exchanges"][0]["arguments"], json!({ "alternate-exchange": "ex_unrouted" }));
        assert_eq!(
            made["queues"][0]["arguments"],
            json!({ "x-dead-letter-exchange": "ex_unrouted", "x-max-length": 5, "x-queue-type": "classic" })
        );
        assert_eq!(made["bindings"][0]["destination_type"], "queue");
        assert_eq!(made["bindings"][1]["destination_type"], "exchange");
    }
}
