//! One unit each of a service, the broker, a database and a backing service. Needs and callers are filled in by `build`.

use std::collections::BTreeMap;

use super::error::PlanError;
use super::input::{file, milliseconds, unreadable};
use crate::plan::{Confinement, Limits, ReadyPlan, Unit, UnitKind};
use crate::spec::backing_services::Backing;
use crate::spec::model::{
    After, Broker, ConsumersReady, Database, Environment, FileSource, Job, Ready, Resources, Security, Service,
};
use crate::spec::ports::{AMQP_PORTS, POSTGRES_PORT};
use crate::spec::quantity::{self, LONGEST_LIMIT_MS};
use crate::spec::{ValidDescription, pattern, ports, secret_text};

/// Time for which a service without port must run to be ready, if its description states none.
const DEFAULT_STAY_UP_MS: u64 = 1_000;

pub(super) fn service(name: &str, s: &Service, valid: &ValidDescription) -> Result<Unit, PlanError> {
    let Files { files, secret_files } = files(name, &s.files, valid)?;
    let blank = unit(name, UnitKind::Service, &s.image, &s.resources, &s.security)?;
    let (ready, within_ms) = match &s.ready {
        Some(ready) => {
            (self::ready(name, s, ready, &valid.environment)?, milliseconds(name, &ready.within, LONGEST_LIMIT_MS)?)
        }
        None => (
            ports::main(s).map_or(ReadyPlan::StayUp { ms: DEFAULT_STAY_UP_MS }, |port| ReadyPlan::Tcp { port }),
            blank.within_ms,
        ),
    };
    Ok(Unit {
        port: ports::main(s),
        ports: s.ports.clone(),
        command: entrypoint(&s.command, &s.entrypoint),
        args: s.args.clone(),
        working_dir: s.working_dir.clone(),
        env: s.env.clone(),
        secret_env: s.secret_env.clone(),
        files,
        secret_files,
        secrets: s.secrets.clone(),
        tls: s.tls,
        ready,
        within_ms,
        stop_signal: s.stop_signal.clone(),
        stop_grace_secs: stop_grace_secs(name, &s.stop_grace)?,
        restart: s.restart,
        replicas: s.replicas,
        writable: s.writable.clone(),
        start_late: s.start_late,
        ..blank
    })
}

/// A job. Callers are filled in for its needs alone: nothing calls a job.
pub(super) fn job(name: &str, j: &Job, valid: &ValidDescription) -> Result<Unit, PlanError> {
    let Files { files, secret_files } = files(name, &j.files, valid)?;
    Ok(Unit {
        command: entrypoint(&j.command, &j.entrypoint),
        args: j.args.clone(),
        working_dir: j.working_dir.clone(),
        env: j.env.clone(),
        secret_env: j.secret_env.clone(),
        files,
        secret_files,
        secrets: j.secrets.clone(),
        ready: ReadyPlan::Completes { retries: j.retries },
        within_ms: milliseconds(name, &j.timeout, LONGEST_LIMIT_MS)?,
        writable: j.writable.clone(),
        start_late: j.after == After::Suites,
        ..unit(name, UnitKind::Job, &j.image, &j.resources, &j.security)?
    })
}

/// The files of a unit, by absolute path.
struct Files {
    files: BTreeMap<String, Vec<u8>>,
    secret_files: BTreeMap<String, String>,
}

fn files(name: &str, sources: &BTreeMap<String, FileSource>, valid: &ValidDescription) -> Result<Files, PlanError> {
    let (mut files, mut secret_files) = (BTreeMap::new(), BTreeMap::new());
    for (target, source) in sources {
        let content = match (&source.text, &source.path) {
            (Some(text), _) if secret_text::names(text).next().is_some() => {
                secret_files.insert(target.clone(), text.clone());
                continue;
            }
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(path)) => file(name, path, valid)?,
            (None, None) => Vec::new(),
        };
        files.insert(target.clone(), content);
    }
    Ok(Files { files, secret_files })
}

pub(super) fn broker(b: &Broker, valid: &ValidDescription) -> Result<Unit, PlanError> {
    let own = texts([("RABBITMQ_CONFIG_FILE", "/run/secrets/rabbitmq.conf")]);
    let blank = unit(&b.name, UnitKind::Broker, &b.image, &b.resources, &b.security)?;
    Ok(Unit {
        port: Some(if b.tls { AMQP_PORTS.1 } else { AMQP_PORTS.0 }),
        env: b.env.clone().into_iter().chain(own).collect(),
        files: files(&b.name, &b.files, valid)?.files,
        tls: b.tls,
        ready: ReadyPlan::Broker,
        within_ms: milliseconds(&b.name, &b.within, LONGEST_LIMIT_MS)?,
        writable: vec!["/var/lib/rabbitmq".into(), "/var/log/rabbitmq".into()],
        start_late: b.start_late,
        ..blank
    })
}

pub(super) fn database(name: &str, d: &Database, valid: &ValidDescription) -> Result<Unit, PlanError> {
    let superuser = format!("{name}.postgres");
    let own = texts([
        ("POSTGRES_PASSWORD_FILE", &format!("/run/secrets/{superuser}")),
        ("POSTGRES_DB", &d.database),
        ("POSTGRES_USER", "postgres"),
        ("PGDATA", "/var/lib/postgresql/data/pgdata"),
    ]);
    let blank = unit(name, UnitKind::Database, &d.image, &d.resources, &d.security)?;
    Ok(Unit {
        port: Some(POSTGRES_PORT),
        // The usual images hand arguments that begin so to the server.
        args: d.config.iter().flat_map(|(name, value)| ["-c".into(), format!("{name}={}", value.text())]).collect(),
        env: d.env.clone().into_iter().chain(own).collect(),
        files: files(name, &d.files, valid)?.files,
        secrets: vec![superuser],
        ready: ReadyPlan::Database,
        within_ms: milliseconds(name, &d.within, LONGEST_LIMIT_MS)?,
        writable: vec!["/var/lib/postgresql/data".into(), "/var/run/postgresql".into()],
        start_late: d.start_late,
        ..blank
    })
}

pub(super) fn backing(b: &Backing<'_>) -> Result<Unit, PlanError> {
    let (of, profile) = (b.container, b.kind.profile(b.name));
    let blank = unit(b.name, UnitKind::Backing(b.kind.name()), &of.image, &of.resources, &of.security)?;
    Ok(Unit {
        port: Some(profile.port),
        args: profile.args,
        env: profile.env,
        secrets: if profile.receives_credentials { b.secrets().collect() } else { vec![] },
        ready: ReadyPlan::Backing,
        within_ms: milliseconds(b.name, &of.within, LONGEST_LIMIT_MS)?,
        writable: profile.writable,
        start_late: of.start_late,
        ..blank
    })
}

fn unit(name: &str, kind: UnitKind, image: &str, r: &Resources, s: &Security) -> Result<Unit, PlanError> {
    let blank = Unit::new(name, kind, image, limits(name, r)?, DEFAULT_STAY_UP_MS);
    Ok(Unit { confinement: confinement(s), ..blank })
}

fn ready(name: &str, s: &Service, ready: &Ready, e: &Environment) -> Result<ReadyPlan, PlanError> {
    let lacks =
        || PlanError::Unsound { of: name.to_owned(), why: "its readiness check names no port that it has".into() };
    match (&ready.http, &ready.tcp, &ready.consumers) {
        (Some(path), _, _) => {
            let port = ready.port.as_ref().map_or_else(|| ports::main(s), |port| ports::number(s, port));
            Ok(ReadyPlan::Http { port: port.ok_or_else(lacks)?, path: path.clone(), tls: s.tls })
        }
        (_, Some(port), _) => Ok(ReadyPlan::Tcp { port: ports::number(s, port).ok_or_else(lacks)? }),
        (_, _, Some(of)) => consumers(name, of, e),
        _ if ready.exec.is_some() => Ok(ReadyPlan::Exec { command: ready.exec.clone().unwrap_or_default() }),
        _ => match &ready.stay_up {
            Some(time) => Ok(ReadyPlan::StayUp { ms: milliseconds(name, time, LONGEST_LIMIT_MS)? }),
            None => Err(PlanError::Unsound { of: name.to_owned(), why: "`ready` has no readiness check".into() }),
        },
    }
}

/// A user that may read the queue can ask for its consumers; otherwise any user of the virtual host.
fn consumers(name: &str, of: &ConsumersReady, e: &Environment) -> Result<ReadyPlan, PlanError> {
    let users = || e.broker.iter().flat_map(|b| &b.users).filter(|(_, u)| u.permissions.contains_key(&of.vhost));
    let reader =
        users().find(|(_, u)| u.permissions.get(&of.vhost).is_some_and(|p| pattern::grants(&p.read, &of.queue)));
    let lacks = || PlanError::Unsound {
        of: name.to_owned(),
        why: format!("no user has permissions in the virtual host `{}`", of.vhost),
    };
    let (user, _) = reader.or_else(|| users().next()).ok_or_else(lacks)?;
    Ok(ReadyPlan::Consumers { vhost: of.vhost.clone(), queue: of.queue.clone(), user: user.clone() })
}

/// `command` is an entrypoint with its arguments; at most one of the two is given.
pub(super) fn entrypoint(command: &[String], entrypoint: &[String]) -> Vec<String> {
    if entrypoint.is_empty() { command.to_vec() } else { entrypoint.to_vec() }
}

/// Whole seconds, as the engines count them; a part of one counts as one.
fn stop_grace_secs(name: &str, text: &str) -> Result<u32, PlanError> {
    let ms = milliseconds(name, text, quantity::LONGEST_GRACE_MS)?;
    u32::try_from(ms.div_ceil(1000)).map_err(|e| unreadable(name, text, e.to_string()))
}

pub(super) fn limits(of: &str, r: &Resources) -> Result<Limits, PlanError> {
    Ok(Limits {
        memory: quantity::memory_bytes(&r.memory).map_err(|why| unreadable(of, &r.memory, why))?,
        cpu_millis: quantity::cpu_millis(&r.cpu).map_err(|why| unreadable(of, &r.cpu, why))?,
        pids: r.pids,
    })
}

pub(super) fn confinement(s: &Security) -> Confinement {
    Confinement {
        user: s.user.clone(),
        root: s.root,
        writable_root: s.writable_root,
        capabilities: s.capabilities.clone(),
        reason: s.reason.clone(),
    }
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}
