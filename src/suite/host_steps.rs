//! Steps that no agent can perform alone: acting on services, and what must be measured from several places.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;

use super::isolation;
use super::step_result::StepResult;
use crate::agent::protocol::{AgentRequest, AgentResponse, ProcessStatus};
use crate::lifecycle::session::Session;
use crate::plan::{Confinement, Position, UnitKind};
use crate::spec::model::{Action, Aspect, Confined};

/// Secrets shorter than this are not looked for: they would be found by chance.
const SHORTEST_SECRET: usize = 8;

/// Performs the action when it is one for the host; none when it is one for an agent.
pub async fn perform(session: &Session, action: &Action) -> Option<StepResult> {
    Some(match action {
        Action::Stop(a) => acted(session.stop_unit(&a.service).await.map(|()| "stopped".to_owned())),
        Action::Start(a) => acted(session.start_unit(&a.service).await.map(|ms| format!("ready after {ms} ms"))),
        Action::Restart(a) => acted(restart(session, &a.service).await),
        Action::Wait(a) => wait(&a.duration).await,
        Action::Confined(a) => confined(session, a).await,
        Action::NoWayOut(a) => isolation::no_way_out(session, &a.services).await,
        Action::NoNeighbour(a) => isolation::no_neighbour(session, &a.services).await,
        Action::NoSecretsLeaked(_) => no_secrets_leaked(session).await,
        _ => return None,
    })
}

fn acted(result: Result<String, String>) -> StepResult {
    match result {
        Ok(saw) => StepResult::passed(saw),
        Err(why) => StepResult::failed("the service to follow", why),
    }
}

async fn restart(session: &Session, unit: &str) -> Result<String, String> {
    session.stop_unit(unit).await?;
    session.start_unit(unit).await.map(|ms| format!("ready again after {ms} ms"))
}

/// The passing of time is itself what such a step tests; it stands in place of no condition.
async fn wait(duration: &str) -> StepResult {
    match humantime::parse_duration(duration) {
        Ok(d) => {
            tokio::time::sleep(d.min(Duration::from_secs(3600))).await;
            StepResult::passed(format!("{duration} passed"))
        }
        Err(e) => StepResult::inconclusive("a duration", e.to_string()),
    }
}

async fn confined(session: &Session, step: &Confined) -> StepResult {
    let mut faults = vec![];
    let (mut departures, mut unseen) = (vec![], vec![]);
    let units = isolation::selected_units(session, &step.services);
    for unit in &units {
        let Some(planned) = session.lease.plan.unit(unit) else { continue };
        let status = match status(session, unit).await {
            Ok(status) => status,
            Err(why) => return StepResult::inconclusive(format!("the kernel's status of {unit}"), why),
        };
        // So far only the token can stay out of sight.
        let token = step.aspects.is_empty() || step.aspects.contains(&Aspect::NoServiceAccountToken);
        unseen.extend(status.unseen.iter().filter(|_| token).map(|what| format!("{unit}: {what}")));
        let (bad, declared) = demanded(breaches(&status), &step.aspects, &planned.confinement);
        faults.extend(bad.into_iter().map(|b| format!("{unit}: {b}")));
        if !declared.is_empty() {
            let reason = planned.confinement.reason.as_deref().unwrap_or("no reason given");
            departures.push(format!("{unit} {} as declared: {reason}", declared.join(" and ")));
        }
    }
    if faults.is_empty() && !unseen.is_empty() {
        return StepResult::inconclusive("to look at every service", unseen.join("; "));
    }
    if faults.is_empty() {
        let noted = if departures.is_empty() { String::new() } else { format!("; {}", departures.join("; ")) };
        return StepResult::passed(format!("{} service(s) confined{noted}", units.len()));
    }
    StepResult::failed(
        "not root, no capabilities, no new privileges, read-only root, no service-account token",
        faults.join("; "),
    )
}

/// Asks the kernel about process 1 of a unit, from inside.
async fn status(session: &Session, unit: &str) -> Result<ProcessStatus, String> {
    let agent = session.agent(&Position::Inside(unit.to_owned())).await.map_err(|e| format!("failed to {e}"))?;
    match agent.ask(AgentRequest::Status).await {
        Ok(AgentResponse::Status(status)) => Ok(status),
        Ok(other) => Err(format!("{other:?}")),
        Err(lost) => Err(format!("failed to {lost}")),
    }
}

/// In what a process is not confined, as its kernel status says.
fn breaches(status: &ProcessStatus) -> Vec<(Aspect, String)> {
    let kept: Vec<_> = status
        .capabilities
        .iter()
        .filter(|(_, v)| v.chars().any(|c| c != '0'))
        .map(|(set, v)| format!("{set}={v}"))
        .collect();
    let found = [
        (status.uid == 0, Aspect::User, "runs as root".to_owned()),
        (!kept.is_empty(), Aspect::Capabilities, format!("has capabilities ({})", kept.join(", "))),
        (
            status.capabilities.is_empty(),
            Aspect::Capabilities,
            "hides its capabilities: they could not be read".to_owned(),
        ),
        (!status.no_new_privileges, Aspect::NoNewPrivileges, "may gain new privileges".to_owned()),
        (!status.read_only_root, Aspect::ReadOnlyRoot, "has a writable root file system".to_owned()),
        (status.service_account_token, Aspect::NoServiceAccountToken, "holds a service-account token".to_owned()),
    ];
    found.into_iter().filter(|(holds, ..)| *holds).map(|(_, aspect, what)| (aspect, what)).collect()
}

/// What of it is a fault, and what a declared departure. Aspects that a step names are demanded in spite of a declaration.
fn demanded(breaches: Vec<(Aspect, String)>, aspects: &[Aspect], declared: &Confinement) -> (Vec<String>, Vec<String>) {
    let of_interest = breaches.into_iter().filter(|(aspect, _)| aspects.is_empty() || aspects.contains(aspect));
    let (departures, faults): (Vec<_>, Vec<_>) =
        of_interest.partition(|(aspect, _)| aspects.is_empty() && is_declared(*aspect, declared));
    let texts = |all: Vec<(Aspect, String)>| all.into_iter().map(|(_, what)| what).collect();
    (texts(faults), texts(departures))
}

fn is_declared(aspect: Aspect, declared: &Confinement) -> bool {
    match aspect {
        Aspect::User => declared.root,
        Aspect::Capabilities => !declared.capabilities.is_empty(),
        Aspect::ReadOnlyRoot => declared.writable_root,
        Aspect::NoNewPrivileges | Aspect::NoServiceAccountToken => false,
    }
}

async fn no_secrets_leaked(session: &Session) -> StepResult {
    let secrets: BTreeMap<_, _> = session.secrets.values.iter().filter(|(_, v)| v.len() >= SHORTEST_SECRET).collect();
    let expected = "no generated secret in any log, argument list, environment variable or label";
    let mut places: Vec<(String, String)> = vec![];
    let environment = &session.lease.environment;
    match session.engine.logs(environment, None, None, false).await {
        Ok(mut lines) => {
            while let Some(line) = lines.next().await {
                match line {
                    Ok(line) => places.push((format!("the log of {}", line.unit), line.text)),
                    Err(e) => {
                        return StepResult::inconclusive(
                            expected,
                            format!("the logs could not be read: failed to {e}"),
                        );
                    }
                }
            }
        }
        Err(e) => return StepResult::inconclusive(expected, format!("the logs could not be read: failed to {e}")),
    }
    let log_lines = places.len();
    match session.engine.running(environment).await {
        Ok(running) => {
            places.extend(running.into_iter().map(|r| (format!("what the engine shows of {}", r.unit), r.inspect)))
        }
        Err(e) => return StepResult::inconclusive(expected, format!("failed to {e}")),
    }
    for unit in session.lease.plan.units.iter().filter(|u| !u.start_late) {
        match status(session, &unit.name).await {
            Ok(status) => {
                places.extend(status.arguments.into_iter().map(|a| (format!("the argument lists of {}", unit.name), a)))
            }
            Err(why) => {
                return StepResult::inconclusive(
                    expected,
                    format!("the argument lists of {} could not be read: {why}", unit.name),
                );
            }
        }
    }
    let found: Vec<String> = secrets
        .iter()
        .flat_map(|(name, value)| {
            places
                .iter()
                .filter(|(_, text)| text.contains(value.as_str()))
                .map(move |(place, _)| format!("{name} stands in {place}"))
        })
        .collect();
    let services = session.lease.plan.units.iter().filter(|u| u.kind == UnitKind::Service).count();
    if log_lines == 0 && services > 0 {
        return StepResult::inconclusive(
            expected,
            "no service has logged a line, so that there was nothing to look through",
        );
    }
    match found.as_slice() {
        [] => StepResult::passed(format!(
            "looked for {} secrets in {log_lines} log lines and {} other texts",
            secrets.len(),
            places.len() - log_lines
        )),
        found => StepResult::failed(expected, unique(found)),
    }
}

fn unique(found: &[String]) -> String {
    found.iter().collect::<std::collections::BTreeSet<_>>().into_iter().cloned().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ProcessStatus {
        ProcessStatus {
            uid: 1000,
            capabilities: BTreeMap::from([("CapEff".into(), "0000000000000000".into())]),
            no_new_privileges: true,
            read_only_root: true,
            ..ProcessStatus::default()
        }
    }

    fn bad() -> ProcessStatus {
        ProcessStatus {
            capabilities: BTreeMap::from([("CapEff".into(), "00000000a80425fb".into())]),
            service_account_token: true,
            ..ProcessStatus::default()
        }
    }

    #[test]
    fn a_well_confined_process_has_no_breach() {
        assert!(breaches(&good()).is_empty());
    }

    #[test]
    fn every_breach_is_named() {
        let (faults, departures) = demanded(breaches(&bad()), &[], &Confinement::default());
        assert_eq!((faults.len(), departures.len()), (5, 0));
    }

    #[test]
    fn a_status_without_capabilities_is_a_breach_and_not_a_pass() {
        let found = breaches(&ProcessStatus { capabilities: BTreeMap::new(), ..good() });
        assert_eq!(found, [(Aspect::Capabilities, "hides its capabilities: they could not be read".to_owned())]);
    }

    #[test]
    fn a_declared_departure_is_no_breach_unless_its_aspect_is_demanded() {
        let declared = Confinement { root: true, writable_root: true, ..Confinement::default() };
        let found = || breaches(&ProcessStatus { uid: 0, read_only_root: false, ..good() });
        let (faults, departures) = demanded(found(), &[], &declared);
        assert_eq!((faults.len(), departures.len()), (0, 2));
        assert_eq!(demanded(found(), &[Aspect::User, Aspect::Capabilities], &declared).0, ["runs as root"]);
    }

    #[test]
    fn what_a_step_does_not_ask_for_is_not_held_against_it() {
        assert_eq!(
            demanded(breaches(&bad()), &[Aspect::NoServiceAccountToken], &Confinement::default()).0,
            ["holds a service-account token"]
        );
    }
}
