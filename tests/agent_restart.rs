//! The agent while a broker (without TLS) and a database are restarted under it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent_rig;

use agent_rig::{POSTGRES, agent, engine, loopback, none, plan, rabbitmq, run, unit};
use dayfly::agent::protocol::{AgentContext, AgentResponse};
use dayfly::plan::{ReadyPlan, UnitKind};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_broker_is_ready_again_and_what_listened_says_so() {
    let Some(cli) = engine(&rabbitmq()) else { return };
    let name = loopback(30);
    let broker = json!({
        "name": name, "port": 5672, "tls": false,
        "vhosts": { "in": {
            "exchanges": { "ex": { "type": "topic" } }, "queues": { "q": {} }, "bindings": [ { "from": "ex", "to": "q", "key": "#" } ],
        } },
        "users": { "tester": { "permissions": { "in": { "configure": ".*", "write": ".*", "read": ".*" } } } },
    });
    let plan = plan(vec![unit(&name, UnitKind::Broker)], broker, json!({}));
    let secrets = dayfly::secrets::generate(&plan, None).unwrap();
    let agent = agent(AgentContext::complete(&plan, &secrets));
    let container = run(cli, &rabbitmq(), &name, 5672, &["RABBITMQ_CONFIG_FILE=/run/secrets/rabbitmq.conf"], &secrets);
    let ready = async || match agent.ready(&name, ReadyPlan::Broker, 60_000).await {
        AgentResponse::Ready => {}
        other => panic!("{other:?}\n{}", container.log()),
    };
    ready().await;
    agent.holds(json!({ "listen": { "as": "l", "user": "tester", "vhost": "in", "exchange": "ex" } })).await;
    agent.holds(json!({ "publish": { "user": "tester", "vhost": "in", "exchange": "ex", "key": "k", "messageId": "kept" } })).await;
    agent.holds(json!({ "expect": { "on": "l", "key": "k" } })).await;
    container.restart();
    let ended = agent.fails(json!({ "expect": { "on": "l" } })).await;
    assert!(ended.got.contains("the listen ended") && ended.waited_ms < 4_000, "{ended:?}");
    ready().await;
    let (captured, _) = agent
        .holds(
            json!({ "expect": { "queue": "q", "user": "tester", "vhost": "in", "capture": { "id": "message_id" } } }),
        )
        .await;
    assert_eq!(captured["id"], "kept");
    agent.holds(json!({ "listen": { "as": "l", "user": "tester", "vhost": "in", "exchange": "ex" } })).await;
    agent.holds(json!({ "expectNothing": { "on": "l", "for": "50ms" } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_database_is_ready_again_and_keeps_what_was_applied() {
    let Some(cli) = engine(POSTGRES) else { return };
    let name = loopback(31);
    let sql = json!([["one.sql", "CREATE TABLE seen (at int); INSERT INTO seen VALUES (1);"]]);
    let plan = plan(
        vec![unit(&name, UnitKind::Database)],
        none(),
        json!({ name.clone(): { "database": "app", "roles": ["app"], "sql": sql } }),
    );
    let secrets = dayfly::secrets::generate(&plan, None).unwrap();
    let agent = agent(AgentContext::complete(&plan, &secrets));
    let password = format!("POSTGRES_PASSWORD_FILE=/run/secrets/{name}.postgres");
    let container = run(cli, POSTGRES, &name, 5432, &[&password, "POSTGRES_DB=app"], &secrets);
    for restart in [true, false] {
        let answer = agent.ready(&name, ReadyPlan::Database, 60_000).await;
        assert!(matches!(answer, AgentResponse::Ready), "{answer:?}\n{}", container.log());
        let count = json!({ "sql": { "database": name, "role": "postgres", "query": "SELECT count(*) FROM seen", "rows": [["1"]] } });
        agent.holds(count).await;
        if restart {
            container.restart();
        }
    }
}
