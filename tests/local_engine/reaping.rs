//! Retention beside the lease, remnants, and what was never finished.

use dayfly::engine::{Engine, RemovalScope, ReplacePolicy};
use dayfly::evidence::predicate::{Remover, RunnerId};
use dayfly::evidence::{KeyKind, SigningKey};
use dayfly::lease::{Hold, RetentionChange, RetentionUpdate};
use dayfly::reaper::decide::{Criteria, Decision, decide};
use dayfly::reaper::removal::{Outcome, RemovalLog, remove};
use dayfly::secrets::Secrets;
use jiff::{SignedDuration, Timestamp};

use crate::world::{self, World, idle};

fn kept(reason: Option<&str>) -> RetentionChange {
    RetentionChange::Held(Hold { reason: reason.map(str::to_owned), since: Timestamp::now() })
}

fn markers(objects: &[String]) -> usize {
    objects.iter().filter(|o| o.contains("-retention.")).count()
}

fn log(evidence: &std::path::Path) -> RemovalLog {
    let program = RunnerId { name: "dayfly".into(), version: "0".into() };
    let remover = Remover { program, host: "a@b".into(), account: None, job: None, actor: None };
    RemovalLog {
        remover,
        key: SigningKey::from_seed(KeyKind::P256, &[1; 32]).unwrap(),
        evidence: evidence.to_owned(),
        entries: None,
        store: None,
    }
}

fn orphans() -> Criteria {
    Criteria { orphans: true, ..Criteria::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_one_marker_for_each_kind_of_retention_change() {
    let Some(world) = World::up("terms", vec![idle("web", &[])], vec![], &Secrets::default()).await else { return };
    let (engine, name, run) = (&world.engine, world.environment(), world.lease.run);
    let later = |minutes: i64| world.lease.expires + SignedDuration::from_mins(minutes);
    let changes = [
        kept(Some("a")),
        RetentionChange::Extended(later(1)),
        RetentionChange::Used(later(2)),
        RetentionChange::Extended(later(3)),
        RetentionChange::Used(later(5)),
        kept(Some("b")),
    ];
    for change in &changes {
        assert!(matches!(engine.update_retention(name, run, change).await.unwrap(), RetentionUpdate::Current(_)));
    }
    let observed = engine.observe(name).await.unwrap().unwrap();
    let retention = observed.retention.unwrap();
    assert_eq!((retention.expires, retention.used, retention.kept()), (later(3), later(5), Some("b")));
    assert_eq!(markers(&observed.objects), 3);
    assert_eq!(observed.lease, Some(world.lease.clone()));
    // At once, and nothing of it is lost.
    let (used, extended, released) = (RetentionChange::Used(later(9)), RetentionChange::Extended(later(9)), kept(None));
    let at_once = tokio::join!(
        engine.update_retention(name, run, &used),
        engine.update_retention(name, run, &extended),
        engine.update_retention(name, run, &released)
    );
    at_once.0.and(at_once.1).and(at_once.2).unwrap();
    let retention = engine.observe(name).await.unwrap().unwrap().retention.unwrap();
    assert_eq!((retention.expires, retention.used, retention.kept()), (later(9), later(9), None));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_run_cannot_change_the_retention_of_a_newer_one() {
    let Some(world) = World::of("termsover", vec![idle("web", &[])], vec![]).await else { return };
    world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    world.engine.update_retention(world.environment(), world.lease.run, &kept(Some("a"))).await.unwrap();
    let newer = world::lease(world.lease.plan.clone());
    world.engine.claim(&newer, ReplacePolicy::Recreate.into()).await.unwrap();
    let observed = world.engine.observe(world.environment()).await.unwrap().unwrap();
    assert_eq!((observed.retention.unwrap().kept(), markers(&observed.objects)), (None, 0));
    let amended = world.engine.update_retention(world.environment(), world.lease.run, &kept(Some("a"))).await.unwrap();
    assert_eq!(amended, RetentionUpdate::OwnedBy(newer.run));
    assert_eq!(world.engine.remove(world.environment(), RemovalScope::Run(newer.run)).await.unwrap(), []);
    let amended = world.engine.update_retention(world.environment(), newer.run, &kept(Some("a"))).await.unwrap();
    assert_eq!(amended, RetentionUpdate::NotFound);
    assert_eq!(world.engine.observe(world.environment()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_remnants_only_while_the_environment_has_no_owner() {
    let Some(world) = World::up("left", vec![idle("web", &[])], vec![], &Secrets::default()).await else { return };
    let (engine, name) = (&world.engine, world.environment());
    let evidence = tempfile::tempdir().unwrap();
    // The anchor alone goes, as when a removal was broken off at the worst moment.
    let docker = bollard::Docker::connect_with_defaults().unwrap();
    docker.remove_container(name, None).await.unwrap();
    let seen = engine.observe(name).await.unwrap().unwrap();
    assert!(seen.lease.is_none() && seen.objects.len() > 2, "{:?}", seen.objects);
    assert!(matches!(decide(&orphans(), &seen, Timestamp::now()), Decision::Due(_)));
    // A newer run takes it before its turn comes.
    let newer = world::lease(world.lease.plan.clone());
    engine.claim(&newer, ReplacePolicy::Recreate.into()).await.unwrap();
    assert_eq!(engine.remove(name, RemovalScope::Remnants).await.unwrap(), []);
    assert!(matches!(remove(engine, name, &orphans(), &log(evidence.path())).await.unwrap(), Outcome::NotDue));
    assert_eq!(engine.lease(name).await.unwrap(), Some(newer.clone()));
    // The newer run is removed, but an older one has created something since.
    let _ = engine.prepare(&world.lease, &Secrets::default()).await;
    engine.remove(name, RemovalScope::Run(newer.run)).await.unwrap();
    let outcome = remove(engine, name, &orphans(), &log(evidence.path())).await.unwrap();
    assert!(matches!(outcome, Outcome::Removed { .. }), "{outcome:?}");
    assert_eq!(engine.observe(name).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn reaps_an_incomplete_environment_after_its_idle_time() {
    let Some(mut world) = World::of("half", vec![idle("web", &[]), idle("api", &[])], vec![]).await else { return };
    world.lease.created = Timestamp::now() - SignedDuration::from_hours(1);
    world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    world.engine.prepare(&world.lease, &Secrets::default()).await.unwrap();
    world.engine.start(&world.lease, "web").await.unwrap();
    let evidence = tempfile::tempdir().unwrap();
    let used = RetentionChange::Used(Timestamp::now());
    world.engine.update_retention(world.environment(), world.lease.run, &used).await.unwrap();
    let observed = world.engine.observe(world.environment()).await.unwrap().unwrap();
    assert_eq!(decide(&orphans(), &observed, Timestamp::now()), Decision::NotDue(vec![]));
    // As it is half an hour later.
    let later = Timestamp::now() + SignedDuration::from_mins(31);
    let Decision::Due(reason) = decide(&orphans(), &observed, later) else { panic!("{observed:?}") };
    assert!(reason.text.contains("api never started"), "{reason:?}");
    let outcome = remove(&world.engine, world.environment(), &orphans(), &log(evidence.path())).await.unwrap();
    assert!(matches!(outcome, Outcome::NotDue), "{outcome:?}");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reaps_and_records_an_old_interrupted_claim() {
    let Some(mut world) = World::of("broken", vec![idle("web", &[])], vec![]).await else { return };
    world.lease.created = Timestamp::now() - SignedDuration::from_hours(1);
    world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    let evidence = tempfile::tempdir().unwrap();
    let outcome = remove(&world.engine, world.environment(), &orphans(), &log(evidence.path())).await.unwrap();
    let Outcome::Removed { record } = outcome else { panic!("{outcome:?}") };
    assert!(record.join("begun.intoto.jsonl").exists() && record.join("ended.intoto.jsonl").exists());
    assert_eq!(world.engine.observe(world.environment()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_every_use_of_an_environment() {
    for verb in [&["logs", "-f"][..], &["forward", "web:8080"], &["test"]] {
        let Some(mut world) = World::of("used", vec![idle("web", &[])], vec![]).await else { return };
        world.lease.created = Timestamp::now() - SignedDuration::from_hours(1);
        world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
        world.engine.prepare(&world.lease, &Secrets::default()).await.unwrap();
        world.engine.start(&world.lease, "web").await.unwrap();
        let used =
            || async { world.engine.observe(world.environment()).await.unwrap().unwrap().retention.unwrap().used };
        assert_eq!(used().await, world.lease.created);
        let mut person = std::process::Command::new(env!("CARGO_BIN_EXE_dayfly"));
        let flags = [&[verb[0], world.environment()], &verb[1..]].concat();
        let mut person = person.args(flags).stdout(std::process::Stdio::null()).spawn().unwrap();
        world.until(|| async { used().await > world.lease.created }).await;
        let _ = person.kill();
        person.wait().unwrap();
        world.remove().await;
    }
}
