//! Tests that run alone, because they kill or reconfigure the controller.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::installed::{self, leader};
use crate::team;
use crate::team::{Team, described};
use crate::world::{LONG, REACHES_WEB, kubectl, namespace_is_there, until, with_cases};

/// The number of sealed archives by run, without opening entries: which runs were ever performed.
fn performed(team: &Team) -> BTreeMap<String, usize> {
    let path = "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}";
    let maps = kubectl(&["-n", &team.namespace, "get", "configmaps", "-l", "dayfly.dev/evidence-of", "-o", path]);
    let mut runs = BTreeMap::new();
    let first_part = |name: &str| Some(name.strip_prefix("evidence-")?.strip_suffix("-0")?.to_owned());
    let sealed = maps.lines().filter_map(first_part).filter(|run| !run.ends_with("-opened"));
    sealed.for_each(|run| *runs.entry(run).or_default() += 1);
    runs
}

/// The seed of DAYFLY_TEST_SEED, or one of the clock. It is printed where the test harness does not capture it.
fn seed() -> u64 {
    let seed = match std::env::var("DAYFLY_TEST_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|e| panic!("DAYFLY_TEST_SEED={text} is not a 64-bit number: {e}")),
        Err(_) => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64,
    };
    writeln!(std::io::stderr(), "DAYFLY_TEST_SEED={seed}").ok();
    seed
}

/// SplitMix64: each seed gives another sequence.
struct SplitMix64(u64);

impl SplitMix64 {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[test]
fn twenty_random_kills_lose_nothing_and_run_nothing_twice() {
    let team = team!("chaos");
    let mut random = SplitMix64(seed());
    let names: Vec<String> = (0..8).map(|i| format!("e{i}")).collect();
    let asked = |name: &str, pr: u32, commit: &str| {
        let more = json!({"commit": commit});
        team.asks(name, pr, &described("ct-chaos", &with_cases(REACHES_WEB)), more);
    };
    let mut killed = 0;
    for kill in 0..20 {
        // There is always something to do: a new object, a new commit, a deletion.
        match kill {
            0..8 => asked(&names[kill], kill as u32 + 1, "aaaaaaaaaaaa"),
            8..12 => asked(&names[kill - 8], kill as u32 - 7, "bbbbbbbbbbbb"),
            12 => drop(kubectl(&["-n", &team.namespace, "delete", "tenv", "e7", "--wait=false"])),
            _ => {}
        }
        std::thread::sleep(std::time::Duration::from_millis(200 + random.below(6000)));
        let pods = kubectl(&[
            "-n",
            "dayfly-system",
            "get",
            "pods",
            "-l",
            "app.kubernetes.io/component=controller",
            "-o",
            "name",
        ]);
        let pods: Vec<&str> = pods.lines().map(|p| p.trim_start_matches("pod/")).collect();
        if !pods.is_empty() {
            killed += usize::from(installed::kill(pods[random.below(pods.len() as u64) as usize]));
        }
    }
    // One or the other has not begun when it is its turn.
    assert!(killed >= 10 || !installed::node_is_here(), "only {killed} processes were there to be killed");
    let rest = &names[..7];
    until("everything has come to its end", || {
        rest.iter().all(|n| {
            let status = team.status(n);
            status["phase"] == "Done" && status["run"]["outcome"] == "PASSED"
        }) && crate::world::try_kubectl(&["-n", &team.namespace, "get", "tenv", "e7"]).code != 0
    });
    // One run for each commit that was asked for, and no more.
    let runs = performed(&team);
    let statuses: Vec<Value> = rest.iter().map(|n| team.status(n)).collect();
    for status in &statuses {
        let id = status["run"]["id"].as_str().unwrap();
        assert_eq!(runs.get(id), Some(&1), "{id} in {runs:#?}");
        assert_eq!(status["run"]["suites"].as_array().unwrap().len(), 1);
    }
    let asked_for = 7 + 4;
    assert!(runs.len() <= asked_for, "{} runs, and {asked_for} were asked for: {runs:#?}", runs.len());
    for pr in 1..=8 {
        assert!(!namespace_is_there(&format!("ct-chaos-pr-{pr}")));
    }
    for status in &statuses {
        let events = kubectl(&["-n", &team.namespace, "get", "events", "-o", "json"]);
        let id = status["run"]["id"].as_str().unwrap();
        assert!(!events.contains(&format!("run {id} was lost")));
    }
}

#[test]
fn another_replica_takes_over_the_run_when_the_leader_dies() {
    let team = team!("failover");
    let leads = leader();
    let waits = "      - { id: A1, name: it takes a while, steps: [ wait: { for: 20s } ] }\n";
    team.asks("shop", 7, &described("ct-failover", &with_cases(waits)), json!({}));
    team.until_phase("shop", "Testing");
    let run = team.status("shop")["run"]["id"].clone();
    assert!(installed::kill(&leads) || !installed::node_is_here());
    team.until_phase("shop", "Done");
    assert_ne!(leader(), leads);
    let status = team.status("shop");
    assert_eq!((&status["run"]["id"], &status["run"]["outcome"]), (&run, &json!("PASSED")));
    assert_eq!(performed(&team).len(), 1);
}

#[test]
fn starts_nothing_without_a_signing_key_and_says_why() {
    let team = team!("nokey");
    let key = installed::key();
    kubectl(&["-n", "dayfly-system", "delete", "secret", "dayfly-signing-key"]);
    team.asks("shop", 7, &described("ct-nokey", &with_cases(REACHES_WEB)), json!({}));
    team.until("shop", "says what is missing", |s| {
        s["blocked"].as_str().is_some_and(|b| b.contains("dayfly-signing-key"))
    });
    assert!(!namespace_is_there("ct-nokey-pr-7"));
    installed::sign_with(&key);
    team.until("shop", "passed", |s| s["run"]["outcome"] == "PASSED");
}

#[test]
fn handles_a_deletion_that_happened_without_a_controller() {
    let team = team!("away");
    team.asks("shop", 7, &described("ct-away", &with_cases(LONG)), json!({}));
    team.until_phase("shop", "Testing");
    kubectl(&["-n", "dayfly-system", "scale", "deployment/dayfly-controller", "--replicas=0"]);
    kubectl(&["-n", &team.namespace, "delete", "tenv", "shop", "--wait=false"]);
    kubectl(&["-n", "dayfly-system", "scale", "deployment/dayfly-controller", "--replicas=2"]);
    kubectl(&["-n", &team.namespace, "wait", "--for=delete", "tenv/shop", "--timeout=300s"]);
    assert!(!namespace_is_there("ct-away-pr-7"));
}
