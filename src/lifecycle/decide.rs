//! What to do next while an environment comes up. Pure: (plan, progress) → steps.

use std::collections::BTreeMap;

use crate::plan::Plan;

/// How far one unit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Made, not started.
    Waiting,
    /// Its start was asked for; readiness is being probed.
    Starting,
    /// Ready.
    Ready,
    /// It cannot become ready.
    Failed,
}

/// How far every unit is.
pub type Progress = BTreeMap<String, Phase>;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Start this unit and probe it.
    Start(String),
    /// Stop bringing up: this unit failed.
    GiveUp(String),
    /// All that starts by itself is ready.
    Done,
}

/// The beginning: every unit waits.
pub fn beginning(plan: &Plan) -> Progress {
    plan.units.iter().map(|u| (u.name.clone(), Phase::Waiting)).collect()
}

/// The next steps: give up at the first failure, else start all whose needs are ready, else wait (no step) or done.
pub fn next(plan: &Plan, progress: &Progress) -> Vec<Step> {
    let phase = |name: &str| progress.get(name).cloned().unwrap_or(Phase::Waiting);
    if let Some(unit) = plan.units.iter().find(|u| phase(&u.name) == Phase::Failed) {
        return vec![Step::GiveUp(unit.name.clone())];
    }
    let own = || plan.units.iter().filter(|u| !u.start_late);
    if own().all(|u| phase(&u.name) == Phase::Ready) {
        return vec![Step::Done];
    }
    own()
        .filter(|u| phase(&u.name) == Phase::Waiting && u.needs.iter().all(|n| phase(n) == Phase::Ready))
        .map(|u| Step::Start(u.name.clone()))
        .collect()
}

/// The units that this one still waits for.
pub fn waits_for<'a>(plan: &'a Plan, progress: &Progress, unit: &str) -> Vec<&'a str> {
    let Some(unit) = plan.unit(unit) else { return vec![] };
    unit.needs.iter().filter(|n| progress.get(*n) != Some(&Phase::Ready)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::sample_plan;

    fn progress(of: &[(&str, Phase)]) -> Progress {
        let mut all = beginning(&sample_plan(&[("db", &[]), ("mq", &[]), ("api", &["db", "mq"]), ("web", &["api"])]));
        all.extend(of.iter().map(|(n, p)| ((*n).to_owned(), p.clone())));
        all
    }

    fn steps(of: &[(&str, Phase)]) -> Vec<Step> {
        next(&sample_plan(&[("db", &[]), ("mq", &[]), ("api", &["db", "mq"]), ("web", &["api"])]), &progress(of))
    }

    #[test]
    fn units_without_needs_start_at_once_side_by_side() {
        assert_eq!(steps(&[]), [Step::Start("db".into()), Step::Start("mq".into())]);
    }

    #[test]
    fn a_unit_waits_until_every_need_is_ready() {
        assert_eq!(steps(&[("db", Phase::Ready), ("mq", Phase::Starting)]), []);
        assert_eq!(steps(&[("db", Phase::Ready), ("mq", Phase::Ready)]), [Step::Start("api".into())]);
    }

    #[test]
    fn the_first_failure_ends_it_even_while_others_still_start() {
        assert_eq!(steps(&[("db", Phase::Failed), ("mq", Phase::Starting)]), [Step::GiveUp("db".into())]);
    }

    #[test]
    fn it_is_done_only_when_all_are_ready() {
        let ready = [("db", Phase::Ready), ("mq", Phase::Ready), ("api", Phase::Ready), ("web", Phase::Ready)];
        assert_eq!(steps(&ready), [Step::Done]);
        assert_eq!(steps(&ready[..3]), [Step::Start("web".into())]);
    }

    #[test]
    fn a_late_unit_neither_starts_by_itself_nor_is_waited_for() {
        let mut plan = sample_plan(&[("api", &[]), ("mq", &[])]);
        plan.units[1].start_late = true;
        assert_eq!(next(&plan, &Progress::from([("api".into(), Phase::Ready)])), [Step::Done]);
    }

    #[test]
    fn an_empty_progress_is_never_ready() {
        let plan = sample_plan(&[("api", &[])]);
        assert_eq!(next(&plan, &Progress::new()), [Step::Start("api".into())]);
    }
}
