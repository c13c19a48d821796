#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::model::PodSecurity;
use crate::spec::{Overrides, load_bytes};

const POLICY_TEXT: &str = "\
apiVersion: dayfly.dev/v1alpha1
kind: Policy
contact: platform-team@example.org
default:
  memory: 4Gi
  replicas: 2
rules:
  - namespaces: [team-a, 'team-b-*']
    allow: { departures: [root] }
  - namespaces: [team-c]
    repositories: ['https://git.test/org/shop']
    allow: { departures: [writableRoot] }
  - repositories: ['https://git.test/org/*']
    allow: { memory: 16Gi, capabilities: [CHOWN] }
namespaces:
  team-c: { repositories: ['https://git.test/org/shop'] }
";

fn policy(text: &str) -> Policy {
    Policy::parse(Path::new("policy.yaml"), text.as_bytes()).unwrap()
}

/// A TestEnvironment that claims a repository, as far as the policy proves it.
fn claiming(policy: &Policy, namespace: &str, repository: &str) -> Subject {
    let repository = Some(repository.to_owned()).filter(|r| policy.proven_repository(namespace, r));
    Subject::Requester { namespace: namespace.into(), repository }
}

fn command(repository: &str) -> Subject {
    Subject::Command { repository: Some(repository.into()) }
}

#[test]
fn the_first_rule_that_matches_applies_and_default_fills_its_gaps() {
    let policy = policy(POLICY_TEXT);
    let limits = policy.limits(&claiming(&policy, "team-b-x", "https://git.test/a/b"));
    assert_eq!(limits.departures.value, [model::Departure::Root]);
    assert_eq!((limits.departures.line, limits.memory.value, limits.memory.line), (Some(9), 4 << 30, Some(5)));
    assert_eq!((limits.ttl_ms.value, limits.ttl_ms.line), (24 * 3_600_000, None));
    let others = policy.limits(&claiming(&policy, "team-z", "https://git.test/a/b"));
    assert!(others.departures.value.is_empty());
    assert_eq!(policy.limits(&command("https://git.test/org/x")).memory.value, 16 << 30);
    assert_eq!(policy.limits(&command("org/x")).memory.value, 4 << 30, "a name without a host is of no forge");
}

#[test]
fn one_more_environment_than_allowed_is_refused_with_the_line_that_says_so() {
    let limited = format!(
        "{}  - namespaces: [team-d]\n    allow: {{ environments: 2 }}\n",
        &POLICY_TEXT[..POLICY_TEXT.find("namespaces:\n").unwrap()]
    );
    let policy = policy(&limited);
    let (team, names) = (claiming(&policy, "team-d", "a/b"), |n: usize| vec!["shop-pr-1".to_owned(); n]);
    assert_eq!(check_number(&policy, &team, &names(1)), Ok(()));
    let refused = check_number(&policy, &team, &names(2)).unwrap_err();
    assert_eq!(
        refused,
        "2 environments exist already, kept ones included: shop-pr-1, shop-pr-1; policy.yaml:16 allows 2; ask platform-team@example.org"
    );
    let others = claiming(&policy, "team-z", "a/b");
    assert_eq!(check_number(&policy, &others, &names(9)), Ok(()));
    let refused = check_number(&policy, &others, &names(10)).unwrap_err();
    assert!(
        refused.contains("policy.yaml sets no `environments` here, and dayfly's built-in limits allow 10"),
        "{refused}"
    );
}

#[test]
fn an_image_that_others_have_credentials_for_must_be_listed() {
    let text = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: x\nservices:\n  a: { image: registry.test/private/a }\n  b: { image: docker.io/library/b }\n";
    let valid = load_bytes(Path::new("e.yaml"), text.as_bytes(), &BTreeMap::new(), &Overrides::default()).unwrap();
    let has_credentials = |image: &str| image.starts_with("registry.test/");
    let built_in = Policy::built_in();
    let team = claiming(&built_in, "team-a", "a/b");
    let refused = check_credentials(&built_in, &team, &valid, has_credentials).unwrap_err().render(false);
    assert!(refused.contains("e.yaml:5:") && refused.contains("installation's credentials"), "{refused}");
    assert!(!refused.contains("library/b"), "{refused}");
    assert!(check_credentials(&built_in, &team, &valid, |_| false).is_ok());
    let listed =
        policy("apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { registries: ['registry.test/*'] }\n");
    assert!(check_credentials(&listed, &team, &valid, has_credentials).is_ok());
}

#[test]
fn a_claimed_repository_matches_a_rule_only_when_it_is_proven() {
    let policy = policy(POLICY_TEXT);
    assert!(policy.proven_repository("team-c", "https://git.test/org/shop.git"));
    assert!(!policy.proven_repository("team-c", "org/shop"));
    assert!(!policy.proven_repository("team-d", "https://git.test/org/shop"));
    let departures = |subject: &Subject| policy.limits(subject).departures.value;
    assert_eq!(departures(&claiming(&policy, "team-c", "https://git.test/org/shop")), [model::Departure::WritableRoot]);
    assert!(departures(&claiming(&policy, "team-c", "https://git.test/org/other")).is_empty());
    assert_eq!(policy.limits(&claiming(&policy, "team-d", "https://git.test/org/shop")).memory.value, 4 << 30);
}

#[test]
fn admission_allows_what_some_rule_allows() {
    assert_eq!(policy(POLICY_TEXT).pod_security(), PodSecurity::Baseline);
    assert_eq!(Policy::built_in().pod_security(), PodSecurity::Restricted);
    let header = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\n";
    let with = |limits: &str| policy(&format!("{header}default: {{ {limits} }}\n")).pod_security();
    assert_eq!(with("departures: [writableRoot], capabilities: [NET_BIND_SERVICE]"), PodSecurity::Restricted);
    assert_eq!(with("capabilities: [IPC_LOCK]"), PodSecurity::Privileged);
}

#[test]
fn counts_every_container_of_a_description() {
    let text = "\
apiVersion: dayfly.dev/v1alpha1
kind: Environment
name: x
services:
  a: { image: localhost/a, resources: { memory: 1Gi, cpu: '1' }, replicas: 3 }
broker: { image: localhost/mq, resources: { memory: 1Gi, cpu: '1' } }
databases:
  db: { image: localhost/db, resources: { memory: 1Gi, cpu: '1' } }
suites:
  s: { kind: acceptance, image: localhost/s, resources: { memory: 1Gi, cpu: '1' } }
";
    let valid = load_bytes(Path::new("e.yaml"), text.as_bytes(), &BTreeMap::new(), &Overrides::default()).unwrap();
    let within = |memory: &str, cpu: &str| {
        let header = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\n";
        let policy = policy(&format!("{header}default: {{ memory: {memory}, cpu: '{cpu}' }}\n"));
        let refused = check(&policy, &command("a/b"), &valid, &Overrides::default()).err();
        refused.map(|d| d.list.iter().map(|d| d.path.clone()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(within("6Gi", "6"), None);
    assert_eq!(within("6143Mi", "6").unwrap(), "services.a.resources.memory");
    assert_eq!(within("6Gi", "5999m").unwrap(), "services.a.resources.cpu");
}
