//! Steps that the host performs: actions on services and checks from several positions.

use std::time::Duration;

use futures::future::join_all;

use super::isolation::{self, selected_units};
use super::step_result::StepResult;
use super::{exec_step, jwt, leaks, neighbour, process_status};
use crate::agent::protocol::ProcessStatus;
use crate::lifecycle::session::Session;
use crate::plan::Confinement;
use crate::spec::model::{Action, Aspect, Confined};
use crate::spec::quantity;

/// Performs the action; returns none if it is one for an agent.
pub async fn perform(session: &Session, action: &Action, within_ms: Option<u64>) -> Option<StepResult> {
    Some(match action {
        Action::Stop(a) => match session.stop_unit(&a.service).await {
            Ok(()) => StepResult::passed("stopped"),
            // The engine stops it, whatever the service does.
            Err(why) => StepResult::inconclusive("the engine to stop the service", why),
        },
        Action::Start(a) => {
            service_result(session.start_unit(&a.service).await.map(|ms| format!("ready after {ms} ms")))
        }
        Action::Restart(a) => service_result(restart(session, &a.service).await),
        Action::Exec(a) => exec_step::perform(session, a, within_ms).await,
        Action::Jwt(a) => jwt::perform(session, a).await,
        Action::Wait(a) => wait(&a.duration).await,
        Action::Confined(a) => confined(session, a).await,
        Action::NoWayOut(a) => isolation::no_way_out(session, &a.services).await,
        Action::NoNeighbour(a) => neighbour::no_neighbour(session, &a.services).await,
        Action::NoSecretsLeaked(_) => leaks::no_secrets_leaked(session).await,
        _ => return None,
    })
}

fn service_result(result: Result<String, String>) -> StepResult {
    match result {
        Ok(saw) => StepResult::passed(saw),
        Err(why) => StepResult::failed("the service to stop, start or restart", why),
    }
}

async fn restart(session: &Session, unit: &str) -> Result<String, String> {
    session.stop_unit(unit).await?;
    session.start_unit(unit).await.map(|ms| format!("ready again after {ms} ms"))
}

/// Waits: the elapsed time is itself part of the test and replaces no condition.
async fn wait(duration: &str) -> StepResult {
    match quantity::duration_ms(duration, quantity::LONGEST_LIMIT_MS) {
        Ok(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            StepResult::passed(format!("{duration} passed"))
        }
        Err(why) => StepResult::inconclusive("a valid duration", why),
    }
}

async fn confined(session: &Session, step: &Confined) -> StepResult {
    let (mut faults, mut departures) = (vec![], vec![]);
    let units = selected_units(session, &step.services);
    let all = join_all(units.iter().map(|unit| process_status::read(session, unit))).await;
    for (unit, status) in units.iter().zip(all) {
        let Some(planned) = session.lease.plan.unit(unit) else { continue };
        let status = match status {
            Ok(status) => status,
            Err(why) => return StepResult::inconclusive(format!("the kernel's status of {unit}"), why),
        };
        let (bad, declared) = split_breaches(breaches(&status), &step.aspects, &planned.confinement);
        faults.extend(bad.into_iter().map(|b| format!("{unit}: {b}")));
        if !declared.is_empty() {
            let reason = planned.confinement.reason.as_deref().unwrap_or("no reason given");
            departures.push(format!("{unit} {} as declared: {reason}", declared.join(" and ")));
        }
    }
    if faults.is_empty() {
        let noted = if departures.is_empty() { String::new() } else { format!("; {}", departures.join("; ")) };
        return StepResult::passed(format!("{} service(s) confined{noted}", units.len()));
    }
    StepResult::failed(
        "no root user, no capabilities, no new privileges, read-only root file system, no service-account token",
        faults.join("; "),
    )
}

/// The aspects in which a process is not confined, according to its kernel status.
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
        (status.capabilities.is_empty(), Aspect::Capabilities, "has unreadable capabilities".to_owned()),
        (!status.no_new_privileges, Aspect::NoNewPrivileges, "may gain new privileges".to_owned()),
        (!status.read_only_root, Aspect::ReadOnlyRoot, "has a writable root file system".to_owned()),
        (status.service_account_token, Aspect::NoServiceAccountToken, "holds a service-account token".to_owned()),
    ];
    found.into_iter().filter(|(holds, ..)| *holds).map(|(_, aspect, what)| (aspect, what)).collect()
}

/// Splits breaches into faults and declared departures. A step that names aspects accepts no departure from them.
fn split_breaches(
    breaches: Vec<(Aspect, String)>,
    aspects: &[Aspect],
    declared: &Confinement,
) -> (Vec<String>, Vec<String>) {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Verdict;

    #[tokio::test(start_paused = true)]
    async fn a_wait_lasts_as_long_as_the_step_says() {
        let start = tokio::time::Instant::now();
        assert_eq!(wait("3h").await.verdict, Verdict::Passed);
        assert_eq!(start.elapsed(), Duration::from_secs(3 * 3600));
        for text in ["", "soon", "25h"] {
            assert_eq!(wait(text).await.verdict, Verdict::Inconclusive, "{text}");
        }
    }

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
    fn finds_no_breach_in_a_confined_process() {
        assert!(breaches(&good()).is_empty());
    }

    #[test]
    fn names_every_breach() {
        let (faults, departures) = split_breaches(breaches(&bad()), &[], &Confinement::default());
        assert_eq!((faults.len(), departures.len()), (5, 0));
    }

    #[test]
    fn treats_unreadable_capabilities_as_a_breach() {
        let found = breaches(&ProcessStatus { capabilities: BTreeMap::new(), ..good() });
        assert_eq!(found, [(Aspect::Capabilities, "has unreadable capabilities".to_owned())]);
    }

    #[test]
    fn accepts_a_declared_departure_unless_the_step_names_its_aspect() {
        let declared = Confinement { root: true, writable_root: true, ..Confinement::default() };
        let found = || breaches(&ProcessStatus { uid: 0, read_only_root: false, ..good() });
        let (faults, departures) = split_breaches(found(), &[], &declared);
        assert_eq!((faults.len(), departures.len()), (0, 2));
        assert_eq!(split_breaches(found(), &[Aspect::User, Aspect::Capabilities], &declared).0, ["runs as root"]);
    }

    #[test]
    fn ignores_aspects_that_the_step_does_not_name() {
        assert_eq!(
            split_breaches(breaches(&bad()), &[Aspect::NoServiceAccountToken], &Confinement::default()).0,
            ["holds a service-account token"]
        );
    }
}
