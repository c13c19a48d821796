//! Schedules suites. Pure.

use std::collections::BTreeMap;

use crate::plan::SuitePlan;

/// Waves of suite names: suites with `parallel` share the first wave; each other suite has its own, in order of name.
pub fn waves(suites: &BTreeMap<String, SuitePlan>, only: &[String]) -> Vec<Vec<String>> {
    let chosen = || suites.values().filter(|s| only.is_empty() || only.contains(&s.name));
    let together: Vec<String> = chosen().filter(|s| s.parallel).map(|s| s.name.clone()).collect();
    let alone = chosen().filter(|s| !s.parallel).map(|s| vec![s.name.clone()]);
    std::iter::once(together).filter(|w| !w.is_empty()).chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn schedules_only_selected_suites() {
        assert_eq!(waves(&suites(&[("a", false), ("b", true)]), &["a".into()]), [vec!["a"]]);
    }
}
