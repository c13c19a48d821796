//! Container requests: confinement, limits, mounts, networks and names, the same for units and suites.
//!
//! A request never has published ports, host paths, devices or an init process, and a restart policy only for a unit whose
//! description asks for one.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkConnectRequest, NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
};

use serde_json::json;

use super::labels::{self, Role};
use super::links::{
    Attachment, Subnets, suite_callees, tester_attachments, tester_hosts, unit_attachments, unit_hosts,
};
use crate::lease::Lease;
use crate::model::{Digest, hex};
use crate::plan::{Confinement, ContainerSuite, Limits, SuitePlan, Unit};
use crate::secrets::Secrets;
use crate::spec::model::Restart;

/// Folder of secrets in every container.
pub const SECRETS_DIR: &str = "/run/secrets";
/// Folder of a unit's files; a description cannot put files elsewhere.
pub const FILES_DIR: &str = "/etc/dayfly";
const MEBI: i64 = 1024 * 1024;

/// Differences between engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineProfile {
    /// A log driver whose logs can be read.
    pub log_driver: &'static str,
    /// The kernel supports IPv6, so requests switch it off.
    pub ipv6: bool,
}

/// A request for a container, with the networks that it joins before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerRequest {
    /// Name.
    pub name: String,
    /// Body of the create request, with the first network.
    pub body: ContainerCreateBody,
    /// Name and connect request of each further network.
    pub connects: Vec<(String, NetworkConnectRequest)>,
}

/// A volume mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Name of the volume.
    pub volume: String,
    /// Path in the container.
    pub path: String,
    /// Mounted read-write.
    pub writable: bool,
}

impl VolumeMount {
    fn mount(&self) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(self.volume.clone()),
            target: Some(self.path.clone()),
            read_only: Some(!self.writable),
            ..Mount::default()
        }
    }
}

/// Returns the mounts of a copy of a unit.
pub fn unit_mounts(lease: &Lease, unit: &Unit, copy: u8) -> Vec<VolumeMount> {
    let mut mounts = vec![VolumeMount {
        volume: labels::secrets_volume(lease, &unit.name),
        path: SECRETS_DIR.into(),
        writable: false,
    }];
    if !unit.files.is_empty() || !unit.secret_files.is_empty() {
        mounts.push(VolumeMount {
            volume: labels::files_volume(lease, &unit.name),
            path: FILES_DIR.into(),
            writable: false,
        });
    }
    let own = |(n, path): (usize, &String)| VolumeMount {
        volume: labels::writable_volume(lease, &unit.name, copy, n),
        path: path.clone(),
        writable: true,
    };
    mounts.extend(unit.writable.iter().enumerate().filter(|(_, path)| *path != "/tmp").map(own));
    mounts
}

/// A copy of a unit.
pub struct UnitCopy<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// Number of the copy, from 1.
    pub copy: u8,
    /// Image id.
    pub image: &'a str,
    /// Variables whose values contain secrets.
    pub secret_env: &'a BTreeMap<String, String>,
}

/// Renders a copy of a unit.
pub fn unit(
    lease: &Lease,
    subnets: &Subnets,
    of: &UnitCopy<'_>,
    profile: EngineProfile,
) -> Result<ContainerRequest, String> {
    let (body, host) = unit_parts(lease, subnets, of, profile)?;
    let attachments = unit_attachments(lease, subnets, of.unit, of.copy)?;
    Ok(with_attachments(labels::container_name(lease, &of.unit.name, of.copy), body, host, attachments))
}

/// Returns the hash of what the container of a copy is created from: another one requires another container. The networks are
/// not part of it, because a container that runs can join and leave them.
pub fn unit_hash(
    lease: &Lease,
    subnets: &Subnets,
    of: &UnitCopy<'_>,
    profile: EngineProfile,
    secrets: &Secrets,
) -> Result<String, String> {
    let (mut body, mut host) = unit_parts(lease, subnets, of, profile)?;
    let unit = of.unit;
    body.labels = None;
    // The names of the volumes contain the run.
    host.mounts.iter_mut().flatten().for_each(|mount| mount.source = None);
    let mut content = json!({
        "body": body, "host": host, "secrets": secrets.files.get(&unit.name), "authority": secrets.ca,
        "files": unit.files, "texts": unit.secret_files, "database": lease.plan.databases.get(&unit.name),
    });
    if let Some(kind) = lease.plan.backing.get(&unit.name) {
        content["backing"] = json!(kind);
    }
    Ok(hex(&Digest::compute_json(&content).as_bytes()[..16]))
}

/// Returns the networks of a copy of a unit with their connect requests.
pub fn unit_connects(
    lease: &Lease,
    subnets: &Subnets,
    unit: &Unit,
    copy: u8,
) -> Result<Vec<(String, NetworkConnectRequest)>, String> {
    let container = labels::container_name(lease, &unit.name, copy);
    Ok(unit_attachments(lease, subnets, unit, copy)?
        .iter()
        .map(|a| (a.network.clone(), connect(&container, a)))
        .collect())
}

/// Returns the body and the host settings of a copy, without networks.
fn unit_parts(
    lease: &Lease,
    subnets: &Subnets,
    of: &UnitCopy<'_>,
    profile: EngineProfile,
) -> Result<(ContainerCreateBody, HostConfig), String> {
    let UnitCopy { unit, copy, image, secret_env } = *of;
    let mut labels = labels::of_unit(lease, Role::Unit, &unit.name);
    labels.insert(labels::COPY.into(), copy.to_string());
    labels.insert(labels::IMAGE.into(), unit.image.clone());
    let mut host = host_config(&unit.confinement, profile);
    limit(&mut host, &unit.limits);
    host.mounts = Some(unit_mounts(lease, unit, copy).iter().map(VolumeMount::mount).collect());
    host.extra_hosts = Some(unit_hosts(lease, subnets, &unit.name)?);
    host.restart_policy = restart_policy(unit.restart);
    let body = ContainerCreateBody {
        hostname: Some(labels::copy_name(&unit.name, copy)),
        user: unit.confinement.user.clone(),
        env: Some(env(unit.env.iter().chain(secret_env))),
        labels: Some(labels::into_hash_map(labels)),
        working_dir: unit.working_dir.clone(),
        stop_signal: unit.stop_signal.clone(),
        stop_timeout: Some(unit.stop_grace_secs.into()),
        ..base_body(image, &unit.command, &unit.args)
    };
    Ok((body, host))
}

fn restart_policy(restart: Restart) -> Option<RestartPolicy> {
    let name = match restart {
        Restart::Never => return None,
        Restart::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        Restart::Always => RestartPolicyNameEnum::ALWAYS,
    };
    Some(RestartPolicy { name: Some(name), maximum_retry_count: None })
}

/// A run of a container suite.
pub struct SuiteRun<'a> {
    /// The suite.
    pub suite: &'a SuitePlan,
    /// Its container.
    pub container: &'a ContainerSuite,
    /// Volumes of its secrets and results.
    pub volumes: &'a [VolumeMount],
    /// Image id.
    pub image: &'a str,
    /// Variables whose values contain secrets.
    pub secret_env: &'a BTreeMap<String, String>,
    /// Makes the names of repeated runs unique.
    pub suffix: &'a str,
}

/// Renders a container suite.
pub fn suite(
    lease: &Lease,
    subnets: &Subnets,
    run: &SuiteRun<'_>,
    profile: EngineProfile,
) -> Result<ContainerRequest, String> {
    let SuiteRun { suite, container, volumes, image, secret_env, suffix } = *run;
    let callees = suite_callees(&lease.plan, suite);
    let mut labels = labels::of_unit(lease, Role::Suite, &suite.name);
    labels.insert(labels::IMAGE.into(), container.image.clone());
    let mut host = host_config(&container.confinement, profile);
    limit(&mut host, &container.limits);
    host.mounts = Some(volumes.iter().map(VolumeMount::mount).collect());
    host.extra_hosts = Some(tester_hosts(lease, subnets, &callees)?);
    let body = ContainerCreateBody {
        hostname: Some(suite.name.clone()),
        user: container.confinement.user.clone(),
        env: Some(env(container.env.iter().chain(secret_env))),
        labels: Some(labels::into_hash_map(labels)),
        working_dir: container.working_dir.clone(),
        ..base_body(image, &container.command, &container.args)
    };
    Ok(with_attachments(
        labels::object_name(lease, &format!("suite-{}-{suffix}", suite.name)),
        body,
        host,
        tester_attachments(lease, &callees),
    ))
}

/// The networks or namespaces of an agent.
pub enum AgentPlacement {
    /// Networks of its own, with hosts entries.
    Networks { attachments: Vec<Attachment>, hosts: Vec<String> },
    /// The network and process namespaces of a container, as a user of its own.
    Inside { container: String, user: u32 },
}

/// User and group of agents inside a unit: never the unit's, whose processes could reach the agent's streams and memory.
/// It depends on the run, so that an image that was built before cannot contain it, and fits every user namespace.
pub fn user_inside(lease: &Lease, unit: Option<u32>) -> u32 {
    let digest = Digest::compute(lease.run.to_string());
    let [a, b, ..] = *digest.as_bytes();
    let user = 20_000 + u32::from(u16::from_be_bytes([a, b])) % 40_000;
    if unit == Some(user) { user + 1 } else { user }
}

/// Renders an agent, which is connected through its standard streams; `arguments` follow the program's name.
pub fn agent(
    lease: &Lease,
    placement: AgentPlacement,
    arguments: &[&str],
    image: &str,
    run: &str,
    profile: EngineProfile,
) -> ContainerRequest {
    let confinement = Confinement::default();
    let mut host = host_config(&confinement, profile);
    limit(&mut host, &Limits { memory: 64 * MEBI as u64, cpu_millis: 1000, pids: 64 });
    // The streams of an agent are never logged.
    host.log_config = Some(HostConfigLogConfig { typ: Some("none".into()), config: None });
    host.auto_remove = Some(true);
    let mut command = vec!["/dayfly".to_owned()];
    command.extend(arguments.iter().map(|a| (*a).to_owned()));
    let mut body = ContainerCreateBody {
        user: Some("65532:65532".into()),
        labels: Some(labels::into_hash_map(labels::of_run(lease, Role::Agent))),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..base_body(image, &command, &[])
    };
    let name = labels::object_name(lease, &format!("agent-{run}"));
    match placement {
        AgentPlacement::Networks { attachments, hosts } => {
            body.hostname = Some("dayfly-agent".into());
            host.extra_hosts = Some(hosts);
            with_attachments(name, body, host, attachments)
        }
        AgentPlacement::Inside { container, user } => {
            // The joined namespaces have their own names, resolver and kernel parameters.
            (host.dns, host.dns_search, host.dns_options, host.sysctls) = (None, None, None, None);
            host.network_mode = Some(format!("container:{container}"));
            host.pid_mode = Some(format!("container:{container}"));
            body.user = Some(format!("{user}:{user}"));
            body.host_config = Some(host);
            ContainerRequest { name, body, connects: vec![] }
        }
    }
}

/// Renders a container that is never started: the anchor, a retention marker, or one that fills volumes.
pub fn never_started(
    name: String,
    labels: BTreeMap<String, String>,
    mounts: &[VolumeMount],
    image: &str,
) -> ContainerRequest {
    let host = HostConfig {
        network_mode: Some("none".into()),
        mounts: Some(mounts.iter().map(VolumeMount::mount).collect()),
        ..HostConfig::default()
    };
    let body = ContainerCreateBody {
        labels: Some(labels::into_hash_map(labels)),
        host_config: Some(host),
        ..base_body(image, &["/dayfly".to_owned()], &[])
    };
    ContainerRequest { name, body, connects: vec![] }
}

/// An entrypoint drops the arguments of the image, as in Kubernetes.
fn base_body(image: &str, command: &[String], args: &[String]) -> ContainerCreateBody {
    let entrypoint = (!command.is_empty()).then(|| command.to_vec());
    let cmd = (!command.is_empty() || !args.is_empty()).then(|| args.to_vec());
    ContainerCreateBody { image: Some(image.to_owned()), entrypoint, cmd, ..ContainerCreateBody::default() }
}

fn env<'a>(variables: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<String> {
    variables.map(|(k, v)| format!("{k}={v}")).collect()
}

fn host_config(confinement: &Confinement, profile: EngineProfile) -> HostConfig {
    let ipv6 = ("net.ipv6.conf.all.disable_ipv6".to_owned(), "1".to_owned());
    let size = ("max-size".to_owned(), "64m".to_owned());
    HostConfig {
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(confinement.capabilities.clone()),
        security_opt: Some(vec!["no-new-privileges".into()]),
        readonly_rootfs: Some(!confinement.writable_root),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), "rw,nosuid,nodev,size=64m,mode=1777".to_owned())])),
        log_config: Some(HostConfigLogConfig {
            typ: Some(profile.log_driver.into()),
            config: Some(HashMap::from([size])),
        }),
        // No server listens there, so a name without a hosts entry fails at once.
        dns: Some(vec!["127.0.0.1".into()]),
        dns_search: Some(vec![".".into()]),
        dns_options: Some(vec!["timeout:1".into(), "attempts:1".into()]),
        sysctls: profile.ipv6.then(|| HashMap::from([ipv6])),
        init: Some(false),
        ..HostConfig::default()
    }
}

fn limit(host: &mut HostConfig, limits: &Limits) {
    let memory = i64::try_from(limits.memory).unwrap_or(i64::MAX);
    host.memory = Some(memory);
    // Equal to memory: no swap.
    host.memory_swap = Some(memory);
    host.nano_cpus = Some(i64::try_from(limits.cpu_millis).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1_000_000));
    host.pids_limit = Some(i64::from(limits.pids));
}

fn with_attachments(
    name: String,
    mut body: ContainerCreateBody,
    mut host: HostConfig,
    attachments: Vec<Attachment>,
) -> ContainerRequest {
    let mut attachments = attachments.into_iter();
    match attachments.next() {
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
    let connects = attachments.map(|a| (a.network.clone(), connect(&name, &a))).collect();
    ContainerRequest { name, body, connects }
}

fn connect(container: &str, attachment: &Attachment) -> NetworkConnectRequest {
    NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint(attachment)) }
}

fn endpoint(attachment: &Attachment) -> EndpointSettings {
    let ipam_config = attachment
        .address
        .map(|a| EndpointIpamConfig { ipv4_address: Some(a.to_string()), ..EndpointIpamConfig::default() });
    EndpointSettings { ipam_config, mac_address: attachment.address.map(mac_address), ..EndpointSettings::default() }
}

/// Derives the MAC address from the IP address, as Docker does. A restarted unit keeps it, so that the ARP caches of its
/// callers stay valid; podman would choose another one.
fn mac_address(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

#[cfg(test)]
mod tests;
