//! Many at once.

use serde_json::json;

use crate::installed::LIMIT;
use crate::team;
use crate::team::described;
use crate::world::{REACHES_WEB, kubectl, namespace_is_there, with_cases};

#[test]
fn ten_runs_queue_with_positions_and_all_pass() {
    let team = team!("ten");
    let (all, places) = (0..10u32, std::cell::RefCell::new(std::collections::BTreeSet::new()));
    for i in all.clone() {
        team.asks(&format!("e{i}"), i + 1, &described("ct-ten", &with_cases(REACHES_WEB)), json!({}));
    }
    crate::world::until("all ten have passed", || {
        // All at one moment: read one after the other, one that ends and its successor would both seem to run.
        let list = kubectl(&["-n", &team.namespace, "get", "tenv", "-o", "json"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let statuses: Vec<_> = list["items"].as_array().unwrap().iter().map(|o| o["status"].clone()).collect();
        places.borrow_mut().extend(statuses.iter().filter_map(|s| s["queuePosition"].as_u64()));
        let runs = |s: &&serde_json::Value| !s["run"].is_null() && s["run"]["stage"] != "Ended";
        assert!(statuses.iter().filter(runs).count() <= LIMIT, "more than {LIMIT} run at once");
        statuses.iter().all(|s| s["phase"] == "Done" && s["run"]["outcome"] == "PASSED")
    });
    assert!(places.borrow().contains(&1) && places.borrow().len() > 1, "{places:?}");
    for i in all {
        assert!(!namespace_is_there(&format!("ct-ten-pr-{}", i + 1)));
    }
    let left = kubectl(&["-n", &team.namespace, "delete", "tenv", "--all", "--timeout=300s"]);
    assert_eq!(left.lines().count(), 10, "{left}");
}
