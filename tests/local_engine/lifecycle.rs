//! Claims, takeovers, removal, and failures before anything runs.

use dayfly::engine::local::{LocalEngine, Options, SocketVariables};
use dayfly::engine::{Claim, Engine, Leftover, RemovalScope, ReplacePolicy, UnitState};
use dayfly::plan::{Confinement, Position, Unit};
use dayfly::secrets::Secrets;

use crate::world::{self, World, idle, options, unit, words};

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_of_two_concurrent_claims_wins() {
    let Some(world) = World::of("race", vec![], vec![]).await else { return };
    let older = world.lease.clone();
    let newer = world::lease(older.plan.clone());
    let (first, second) = tokio::join!(
        world.engine.claim(&older, ReplacePolicy::Recreate.into()),
        world.engine.claim(&newer, ReplacePolicy::Recreate.into())
    );
    assert!(matches!(second.unwrap(), Claim::Acquired { .. }));
    match first.unwrap() {
        Claim::Acquired { .. } => {}
        Claim::HeldByNewer { run, .. } => assert_eq!(run, newer.run),
        other @ (Claim::ChangedMeanwhile | Claim::OwnedByOther { .. }) => panic!("{other:?}"),
    }
    assert_eq!(world.engine.lease(world.environment()).await.unwrap(), Some(newer.clone()));
    assert_eq!(
        world.engine.claim(&older, ReplacePolicy::Recreate.into()).await.unwrap(),
        Claim::HeldByNewer { run: newer.run, commit: newer.commit.clone() }
    );
    // Claiming what one has already is no takeover.
    assert_eq!(
        world.engine.claim(&newer, ReplacePolicy::Recreate.into()).await.unwrap(),
        Claim::Acquired { replaced: None, taken_over: None }
    );
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_run_replaces_an_older_one_which_removes_nothing() {
    let Some(world) = World::up("replace", vec![idle("web", &[])], vec![], &Secrets::default()).await else { return };
    let older = world.lease.clone();
    let newer = world::lease(older.plan.clone());
    assert_eq!(
        world.engine.claim(&newer, ReplacePolicy::Recreate.into()).await.unwrap(),
        Claim::Acquired { replaced: Some(older.run), taken_over: None }
    );
    let objects = world.engine.observe(world.environment()).await.unwrap().unwrap().objects;
    assert_eq!(objects, [format!("container {}", world.environment())]);

    world.engine.prepare(&newer, &Secrets::default()).await.unwrap();
    world.engine.start(&newer, "web").await.unwrap();
    assert_eq!(world.engine.remove(world.environment(), RemovalScope::Run(older.run)).await.unwrap(), []);
    let observed = world.engine.observe(world.environment()).await.unwrap().unwrap();
    assert_eq!((observed.lease.map(|l| l.run), observed.units["web"].clone()), (Some(newer.run), UnitState::Running));
    assert!(words(world.engine.start(&older, "web").await).contains("removed meanwhile"));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_running_units_and_agents() {
    let Some(world) = World::up(
        "gone",
        vec![idle("db", &["web"]), Unit { writable: vec!["/data".into()], ..idle("web", &[]) }],
        vec![],
        &Secrets::default(),
    )
    .await
    else {
        return;
    };
    let _control = world.agent(Position::Control).await;
    let _neighbour = world.agent(Position::Neighbour).await;
    let listed = world.engine.list().await.unwrap();
    let own = listed.iter().find(|o| o.environment == world.environment()).unwrap();
    assert_eq!(own.lease.as_ref(), Some(&world.lease));
    for kind in ["container", "network", "volume"] {
        assert!(own.objects.iter().any(|o| o.starts_with(kind)), "{:?}", own.objects);
    }
    let (engine, environment) = (world.engine.clone(), world.environment().to_owned());
    world.remove().await;
    assert!(!engine.list().await.unwrap().iter().any(|o| o.environment == environment));
    // A second removal of what is gone is no failure.
    assert_eq!(engine.remove(&environment, RemovalScope::All).await.unwrap(), []);
    assert_eq!(engine.lease(&environment).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_remnants_without_an_owner() {
    let Some(world) = World::up("remnant", vec![idle("web", &[])], vec![], &Secrets::default()).await else { return };
    let run = world.lease.run;
    let other = World { engine: world.engine.clone(), lease: world::lease(world.lease.plan.clone()) };
    // The owner moves to a newer run while the older one goes on making things.
    other.engine.claim(&other.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    let said = words(world.engine.prepare(&world.lease, &Secrets::default()).await);
    assert!(said.contains("a newer run claimed it meanwhile"), "{said}");
    assert_eq!(other.engine.remove(other.environment(), RemovalScope::Run(other.lease.run)).await.unwrap(), []);
    let observed = world.engine.observe(world.environment()).await.unwrap().unwrap();
    assert_eq!(observed.lease, None);
    assert!(observed.objects.len() >= 4, "{:?}", observed.objects);
    assert_eq!(world.engine.remove(world.environment(), RemovalScope::Run(run)).await.unwrap(), []);
    assert_eq!(world.engine.observe(world.environment()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_image_that_runs_as_root_before_creating_anything() {
    let rooty = Unit { confinement: Confinement::default(), ..unit("web", "id") };
    let Some(world) = World::of("rooty", vec![rooty], vec![]).await else { return };
    world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    let said = words(world.engine.prepare(&world.lease, &Secrets::default()).await);
    assert!(
        said.contains("service web") && said.contains("runs as root") && said.contains("security.root: true"),
        "{said}"
    );
    let objects = world.engine.observe(world.environment()).await.unwrap().unwrap().objects;
    assert_eq!(objects, [format!("container {}", world.environment())]);
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_a_command_that_the_image_lacks() {
    let Some(world) =
        World::of("nocommand", vec![Unit { command: vec!["/opt/nothing".into()], ..unit("web", "") }], vec![]).await
    else {
        return;
    };
    world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.unwrap();
    world.engine.prepare(&world.lease, &Secrets::default()).await.unwrap();
    let error = world.engine.start(&world.lease, "web").await.unwrap_err();
    assert_eq!(error.leftover(), Leftover::Removable);
    let said = error.to_string();
    assert!(
        said.starts_with("start web: its command")
            && said.contains("not in the image")
            && said.contains("/opt/nothing"),
        "{said}"
    );
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_all_missing_images_at_once() {
    let Some(engine) = world::engine().await else { return };
    let wanted =
        ["localhost/dayflytest/none:1", "registry.invalid/dayflytest/other:2", world::IMAGE].map(str::to_owned);
    let error = engine.resolve_images(&wanted, &|_, _| ()).await.unwrap_err();
    assert_eq!(error.leftover(), Leftover::None);
    let said = error.to_string();
    assert!(said.starts_with("find 2 image(s):") && !said.contains(world::IMAGE), "{said}");
    assert!(
        said.contains("localhost/dayflytest/none:1: the engine does not have it") && said.contains("`make images`"),
        "{said}"
    );
    assert!(
        said.contains("registry.invalid/dayflytest/other:2: ") && said.contains("DAYFLY_REGISTRY_MIRROR"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_socket_gives_advice() {
    let folder = tempfile::tempdir().unwrap();
    let dead = folder.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    let at = |host: String| Options {
        socket_variables: SocketVariables { docker_host: Some(host), ..SocketVariables::default() },
        ..options()
    };
    let said = words(LocalEngine::connect(at(format!("unix://{}", dead.display()))).await);
    assert!(
        said.contains("dead.sock (from DOCKER_HOST): connection refused") && said.contains("systemctl start"),
        "{said}"
    );
    let said = words(LocalEngine::connect(at(format!("unix://{}/none.sock", folder.path().display()))).await);
    assert!(said.contains("no such file") && said.contains("unset the variable"), "{said}");
}
