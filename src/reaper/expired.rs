//! Which environments are due: (what there is, now) → names with reasons. Pure.

use jiff::Timestamp;

use crate::engine::Observed;

/// Name and reason of each environment that is due.
pub fn due(all: &[Observed], now: Timestamp) -> Vec<(String, String)> {
    all.iter().filter_map(|o| reason(o, now).map(|r| (o.environment.clone(), r))).collect()
}

fn reason(observed: &Observed, now: Timestamp) -> Option<String> {
    match &observed.lease {
        None => Some("remnants without an owner".into()),
        Some(lease) if lease.expires <= now => Some(format!("its time was over at {}", lease.expires)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Lease;
    use crate::engine::fake::sample_plan;

    fn observed(expires: Option<i64>) -> Observed {
        let at = |s| Timestamp::from_second(s).unwrap();
        let lease = expires.map(|e| Lease {
            environment: "a-pr-1".into(),
            run: uuid::Uuid::nil(),
            commit: String::new(),
            created: at(0),
            expires: at(e),
            plan: sample_plan(&[]),
        });
        Observed { environment: "a-pr-1".into(), lease, units: Default::default(), objects: vec![], leaving: false }
    }

    #[test]
    fn an_expired_environment_is_due_and_a_younger_one_is_not() {
        let now = Timestamp::from_second(100).unwrap();
        assert_eq!(due(&[observed(Some(101))], now), []);
        assert_eq!(due(&[observed(Some(100))], now).len(), 1);
    }

    #[test]
    fn remnants_without_an_owner_are_due() {
        assert_eq!(due(&[observed(None)], Timestamp::from_second(0).unwrap())[0].1, "remnants without an owner");
    }
}
