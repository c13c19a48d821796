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
        assert!(DIRECTIVES.wrong(directive).is_some(), "{directive}");
    }
    for directive in ["save", "maxmemory-policy", "notify-keyspace-events", "databases"] {
        assert_eq!(DIRECTIVES.wrong(directive), None);
    }
}

#[test]
fn a_value_is_one_line_and_rights_stay_as_they_are() {
    let redis = |config: Value, keys: Value| -> Redis {
        serde_json::from_value(json!({ "config": config, "users": { "none": { "keys": keys } } })).unwrap()
    };
    let text = redis(json!({ "save": "", "appendonly": true, "hz": 10 }), json!([])).files(10, &|_| "0".into());
    for line in ["save \"\"", "appendonly yes", "hz 10"] {
        assert!(text["redis.conf"].lines().any(|l| l == line), "{line}: {text:?}");
    }
    let faults = |value: Value| {
        let mut sink = DiagnosticSink::new(Default::default(), "description");
        redis(json!({ "save": value }), json!([])).check(&FieldPath::root(), &mut sink);
        sink.list.len()
    };
    assert_eq!((faults(json!("60 1")), faults(json!("60 1\nuser evil on nopass"))), (0, 1));
    // A stored plan must not widen them.
    let none = redis(json!({}), json!([]));
    assert_eq!(serde_json::from_value::<Redis>(json!(none)).unwrap(), none);
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
