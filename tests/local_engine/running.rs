//! Tests of a running environment as the engine shows it: states, logs, events, agents.

use std::process::{Command, Stdio};
use std::time::Duration;

use dayfly::engine::{Engine, EngineEvent, ReplacePolicy, UnitState};
use dayfly::plan::{Limits, Position, Unit};
use dayfly::secrets::Secrets;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::world::{self, PATIENCE, World, idle, listen, reach, unit};

#[tokio::test(flavor = "multi_thread")]
async fn reports_exits_of_units_and_a_change_of_owner() {
    let units = vec![
        unit("short", "sleep 1; exit 3"),
        idle("web", &[]),
        Unit {
            limits: Limits { memory: 16 << 20, cpu_millis: 1000, pids: 32 },
            ..unit("greedy", r#"exec perl -e '$x = "a" x (200 << 20)'"#)
        },
    ];
    let Some(world) = World::of("watch", units, vec![]).await else { return };
    world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    world.engine.prepare(&world.lease, &Secrets::default()).await.unwrap();
    let mut events = world.engine.watch(world.environment()).await.unwrap();
    for unit in ["short", "web", "greedy"] {
        world.engine.start(&world.lease, unit).await.unwrap();
    }
    let mut next =
        async || timeout(PATIENCE, events.next()).await.expect("no event in time").expect("the stream ended");
    let mut ends = [next().await, next().await];
    ends.sort_by_key(|e| format!("{e:?}"));
    assert_eq!(
        ends[0],
        EngineEvent::Exited {
            unit: "greedy".into(),
            copy: "greedy".into(),
            code: 137,
            oom_killed: world::tells_of_memory(&world.engine).await
        }
    );
    assert_eq!(ends[1], EngineEvent::Exited { unit: "short".into(), copy: "short".into(), code: 3, oom_killed: false });
    let observed = world.engine.observe(world.environment()).await.unwrap().unwrap();
    assert_eq!(observed.units["short"], UnitState::Exited { code: 3, oom_killed: false });
    assert_eq!(observed.units["web"], UnitState::Running);

    let newer = world::lease(world.lease.plan.clone());
    world.engine.claim(&newer, ReplacePolicy::Recreate.into()).await.unwrap();
    // The older run's units end as they are removed; that may be told before or after.
    loop {
        match next().await {
            EngineEvent::LeaseChanged => break,
            EngineEvent::Exited { unit, .. } => assert_eq!(unit, "web"),
            EngineEvent::Gone { unit, .. } => assert_eq!(unit, "web"),
            other @ EngineEvent::WaitsForRoom { .. } => panic!("{other:?}"),
        }
    }
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_logs_until_the_unit_ends() {
    let Some(world) = World::up(
        "logs",
        vec![unit("web", "for i in 1 2 3; do echo line $i; sleep 0.4; done; echo last >&2; exit 0")],
        vec![],
        &Secrets::default(),
    )
    .await
    else {
        return;
    };
    let lines = world.engine.logs(world.environment(), Some("web"), None, true).await.unwrap();
    let lines: Vec<_> = timeout(PATIENCE, lines.collect::<Vec<_>>()).await.expect("the log did not end");
    let lines: Vec<String> = lines.into_iter().map(|l| l.unwrap()).map(|l| format!("{}: {}", l.unit, l.text)).collect();
    assert_eq!(lines, ["web: line 1", "web: line 2", "web: line 3", "web: last"]);
    let tail: Vec<_> = world
        .engine
        .logs(world.environment(), None, Some(2), false)
        .await
        .unwrap()
        .map(|l| l.unwrap().text)
        .collect()
        .await;
    assert_eq!(tail, ["line 3", "last"]);
    let Err(error) = world.engine.logs(world.environment(), Some("nothing"), None, false).await else {
        panic!("it should have failed")
    };
    assert_eq!(error.to_string(), format!("find nothing in environment {}", world.environment()));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_unit_keeps_its_address_and_files() {
    let script = "echo start >>/data/starts; wc -l </data/starts; trap 'exit 0' TERM; sleep infinity & wait";
    let db = Unit { writable: vec!["/data".into()], callers: ["web".to_owned()].into(), ..unit("db", script) };
    let Some(world) = World::up("restart", vec![db, idle("web", &[])], vec![], &Secrets::default()).await else {
        return;
    };
    let inside = Position::Inside("db".into());
    let first = world.agent(inside.clone()).await;
    let before = listen(&first, 7000).await;
    world.engine.stop(&world.lease, "db").await.unwrap();
    let observed = world.engine.observe(world.environment()).await.unwrap().unwrap();
    assert!(matches!(observed.units["db"], UnitState::Exited { .. }), "{observed:?}");
    let refused = world.engine.start_agent(&world.lease, &inside).await.err().unwrap().to_string();
    assert!(refused.contains("db is not running"), "{refused}");
    // The agent inside ended with the unit's namespaces.
    assert!(
        timeout(PATIENCE, first.ask(dayfly::agent::protocol::AgentRequest::Listen { port: 1 }))
            .await
            .expect("the agent lives on")
            .is_err()
    );

    world.engine.start(&world.lease, "db").await.unwrap();
    let second = world.agent(inside).await;
    let mut after = listen(&second, 7000).await;
    assert!(after.iter().any(|a| before.contains(a)), "{before:?} {after:?}");
    let web = world.agent(Position::Inside("web".into())).await;
    assert_eq!(reach(&web, &["db:7000".into()]).await, ["db:7000"]);
    after.clear();
    drop((first, second, web));
    world.engine.stop(&world.lease, "db").await.unwrap();
    // Stopping what stands still is no failure.
    world.engine.stop(&world.lease, "db").await.unwrap();
    assert_eq!(world.said("db").await, "1\n2");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn port_forward_carries_bytes_to_a_unit() {
    let server = r#"exec perl -MIO::Socket::INET -e '$s=IO::Socket::INET->new(Listen=>5,LocalPort=>7777) or die; while($c=$s->accept){$l=<$c>; print $c "you said $l"; close $c}'"#;
    let Some(world) = World::up("dial", vec![unit("echo", server)], vec![], &Secrets::default()).await else { return };
    let control = world.agent(Position::Control).await;
    world.until(|| async { !reach(&control, &["echo:7777".into()]).await.is_empty() }).await;
    let mut link = world.engine.port_forward(&world.lease, "echo", 7777).await.unwrap();
    link.input.write_all(b"hello\n").await.unwrap();
    link.input.flush().await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, link.output.read_to_string(&mut answer)).await.expect("no answer").unwrap();
    assert_eq!(answer, "you said hello\n");
    drop((control, link));
    world.remove().await;
}

async fn agents(world: &World) -> usize {
    let objects = world.engine.observe(world.environment()).await.unwrap().map(|o| o.objects).unwrap_or_default();
    objects.iter().filter(|o| o.contains("-agent-")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_ends_with_its_connection() {
    let Some(world) = World::up("link", vec![idle("web", &[])], vec![], &Secrets::default()).await else { return };
    let agent = world.agent(Position::Control).await;
    assert_eq!(reach(&agent, &[]).await, [""; 0]);
    assert_eq!(agents(&world).await, 1);
    drop(agent);
    world.until(|| async { agents(&world).await == 0 }).await;
    // Also without a word of goodbye.
    let link = world.engine.start_agent(&world.lease, &Position::Control).await.unwrap();
    assert_eq!(agents(&world).await, 1);
    drop(link);
    world.until(|| async { agents(&world).await == 0 }).await;
    world.remove().await;
}

/// Not a test by itself: the next one runs it in a process of its own and kills that.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by agents_end_when_dayfly_is_killed"]
async fn holds_an_agent_until_killed() {
    let Ok(lease) = std::env::var("DAYFLY_TEST_LEASE") else { return };
    let world = std::mem::ManuallyDrop::new(World {
        engine: world::engine().await.unwrap(),
        lease: serde_json::from_str(&lease).unwrap(),
    });
    let agent = world.agent(Position::Control).await;
    assert_eq!(reach(&agent, &[]).await, [""; 0]);
    std::fs::write(std::env::var("DAYFLY_TEST_READY").unwrap(), "").unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_end_when_dayfly_is_killed() {
    let Some(world) = World::up("killed", vec![idle("web", &[])], vec![], &Secrets::default()).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "running::holds_an_agent_until_killed"])
        .env("DAYFLY_TEST_LEASE", serde_json::to_string(&world.lease).unwrap())
        .env("DAYFLY_TEST_READY", &ready)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    world.until(|| async { ready.exists() }).await;
    assert_eq!(agents(&world).await, 1);
    // SIGKILL: nothing of dayfly's own runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    world.until(|| async { agents(&world).await == 0 }).await;
    world.remove().await;
}
