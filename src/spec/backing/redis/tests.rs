#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

#[test]
fn a_configuration_names_every_user_with_its_rights_and_no_password() {
    let redis: Redis = serde_json::from_value(json!({
        "users": { "api": { "keys": ["orders:*", "stock:*"], "commands": ["+@read"] } },
        "config": { "maxmemory-policy": "allkeys-lru", "databases": 4 },
    }))
    .unwrap();
    let text = &redis.files(100 << 20, &|secret| format!("digest-of-{secret}"))["redis.conf"];
    assert!(text.contains("maxmemory 62914560\n") && text.contains("databases 4\nmaxmemory-policy allkeys-lru\n"));
    assert!(text.contains("user default reset on #digest-of-password ~* &* +@all -@admin\n"), "{text}");
    assert!(text.contains("user api reset on #digest-of-api ~orders:* ~stock:* &* +@read\n"), "{text}");
}

#[test]
fn rights_of_the_default_user_can_be_declared() {
    let redis: Redis = serde_json::from_value(json!({ "users": { "default": { "commands": ["+@all"] } } })).unwrap();
    assert_eq!(redis.logins().collect::<Vec<_>>(), [("default", "password")]);
    assert!(redis.files(1, &|_| String::new())["redis.conf"].ends_with("user default reset on # ~* &* +@all\n"));
}

#[test]
fn what_reaches_beyond_the_server_is_reserved() {
    for directive in ["bind", "bind-source-addr", "tls-port", "include", "Port", "save\nport", "replicaof"] {
        assert!(wrong_directive(directive).is_some(), "{directive}");
    }
    for directive in ["save", "maxmemory-policy", "notify-keyspace-events", "databases"] {
        assert_eq!(wrong_directive(directive), None);
    }
}

#[test]
fn an_expected_null_is_an_expectation() {
    let step = |more: Value| {
        let mut step = json!({ "service": "cache", "command": ["GET", "a"] });
        step.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let step: RedisStep = serde_json::from_value(step).unwrap();
        // A step travels to the agent.
        serde_json::from_value::<RedisStep>(json!(step)).unwrap().reply
    };
    assert_eq!((step(json!({ "reply": null })), step(json!({}))), (Some(Value::Null), None));
}
