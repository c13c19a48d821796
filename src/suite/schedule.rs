//! Schedules suites. Pure.

use std::collections::BTreeMap;

use crate::plan::SuitePlan;

/// Waves of suite names: suites with `parallel` share the first wave; each other suite has its own, in order of name. Suites that their condition leaves out are in none.
/// Suites of the protected base run before those of the change, which could leave something behind for them.
pub fn waves(suites: &BTreeMap<String, SuitePlan>, only: &[String]) -> Vec<Vec<String>> {
    let of = |base: bool| {
        let chosen = move || {
            suites
                .values()
                .filter(move |s| s.is_of_base() == base && !s.left_out)
                .filter(|s| only.is_empty() || only.contains(&s.name))
        };
        let together: Vec<String> = chosen().filter(|s| s.parallel).map(|s| s.name.clone()).collect();
        let alone = chosen().filter(|s| !s.parallel).map(|s| vec![s.name.clone()]);
        std::iter::once(together).filter(|w| !w.is_empty()).chain(alone)
    };
    of(true).chain(of(false)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{SourceRef, SuiteOrigin, SuiteSource};
    use crate::testing::suite;

    fn suites(of: &[(&str, bool)]) -> BTreeMap<String, SuitePlan> {
        of.iter()
            .map(|(name, parallel)| ((*name).to_owned(), SuitePlan { parallel: *parallel, ..suite(name, vec![]) }))
            .collect()
    }

    #[test]
    fn runs_parallel_suites_together_and_the_others_in_order() {
        let all = suites(&[("a", false), ("b", true), ("c", true), ("d", false)]);
        assert_eq!(waves(&all, &[]), [vec!["b", "c"], vec!["a"], vec!["d"]]);
    }

    #[test]
    fn runs_every_suite_of_the_base_before_those_of_the_change() {
        let mut all = suites(&[("a", true), ("b", false), ("y", false), ("z", true)]);
        for name in ["y", "z"] {
            let source_ref = SourceRef {
                from: SuiteSource::Base,
                commit: None,
                path: "environment.yaml".into(),
                digest: String::new(),
            };
            all.get_mut(name).unwrap().origin =
                Some(SuiteOrigin { source_ref, changed_in_pr: None, lost_cases: vec![] });
        }
        assert_eq!(waves(&all, &[]), [vec!["z"], vec!["y"], vec!["a"], vec!["b"]]);
    }

    #[test]
    fn schedules_only_selected_suites() {
        assert_eq!(waves(&suites(&[("a", false), ("b", true)]), &["a".into()]), [vec!["a"]]);
    }
}
