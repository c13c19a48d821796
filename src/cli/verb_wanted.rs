//! What each subcommand takes from the settings.

use super::Verb;
use super::wanted::{self, Wanted};

impl Verb {
    /// What a subcommand takes; none for those of operators, which no file beside a description may steer.
    pub(super) fn wanted(&mut self) -> Option<Wanted<'_>> {
        let mut wanted = Wanted::default();
        match self {
            Verb::Validate { description, policy, .. } | Verb::Plan { description, policy, .. } => {
                description.wants(&mut wanted);
                policy.wants(&mut wanted);
            }
            Verb::Render(args) => args.wants(&mut wanted),
            Verb::Up(args) => args.wants(&mut wanted),
            Verb::Diff(args) => args.wants(&mut wanted),
            Verb::Watch(args) => args.wants(&mut wanted),
            Verb::Run(args) => args.wants(&mut wanted),
            Verb::Submit(args) => args.wants(&mut wanted),
            Verb::Config(args) => args.wants(&mut wanted),
            Verb::Doctor { file, policy } => {
                policy.wants(&mut wanted);
                wanted.place = file.as_deref().map_or(wanted::Place::Nearest, wanted::Place::Named);
            }
            Verb::Open(args) => args.wants(&mut wanted),
            Verb::Scan(args) => args.judged_by.wants(&mut wanted),
            Verb::Deps(action) => action.wants(&mut wanted),
            Verb::Advisories(action) => return action.wants(&mut wanted).then_some(wanted),
            Verb::Status { environment } => environment.wants(&mut wanted),
            Verb::Test(args) => args.wants(&mut wanted),
            Verb::List
            | Verb::Logs(_)
            | Verb::Secrets(_)
            | Verb::Forward(_)
            | Verb::Exec(_)
            | Verb::Cp(_)
            | Verb::Down(_)
            | Verb::Extend(_)
            | Verb::Keep(_) => {}
            _ => return None,
        }
        Some(wanted)
    }
}
