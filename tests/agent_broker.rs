//! The agent against a real RabbitMQ that booted from generated definitions, over TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent_rig;

use std::sync::LazyLock;

use agent_rig::{Agent, Container, agent, engine, loopback, plan, rabbitmq, run, unit};
use dayfly::agent::protocol::{AgentContext, AgentRequest, AgentResponse};
use dayfly::plan::{Plan, ReadyPlan, UnitKind};
use dayfly::secrets::Secrets;
use serde_json::{Value, json};

const PORT: u16 = 5671;

struct Rig {
    plan: Plan,
    secrets: Secrets,
    container: Container,
}

static RIG: LazyLock<Option<Rig>> = LazyLock::new(|| {
    let cli = engine(&rabbitmq())?;
    let name = loopback(10);
    let broker = json!({
        "name": name, "port": PORT, "tls": true,
        "vhosts": {
            "in": {
                "exchanges": { "ex_files": { "type": "topic", "alternate": "ex_unrouted" }, "ex_unrouted": { "type": "fanout" }, "ex_dead": { "type": "fanout" }, "ex_lost": { "type": "direct" } },
                "queues": { "q.audit": { "deadLetter": "ex_dead" }, "q.dead": {}, "q.unrouted": { "arguments": { "x-max-length": 10 } }, "q.idle": {}, "q.lonely": {} },
                "bindings": [
                    { "from": "ex_files", "to": "q.audit", "key": "k.v1.#" }, { "from": "ex_unrouted", "to": "q.unrouted" }, { "from": "ex_dead", "to": "q.dead" },
                ],
            },
            "ext": { "exchanges": { "ex_out": { "type": "fanout" } } },
        },
        "users": {
            "writer": { "permissions": { "in": { "write": "^(ex_files|ex_lost)$" } } },
            "reader": { "permissions": { "in": { "read": "^q\\.audit$" } } },
            "tester": { "permissions": { "in": { "configure": "^dayfly\\..*$", "write": "^(dayfly\\..*|ex_files)$", "read": "^(dayfly\\..*|ex_files|q\\..*)$" } } },
            "maker": { "permissions": { "in": { "configure": ".*", "write": ".*", "read": ".*" } } },
            "nothing": { "permissions": { "in": {}, "ext": {} } },
        },
    });
    let plan = plan(vec![unit(&name, UnitKind::Broker)], broker, json!({}));
    let secrets = dayfly::secrets::generate(&plan, None).unwrap();
    let container = run(cli, &rabbitmq(), &name, PORT, &["RABBITMQ_CONFIG_FILE=/run/secrets/rabbitmq.conf"], &secrets);
    Some(Rig { plan, secrets, container })
});

impl Rig {
    fn name(&self) -> &str {
        &self.plan.units[0].name
    }

    async fn ready_agent(&self) -> Agent {
        let agent = agent(AgentContext::complete(&self.plan, &self.secrets));
        match agent.ready(self.name(), ReadyPlan::Broker, 60_000).await {
            AgentResponse::Ready => agent,
            other => panic!("{other:?}\n{}", self.container.log()),
        }
    }
}

async fn rig() -> Option<(&'static Rig, Agent)> {
    let rig = RIG.as_ref()?;
    Some((rig, rig.ready_agent().await))
}

fn publish(key: &str, json: Value) -> Value {
    json!({ "publish": { "user": "tester", "vhost": "in", "exchange": "ex_files", "key": key, "json": json } })
}

fn try_as(user: &str, operation: &str, name: Value, refused: bool) -> Value {
    let mut step = json!({ "user": user, "vhost": "in", "operation": operation, "refused": refused });
    step.as_object_mut().unwrap().extend(name.as_object().unwrap().clone());
    json!({ "amqpTry": step })
}

async fn attempt_ready(
    rig: &Rig,
    hello: AgentContext,
    ready: ReadyPlan,
) -> (dayfly::agent::protocol::StepFailure, Vec<String>) {
    let agent = agent(hello);
    let mut seen = Vec::new();
    let ask = AgentRequest::Ready { unit: rig.name().into(), ready, within_ms: 4000, at: None };
    match agent.client.ask_with_progress(ask, |last| seen.push(last)).await.unwrap() {
        AgentResponse::Failed(failure) => (failure, seen),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_broker_is_ready_only_when_logins_and_topology_answer() {
    let Some((rig, _agent)) = rig().await else { return };
    let hello = || AgentContext::complete(&rig.plan, &rig.secrets);

    let mut missing = hello();
    let vhosts = &mut missing.broker.as_mut().unwrap().vhosts;
    let idle = vhosts["in"].queues["q.idle"].clone();
    vhosts.get_mut("in").unwrap().queues.insert("q.ghost".into(), idle);
    let (failure, seen) = attempt_ready(rig, missing, ReadyPlan::Broker).await;
    assert!(failure.got.contains("queue q.ghost in virtual host in: 404"), "{failure:?}");
    assert!(failure.waited_ms >= 400, "{failure:?}");
    assert_eq!(seen, [failure.got], "progress is told once, because it never changed");

    let mut wrong = hello();
    wrong.secrets.insert(format!("{}.reader", rig.name()), "wrong".into());
    let (failure, _) = attempt_ready(rig, wrong, ReadyPlan::Broker).await;
    assert!(failure.got.contains("login of reader to virtual host in: 403 ACCESS_REFUSED"), "{failure:?}");

    let mut stranger = hello();
    stranger.ca = dayfly::secrets::generate(&rig.plan, None).unwrap().ca;
    let (failure, _) = attempt_ready(rig, stranger, ReadyPlan::Broker).await;
    assert!(failure.got.contains("certificate"), "{failure:?}");
}

#[tokio::test]
async fn consumers_make_a_queue_ready() {
    let Some((rig, agent)) = rig().await else { return };
    let ready = |queue: &str| ReadyPlan::Consumers { vhost: "in".into(), queue: queue.into(), user: "nothing".into() };
    let (failure, _) = attempt_ready(rig, AgentContext::complete(&rig.plan, &rig.secrets), ready("q.idle")).await;
    assert_eq!(failure.got, "queue q.idle in virtual host in: no consumer");
    // An expect consumes from its queue while it waits.
    let waits = agent.step(json!({ "expect": { "queue": "q.idle", "user": "tester", "vhost": "in" } }), Some(3_000));
    let (ready, waited) = tokio::join!(agent.ready(rig.name(), ready("q.idle"), 2_500), waits);
    assert!(matches!(ready, AgentResponse::Ready), "{ready:?}");
    assert!(matches!(waited, AgentResponse::Failed(_)));
}

#[tokio::test]
async fn logins_are_refused_by_the_broker_or_they_are_not_refused() {
    let Some((rig, agent)) = rig().await else { return };
    agent.holds(json!({ "amqpLogin": { "user": "reader", "vhost": "in" } })).await;
    for refused in [
        json!({ "amqpLogin": { "user": "guest", "password": "guest", "vhost": "in", "refused": true } }),
        json!({ "amqpLogin": { "user": "reader", "password": "wrong", "vhost": "in", "refused": true } }),
        json!({ "amqpLogin": { "user": "reader", "vhost": "ext", "refused": true } }),
    ] {
        agent.holds(refused).await;
    }
    let absent = agent.fails(json!({ "amqpLogin": { "user": "reader", "vhost": "/", "refused": true } })).await;
    assert!(
        absent.got.contains("530") && !absent.inconclusive,
        "a virtual host that is not there refuses nobody: {absent:?}"
    );
    let allowed = agent.fails(json!({ "amqpLogin": { "user": "reader", "vhost": "in", "refused": true } })).await;
    assert_eq!(allowed.got, "it was allowed");
    let unknown = agent.fails(json!({ "amqpLogin": { "user": "ghost", "vhost": "in", "refused": true } })).await;
    assert!(unknown.inconclusive && unknown.got.contains("knows no password"), "{unknown:?}");

    let mut elsewhere = AgentContext::complete(&rig.plan, &rig.secrets);
    elsewhere.broker.as_mut().unwrap().port = 5672;
    let closed = agent_rig::agent(elsewhere)
        .fails(json!({ "amqpLogin": { "user": "reader", "vhost": "in", "refused": true } }))
        .await;
    assert!(closed.got.contains("connection refused"), "a closed port is no refusal by the broker: {closed:?}");
}

#[tokio::test]
async fn each_operation_is_allowed_and_refused_as_permissions_say() {
    let Some((_, agent)) = rig().await else { return };
    let (ex, q) = (json!({ "exchange": "ex_files", "key": "k.none" }), json!({ "queue": "q.audit" }));
    let both = json!({ "exchange": "ex_files", "queue": "q.audit", "key": "k.v1.#" });
    let (new_q, new_ex) = (json!({ "queue": "q.new" }), json!({ "exchange": "ex_new" }));
    for allowed in [
        try_as("writer", "publish", ex.clone(), false),
        try_as("reader", "consume", q.clone(), false),
        try_as("maker", "bind", both.clone(), false),
        try_as("maker", "declare-queue", new_q.clone(), false),
        try_as("maker", "declare-queue", q.clone(), false),
        try_as("maker", "declare-exchange", new_ex.clone(), false),
        try_as("maker", "declare-exchange", json!({ "exchange": "ex_dead" }), false),
    ] {
        agent.holds(allowed).await;
    }
    for refused in [
        try_as("reader", "publish", ex, true),
        try_as("writer", "consume", q.clone(), true),
        try_as("reader", "bind", both, true),
        try_as("reader", "declare-queue", new_q.clone(), true),
        try_as("reader", "declare-queue", q, true),
        try_as("writer", "declare-exchange", new_ex.clone(), true),
        try_as("nothing", "publish", json!({ "key": "q.idle" }), true),
    ] {
        let (_, saw) = agent.holds(refused).await;
        assert!(saw.contains("403 ACCESS_REFUSED"), "{saw}");
    }
    // The attempts left nothing behind.
    let queue = agent
        .fails(json!({ "queueDepth": { "user": "nothing", "vhost": "in", "queue": "q.new", "messages": 0 } }))
        .await;
    assert!(queue.got.contains("404"), "{queue:?}");
    let exchange = agent.fails(try_as("maker", "publish", json!({ "exchange": "ex_new" }), false)).await;
    assert!(exchange.got.contains("404"), "{exchange:?}");
    // A missing object or a refused login does not count as a refusal of the operation.
    let absent = agent.fails(try_as("maker", "consume", json!({ "queue": "q.ghost" }), true)).await;
    assert!(absent.got.contains("404"), "{absent:?}");
    let login = json!({ "amqpTry": { "user": "reader", "vhost": "ext", "operation": "publish", "exchange": "ex_out", "refused": true } });
    assert!(agent.fails(login).await.got.contains("access to vhost"));
    let reserved = agent.fails(try_as("maker", "declare-exchange", json!({ "exchange": "amq.mine" }), true)).await;
    assert!(reserved.got.contains("reserved"), "{reserved:?}");
}

#[tokio::test]
async fn a_listen_collects_what_matches_and_an_expect_takes_it() {
    let Some((_, agent)) = rig().await else { return };
    agent.holds(json!({ "listen": { "as": "l", "user": "tester", "vhost": "in", "exchange": "ex_files", "key": "k.v1.listen.#" } })).await;
    agent.holds(json!({ "expectNothing": { "on": "l", "for": "100ms" } })).await;
    agent.holds(publish("k.v1.listen.a", json!({ "method": "PUT", "data": { "id": 7 } }))).await;
    agent.holds(publish("k.v1.listen.b", json!({ "method": "GET" }))).await;
    let expect = json!({ "expect": {
        "on": "l", "key": "k.v1.listen.a", "json": { "data": { "id": 7 } }, "onlyKeys": ["data", "method"], "lacks": "payload",
        "properties": ["message_id", "timestamp", "persistent", "content_type"],
        "capture": { "id": "$.data.id", "key": "key", "message": "message_id" },
    } });
    let (captured, _) = agent.holds(expect.clone()).await;
    assert_eq!((captured["id"].as_str(), captured["key"].as_str()), ("7", "k.v1.listen.a"));
    assert!(!captured["message"].is_empty());
    let AgentResponse::Failed(gone) = agent.step(expect, Some(200)).await else { panic!("a message is taken once") };
    assert!(gone.got.starts_with("0 of them, and 1 other(s); the last: its key is"), "{gone:?}");
    assert!((200..2_000).contains(&gone.waited_ms), "{gone:?}");
    let loud = agent.fails(json!({ "expectNothing": { "on": "l", "for": "10s" } })).await;
    assert!(loud.got.contains("k.v1.listen.b") && loud.waited_ms < 2_000, "{loud:?}");
    let lacks = agent.fails(json!({ "expect": { "on": "l", "key": "k.v1.listen.b", "lacks": "PUT" } })).await;
    assert_eq!(lacks.expected, "no message that contains \"PUT\"", "messages that were taken count too");
    let unknown = agent.fails(json!({ "expect": { "on": "nobody" } })).await;
    assert!(unknown.inconclusive, "{unknown:?}");
}

#[tokio::test]
async fn one_message_too_many_is_a_failure() {
    let Some((_, agent)) = rig().await else { return };
    agent.holds(json!({ "listen": { "as": "l", "user": "tester", "vhost": "in", "exchange": "ex_files", "key": "k.v1.twice" } })).await;
    let twice = json!({ "publish": { "user": "tester", "vhost": "in", "exchange": "ex_files", "key": "k.v1.twice", "body": "x", "messageId": "same", "times": 2 } });
    agent.holds(twice).await;
    agent
        .holds(json!({ "queueDepth": { "user": "nothing", "vhost": "in", "queue": "q.unrouted", "consumers": 0 } }))
        .await;
    let (captured, _) =
        agent.holds(json!({ "expect": { "on": "l", "count": 2, "capture": { "id": "message_id" } } })).await;
    assert_eq!(captured["id"], "same");
    agent.holds(json!({ "publish": { "user": "tester", "vhost": "in", "exchange": "ex_files", "key": "k.v1.twice", "times": 2 } })).await;
    // Both were confirmed, thus routed; the second may still be on its way here.
    let AgentResponse::Failed(two) = agent.step(json!({ "expect": { "on": "l", "count": 3 } }), Some(300)).await else {
        panic!("two are not three")
    };
    assert!(two.got.starts_with("2 of them"), "{two:?}");
    let one = agent.fails(json!({ "expect": { "on": "l" } })).await;
    assert_eq!((one.expected.as_str(), one.got.as_str()), ("exactly 1 message", "2 of them"));
}

#[tokio::test]
async fn a_message_that_no_queue_takes_is_returned() {
    let Some((_, agent)) = rig().await else { return };
    let lost = |unrouted: bool| json!({ "publish": { "user": "writer", "vhost": "in", "exchange": "ex_lost", "key": "nowhere", "unrouted": unrouted } });
    assert!(agent.fails(lost(false)).await.got.contains("no queue accepts it"));
    agent.holds(lost(true)).await;
    let forbidden =
        agent.fails(json!({ "publish": { "user": "writer", "vhost": "in", "exchange": "ex_dead", "key": "x" } })).await;
    assert!(forbidden.got.contains("403") && !forbidden.inconclusive, "{forbidden:?}");
    let ghost = agent.fails(json!({ "publish": { "user": "maker", "vhost": "in", "exchange": "ex_ghost" } })).await;
    assert!(ghost.got.contains("404"), "{ghost:?}");
    let unknown = agent.fails(json!({ "publish": { "user": "nobody", "vhost": "in" } })).await;
    assert!(unknown.inconclusive, "{unknown:?}");
}

#[tokio::test]
async fn an_expect_on_a_queue_takes_only_what_matches() {
    let Some((_, agent)) = rig().await else { return };
    let depth =
        |n: u32| json!({ "queueDepth": { "user": "nothing", "vhost": "in", "queue": "q.dead", "messages": n } });
    for n in [1, 2] {
        let dead = json!({ "publish": { "user": "maker", "vhost": "in", "exchange": "ex_dead", "json": { "n": n } } });
        agent.holds(dead).await;
    }
    agent.holds(depth(2)).await;
    let take = |n: u32| json!({ "expect": { "queue": "q.dead", "user": "tester", "vhost": "in", "json": { "n": n } } });
    agent.holds(take(2)).await;
    assert!(matches!(agent.step(depth(1), Some(3_000)).await, AgentResponse::Passed { .. }));
    agent.holds(take(1)).await;
    assert!(matches!(agent.step(depth(0), Some(3_000)).await, AgentResponse::Passed { .. }));
    let never = json!({ "expect": { "queue": "q.lonely", "user": "tester", "vhost": "in" } });
    let AgentResponse::Failed(never) = agent.step(never, Some(200)).await else { panic!("nothing is there") };
    assert_eq!(never.got, "0 of them, and no other message; no exchange is bound to q.lonely");
    let listen =
        json!({ "listen": { "as": "deaf", "user": "tester", "vhost": "in", "exchange": "ex_files", "key": "v1.#" } });
    agent.holds(listen).await;
    agent.holds(publish("k.v1.deaf", json!({}))).await;
    let AgentResponse::Failed(deaf) = agent.step(json!({ "expect": { "on": "deaf" } }), Some(200)).await else {
        panic!("its key does not match")
    };
    assert!(deaf.got.contains("the listen is bound to ex_files with `v1.#`, which the key `k.v1.deaf`"), "{deaf:?}");
    let off = agent.fails(depth(5)).await;
    assert_eq!(off.got, "0 ready messages and 0 consumers");
}

#[tokio::test]
async fn no_secret_stands_in_the_brokers_log() {
    let Some((rig, _agent)) = rig().await else { return };
    let log = rig.container.log();
    assert!(log.contains("RabbitMQ"), "{log}");
    assert!(rig.secrets.values.values().all(|value| !log.contains(value)));
}
