//! Decides the next actions while an environment comes up. Pure.

use std::collections::BTreeMap;

use crate::plan::Plan;

/// The phase of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Created, not started.
    Waiting,
    /// Started; readiness is being probed.
    Starting,
    /// Ready.
    Ready,
    /// It cannot become ready.
    Failed,
}

/// The phase of every unit.
pub type Progress = BTreeMap<String, Phase>;

/// A next action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start this unit and probe it.
    Start(String),
    /// Stop: this unit failed.
    Abort(String),
    /// Every unit that starts automatically is ready.
    Finish,
}

/// The initial progress: every unit waits.
pub fn initial_progress(plan: &Plan) -> Progress {
    plan.units.iter().map(|u| (u.name.clone(), Phase::Waiting)).collect()
}

/// Aborts at the first failure, finishes when all are ready, else starts every unit whose needs are ready (possibly none).
pub fn next_actions(plan: &Plan, progress: &Progress) -> Vec<Action> {
    let phase = |name: &str| progress.get(name).cloned().unwrap_or(Phase::Waiting);
    if let Some(unit) = plan.units.iter().find(|u| phase(&u.name) == Phase::Failed) {
        return vec![Action::Abort(unit.name.clone())];
    }
    let automatic = || plan.units.iter().filter(|u| !u.start_late);
    if automatic().all(|u| phase(&u.name) == Phase::Ready) {
        return vec![Action::Finish];
    }
    automatic()
        .filter(|u| phase(&u.name) == Phase::Waiting && u.needs.iter().all(|n| phase(n) == Phase::Ready))
        .map(|u| Action::Start(u.name.clone()))
        .collect()
}

/// The needs of a unit that are not ready yet.
pub fn unmet_needs<'a>(plan: &'a Plan, progress: &Progress, unit: &str) -> Vec<&'a str> {
    let Some(unit) = plan.unit(unit) else { return vec![] };
    unit.needs.iter().filter(|n| progress.get(*n) != Some(&Phase::Ready)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plan_of;

    fn progress(phases: &[(&str, Phase)]) -> Progress {
        let mut all =
            initial_progress(&plan_of(&[("db", &[]), ("mq", &[]), ("api", &["db", "mq"]), ("web", &["api"])]));
        all.extend(phases.iter().map(|(n, p)| ((*n).to_owned(), p.clone())));
        all
    }

    fn actions(phases: &[(&str, Phase)]) -> Vec<Action> {
        next_actions(
            &plan_of(&[("db", &[]), ("mq", &[]), ("api", &["db", "mq"]), ("web", &["api"])]),
            &progress(phases),
        )
    }

    #[test]
    fn starts_units_without_needs_together() {
        assert_eq!(actions(&[]), [Action::Start("db".into()), Action::Start("mq".into())]);
    }

    #[test]
    fn starts_a_unit_only_when_every_need_is_ready() {
        assert_eq!(actions(&[("db", Phase::Ready), ("mq", Phase::Starting)]), []);
        assert_eq!(actions(&[("db", Phase::Ready), ("mq", Phase::Ready)]), [Action::Start("api".into())]);
    }

    #[test]
    fn aborts_at_the_first_failure_while_others_still_start() {
        assert_eq!(actions(&[("db", Phase::Failed), ("mq", Phase::Starting)]), [Action::Abort("db".into())]);
    }

    #[test]
    fn finishes_only_when_all_are_ready() {
        let ready = [("db", Phase::Ready), ("mq", Phase::Ready), ("api", Phase::Ready), ("web", Phase::Ready)];
        assert_eq!(actions(&ready), [Action::Finish]);
        assert_eq!(actions(&ready[..3]), [Action::Start("web".into())]);
    }

    #[test]
    fn neither_starts_nor_waits_for_a_late_unit() {
        let mut plan = plan_of(&[("api", &[]), ("mq", &[])]);
        plan.units[1].start_late = true;
        assert_eq!(next_actions(&plan, &Progress::from([("api".into(), Phase::Ready)])), [Action::Finish]);
    }

    #[test]
    fn never_finishes_with_empty_progress() {
        let plan = plan_of(&[("api", &[])]);
        assert_eq!(next_actions(&plan, &Progress::new()), [Action::Start("api".into())]);
    }
}
