//! Container suites: how they end, and what is collected of them.

use std::collections::BTreeMap;
use std::time::Instant;

use dayfly::engine::{Engine, SuiteExit};
use dayfly::secrets::Secrets;

use crate::world::{World, idle, suite, tells_of_memory};

async fn run(world: &World, name: &str) -> SuiteExit {
    let secrets = Secrets {
        public: BTreeMap::new(),
        certified_until: None,
        values: BTreeMap::from([("token".to_owned(), "abc".to_owned())]),
        ca: "THE CA".into(),
        files: BTreeMap::new(),
    };
    world
        .engine
        .run_suite(&world.lease, &world.lease.plan.suites[name], &secrets, &|_| ())
        .await
        .unwrap_or_else(|e| panic!("failed to {e}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn collects_exit_code_and_results_of_a_suite() {
    let passing = "echo $GREETING; echo oops >&2; mkdir -p /results/deep; echo '<testsuite/>' >/results/junit.xml; cat /run/secrets/token /run/secrets/ca.crt >/results/deep/seen; ln -s /etc/passwd /results/link";
    let mut good = suite("good", passing, 30_000);
    good.secrets.push("token".into());
    let bad = suite("bad", "echo failing; exit 1", 30_000);
    let Some(world) = World::up("suites", vec![idle("web", &["good"])], vec![good, bad], &Secrets::default()).await
    else {
        return;
    };

    let exit = run(&world, "good").await;
    assert_eq!((exit.code, exit.oom_killed, exit.timed_out), (Some(0), false, false), "{exit:?}");
    assert!(exit.log.contains("hello there\n") && exit.log.contains("oops\n"), "{}", exit.log);
    assert_eq!(
        exit.files,
        BTreeMap::from([
            ("junit.xml".to_owned(), b"<testsuite/>\n".to_vec()),
            ("deep/seen".to_owned(), b"abcTHE CA".to_vec())
        ])
    );
    assert_eq!(exit.lost, ["link: not collected because it is not a regular file"]);

    // Many times, because an engine's `wait` may lie about short-lived containers.
    for _ in 0..5 {
        let exit = run(&world, "bad").await;
        assert_eq!((exit.code, exit.timed_out), (Some(1), false));
        assert_eq!(exit.log, "failing\n");
        assert!(exit.files.is_empty() && exit.lost.is_empty(), "{exit:?}");
    }
    let objects = world.engine.observe(world.environment()).await.unwrap().unwrap().objects;
    assert!(!objects.iter().any(|o| o.contains("suite-")), "{objects:?}");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_a_suite_at_its_time_limit_and_keeps_its_results() {
    let stubborn = "trap '' TERM; echo begun; echo partial >/results/part.txt; while :; do sleep 1; done";
    let Some(world) = World::up("timeout", vec![], vec![suite("slow", stubborn, 1500)], &Secrets::default()).await
    else {
        return;
    };
    let began = Instant::now();
    let exit = run(&world, "slow").await;
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    assert_eq!((exit.code, exit.timed_out), (None, true));
    assert_eq!(exit.log, "begun\n");
    assert_eq!(exit.files, BTreeMap::from([("part.txt".to_owned(), b"partial\n".to_vec())]));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_an_oom_killed_suite() {
    let greedy = r#"echo kept >/results/before; exec perl -e '$x = "a" x (300 << 20)'"#;
    let Some(world) = World::up("oom", vec![], vec![suite("greedy", greedy, 60_000)], &Secrets::default()).await else {
        return;
    };
    let exit = run(&world, "greedy").await;
    let told = tells_of_memory(&world.engine).await;
    assert_eq!((exit.code, exit.oom_killed, exit.timed_out), (Some(137), told, false), "{exit:?}");
    assert!(exit.files.contains_key("before"), "{exit:?}");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_results_above_the_size_limit() {
    let big = "echo small >/results/a; head -c 50000000 /dev/zero >/results/b.bin";
    let Some(world) = World::up("big", vec![], vec![suite("big", big, 60_000)], &Secrets::default()).await else {
        return;
    };
    let exit = run(&world, "big").await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(
        exit.lost.iter().any(|l| l.contains("b.bin")) && exit.lost.iter().any(|l| l.contains("32 MiB")),
        "{:?}",
        exit.lost
    );
    assert!(!exit.files.contains_key("b.bin"));
    world.remove().await;
}
