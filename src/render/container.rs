//! Requests to create containers: confinement, limits, mounts, seats and names, the same for units and suites.
//!
//! Absent on purpose: published ports, the host's files, devices, a restart policy, an init process.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkConnectRequest, NetworkingConfig,
};

use super::labels::{self, Role};
use super::wires::{Attachment, Subnets, judge_hosts, judge_seats, suite_callees, unit_hosts, unit_seats};
use crate::lease::Lease;
use crate::plan::{Confinement, ContainerSuite, Limits, SuitePlan, Unit};

/// Where secrets are in every container.
pub const SECRETS: &str = "/run/secrets";
/// Where a unit's files are; a description cannot put files elsewhere.
pub const FILES: &str = "/etc/dayfly";
const MEBI: i64 = 1024 * 1024;

/// What differs between engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flavour {
    /// The log driver that keeps logs with the container and lets them be read.
    pub log_driver: &'static str,
    /// The kernel knows IPv6, so it must be switched off.
    pub ipv6: bool,
}

/// A container to be made, with the networks that it joins before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Name.
    pub name: String,
    /// Body of the create request; the first seat is in it.
    pub body: ContainerCreateBody,
    /// Network name and body of each connect request: the other seats.
    pub connects: Vec<(String, NetworkConnectRequest)>,
}

/// A mounted volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// Volume.
    pub volume: String,
    /// Path inside.
    pub at: String,
    /// May be written.
    pub writable: bool,
}

impl Mounted {
    fn mount(&self) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(self.volume.clone()),
            target: Some(self.at.clone()),
            read_only: Some(!self.writable),
            ..Mount::default()
        }
    }
}

/// The volumes of one copy of a unit.
pub fn unit_mounts(lease: &Lease, unit: &Unit, copy: u8) -> Vec<Mounted> {
    let mut mounts =
        vec![Mounted { volume: labels::secrets_volume(lease, &unit.name), at: SECRETS.into(), writable: false }];
    if !unit.files.is_empty() {
        mounts.push(Mounted { volume: labels::files_volume(lease, &unit.name), at: FILES.into(), writable: false });
    }
    let name = labels::copy(&unit.name, copy);
    let own = |(n, path): (usize, &String)| Mounted {
        volume: labels::writable_volume(lease, &name, n),
        at: path.clone(),
        writable: true,
    };
    mounts.extend(unit.writable.iter().enumerate().filter(|(_, path)| *path != "/tmp").map(own));
    mounts
}

/// One copy of a unit; `image` is the image's id.
pub fn unit(
    lease: &Lease,
    subnets: &Subnets,
    unit: &Unit,
    copy: u8,
    image: &str,
    flavour: Flavour,
) -> Result<Request, String> {
    let host_name = labels::copy(&unit.name, copy);
    let mut labels = labels::of_unit(lease, Role::Unit, &unit.name);
    labels.insert(labels::COPY.into(), copy.to_string());
    labels.insert(labels::IMAGE.into(), unit.image.clone());
    let mut host = confined(&unit.confinement, flavour);
    limit(&mut host, &unit.limits);
    host.mounts = Some(unit_mounts(lease, unit, copy).iter().map(Mounted::mount).collect());
    host.extra_hosts = Some(unit_hosts(lease, subnets, &unit.name)?);
    let body = ContainerCreateBody {
        hostname: Some(host_name.clone()),
        user: unit.confinement.user.clone(),
        env: Some(env(&unit.env)),
        labels: Some(labels::map(labels)),
        ..bare(image, &unit.command)
    };
    Ok(seated(labels::name(lease, &host_name), body, host, unit_seats(lease, subnets, unit, copy)?))
}

/// A container suite and the image (by id) and volumes that it runs with.
pub struct SuiteRun<'a> {
    /// The suite.
    pub suite: &'a SuitePlan,
    /// Its container.
    pub judge: &'a ContainerSuite,
    /// Secrets and results.
    pub volumes: &'a [Mounted],
    /// Image id.
    pub image: &'a str,
    /// Tells repeated runs of the same suite apart.
    pub run: &'a str,
}

/// A container suite.
pub fn suite(lease: &Lease, subnets: &Subnets, of: &SuiteRun<'_>, flavour: Flavour) -> Result<Request, String> {
    let SuiteRun { suite, judge, volumes, image, run } = *of;
    let callees = suite_callees(&lease.plan, suite);
    let mut labels = labels::of_unit(lease, Role::Suite, &suite.name);
    labels.insert(labels::IMAGE.into(), judge.image.clone());
    let mut host = confined(&judge.confinement, flavour);
    limit(&mut host, &judge.limits);
    host.mounts = Some(volumes.iter().map(Mounted::mount).collect());
    host.extra_hosts = Some(judge_hosts(lease, subnets, &callees)?);
    let body = ContainerCreateBody {
        hostname: Some(suite.name.clone()),
        user: judge.confinement.user.clone(),
        env: Some(env(&judge.env)),
        labels: Some(labels::map(labels)),
        ..bare(image, &judge.command)
    };
    Ok(seated(labels::name(lease, &format!("suite-{}-{run}", suite.name)), body, host, judge_seats(lease, &callees)))
}

/// Where an agent runs.
pub enum Place {
    /// In networks, with hosts entries.
    Seats(Vec<Attachment>, Vec<String>),
    /// In the network and process namespaces of this container, as this numeric user, with the container's own
    /// capabilities: the kernel shows a process's files to nobody who has fewer.
    Inside(String, String, Vec<String>),
}

/// An agent; `arguments` follow the program's name in the agent image. Its standard streams are its link.
pub fn agent(lease: &Lease, place: Place, arguments: &[&str], image: &str, run: &str, flavour: Flavour) -> Request {
    let confinement = Confinement::default();
    let mut host = confined(&confinement, flavour);
    limit(&mut host, &Limits { memory: 64 * MEBI as u64, cpu_millis: 1000, pids: 64 });
    // Nothing of a link is ever kept.
    host.log_config = Some(HostConfigLogConfig { typ: Some("none".into()), config: None });
    host.auto_remove = Some(true);
    let mut command = vec!["/dayfly".to_owned()];
    command.extend(arguments.iter().map(|a| (*a).to_owned()));
    let mut body = ContainerCreateBody {
        user: Some("65532:65532".into()),
        labels: Some(labels::map(labels::of(lease, Role::Agent))),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..bare(image, &command)
    };
    let name = labels::name(lease, &format!("agent-{run}"));
    match place {
        Place::Seats(seats, hosts) => {
            body.hostname = Some("dayfly-agent".into());
            host.extra_hosts = Some(hosts);
            seated(name, body, host, seats)
        }
        Place::Inside(container, user, capabilities) => {
            host.cap_add = Some(capabilities);
            // Names, resolver and kernel switches are those of the namespaces that it joins.
            (host.dns, host.dns_search, host.dns_options, host.sysctls) = (None, None, None, None);
            host.network_mode = Some(format!("container:{container}"));
            host.pid_mode = Some(format!("container:{container}"));
            body.user = Some(user);
            body.host_config = Some(host);
            Request { name, body, connects: vec![] }
        }
    }
}

/// A container that is never started: the anchor, or one through which volumes are filled.
pub fn still(name: String, labels: BTreeMap<String, String>, mounts: &[Mounted], image: &str) -> Request {
    let host = HostConfig {
        network_mode: Some("none".into()),
        mounts: Some(mounts.iter().map(Mounted::mount).collect()),
        ..HostConfig::default()
    };
    let body = ContainerCreateBody {
        labels: Some(labels::map(labels)),
        host_config: Some(host),
        ..bare(image, &["/dayfly".to_owned()])
    };
    Request { name, body, connects: vec![] }
}

fn bare(image: &str, command: &[String]) -> ContainerCreateBody {
    let (entrypoint, cmd) = if command.is_empty() { (None, None) } else { (Some(command.to_vec()), Some(vec![])) };
    ContainerCreateBody { image: Some(image.to_owned()), entrypoint, cmd, ..ContainerCreateBody::default() }
}

fn env(variables: &BTreeMap<String, String>) -> Vec<String> {
    variables.iter().map(|(k, v)| format!("{k}={v}")).collect()
}

fn confined(confinement: &Confinement, flavour: Flavour) -> HostConfig {
    let ipv6 = ("net.ipv6.conf.all.disable_ipv6".to_owned(), "1".to_owned());
    let size = ("max-size".to_owned(), "64m".to_owned());
    HostConfig {
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(confinement.capabilities.clone()),
        security_opt: Some(vec!["no-new-privileges".into()]),
        readonly_rootfs: Some(!confinement.writable_root),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), "rw,nosuid,nodev,size=64m,mode=1777".to_owned())])),
        log_config: Some(HostConfigLogConfig {
            typ: Some(flavour.log_driver.into()),
            config: Some(HashMap::from([size])),
        }),
        // Nobody answers there: names come from hosts entries alone, and others are refused at once.
        dns: Some(vec!["127.0.0.1".into()]),
        dns_search: Some(vec![".".into()]),
        dns_options: Some(vec!["timeout:1".into(), "attempts:1".into()]),
        sysctls: flavour.ipv6.then(|| HashMap::from([ipv6])),
        init: Some(false),
        ..HostConfig::default()
    }
}

fn limit(host: &mut HostConfig, limits: &Limits) {
    let memory = i64::try_from(limits.memory).unwrap_or(i64::MAX);
    host.memory = Some(memory);
    // Equal to memory: no swap on top of it.
    host.memory_swap = Some(memory);
    host.nano_cpus = Some(i64::try_from(limits.cpu_millis).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1_000_000));
    host.pids_limit = Some(i64::from(limits.pids));
}

fn seated(name: String, mut body: ContainerCreateBody, mut host: HostConfig, seats: Vec<Attachment>) -> Request {
    let mut seats = seats.into_iter();
    match seats.next() {
        Some(first) => {
            host.network_mode = Some(first.network.clone());
            body.networking_config = Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(first.network.clone(), endpoint(&first))])),
            });
        }
        None => {
            host.network_mode = Some("none".into());
            (host.extra_hosts, host.dns, host.dns_search, host.dns_options) = (None, None, None, None);
        }
    }
    body.host_config = Some(host);
    let connects = seats
        .map(|s| {
            (s.network.clone(), NetworkConnectRequest { container: name.clone(), endpoint_config: Some(endpoint(&s)) })
        })
        .collect();
    Request { name, body, connects }
}

fn endpoint(seat: &Attachment) -> EndpointSettings {
    let ipam_config =
        seat.address.map(|a| EndpointIpamConfig { ipv4_address: Some(a.to_string()), ..EndpointIpamConfig::default() });
    EndpointSettings { ipam_config, mac_address: seat.address.map(hardware), ..EndpointSettings::default() }
}

/// A hardware address that follows from the address, as Docker makes it: a unit that is started again keeps it, and
/// its callers' kernels need not find out for tens of seconds that it changed, as they would on podman.
fn hardware(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;
    use super::*;

    const FLAVOUR: Flavour = Flavour { log_driver: "k8s-file", ipv6: true };

    #[test]
    fn a_unit_is_confined_limited_and_without_a_way_to_ask_for_names() {
        let lease = sample::lease();
        let request =
            unit(&lease, &sample::subnets(&lease), lease.plan.unit("api").unwrap(), 2, "sha256:1", FLAVOUR).unwrap();
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
        // Its own network first, with its fixed address; then, without one, that of what it calls.
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
    fn each_copy_has_its_own_writable_volumes_and_tmp_is_none() {
        let lease = sample::lease();
        let at = |copy| {
            unit_mounts(&lease, lease.plan.unit("api").unwrap(), copy)
                .into_iter()
                .map(|m| format!("{} {} {}", m.volume, m.at, m.writable))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(1), ["e-pr-1-deadbeef-api.secrets /run/secrets false", "e-pr-1-deadbeef-api.w0 /data true"]);
        assert_eq!(at(2)[1], "e-pr-1-deadbeef-api-2.w0 /data true");
    }

    #[test]
    fn an_agent_inside_a_unit_brings_no_network_names_or_switches_of_its_own() {
        let request =
            agent(&sample::lease(), Place::Inside("c1".into(), "7:7".into(), vec![]), &["agent"], "i", "r", FLAVOUR);
        let host = request.body.host_config.unwrap();
        assert_eq!(
            (host.network_mode.as_deref(), host.pid_mode.as_deref(), request.body.user.as_deref()),
            (Some("container:c1"), Some("container:c1"), Some("7:7"))
        );
        assert!(
            host.dns.is_none()
                && host.sysctls.is_none()
                && host.extra_hosts.is_none()
                && request.body.hostname.is_none()
        );
        assert_eq!((host.auto_remove, host.log_config.unwrap().typ.as_deref()), (Some(true), Some("none")));
    }

    #[test]
    fn a_suite_that_may_call_nothing_has_no_network() {
        let request = seated("n".into(), bare("i", &[]), confined(&Confinement::default(), FLAVOUR), vec![]);
        let host = request.body.host_config.unwrap();
        assert_eq!((host.network_mode.as_deref(), host.dns), (Some("none"), None));
        assert!(request.body.networking_config.is_none() && request.connects.is_empty());
    }
}
