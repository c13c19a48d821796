//! The complete Kubernetes objects of each environment, as dayfly sends them, in one snapshot for each kind. Secrets and values
//! derived from them are replaced, because each run generates new ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dayfly::lease::Lease;
use dayfly::plan::{Position, SuiteExecutor};
use dayfly::render::kubernetes::{
    Addresses, HASH, INPUTS, Kind, Object, RenderInput, Templates, environment, lease, prepare, test_pods, unit,
};
use dayfly::secrets::Secrets;
use dayfly::spec::{Overrides, load};
use dayfly::testing;
use serde_json::Value;

fn lease_of(folder: &str) -> Lease {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let valid = load(&path, &Overrides { pr: Some(7), ..Overrides::default() }).unwrap();
    testing::lease(dayfly::plan::build::build(&valid, 7).unwrap())
}

/// All objects of an environment: those that `up` creates, the agents of all suites, and their Jobs.
fn objects(lease: &Lease) -> Vec<Object> {
    let templates = Templates::new(&BTreeMap::new()).unwrap();
    let images =
        BTreeMap::from([("localhost/dayfly/hello:1".to_owned(), "registry.test/hello@sha256:0123".to_owned())]);
    let input = RenderInput {
        lease,
        templates: &templates,
        images: &images,
        agent_image: "registry.test/dayfly:1",
        pull_secret: true,
    };
    let secrets: Secrets = dayfly::secrets::generate(&lease.plan, None).unwrap();
    let names = lease.plan.units.iter().zip(1..);
    let addresses: Addresses = names.map(|(u, n): (_, u8)| (u.name.clone(), vec![format!("10.96.0.{n}")])).collect();
    let mut all = vec![environment::namespace(&input).unwrap()];
    all.extend(prepare::objects(&input, &secrets, Some("{}")).unwrap());
    for planned in &lease.plan.units {
        for copy in 1..=planned.replicas {
            all.push(unit::pod(&input, planned, copy, &addresses, &secrets).unwrap());
        }
    }
    let suites = lease.plan.suites.keys().map(|s| Position::Suite(s.clone()));
    for position in [Position::Control, Position::Neighbour].into_iter().chain(suites) {
        all.extend(test_pods::agent(&input, &position, &addresses).unwrap());
    }
    for suite in lease.plan.suites.values() {
        if let SuiteExecutor::Container(container) = &suite.executor {
            all.push(test_pods::job(&input, suite, container, "run1", &addresses).unwrap());
        }
    }
    all
}

fn text(objects: &[Object], kind: Kind) -> String {
    let documents = objects.iter().filter(|o| o.kind == kind).map(|object| {
        let mut value = object.value.clone();
        if value["kind"] == "Secret" {
            value["data"].as_object_mut().unwrap().values_mut().for_each(|v| *v = "(secret)".into());
        }
        if let Some(annotations) = value["metadata"]["annotations"].as_object_mut() {
            for name in [HASH, INPUTS, lease::PLAN] {
                annotations.entry(name).and_modify(|v| {
                    *v = Value::from(format!(
                        "({} characters)",
                        if name == lease::PLAN { "many".to_owned() } else { v.as_str().unwrap().len().to_string() }
                    ))
                });
            }
        }
        serde_yaml::to_string(&value).unwrap()
    });
    documents.collect::<Vec<_>>().join("---\n")
}

/// Kinds of objects that every environment has.
const ALWAYS: [Kind; 8] = [
    Kind::Namespace,
    Kind::ResourceQuota,
    Kind::LimitRange,
    Kind::ServiceAccount,
    Kind::NetworkPolicy,
    Kind::Secret,
    Kind::Service,
    Kind::Pod,
];

/// Compares the objects of a description with one snapshot for each kind, and their kinds with `ALWAYS` and `more`.
fn assert_objects(folder: &str, more: &[Kind]) {
    let objects = objects(&lease_of(folder));
    let kinds: BTreeSet<Kind> = objects.iter().map(|o| o.kind).collect();
    assert_eq!(kinds, ALWAYS.iter().chain(more).copied().collect(), "kinds of objects of {folder}");
    let name = folder.rsplit_once('/').unwrap().1;
    for kind in kinds {
        insta::with_settings!({snapshot_path => format!("snapshots/objects/{name}"), prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(format!("{kind:?}"), text(&objects, kind));
        });
    }
}

#[test]
fn renders_every_object_of_hello() {
    assert_objects("environments/hello", &[]);
}

#[test]
fn renders_every_object_of_the_flagship() {
    assert_objects("environments/tsd", &[]);
}

#[test]
fn renders_every_object_of_a_description_with_everything() {
    assert_objects("tests/fixtures/spec/shop", &[Kind::ConfigMap, Kind::Job]);
}

#[test]
fn reads_the_lease_of_the_flagship_back_from_its_annotations() {
    let lease = lease_of("environments/tsd");
    let annotations = lease::annotations(&lease).unwrap();
    assert_eq!(lease::parse(&lease.environment, &annotations), Some(lease));
}

#[test]
fn keeps_secrets_to_the_last_byte() {
    let lease = lease_of("environments/tsd");
    let secrets = dayfly::secrets::generate(&lease.plan, None).unwrap();
    let again = dayfly::secrets::generate(&lease.plan, Some(&secrets)).unwrap();
    assert!(again == secrets, "kept secrets are equal to the last byte, including certificates and definitions");
    let fresh = dayfly::secrets::generate(&lease.plan, None).unwrap();
    assert!(fresh != secrets);
}
