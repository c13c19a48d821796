//! The Kubernetes objects of both environments, whole, as they would be sent. Secrets and what follows from them are
//! taken out: they are made afresh each time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use dayfly::lease::Lease;
use dayfly::plan::{Position, SuiteExecutor};
use dayfly::render::kubernetes::{
    Addresses, HASH, INPUTS, Object, RenderInput, Templates, environment, lease, prepare, test_pods, unit,
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

/// Everything of an environment: what `up` makes, the agents of all suites, and their Jobs.
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

fn text(objects: &[Object]) -> String {
    let documents = objects.iter().map(|object| {
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

#[test]
fn every_object_of_hello() {
    insta::assert_snapshot!(text(&objects(&lease_of("environments/hello"))));
}

#[test]
fn every_object_of_the_flagship() {
    insta::assert_snapshot!(text(&objects(&lease_of("environments/tsd"))));
}

#[test]
fn every_object_of_a_description_with_everything() {
    insta::assert_snapshot!(text(&objects(&lease_of("tests/fixtures/spec/shop"))));
}

#[test]
fn the_lease_of_the_flagship_is_read_back_from_its_annotations() {
    let lease = lease_of("environments/tsd");
    let annotations = lease::annotations(&lease).unwrap();
    assert_eq!(lease::parse(&lease.environment, &annotations), Some(lease));
}

#[test]
fn equal_descriptions_and_secrets_make_equal_objects() {
    let lease = lease_of("environments/tsd");
    let secrets = dayfly::secrets::generate(&lease.plan, None).unwrap();
    let again = dayfly::secrets::generate(&lease.plan, Some(&secrets)).unwrap();
    assert!(
        again == secrets,
        "secrets that are kept are the same to the last byte, certificates and definitions included"
    );
    let fresh = dayfly::secrets::generate(&lease.plan, None).unwrap();
    assert!(fresh != secrets);
}
