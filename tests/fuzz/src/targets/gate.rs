//! What the gate reads: its policy, overrides and manifests.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use dayfly::evidence::predicate::{RuleState, TestOutcome};
use dayfly::gate::{Found, GatePolicy, Overrides, Request, Subject, decide, manifest};
use jiff::Timestamp;

use super::{key, require_inert};

/// Nothing in these bytes allows an image that nobody tested, and an image is allowed only where every rule is met or overridden.
pub fn gate(bytes: &[u8]) {
    let public = key().1.to_pem().expect("a key has a text");
    let read = |name: &str| match name {
        "run.pub" => Ok(public.clone().into_bytes()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let file = Path::new("gate.yaml");
    let minimal = b"apiVersion: dayfly.dev/v1alpha1\nkind: GatePolicy\nkeys: [run.pub]\n";
    let policy = GatePolicy::parse(file, bytes, &read).unwrap_or_else(|diagnostics| {
        require_inert(&diagnostics.render(false));
        GatePolicy::parse(file, minimal, &read).expect("it is valid")
    });
    let overrides = Overrides::parse(file, bytes).unwrap_or_else(|diagnostics| {
        require_inert(&diagnostics.render(false));
        Overrides::default()
    });
    let mut subjects = vec![Subject::parse(&format!("registry.example/api@sha256:{}", "a".repeat(64)))];
    match std::str::from_utf8(bytes).map(manifest::images) {
        Ok(Ok(images)) => subjects.extend(images),
        Ok(Err(why)) => drop(why),
        Err(_) => {}
    }
    let found = Found { log: policy.log.as_ref().map(|_| Err("there is none".to_owned())), ..Found::default() };
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().expect("the time is valid");
    let request =
        Request { subjects: &subjects, commit: None, policy: &policy, overrides: &overrides, found: &found, now };
    let decision = decide(&request, "id");
    assert_eq!(decision.images.len(), subjects.len());
    for image in &decision.images {
        let rules: BTreeMap<_, _> = image.predicate.decision.rules.iter().map(|r| (r.rule.as_str(), r)).collect();
        let tested = rules["tested"];
        assert!(matches!(tested.state, RuleState::Violated | RuleState::Indeterminate), "nobody tested it");
        let is_excused = tested.overridden.is_some() || tested.effective_on.is_some();
        assert!(image.predicate.verification_result == TestOutcome::Failed || is_excused, "{image:?}");
    }
}
