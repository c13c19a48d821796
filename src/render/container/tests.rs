#![allow(clippy::unwrap_used)]
use super::super::sample;
use super::*;

const PROFILE: EngineProfile = EngineProfile { log_driver: "k8s-file", ipv6: true };

#[test]
fn confines_a_unit_and_disables_its_dns() {
    let lease = sample::lease();
    let secret_env = BTreeMap::from([("DATABASE_URL".to_owned(), "db://app:s3cr3t@db".to_owned())]);
    let copy = UnitCopy { unit: lease.plan.unit("api").unwrap(), copy: 2, image: "sha256:1", secret_env: &secret_env };
    let request = unit(&lease, &sample::subnets(&lease), &copy, PROFILE).unwrap();
    assert_eq!(request.body.env, Some(vec!["DATABASE_URL=db://app:s3cr3t@db".to_owned()]));
    assert_eq!(
        (request.name.as_str(), request.body.hostname.as_deref(), request.body.user.as_deref()),
        ("e-pr-1-deadbeef-api-2", Some("api-2"), Some("7"))
    );
    let host = request.body.host_config.unwrap();
    assert_eq!(
        (host.cap_drop, host.cap_add, host.readonly_rootfs),
        (Some(vec!["ALL".into()]), Some(vec![]), Some(true))
    );
    assert_eq!(host.security_opt, Some(vec!["no-new-privileges".into()]));
    assert_eq!(
        (host.memory, host.memory_swap, host.nano_cpus, host.pids_limit),
        (Some(1_048_576), Some(1_048_576), Some(250_000_000), Some(7))
    );
    assert_eq!(host.dns, Some(vec!["127.0.0.1".into()]));
    assert!(
        host.port_bindings.is_none()
            && host.binds.is_none()
            && host.privileged.is_none()
            && host.restart_policy.is_none()
    );
    // Its own network comes first, with a fixed address; the network of its callee has none.
    assert_eq!(host.network_mode.as_deref(), Some("e-pr-1-deadbeef-to.api"));
    assert_eq!(
        request
            .connects
            .iter()
            .map(|(n, b)| (n.as_str(), b.endpoint_config.as_ref().unwrap().ipam_config.is_some()))
            .collect::<Vec<_>>(),
        [("e-pr-1-deadbeef-api.db", false)]
    );
}

#[test]
fn gives_each_copy_its_own_writable_volumes_except_tmp() {
    let lease = sample::lease();
    let at = |copy| {
        unit_mounts(&lease, lease.plan.unit("api").unwrap(), copy)
            .into_iter()
            .map(|m| format!("{} {} {}", m.volume, m.path, m.writable))
            .collect::<Vec<_>>()
    };
    assert_eq!(at(1), ["e-pr-1-deadbeef-api.secrets /run/secrets false", "e-pr-1-deadbeef-api.w0 /data true"]);
    assert_eq!(at(2)[1], "e-pr-1-deadbeef-api-2.w0 /data true");
}

#[test]
fn an_agent_inside_a_unit_has_no_network_settings_of_its_own() {
    let request = agent(
        &sample::lease(),
        AgentPlacement::Inside { container: "c1".into(), user: 7 },
        &["agent"],
        "i",
        "r",
        PROFILE,
    );
    let host = request.body.host_config.unwrap();
    assert_eq!(
        (host.network_mode.as_deref(), host.pid_mode.as_deref(), request.body.user.as_deref()),
        (Some("container:c1"), Some("container:c1"), Some("7:7"))
    );
    assert!(
        host.dns.is_none() && host.sysctls.is_none() && host.extra_hosts.is_none() && request.body.hostname.is_none()
    );
    assert_eq!((host.auto_remove, host.log_config.unwrap().typ.as_deref()), (Some(true), Some("none")));
}

#[test]
fn a_suite_without_callees_has_no_network() {
    let request =
        with_attachments("n".into(), base_body("i", &[], &[]), host_config(&Confinement::default(), PROFILE), vec![]);
    let host = request.body.host_config.unwrap();
    assert_eq!((host.network_mode.as_deref(), host.dns), (Some("none"), None));
    assert!(request.body.networking_config.is_none() && request.connects.is_empty());
}

#[test]
fn the_hash_of_a_unit_depends_on_what_it_is_created_from_and_not_on_the_run() {
    let lease = sample::lease();
    let api = lease.plan.unit("api").unwrap();
    let hash = |lease: &Lease, unit: &Unit, image: &str, secrets: &Secrets| {
        let of = UnitCopy { unit, copy: 1, image, secret_env: &BTreeMap::new() };
        unit_hash(lease, &sample::subnets(lease), &of, PROFILE, secrets).unwrap()
    };
    let none = Secrets::default();
    let plain = hash(&lease, api, "sha256:1", &none);
    let later = Lease { run: crate::model::RunId::now(), expires: jiff::Timestamp::now(), ..lease.clone() };
    assert_eq!(hash(&later, api, "sha256:1", &none), plain);
    let others = [
        hash(&lease, api, "sha256:2", &none),
        hash(&lease, api, "sha256:1", &Secrets { ca: "other".into(), ..none.clone() }),
        hash(&lease, &Unit { command: vec!["x".into()], ..api.clone() }, "sha256:1", &none),
        hash(
            &lease,
            &Unit { secret_files: [("/etc/dayfly/x".to_owned(), "x".to_owned())].into(), ..api.clone() },
            "sha256:1",
            &none,
        ),
    ];
    assert!(others.iter().all(|other| *other != plain));
    // A new caller needs a network, and no other container.
    let mut called = lease.clone();
    called.plan.units.iter_mut().find(|u| u.name == "api").unwrap().callers.insert("job".into());
    assert_eq!(hash(&called, called.plan.unit("api").unwrap(), "sha256:1", &none), plain);
}
